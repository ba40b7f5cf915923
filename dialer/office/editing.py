"""Changing what several people may change at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from dialer.domain.editions import Edited, check
from dialer.domain.errors import Stale

T = TypeVar("T", bound=Edited)
TRIES = 10  # in each of them somebody else was quicker


async def edited(
    read: Callable[[], Awaitable[T]],
    change: Callable[[T], Awaitable[T]],
    save: Callable[[T], Awaitable[T]],
    version: int | None = None,
) -> T:
    """The thing as it was saved, its version above that which it was changed from.

    With the version that somebody has seen: Stale, with what differs, where it is another one now. Without:
    the change is made to whatever is there; who changes other fields at the same moment loses nothing.
    """
    tries = 0
    while True:
        known = await read()
        check(known, version)
        try:
            return await save(await change(known))
        except Stale:
            tries += 1
            if tries == TRIES:
                raise
