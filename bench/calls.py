"""Calls per second: the service beside the bare loop, in turns, on the same Asterisks."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.figures import BARE, PRODUCT, Load, Probe, Result, percentile
from bench.sides import SIDES, Product, Side
from bench.stage import Stage, open_stage, operators_for

STEP = 1.5  # upwards, until a rate is not held
FINE = 1.12  # held and not held are this close: found
ENDING_S = 40.0  # for a floor of phones and three Asterisks to be ended
FULL_S = 60.0  # of a rate that docs/bench.md tells of
LOWER = 0.92  # when the long probe does not hold


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    media: Sequence[bool] = (False, True)
    tone: bool = False  # the service gives operators one before each person; the loop never does
    sides: Sequence[str] = (PRODUCT, BARE)
    rates: Sequence[int] = ()  # these and no others; empty: search
    first_rate: int = 40
    most: int = 200  # calls per second; decides how many operators there are
    probe_s: float = 10.0
    warm_s: float = 2.0
    confirm_s: float = 60.0  # 0: the short probes will do
    turns: int = 1
    tries: int = 2  # a rate is given up when it was not held so many times

    @property
    def is_for_the_page(self) -> bool:
        """A search by both sides, with and without sound, what was found for a minute: docs/bench.md."""
        searched = not self.rates and not self.tone and self.confirm_s >= FULL_S
        return searched and set(self.media) == {False, True} and set(self.sides) == {PRODUCT, BARE}


@dataclass(slots=True)
class Run:
    """Everything measured so far: what is there when the time is over counts."""

    wish: Wish
    say: Callable[[str], None]
    probes: list[Probe] = field(default_factory=list)
    held: dict[tuple[str, bool], list[float]] = field(default_factory=lambda: defaultdict(list))
    confirmed: dict[tuple[str, bool], Probe] = field(default_factory=dict)

    def result(self) -> Result:
        return Result(tuple(self.probes), dict(self.held), dict(self.confirmed))

    async def play(self) -> None:
        for media in self.wish.media:
            floor = operators_for(self.wish.most)
            async with open_stage(floor, media=media, tone=self.wish.tone, say=self.say) as stage:
                if PRODUCT not in self.wish.sides:  # it pushes the trunk and the phones
                    async with Product(stage) as product:
                        await product.staff(floor)  # all of them have registered
                for turn in range(self.wish.turns):
                    # who was last goes first: what drifts during the run hits both alike
                    for name in self.wish.sides if turn % 2 == 0 else reversed(self.wish.sides):
                        async with self._side(name, stage) as side:
                            await self._turn(side, media, is_last=turn == self.wish.turns - 1)

    @asynccontextmanager
    async def _side(self, name: str, stage: Stage) -> AsyncIterator[Side]:
        self.say(f"{name} begins")
        async with SIDES[name](stage) as side:
            yield side

    async def _turn(self, side: Side, media: bool, *, is_last: bool) -> None:
        if self.wish.rates:
            for rate in self.wish.rates:
                await self._holds(side, rate)
            return
        found = await self._search(side)
        self.held[side.name, media].append(found)
        if is_last and self.wish.confirm_s and found:
            await self._confirm(side, media, found)

    async def _search(self, side: Side) -> int:
        """The highest rate that is held: up by big steps, then between held and not held."""
        low, high, rate = 0, 0, self.wish.first_rate
        while True:
            if await self._holds(side, rate):
                low = rate
            else:
                high = rate
            if low >= self.wish.most or (high and high <= max(low * FINE, low + 1)) or high == 1:
                return low
            between = round((low * high) ** 0.5) if low else high // 2
            rate = max(between, low + 1) if high else min(round(low * STEP), self.wish.most)

    async def _holds(self, side: Side, rate: int) -> bool:
        for _ in range(self.wish.tries):
            if not (await self._probe(side, rate, self.wish.probe_s)).flaw:
                return True
        return False

    async def _confirm(self, side: Side, media: bool, rate: float) -> None:
        """The rate for its full time; less and less until that holds, down to the half."""
        found = rate
        while rate > found / 2:
            probe = await self._probe(side, round(rate), self.wish.confirm_s)
            self.confirmed[side.name, media] = probe
            if not probe.flaw:
                return
            rate *= LOWER

    async def _probe(self, side: Side, rate: int, seconds: float) -> Probe:
        probe = await side.probe(Load(rate, seconds, self.wish.warm_s))
        self.probes.append(probe)
        wait, most = percentile(probe.waits_ms, 0.5) or 0.0, percentile(probe.waits_ms, 0.99) or 0.0
        web = f", its web {probe.web_cpu_ms:.2f} ms" if probe.web_cpu_ms else ""
        self.say(
            f"{side.name} at {rate}/s for {seconds:g} s: {probe.flaw or 'held'};"
            f" answer to bridge {wait:.1f} / {most:.1f} ms, CPU {probe.cpu_ms:.2f} ms per call{web}"
        )
        return probe


async def measure(
    wish: Wish, say: Callable[[str], None], within_s: float, stop: asyncio.Event
) -> tuple[Result, bool]:
    """The result, and whether it is whole: the time may be over before, or `stop` set.

    What was begun is ended within the time as well; it is cancelled again and again, because a wait of the
    standard library that has just got what it waited for swallows a cancellation.
    """
    run = Run(wish, say)
    work = asyncio.create_task(run.play())
    stopping = asyncio.create_task(stop.wait())
    try:
        limit_s = max(within_s - ENDING_S, 0.0)
        await asyncio.wait({work, stopping}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        while not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=ENDING_S)
    finally:
        stopping.cancel()
        work.cancel()
    if work.cancelled():
        return run.result(), False
    await work
    return run.result(), True
