"""Records of attempts: search, look up, export; who reads which, and whose numbers are shown whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dialer.domain.access import Caller, Permission, demand, may, whose
from dialer.domain.cdr import Cdr, Remark
from dialer.domain.errors import Forbidden, Missing
from dialer.domain.said import said
from dialer.domain.types import CallId, OperatorId, PhoneNumber, masked
from dialer.office.cell import do
from dialer.ports.between import Desk
from dialer.ports.stores import CdrQuery, Stores

EXPORT_PAGE = 1000
OUR_CELL = "cell:own"


@dataclass(frozen=True, slots=True)
class RecordingMeans:
    """What the composition root gives for recordings."""

    file_of: Callable[[str], Awaitable[str | None]]  # of what a record names; None: it is not there
    listened: Callable[[CallId, str], None]  # keeps in the log who did


async def search(query: CdrQuery, who: Caller, stores: Stores) -> Sequence[Cdr]:
    """One page; an operator's token finds that operator's records."""
    own = whose(who, Permission.SEE_RECORDS, query.operator)
    return [as_seen(who, cdr) for cdr in await stores.records.cdrs(replace(query, operator=own))]


async def one(call: CallId, who: Caller, stores: Stores) -> Cdr:
    """The record of one attempt."""
    own = whose(who, Permission.SEE_RECORDS)
    cdr = await stores.records.cdr(call)
    demand_own(call, cdr.operator, own)
    return as_seen(who, cdr)


async def remarked(call: CallId, who: Caller, stores: Stores) -> Remark:
    """What the operator has said of a call so far; Missing: nothing."""
    own = whose(who, Permission.SEE_RECORDS)
    if (found := await stores.records.remarked(call)) is None:
        raise Missing(said("nothing has been said of the call {call}", call=call))
    demand_own(call, found.operator, own)
    return found


async def pages(query: CdrQuery, who: Caller, stores: Stores) -> AsyncIterator[Sequence[Cdr]]:
    """All that the query asks for; the first page is asked for at once, so that a failure is told in time."""
    following = replace(query, limit=EXPORT_PAGE)
    while page := await search(following, who, stores):
        yield page
        if len(page) < EXPORT_PAGE:
            return
        following = replace(following, after=page[-1].id)


async def recording(call: CallId, who: Caller, stores: Stores, means: RecordingMeans) -> str:
    """The file of a call's recording, for somebody who will listen to it: that is logged."""
    own = whose(who, Permission.LISTEN)
    cdr = await stores.records.cdr(call)
    demand_own(call, cdr.operator, own)
    if not cdr.recording:
        raise Missing(said("the call {call} was not recorded", call=call))
    found = await means.file_of(cdr.recording)
    if found is None:
        raise Missing(
            said(
                "the recording of the call {call} is not there: it is converted within a minute of the"
                " call's end, or it was removed",
                call=call,
            )
        )
    means.listened(call, who.user)
    return found


async def retry_refused(who: Caller, desk: Desk, *, key: str = "") -> Mapping[str, Any]:
    """Tell the database once more what it refuses; `facts` is how many it took now."""
    demand(who, Permission.CHANGE_RECORDS)
    return await do(who, desk, "retry-refused", OUR_CELL, key)


async def give_up_refused(who: Caller, desk: Desk, fate: str, *, key: str = "") -> Mapping[str, Any]:
    """No record comes of them; `dial` or `take-out`: what becomes of their people."""
    demand(who, Permission.CHANGE_RECORDS)
    return await do(who, desk, "give-up-refused", OUR_CELL, key, leads=fate)


def demand_own(call: str, operator: OperatorId | None, own: OperatorId | None) -> None:
    """Forbidden, where `own` may read the calls of one operator and this is another's."""
    if own not in (None, operator):
        raise Forbidden(said("the call {call} is none of operator {operator}", call=call, operator=own))


def as_seen(who: Caller, cdr: Cdr) -> Cdr:
    """The record as this caller may read it."""
    return replace(cdr, number=number_seen(who, cdr.number))


def number_seen(who: Caller, number: PhoneNumber) -> PhoneNumber:
    """Whole for those who call or answer for calls; a viewer sees its ends."""
    return number if may(who, Permission.SEE_NUMBERS) else PhoneNumber(masked(number))
