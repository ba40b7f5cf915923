"""What trunks have used today, and the calls of no campaign that cost as much as any."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from dialer.domain.access import Caller, Permission
from dialer.domain.days import span_of
from dialer.domain.spending import NOTHING, SideCall, SideKind, Spent, money, share, why_full
from dialer.domain.trunk import Trunk
from dialer.domain.types import TrunkId
from dialer.office import trunks as office
from dialer.web.auth import Needs
from dialer.web.paging import Limit
from dialer.web.parts import Given, Spoken
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.values import Slug

router = resource("trunks")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_TRUNKS))]


class UsedOut(BaseModel):
    """What a trunk has used since the office's midnight, by the records: a call counts at its end."""

    trunk: str
    day: str
    minutes: float = Field(description="of answered time")
    calls: int = Field(description="attempts, tests and operators' outside phones included")
    money: float = Field(description="by the trunk's prices")
    currency: str
    minutes_per_day: float = Field(description="the ceiling; 0: none")
    money_per_day: float = Field(description="the ceiling; 0: none")
    share: float = Field(description="of the nearer ceiling; from 1 on no new call goes out")
    why_closed: str = Field(description="why no new call goes out today; empty while one may")

    @classmethod
    def of(cls, trunk: Trunk, spent: Spent, day: date) -> Self:
        return cls(
            trunk=trunk.id,
            day=day.isoformat(),
            minutes=round(spent.seconds / 60, 3),
            calls=spent.attempts,
            money=round(money(trunk, spent), 4),
            currency=trunk.currency,
            minutes_per_day=trunk.minutes_per_day,
            money_per_day=trunk.money_per_day,
            share=round(share(trunk, spent), 4),
            why_closed=why_full(trunk, spent),
        )


class SideCallOut(BaseModel):
    """A test, or an operator's outside phone being called."""

    id: str
    cell: str
    kind: SideKind
    trunk: str = Field(description="empty: a phone that is registered at this Asterisk")
    number: str
    who: str = Field(description="whose test: the token's name; whose phone: the operator")
    begun_at: datetime
    answer_at: datetime | None
    end_at: datetime = Field(description="so far, while it is not over")
    outcome: str
    cause: int | None
    sip_code: int | None
    is_over: bool

    @classmethod
    def of(cls, side: SideCall) -> Self:
        return cls.model_validate({name: getattr(side, name) for name in cls.model_fields})


@router.get("/trunks/{trunk}/today", responses=documented(404))
async def used_today(parts: Given, who: Sees, trunk: Slug, speak: Spoken) -> UsedOut:
    """What the trunk has used of its ceilings."""
    known = await office.one(TrunkId(trunk), who, parts.stores)
    day = parts.day(None)
    used = await office.used(who, parts.stores, span=span_of(day, parts.tools.zone))
    told = UsedOut.of(known, used.get(known.id, NOTHING), day)
    return told.model_copy(update={"why_closed": speak(told.why_closed)})


@router.get("/side-calls", responses=documented())
async def list_side_calls(
    parts: Given,
    who: Sees,
    *,
    trunk: Annotated[Slug | None, Query(description="only by this trunk")] = None,
    kind: Annotated[SideKind | None, Query(description="only tests, or only operators' phones")] = None,
    limit: Limit = 100,
) -> list[SideCallOut]:
    """Calls of no campaign, the newest first."""
    which = None if trunk is None else TrunkId(trunk)
    found = await office.side_calls(who, parts.stores, trunk=which, kind=kind, limit=limit)
    return [SideCallOut.of(side) for side in found]
