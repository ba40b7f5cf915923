"""One switch for everything."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

from fastapi import Depends
from pydantic import Field

from dialer.domain.access import Caller, Permission
from dialer.office import campaigns as office
from dialer.web.api.commands import Pushed
from dialer.web.auth import Needs
from dialer.web.parts import Given, Key
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.values import Body

router = resource("campaigns", "/stop")
Runs = Annotated[Caller, Depends(Needs(Permission.RUN_CAMPAIGNS))]


class Talks(StrEnum):
    """What becomes of people who have answered."""

    GO_ON = "go-on"
    END = "end"


class Stop(Body):
    talks: Talks = Talks.GO_ON


class Stopped(Pushed):
    """What the switch has done."""

    campaigns: list[str] = Field(description="that were running, and are paused")
    given_up: int = Field(description="calls that nobody had answered yet: they ring no more")
    ended: int = Field(description="calls that somebody had answered: hung up")
    go_on: int = Field(description="talks that go on, and calls whose ringing a law lets nobody cut short")


@router.post("", responses=documented())
async def stop_everything(parts: Given, who: Runs, *, body: Stop | None = None, key: Key) -> Stopped:
    """Dial nobody any more, in no campaign; each is started again by hand. Operators stay logged in."""
    talks_end = body is not None and body.talks is Talks.END
    told = await office.stop_all(who, parts.desk, parts.stores, talks_end=talks_end, key=key)
    plain = asdict(told)
    return Stopped(**plain.pop("pushed"), **plain)
