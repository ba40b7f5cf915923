"""Checks operators' PINs and stops whoever guesses: wrong ones lock the operator and the phone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from dialer.domain.errors import Forbidden
from dialer.domain.guesses import MOST_WRONG, Guesses, guessed, key_of_operator, key_of_phone
from dialer.domain.operators import Account
from dialer.ports.between import Clock
from dialer.ports.stores import PinGuesses

log = structlog.get_logger()

PinCheck = Callable[
    [str, str], Awaitable[bool]
]  # (hash, PIN); an empty hash is never right, but takes as long


class Locked(Forbidden):
    """Too many wrong PINs."""


class Pins:
    """Guesses are kept in the database: a restart forgives nothing. `on_lock` hears of each new lock."""

    def __init__(
        self, check: PinCheck, guesses: PinGuesses, clock: Clock, on_lock: Callable[[str], None]
    ) -> None:
        self._check = check
        self._guesses = guesses
        self._clock = clock
        self._on_lock = on_lock
        self._one_at_a_time = asyncio.Lock()

    async def are_right(self, account: Account | None, pin: str, *, phone: str) -> bool:
        """Whether this account may log in with this PIN; raises Locked while it, or this phone, is locked."""
        keys = [key_of_phone(phone)] + ([key_of_operator(account.id)] if account is not None else [])
        async with self._one_at_a_time:  # guesses made at the same time count as well
            for key in keys:
                before = await self._guesses.of(key)
                if (left_s := before.left_s(self._clock())) > 0:
                    raise Locked(
                        f"{key} is locked for {left_s:.0f} s more: {MOST_WRONG} wrong PINs;"
                        f" `dialer operator unlock {key.partition(':')[2]}` opens it"
                    )
            right = await self._check(account.pin_hash if account is not None else "", pin)
            if right and account is not None and account.pin_hash:
                await self._guesses.drop(key_of_operator(account.id))
                return True
            for key in keys:
                await self._count(key)
        return False

    async def _count(self, key: str) -> None:
        before = await self._guesses.of(key)
        after: Guesses = guessed(before, self._clock())
        await self._guesses.keep(key, after)
        if after.locks > before.locks or after.locked_until_at != before.locked_until_at:
            self._on_lock(key.partition(":")[0])
            log.warning(
                f"{key} is locked for {after.left_s(self._clock()):.0f} s: {MOST_WRONG} wrong PINs", key=key
            )
