"""The do-not-call list: numbers and prefixes that are never dialled."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from dialer.domain.access import Caller, Permission
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import CampaignId, PhoneNumber
from dialer.office import dnc as office
from dialer.web.auth import Needs
from dialer.web.paging import After, Limit, Page
from dialer.web.parts import Given
from dialer.web.problem import documented
from dialer.web.queries import EachNameOnce
from dialer.web.values import Body, Id, Line

router = APIRouter(route_class=EachNameOnce, prefix="/dnc", tags=["do not call"])
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_DNC))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_DNC))]
Entry = Annotated[
    str,
    StringConstraints(pattern=r"^\+[1-9]([0-9]{6,14}|[0-9]{0,13}\*)$"),
    Field(description="a number in E.164, or a prefix ending in *", examples=["+79161234567", "+7916*"]),
]


class NewEntry(Body):
    entry: Entry
    campaign: Id | None = Field(default=None, strict=True, description="null: for every campaign")
    reason: Line = ""


class EntryOut(BaseModel):
    entry: str
    campaign: int | None
    reason: str
    at: datetime | None = None


class CheckOut(BaseModel):
    number: str
    barred: bool = Field(description="in every campaign, or in those that `by` names")
    by: list[EntryOut]


@router.get("", responses=documented())
async def list_entries(
    parts: Given,
    who: Sees,
    *,
    campaign: Annotated[Id | None, Query(description="only entries of this campaign")] = None,
    after: After = "",
    limit: Limit = 100,
) -> Page[EntryOut]:
    """Every entry, in the order of its digits."""
    entry, _sign, its = after.partition(":")
    behind = (entry, int(its[:18]) if its.isascii() and its.isdigit() else 0)
    which = None if campaign is None else CampaignId(campaign)
    rows = await office.page(which, who, parts.stores, after=behind, limit=limit + 1)
    page = [EntryOut.model_validate(row) for row in rows[:limit]]
    return Page(items=page, next=_key(page[-1]) if len(rows) > limit else None)


@router.get("/check", responses=documented())
async def check_number(
    parts: Given,
    who: Sees,
    number: Annotated[str, StringConstraints(max_length=64), Query(description="as a person writes it")],
) -> CheckOut:
    """Whether a number is barred, by which entries, why and since when."""
    kept = parts.tools.dnc_entry(number)
    if kept.endswith("*"):
        raise BadValue(said("{number} is a prefix: ask for one number", number=kept))
    rows = await office.barring(PhoneNumber(kept), who, parts.stores)
    return CheckOut(number=kept, barred=bool(rows), by=[EntryOut.model_validate(row) for row in rows])


@router.post("", status_code=201, responses=documented(404))
async def add_entry(parts: Given, who: Changes, body: NewEntry) -> EntryOut:
    """Bar a number or a prefix; counts at once, for every way of dialing."""
    campaign = None if body.campaign is None else CampaignId(body.campaign)
    now, entry = parts.tools.clock(), parts.tools.dnc_entry(body.entry)
    await office.bar(entry, campaign, body.reason, who, parts.stores, now=now)
    return EntryOut(entry=entry, campaign=body.campaign, reason=body.reason, at=now)


@router.delete("/{entry}", status_code=204, responses=documented(404))
async def remove_entry(
    parts: Given,
    who: Changes,
    entry: Entry,
    campaign: Annotated[Id | None, Query(description="the entry of this campaign")] = None,
) -> Response:
    """Take an entry out again."""
    which = None if campaign is None else CampaignId(campaign)
    await office.free(entry, which, who, parts.stores)
    return Response(status_code=204)


def _key(row: EntryOut) -> str:
    return f"{row.entry}:{row.campaign or 0}"
