"""The two sides of the comparison, each a process of its own: the service, and the bare loop."""

from __future__ import annotations

import asyncio
import ctypes
import json
import re
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from bench.figures import BARE, PRODUCT, Load, Probe, Tick, between, counted
from bench.stage import TRUNK, Stage, cpu_s, operators_for
from dialer.adapters.fitting import every_record
from dialer.adapters.metrics_table import LAG_S
from dialer.demo.service import Service
from dialer.domain.cdr import Cdr
from dialer.domain.errors import Fatal, NetworkTrouble, TimedOut
from dialer.domain.types import Outcome
from dialer.ports.stores import CdrQuery
from dialer.storage import open_database

READY_S = 40.0
QUIET_S = 30.0
LOGINS_AT_ONCE = 10
ROOT = Path(__file__).parents[1]
LAG = re.compile(r'^dialer_event_lag_seconds_bucket\{.*?le="([^"]+)".*?\} (\S+)$', re.MULTILINE)
FACTS = re.compile(r'^dialer_queue_depth\{queue="journal"\} (\S+)$', re.MULTILINE)
PR_SET_PDEATHSIG = 1
LONGEST_ANSWER = 64 * 1024 * 1024  # bytes: one figure for each call


class Side(Protocol):
    """Made ready by `async with`; makes probes one after another."""

    name: str

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def probe(self, load: Load) -> Probe: ...


class Product:
    """The service exactly as it is run, in power mode; its trunk's calls per second are the throttle."""

    name = PRODUCT

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._service = Service(stage.environment, stage.lab.folder / "service.log")
        self._at_work = 0

    async def __aenter__(self) -> Self:
        await self._service.__aenter__()
        try:
            async with asyncio.timeout(READY_S):
                if not self._stage.media:
                    await self._stage.let_phones_be_silent()
        except BaseException:
            await self.__aexit__(BaseException)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        if kind is None:  # else there is no time for it: Asterisk ends the legs
            with suppress(NetworkTrouble, Fatal, TimeoutError):
                async with asyncio.timeout(READY_S):
                    await in_groups(self._end_shift, self._stage.operators[: self._at_work])
        await self._service.stop(drain_s=10.0)
        await self._service.__aexit__()

    async def probe(self, load: Load) -> Probe:
        campaign = f"/v1/campaigns/{self._stage.campaign}"
        await self.staff(operators_for(load.rate))
        await self._stage.prepare(load)
        await self._service.post(f"{campaign}/start")
        # first: to make its page takes the engine long, and the loop is asked nothing
        lag = await self._lag()
        await asyncio.sleep(load.warm_s)
        begin_at, begin = datetime.now(UTC), self._tick(lag)
        await asyncio.sleep(load.seconds)
        end_at, end = datetime.now(UTC), self._tick({})  # first: the page of metrics is our own question
        end = replace(end, lag=await self._lag())
        await self._service.post(f"{campaign}/pause")
        async with asyncio.timeout(QUIET_S):
            await self._until(self._is_quiet)
        cdrs = await self._cdrs(begin_at, end_at)
        cpu_ms, switch_cpu_ms, lag_p99_ms = between(begin, end, len(cdrs))
        return Probe(
            side=PRODUCT,
            media=self._stage.media,
            asked=load.rate,
            seconds=(end_at - begin_at).total_seconds(),
            calls=len(cdrs),
            failures=counted([cdr.outcome.value for cdr in cdrs if cdr.outcome is not Outcome.CONNECTED]),
            waits_ms=[cdr.wait_s * 1000 for cdr in cdrs if cdr.wait_s is not None],
            cpu_ms=cpu_ms,
            switch_cpu_ms=switch_cpu_ms,
            lag_p99_ms=lag_p99_ms,
            web_cpu_ms=1000 * (end.web_cpu_s - begin.web_cpu_s) / max(len(cdrs), 1),
        )

    @property
    def url(self) -> str:
        """Of its API."""
        return self._service.url

    @property
    def token(self) -> str:
        """Of whoever asks it."""
        return self._service.token

    @property
    def pid(self) -> int:
        return self._service.pid

    def _tick(self, lag: Mapping[float, float]) -> Tick:
        engine, web = cpu_s(self._service.pid), cpu_s(self._service.web_pid)
        return Tick(time.monotonic(), engine, self._stage.switch_cpu_s(), lag, web)

    async def _lag(self) -> Mapping[float, float]:
        """The buckets of the event lag so far."""
        lag: dict[float, float] = defaultdict(float)
        for bound, count in LAG.findall(await self._service.get("/metrics")):
            lag[float(bound)] += float(count)
        return lag

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        while not await holds():  # noqa: ASYNC110 another process is asked, there is no event of ours
            await asyncio.sleep(0.1)

    async def _is_quiet(self) -> bool:
        """No call is in flight, and the database has every record."""
        if (await self._service.get("/v1/calls", limit=1))["items"]:
            return False
        return all(float(depth) == 0 for depth in FACTS.findall(await self._service.get("/metrics")))

    async def staff(self, operators: int) -> None:
        """A floor as large as the rate needs: each phone that is up costs the PBX something."""
        async with asyncio.timeout(READY_S):
            await in_groups(self._end_shift, self._stage.operators[operators : self._at_work])
            await in_groups(self._begin_shift, self._stage.operators[self._at_work : operators])
        self._at_work = operators

    async def _begin_shift(self, operator: str) -> None:
        while (state := (await self._service.get(f"/v1/operators/{operator}"))["state"]) != "ready":
            with suppress(NetworkTrouble):
                if state == "offline":
                    await self._service.post(f"/v1/operators/{operator}/login")
                if state == "paused":
                    await self._service.post(f"/v1/operators/{operator}/ready")
            await asyncio.sleep(0.1)

    async def _end_shift(self, operator: str) -> None:
        await self._service.post(f"/v1/operators/{operator}/logout")

    async def _cdrs(self, since_at: datetime, until_at: datetime) -> list[Cdr]:
        """Attempts that began in the window."""
        query = CdrQuery(since_at=since_at, until_at=until_at)
        async with open_database(self._stage.settings) as stores:
            return [cdr async for page in every_record(stores.records, query) for cdr in page]


