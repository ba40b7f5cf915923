"""Asterisk's clock beside ours: its instants become ours, so that two clocks are never subtracted."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from dialer.domain.said import Said, said

MOST_SKEW_S = 0.5  # clocks that differ by more keep dialing closed
OVERTAKES_S = 0.3  # an event may reach us behind an echo that was stamped so much later
APPOINTMENTS = frozenset({"callback_at"})  # said by people, who look at the true clock

T = TypeVar("T")


class TwoClocks:
    """How far Asterisk's clock is ahead of ours, from what both have said of the same instant.

    An event happened before it was heard: its stamp less the instant of its receipt is the least that
    Asterisk is ahead.  An echo, an event that we ask for, happened between the question and the receipt: it
    bounds the difference on both sides, so that an event that comes late is never taken for a clock that is
    behind.
    """

    def __init__(self) -> None:
        self.ahead_s = 0.0  # Asterisk's less ours; negative: behind
        self._most_s = 0.0  # by the last echo
        self._echo_at: datetime | None = None  # the latest of this connection, by Asterisk's clock

    @property
    def skew_s(self) -> float:
        """What is certain of the difference; 0 while both clocks may be right."""
        return self.ahead_s if self.ahead_s > 0 else min(0.0, self._most_s)

    def ours(self, stamped_at: datetime, now: datetime) -> datetime:
        """The instant of an event by our clock, never in the future. `now`: it is heard.

        A stamp from before the last echo says that Asterisk's clock was set back: it happened just now.
        """
        least_s = (stamped_at - now).total_seconds()
        if least_s > self.ahead_s:
            self.ahead_s = least_s
            self._most_s = max(self._most_s, least_s)
        if self._echo_at is not None and (self._echo_at - stamped_at).total_seconds() > OVERTAKES_S:
            return now
        return self.read(stamped_at) if self.ahead_s else stamped_at

    def read(self, stamped_at: datetime) -> datetime:
        """The same for what Asterisk has noted some time ago; teaches nothing."""
        return stamped_at - timedelta(seconds=self.ahead_s)

    def echoed(
        self, asked_at: datetime, showed: tuple[datetime, datetime], heard_at: datetime, *, in_order: bool
    ) -> None:
        """Asterisk's clock was between the two of `showed` at some instant between the question and now.

        `in_order`: it came by the same way as events, so what comes later happened later.
        """
        least_s = (showed[0] - heard_at).total_seconds()
        self._most_s = (showed[1] - asked_at).total_seconds()
        if not least_s <= self.ahead_s <= self._most_s:
            self.ahead_s = least_s
        if in_order:
            self._echo_at = showed[0]

    def disconnected(self) -> None:
        """What comes next may be a replay: older than the last echo, and rightly so."""
        self._echo_at = None

    def ours_was_set(self, by: timedelta) -> None:
        """Our own clock shows so much more than before."""
        self.ahead_s -= by.total_seconds()
        self._most_s -= by.total_seconds()

    def obstacle(self) -> Said | str:
        """Why nothing is dialled; empty: both clocks agree."""
        skew_s = self.skew_s
        if abs(skew_s) <= MOST_SKEW_S:
            return ""
        return why_apart(skew_s)


def why_apart(ahead_s: float) -> Said:
    """Two clocks that differ, in words."""
    if ahead_s > 0:
        return said("Asterisk's clock is {seconds:.1f} s ahead of ours", seconds=ahead_s)
    return said("Asterisk's clock is {seconds:.1f} s behind ours", seconds=-ahead_s)


def caught_up(thing: T, latest_at: datetime | None, now: datetime) -> T:
    """What an earlier process noted, by a clock that may have been set back since."""
    return shifted(thing, now - latest_at) if latest_at is not None and latest_at > now else thing


def shifted(thing: T, by: timedelta) -> T:
    """A frozen value all of whose past instants moved, because the clock that they were read from was set."""
    moved: dict[str, Any] = {
        field.name: value + by
        for field in fields(thing)  # type: ignore[arg-type]  # any dataclass
        if isinstance(value := getattr(thing, field.name), datetime) and field.name not in APPOINTMENTS
    }
    return replace(thing, **moved) if moved else thing  # type: ignore[type-var]  # as above
