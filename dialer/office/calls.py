"""Calls in flight: who sees which, and ending one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dialer.domain.access import Caller, Permission, demand, whose
from dialer.domain.call import Call
from dialer.domain.errors import Missing
from dialer.domain.said import said
from dialer.domain.types import CallId, OperatorId
from dialer.office.cell import do
from dialer.office.records import demand_own
from dialer.ports.between import Desk, Shown


async def in_flight(who: Caller, live: Shown, *, operator: OperatorId | None = None) -> Sequence[Call]:
    """Of all cells; the token of an operator sees that operator's."""
    own = whose(who, Permission.SEE_CALLS, operator)
    return [call for call in await live.calls() if own in (None, call.operator)]


async def one(call: CallId, who: Caller, live: Shown) -> Call:
    """Missing for one that is over."""
    own = whose(who, Permission.SEE_CALLS)
    found = await _found(call, live)
    demand_own(call, found.operator, own)
    return found


async def hang_up(call: CallId, who: Caller, live: Shown, desk: Desk, *, key: str = "") -> Mapping[str, Any]:
    """End it, whatever its state; what the cell answers."""
    demand(who, Permission.END_CALLS)
    await _found(call, live)
    return await do(who, desk, "hang_up", f"call:{call}", key)


async def _found(call: CallId, live: Shown) -> Call:
    for known in await live.calls():
        if known.id == call:
            return known
    raise Missing(
        said(
            "there is no call {call} in flight; what became of an ended one is at /v1/cdrs/{call}", call=call
        )
    )