class Bare:
    """bench/bare.py as a child process."""

    name = BARE

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        with (self._stage.lab.folder / "bare.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.bare"),
                cwd=ROOT,
                env={"PATH": "/usr/bin:/bin", **self._stage.environment},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LONGEST_ANSWER,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        try:
            await self._ask({"do": "begin", "bounds": LAG_S})
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 15.0)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def probe(self, load: Load) -> Probe:
        await self._ask({"do": "legs", "operators": self._stage.operators[: operators_for(load.rate)]})
        first = self._stage.draw(int(load.rate * (load.warm_s + load.seconds)) + 1)
        order: dict[str, Any] = {"do": "dial", "rate": load.rate, "seconds": load.seconds}
        order |= {"warm_s": load.warm_s, "numbers": first, "trunk": rf"trunk\/{TRUNK}"}
        order |= {"message": str(self._stage.message)}
        ticks: list[Tick] = []
        answer = await self._ask(order, lambda: ticks.append(self._tick()))
        begin, end = ticks
        lag = dict(zip((*LAG_S, float("inf")), map(float, answer["lags"]), strict=True))
        end = Tick(end.at_s, begin.cpu_s + answer["cpu_s"], end.switch_cpu_s, lag)
        cpu_ms, switch_cpu_ms, lag_p99_ms = between(begin, end, answer["calls"])
        return Probe(
            side=BARE,
            media=self._stage.media,
            asked=load.rate,
            seconds=answer["seconds"],  # by its own clock: on a full machine this process hears of it late
            calls=answer["calls"],
            failures=counted(answer["flaws"]),
            waits_ms=answer["waits_ms"],
            cpu_ms=cpu_ms,
            switch_cpu_ms=switch_cpu_ms,
            lag_p99_ms=lag_p99_ms,
        )

    def _tick(self) -> Tick:
        return Tick(time.monotonic(), 0.0, self._stage.switch_cpu_s())

    async def _ask(
        self, order: Mapping[str, Any], at_window: Callable[[], object] = lambda: None
    ) -> dict[str, Any]:
        """One order and its answer; `at_window` is called when the window opens and when it closes."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        within_s = READY_S + order.get("warm_s", 0.0) + order.get("seconds", 0.0) + QUIET_S
        try:
            async with asyncio.timeout(within_s):
                while line := await process.stdout.readline():
                    answer: dict[str, Any] = json.loads(line)
                    if "window" not in answer:
                        return answer
                    at_window()
        except TimeoutError:
            raise TimedOut(f"the bare loop did not answer within {within_s:.0f} s: {self._words()}") from None
        raise Fatal(f"the bare loop has ended: {self._words()}")

    def _words(self) -> str:
        lines = (self._stage.lab.folder / "bare.log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"


async def in_groups(work: Callable[[str], Awaitable[None]], operators: Sequence[str]) -> None:
    """For all of them, a few at once."""
    for begin in range(0, len(operators), LOGINS_AT_ONCE):
        await asyncio.gather(*(work(operator) for operator in operators[begin : begin + LOGINS_AT_ONCE]))


def _die_with_parent() -> None:
    """A benchmark that is killed leaves nothing behind (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


SIDES: Mapping[str, Callable[[Stage], Side]] = {PRODUCT: Product, BARE: Bare}
