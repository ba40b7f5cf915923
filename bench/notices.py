"""`python -m bench notices`: from the engine's event to a reader elsewhere, over the socket or Redis."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figures import percentile
from dialer.adapters.local.wire import open_beside, serve_beside, socket_of
from dialer.adapters.memory.notices import Ring
from dialer.adapters.redis.client import open_redis
from dialer.adapters.redis.notices import carry, follow, stream_of
from dialer.background import background
from dialer.domain.errors import Missing
from dialer.domain.types import CellId
from dialer.ports.between import About, Command

CELL = CellId("main")
RATES = (50, 500)  # a second: of 50 operators at work some 20, of 1,000 some 400
SECONDS = 10.0
END = "end"
OPERATOR: dict[str, Any] = {
    "state": "talking",
    "reason": "",
    "leg": "up",
    "call": "c-0123456789",
    "campaign": 1,
    "then": None,
}


class NoDesk:
    async def do(self, command: Command) -> Mapping[str, Any]:
        raise Missing("nobody is asked here")


@asynccontextmanager
async def told(where: str) -> AsyncIterator[Ring]:
    """The engine's end: a folder, or the address of a Redis."""
    board = Ring(int(time.time() * 1e6))
    if where.startswith("redis"):
        async with open_redis(where) as redis:
            await redis.delete(stream_of(CELL))  # what is left of the run before
        async with background(out=carry(where, CELL, board)):
            yield board
    else:
        async with serve_beside(socket_of(Path(where), CELL), NoDesk(), None, {}, board):
            yield board


@asynccontextmanager
async def read(where: str) -> AsyncIterator[Ring]:
    """The other process's end."""
    if where.startswith("redis"):
        ring = Ring()
        async with background(back=follow(where, CELL, ring)):
            yield ring
    else:
        async with open_beside(socket_of(Path(where), CELL), CELL) as beside:
            yield beside.notices


async def reader(where: str) -> None:
    """Prints how long each notice was on its way, in ms, once the last has come."""
    ways_ms: list[float] = []
    async with read(where) as ring:
        seq = 0
        while True:
            news = await ring.since(seq, wait_s=30)
            now = time.monotonic()
            seq = news.last
            ways_ms += [(now - one.body["at_s"]) * 1000 for one in news.notices if one.kind == About.OPERATOR]
            if any(one.id == END for one in news.notices):
                break
    print(json.dumps(ways_ms))


async def measured(where: str, rate: int) -> list[float]:
    """The ways of all notices at this rate, in ms; the reader is a process of its own."""
    async with told(where) as board:
        command = (sys.executable, "-m", "bench.notices", where)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        await asyncio.sleep(3.0)  # it is up
        began = time.monotonic()
        for n in range(int(rate * SECONDS)):
            await asyncio.sleep(max(0.0, began + n / rate - time.monotonic()))
            body = OPERATOR | {"at_s": time.monotonic()}
            board.publish(About.OPERATOR, str(100 + n % 50), body)
        board.publish(About.GATE, END, {})
        out, _ = await process.communicate()
    return [float(one) for one in json.loads(out)]


async def run(redis_url: str, console: Console) -> None:
    table = Table("way", "notices/s", "arrived", "p50 ms", "p99 ms", "longest ms", title="Event to reader")
    with tempfile.TemporaryDirectory() as folder:
        for name, where in (("socket", folder), ("Redis", redis_url)):
            for rate in RATES if where else ():
                ways = sorted(await measured(where, rate))
                figures = (percentile(ways, 0.5) or 0.0, percentile(ways, 0.99) or 0.0, ways[-1])
                table.add_row(name, str(rate), str(len(ways)), *(f"{one:.2f}" for one in figures))
    console.print(table)


if __name__ == "__main__":
    asyncio.run(reader(sys.argv[1]))
