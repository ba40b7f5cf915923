"""What a trunk may spend in a day of the office, and the calls beside the campaigns, which cost the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from dialer.domain.said import said
from dialer.domain.trunk import Trunk
from dialer.domain.types import CellId, ChannelId, PhoneNumber, TrunkId

MINUTE_S = 60.0


class SideKind(StrEnum):
    """What a call beside the campaigns was made for."""

    TEST = "test"  # `dialer trunk test`, `dialer operator test`
    LEG = "leg"  # an operator's outside phone


@dataclass(frozen=True, slots=True)
class SideCall:
    """A call of no campaign: in no figure of one, but on a trunk's bill and on record."""

    id: ChannelId
    cell: CellId
    kind: SideKind
    trunk: TrunkId  # '' for a phone that is registered here
    number: PhoneNumber  # '' for a phone that is registered here
    who: str  # whose test it was: the token's name; whose leg: the operator
    begun_at: datetime
    end_at: datetime  # so far, while it is not over
    answer_at: datetime | None = None
    outcome: str = ""  # as of an attempt; '' while it is not over
    cause: int | None = None
    sip_code: int | None = None
    is_over: bool = False


def merged(known: SideCall | None, told: SideCall) -> SideCall:
    """What is kept of two words on the same call: the later one, from the first beginning and answer on."""
    if known is None:
        return told
    last = known if told.end_at < known.end_at or known.is_over else told
    answers = [side.answer_at for side in (known, told) if side.answer_at is not None]
    return replace(
        last, begun_at=min(known.begun_at, told.begun_at), answer_at=min(answers) if answers else None
    )


@dataclass(frozen=True, slots=True)
class Spent:
    """Of one trunk within a day: answered time and attempts."""

    seconds: float = 0.0
    attempts: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.seconds + other.seconds, self.attempts + other.attempts)


NOTHING = Spent()


def spent_by(
    dialled_at: datetime | None, answer_at: datetime | None, end_at: datetime, *, since_at: datetime
) -> Spent:
    """The part of one call behind `since_at`; an attempt belongs to the day on which it was made."""
    attempts = int(dialled_at is not None and dialled_at >= since_at)
    if answer_at is None:
        return Spent(0.0, attempts)
    return Spent(max(0.0, (end_at - max(answer_at, since_at)).total_seconds()), attempts)


def money(trunk: Trunk, spent: Spent) -> float:
    """What the trunk's prices make of it."""
    return spent.seconds / MINUTE_S * trunk.price + spent.attempts * trunk.price_per_call


def has_ceiling(trunk: Trunk) -> bool:
    return bool(trunk.minutes_per_day or trunk.money_per_day)


def share(trunk: Trunk, spent: Spent) -> float:
    """The share of the ceiling that is used, of the two ceilings the nearer one; 0 without any."""
    minutes = spent.seconds / MINUTE_S / trunk.minutes_per_day if trunk.minutes_per_day else 0.0
    paid = money(trunk, spent) / trunk.money_per_day if trunk.money_per_day else 0.0
    return max(minutes, paid)


def why_full(trunk: Trunk, spent: Spent | None) -> str:
    """Why no new call may go out by this trunk today; '' while one may. None: what it spent is not known."""
    if not has_ceiling(trunk):
        return ""
    if spent is None:
        return said(
            "trunk {trunk} has a ceiling for the day, and what it has used today is not known yet: the"
            " database is away",
            trunk=trunk.id,
        )
    minutes = spent.seconds / MINUTE_S
    if trunk.minutes_per_day and minutes >= trunk.minutes_per_day:
        return said(
            "trunk {trunk} has used {used:,.1f} minutes of the {most:,g} that it may use in a day:"
            " raise its --minutes-per-day, or wait for midnight by the office's clock",
            trunk=trunk.id,
            used=minutes,
            most=trunk.minutes_per_day,
        )
    if trunk.money_per_day and money(trunk, spent) >= trunk.money_per_day:
        return said(
            "trunk {trunk} has spent {used:,.2f} {currency} of the {most:,g} that it may spend in a day:"
            " raise its --money-per-day, or wait for midnight by the office's clock",
            trunk=trunk.id,
            used=money(trunk, spent),
            most=trunk.money_per_day,
            currency=trunk.currency,
        )
    return ""
