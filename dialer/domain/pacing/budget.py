"""The abandon budget of one campaign: what its ceiling still allows in every window, counted exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)
NEVER = datetime.max.replace(tzinfo=UTC)
KEPT_HOURS = 30 * 24
SMALL_TEAM = 10
MARGIN = 1 / 12  # a team of ten or less aims so far below the ceiling: its day has some ten abandoned calls


@dataclass(frozen=True, slots=True)
class Window:
    """How many hours count, and what people call it."""

    name: str
    hours: int  # 0: since midnight, UTC


WINDOWS = (Window("today", 0), Window("24 h", 24), Window("30 days", KEPT_HOURS))


def aim(ceiling: float, team: int) -> float:
    """The share of live answers to come to: below the ceiling, the more so the smaller the team."""
    return ceiling * (1 - MARGIN * min(1.0, SMALL_TEAM / max(team, 1)))


class Budget:
    """Live answers and abandoned calls by the hour of the answer."""

    def __init__(self, known: Mapping[datetime, tuple[int, int]] | None = None) -> None:
        """`known`: (answered live, abandoned) by the hour that began then, from the records."""
        self._hours: dict[datetime, list[int]] = {
            _hour(at): list(counts) for at, counts in (known or {}).items()
        }
        self._sums: dict[str, list[int]] = {}
        self._since_at = self._until_at = NEVER  # the sums hold for the hour between them

    def answered(self, at: datetime) -> None:
        """A person answered."""
        self._count(at, 0)

    def abandoned(self, answered_at: datetime) -> None:
        """Nobody came to the person who answered then."""
        self._count(answered_at, 1)

    def counts(self, window: Window, now: datetime) -> tuple[int, int]:
        """(answered live, abandoned) in the window that ends now."""
        answered, abandoned = self.sums(now)[window.name]
        return answered, abandoned

    def left(self, share: float, now: datetime) -> float:
        """Calls that may still be abandoned at this share, in the window that allows fewest; may be < 0."""
        return min([share * answered - abandoned for answered, abandoned in self.sums(now).values()])

    def sums(self, now: datetime) -> Mapping[str, Sequence[int]]:
        """Of all windows: the same object until something is counted or the hour is over."""
        if not self._since_at <= now < self._until_at:
            hour = _hour(now)
            self._forget(hour)
            self._sums = {window.name: self._sum(hour, window.hours or hour.hour) for window in WINDOWS}
            self._since_at, self._until_at = hour, hour + HOUR
        return self._sums

    def _count(self, at: datetime, which: int) -> None:
        self._hours.setdefault(_hour(at), [0, 0])[which] += 1
        self._since_at = self._until_at = NEVER

    def _sum(self, hour: datetime, hours: int) -> list[int]:
        since = hour - hours * HOUR  # the hour that began then counts whole: a little more, never less
        sums = [0, 0]
        for at, counts in self._hours.items():
            if at >= since:
                sums[0] += counts[0]
                sums[1] += counts[1]
        return sums

    def _forget(self, hour: datetime) -> None:
        oldest = hour - KEPT_HOURS * HOUR
        self._hours = {at: counts for at, counts in self._hours.items() if at >= oldest}


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
