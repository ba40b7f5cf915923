"""Checks operators' PINs and stops whoever guesses: five wrong ones lock a number for a minute."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dialer.domain.errors import Forbidden
from dialer.domain.operators import Account

MOST_FAILURES = 5
LOCK_S = 60.0

PinCheck = Callable[
    [str, str], Awaitable[bool]
]  # (hash, PIN); an empty hash is never right, but takes as long


@dataclass(slots=True)
class _Guesses:
    wrong: int = 0
    locked_until_s: float = 0.0


class Pins:
    """Guesses are counted per operator that exists, whatever phone they come from."""

    def __init__(self, check: PinCheck, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._now_s = now_s
        self._guesses: dict[str, _Guesses] = {}

    async def are_right(self, account: Account | None, pin: str) -> bool:
        """Whether this account may log in with this PIN; raises Forbidden while it is locked."""
        if account is None:
            await self._check("", pin)  # takes as long as for an operator that exists
            return False
        guesses = self._guesses.setdefault(account.id, _Guesses())
        left_s = guesses.locked_until_s - self._now_s()
        if left_s > 0:
            raise Forbidden(
                f"operator {account.id} is locked for {left_s:.0f} s more: {MOST_FAILURES} wrong PINs"
            )
        guesses.wrong += 1  # before the check: guesses made at the same time count as well
        if guesses.wrong >= MOST_FAILURES:
            guesses.locked_until_s = self._now_s() + LOCK_S
            guesses.wrong = 0
        if not await self._check(account.pin_hash, pin) or not account.pin_hash:
            return False
        self._guesses.pop(account.id, None)
        return True
