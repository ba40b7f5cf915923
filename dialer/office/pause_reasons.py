"""Pause reasons: the site's list, seen by whoever takes pauses, changed by who leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.pauses import PauseReason, PauseReasons, check
from dialer.office.editing import edited
from dialer.ports.stores import Stores


async def seen(who: Caller, stores: Stores) -> PauseReasons:
    """The list as it is."""
    demand(who, Permission.SEE_OPERATORS)
    return await stores.pauses.get()


async def change(
    reasons: Sequence[PauseReason], who: Caller, stores: Stores, *, version: int | None = None
) -> PauseReasons:
    """Another list in its place; cells take it up within a second, and pauses that last keep their code.

    With the version that was seen: Stale where somebody has changed it since.
    """
    demand(who, Permission.CHANGE_PAUSES)
    check(reasons)

    async def changed(was: PauseReasons) -> PauseReasons:
        return replace(was, reasons=tuple(reasons))

    return await edited(stores.pauses.get, changed, stores.pauses.save, version)
