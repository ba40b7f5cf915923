"""Wrong PINs: how many are forgiven, and for how long the door stays shut after more of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

MOST_WRONG = 5
LOCKS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
WRONG_FORGOTTEN_AFTER = timedelta(hours=1)
LOCKS_FORGOTTEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Guesses:
    """What was guessed wrong for one operator, or from one phone."""

    wrong: int = 0  # since the last lock
    locks: int = 0  # so far: each is longer than the one before
    locked_until_at: datetime | None = None
    last_at: datetime | None = None

    def left_s(self, now: datetime) -> float:
        """For how long the door is still shut."""
        until_at = self.locked_until_at
        return max(0.0, (until_at - now).total_seconds()) if until_at is not None else 0.0


def guessed(before: Guesses, now: datetime) -> Guesses:
    """One more wrong guess."""
    idle = now - before.last_at if before.last_at is not None else timedelta()
    wrong = (0 if idle > WRONG_FORGOTTEN_AFTER else before.wrong) + 1
    locks = 0 if idle > LOCKS_FORGOTTEN_AFTER else before.locks
    if wrong < MOST_WRONG:
        return replace(before, wrong=wrong, locks=locks, last_at=now)
    return Guesses(0, locks + 1, now + LOCKS[min(locks, len(LOCKS) - 1)], now)


def key_of_operator(operator: str) -> str:
    return f"operator:{operator}"


def key_of_phone(phone: str) -> str:
    return f"phone:{phone}"
