"""What pages and imports cost the calls: answer to bridge alone and beside them: `python -m bench weight`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

from bench.figures import Load, Probe, percentile
from bench.sides import Product
from bench.stage import open_stage, operators_for
from dialer.domain.campaign import Campaign
from dialer.domain.types import CampaignId
from dialer.storage import open_database

RATE, SECONDS, TURNS = 20, 20.0, 4
ROWS, VIEWERS = 50_000, 20

# Other people at work: one imports, the others look at the floor once a second and now and then at a week.
PEOPLE = """
import asyncio, json, sys, time
import aiohttp
url, token, campaign, rows, viewers = json.loads(sys.stdin.readline())
week = "since_at=2026-01-05T00:00:00Z&until_at=2026-01-12T00:00:00Z"
floor = ("/v1/operators", "/v1/calls?limit=200", "/v1/tallies", "/v1/campaigns")
took, failed = [], []
async def look(http, path):
    began = time.monotonic()
    async with http.get(path) as answer:
        await answer.read()
        if answer.status >= 400: failed.append(f"{path}: {answer.status}")
    took.append(time.monotonic() - began)
async def view(http, n):
    await asyncio.sleep(n / viewers)
    while True:
        for path in floor: await look(http, path)
        if n == 0: await look(http, f"/v1/hours?{week}"); await look(http, f"/v1/tallies/recorded?{week}")
        await asyncio.sleep(1)
async def bring(http):
    first = 0
    while True:
        lines = "".join(f"8903{first + n:07};name {n};company {n}\\n" for n in range(rows))
        form = aiohttp.FormData()
        form.add_field("file", ("phone;name;company\\n" + lines).encode(), filename="list.csv")
        began = time.monotonic()
        async with http.post(f"/v1/campaigns/{campaign}/imports", data=form) as answer:
            text = await answer.text()
            if answer.status >= 400: failed.append(f"import: {answer.status} {text[:200]}")
        print(json.dumps({"import_s": time.monotonic() - began}), flush=True)
        first += rows
async def main():
    timeout = aiohttp.ClientTimeout(total=120)
    headers = {"Authorization": "Bearer " + token}
    async with aiohttp.ClientSession(url, headers=headers, timeout=timeout) as http:
        work = [asyncio.create_task(each) for each in (bring(http), *(view(http, n) for n in range(viewers)))]
        await asyncio.to_thread(sys.stdin.readline)
        for each in work: each.cancel()
        await asyncio.wait(work)
    took.sort()
    p99_s = took[int(0.99 * len(took))] if took else 0
    print(json.dumps({"looks": len(took), "p99_s": p99_s, "failed": failed[:3]}))
asyncio.run(main())
"""


@dataclass(slots=True)
class Weight:
    """Answer to bridge at the 99th percentile, ms, turn by turn: alone, and beside people at work."""

    alone_ms: list[float] = field(default_factory=list)
    beside_ms: list[float] = field(default_factory=list)
    imports_s: list[float] = field(default_factory=list)
    looks_p99_s: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.beside_ms) / median(self.alone_ms)

    def line(self) -> str:
        alone, beside = median(self.alone_ms), median(self.beside_ms)
        whole = f"{median(self.imports_s):.1f} s" if self.imports_s else "not once done"
        return (
            f"answer to bridge p99 {alone:.1f} ms alone, {beside:.1f} ms beside an import of {ROWS:,} rows"
            f" and {VIEWERS} viewers: {self.ratio:.2f} times; an import took {whole},"
            f" a page p99 {median(self.looks_p99_s):.2f} s"
        )


async def measure(say: Callable[[str], None]) -> Weight:
    """In turns, so that what drifts hits both alike; without sound."""
    found = Weight()
    async with open_stage(operators_for(RATE), media=False, tone=False, say=say) as stage:
        async with open_database(stage.settings) as stores:
            other = (await stores.campaigns.add(Campaign(CampaignId(0), "other"))).id
        async with Product(stage) as product:
            await product.probe(Load(RATE, 5.0))  # the first calls load what is loaded once
            for turn in range(TURNS):
                for is_beside in (False, True) if turn % 2 == 0 else (True, False):
                    if is_beside:
                        async with _people(product, int(other), found):
                            probe = await product.probe(Load(RATE, SECONDS))
                    else:
                        probe = await product.probe(Load(RATE, SECONDS))
                    p99_ms = percentile(probe.waits_ms, 0.99) or 0.0
                    (found.beside_ms if is_beside else found.alone_ms).append(p99_ms)
                    say(_told(probe, p99_ms, is_beside=is_beside))
    return found


def _told(probe: Probe, p99_ms: float, *, is_beside: bool) -> str:
    where = "beside people at work" if is_beside else "alone"
    half_ms = percentile(probe.waits_ms, 0.5) or 0.0
    return (
        f"{where}: {probe.rate:.1f}/s, {probe.flaw or 'held'}; answer to bridge {half_ms:.1f} / {p99_ms:.1f}"
        f" ms; CPU per call {probe.cpu_ms:.1f} ms, of the web {probe.web_cpu_ms:.1f} ms"
    )


@asynccontextmanager
async def _people(product: Product, campaign: int, found: Weight) -> AsyncIterator[None]:
    """They begin, and have ended when this is left."""
    people = await asyncio.create_subprocess_exec(
        "nice", "-n", "19", sys.executable, "-c", PEOPLE, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert people.stdin is not None
    order = [product.url, product.token, campaign, ROWS, VIEWERS]
    people.stdin.write(json.dumps(order).encode() + b"\n")
    try:
        await people.stdin.drain()
        yield
    finally:
        out, _ = await people.communicate(b"\n")
        for answer in map(json.loads, out.splitlines()):
            if "import_s" in answer:
                found.imports_s.append(answer["import_s"])
            else:
                found.looks_p99_s.append(answer["p99_s"])
                assert not answer["failed"], answer["failed"]
