"""The ways out: lines in use, calls per second, and trunks that refuse."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from math import inf

from dialer.domain.numbers import carries
from dialer.domain.pacing.decision import TrunkView
from dialer.domain.said import said
from dialer.domain.trunk import Trunk
from dialer.domain.types import TrunkId
from dialer.engine.refusals import Refusals

BURST_S = 0.2  # so much later than due a decision still makes good what it missed
APART = 0.5  # of the even distance: what was decided together leaves one after another, and catches up
Turn = Callable[[TrunkId], Awaitable[None]]  # see Trunks.turn
FIRST_REST, LONGEST_REST = timedelta(minutes=1), timedelta(hours=1)
REFUSED_PAUSE_S = 5.0  # after Asterisk refused a request: time to be mended, no hot loop through the list


class Trunks:
    """Counts what each trunk carries; its limits are ceilings that no decision passes."""

    def __init__(self) -> None:
        self._trunks: dict[TrunkId, Trunk] = {}
        self._tokens: dict[TrunkId, tuple[float, datetime]] = {}  # what may be decided at once, at an instant
        self._queued: Counter[TrunkId] = Counter()  # requests that wait for their turn
        self._booked: dict[TrunkId, deque[float]] = {}  # when requests may leave us, by the loop's clock
        self._went: dict[TrunkId, deque[float]] = {}  # when they did
        self._refused: dict[TrunkId, tuple[datetime, str]] = {}
        self.refusals = Refusals()
        self.bars: dict[TrunkId, str] = {}  # why calls by it would be silent; until it is changed
        self._apart: dict[TrunkId, tuple[int, datetime]] = {}  # joins in a row that came apart, and the last
        self.why_full: Callable[[Trunk, datetime], str] = lambda trunk, now: ""  # its ceiling for the day
        self.registration_of: Callable[[TrunkId], str] = lambda trunk: ""

    def load(self, trunks: Iterable[Trunk]) -> None:
        self._trunks = {trunk.id: trunk for trunk in trunks}

    def all(self) -> list[Trunk]:
        return list(self._trunks.values())

    def get(self, trunk: TrunkId) -> Trunk | None:
        return self._trunks.get(trunk)

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: a trunk rests for as long as was said."""
        self._tokens = {id_: (tokens, at + by) for id_, (tokens, at) in self._tokens.items()}
        self._refused = {id_: (at + by, why) for id_, (at, why) in self._refused.items()}
        self._apart = {id_: (n, at + by) for id_, (n, at) in self._apart.items()}
        self.refusals.clock_was_set(by)

    def sent(self, trunk: TrunkId, at: datetime) -> None:
        """A call by this trunk was decided."""
        tokens, since_at = self._tokens.get(trunk, (1.0, at))
        self._tokens[trunk] = (tokens - 1, since_at)
        self.refusals.sent(trunk, at)

    async def turn(self, trunk: TrunkId) -> None:
        """Returns when one request more may leave by this trunk; it must follow at once.

        Between the decision and this moment lie the database and the disk: what they held up must not go out
        in one heap.
        """
        clock = asyncio.get_running_loop().time
        self._queued[trunk] += 1
        try:
            wait_s = self._book(trunk, clock())
            while wait_s > 0:
                await asyncio.sleep(wait_s)
                wait_s = self._over_s(trunk, clock())  # only when those before us left late
        finally:
            self._queued[trunk] -= 1
        self._went.setdefault(trunk, deque()).append(clock())

    def _book(self, trunk: TrunkId, now: float) -> float:
        """Seconds until the next free place: each waits once, nobody is overtaken."""
        if (known := self._trunks.get(trunk)) is None:
            return 0.0
        booked, (most, window_s) = self._booked.setdefault(trunk, deque()), _ceiling(known)
        at = now
        if booked:
            at = max(at, booked[-1] + APART / known.calls_per_s)
        if len(booked) >= most:
            at = max(at, booked[-most] + window_s)
        booked.append(at)
        while len(booked) > most:
            booked.popleft()
        return at - now

    def _over_s(self, trunk: TrunkId, now: float) -> float:
        """Seconds until one more is not above the ceiling, by when requests really left."""
        if (known := self._trunks.get(trunk)) is None:
            return 0.0
        went, (most, window_s) = self._went.setdefault(trunk, deque()), _ceiling(known)
        while went and now - went[0] >= window_s:
            went.popleft()
        return went[-most] + window_s - now if len(went) >= most else 0.0

    def refused(self, trunk: TrunkId, at: datetime, reason: str) -> None:
        self._refused[trunk] = (at, reason)

    def came_apart(self, trunk: TrunkId, at: datetime) -> None:
        """An answered call by this trunk could not be heard: it rests, longer each time."""
        n, _ = self._apart.get(trunk, (0, at))
        self._apart[trunk] = (n + 1, at)

    def was_heard(self, trunk: TrunkId) -> None:
        """A talk went on for a while: its sound is good."""
        self._apart.pop(trunk, None)

    def views(self, lines: Counter[TrunkId], now: datetime) -> Mapping[TrunkId, TrunkView]:
        """What each could still carry, given the lines in use."""
        return {trunk.id: self._view(trunk, lines[trunk.id], now) for trunk in self._trunks.values()}

    def _view(self, trunk: Trunk, in_use: int, now: datetime) -> TrunkView:
        why = self._why_not(trunk, now)
        most = 1 if self.refusals.is_resting(trunk.id) else trunk.lines  # one call tries it
        return TrunkView(
            id=trunk.id,
            lines_free=min(max(0, trunk.lines - in_use), most),
            calls_now=min(self._calls_now(trunk, now), most),
            usable=not why,
            why=why,
            prefixes=carries(trunk),
        )

    def _why_not(self, trunk: Trunk, now: datetime) -> str:
        if not trunk.enabled:
            return said("trunk {trunk} is switched off", trunk=trunk.id)
        if bar := self.bars.get(trunk.id):
            return bar
        if (apart := self._apart.get(trunk.id)) is not None and now - apart[1] < _rest(apart[0]):
            return said(
                "trunk {trunk} rests until {until}: a call by it was answered and could not be heard, look at"
                " its codecs",
                trunk=trunk.id,
                until=f"{apart[1] + _rest(apart[0]):%H:%M:%S} UTC",
            )
        if full := self.why_full(trunk, now):
            return full
        refused_at, reason = self._refused.get(trunk.id, (None, ""))
        if refused_at is not None and abs(now - refused_at) < timedelta(seconds=REFUSED_PAUSE_S):
            return said("Asterisk refused a call by trunk {trunk}: {reason}", trunk=trunk.id, reason=reason)
        if rests := self.refusals.why_not(trunk.id, now):
            return rests
        state = self.registration_of(trunk.id)
        if trunk.register and state and state.lower() != "registered":
            return said("trunk {trunk} is not registered ({state})", trunk=trunk.id, state=state)
        return ""

    def opens_in_s(self, now: datetime) -> float:
        """When the first trunk that has used up its calls per second takes another; infinite: none has."""
        full = [trunk for trunk in self._trunks.values() if trunk.enabled and not self._calls_now(trunk, now)]
        return min(
            ((1.0 + self._queued[t.id] - self._saved(t, now)) / t.calls_per_s for t in full), default=inf
        )

    def _calls_now(self, trunk: Trunk, now: datetime) -> int:
        """How many may be decided now: evenly within the second, and none on top of those that wait.

        A burst keeps its answers waiting for each other, here and at the carrier. The ceiling itself is kept
        by `turn`.
        """
        return max(0, int(self._saved(trunk, now)) - self._queued[trunk.id])

    def _saved(self, trunk: Trunk, now: datetime) -> float:
        """A bucket that fills at the trunk's rate; what it holds makes good for decisions that come late."""
        most = 1.0 + trunk.calls_per_s * BURST_S
        tokens, since_at = self._tokens.get(trunk.id, (most, now))
        passed_s = max(0.0, (now - since_at).total_seconds())
        tokens = min(most, tokens + passed_s * trunk.calls_per_s)
        self._tokens[trunk.id] = (tokens, now)
        return tokens


def _rest(apart: int) -> timedelta:
    """After so many joins in a row that came apart."""
    return min(LONGEST_REST, FIRST_REST * (1 << min(apart - 1, 10)))


def _ceiling(trunk: Trunk) -> tuple[int, float]:
    """So many requests within so many seconds, at the most."""
    window_s = max(1.0, 1.0 / trunk.calls_per_s)
    return max(1, int(trunk.calls_per_s * window_s)), window_s
