"""Records that the database refuses: another try, or a person's word that they are given up."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Depends
from pydantic import Field

from dialer.domain.access import Caller, Permission
from dialer.office import records as office
from dialer.web.api.commands import Done
from dialer.web.auth import Needs
from dialer.web.parts import Given, Key
from dialer.web.problem import VERB_ERRORS, documented
from dialer.web.queries import resource
from dialer.web.values import Body

router = resource("cdrs", "/refused-records")
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_RECORDS))]


class Fate(StrEnum):
    """What becomes of the people whom those calls were made to."""

    DIAL = "dial"
    TAKE_OUT = "take-out"


class GivenUp(Body):
    leads: Fate = Field(description="dial: as if never called; take-out: never again in this list")


@router.post("/retry", responses=documented(*VERB_ERRORS))
async def retry(parts: Given, who: Changes, key: Key) -> Done:
    """Tell the database once more; `facts` in the result is how many it took now."""
    answer = await office.retry_refused(who, parts.desk, key=key)
    return Done.of("retry-refused", office.OUR_CELL, answer)


@router.post("/give-up", responses=documented(*VERB_ERRORS))
async def give_up(parts: Given, who: Changes, body: GivenUp, key: Key) -> Done:
    """Keep them in a file and tell them no more: no record comes of these calls."""
    answer = await office.give_up_refused(who, parts.desk, body.leads.value, key=key)
    return Done.of("give-up-refused", office.OUR_CELL, answer)
