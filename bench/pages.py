"""How long what is asked of the web holds the loop on which calls live: `python -m bench pages`."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import aiohttp

from bench.samples import a_closing
from dialer.adapters.secrets import new_token, write_secret
from dialer.bootstrap import serve
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.dnc import Entry
from dialer.domain.lead import Lead
from dialer.domain.operators import Account, State, StateChange
from dialer.domain.types import CallId, CampaignId, CampaignStatus, LeadId, OperatorId, PhoneNumber
from dialer.keeper.store import AGI, ENGINE
from dialer.ports.stores import Stores
from dialer.settings import Settings
from dialer.storage import open_database

LEADS, CHANGES, RECORDS, BARRED, OPERATORS, CAMPAIGNS = 1_000_000, 500_000, 20_000, 300_000, 200, 20
ROUNDS = 5
START_S = 60.0
STATES = (State.READY, State.RESERVED, State.TALKING, State.WRAP_UP)
# what an engine does all the time: one small exchange over a socket, waited for by the loop
EVERY_S = 0.002


@dataclass(frozen=True, slots=True)
class Held:
    """One request: how long its answer took, and the worst exchange on the loop of calls meanwhile."""

    what: str
    answer_ms: float
    kilobytes: float
    held_ms: float

    def line(self) -> str:
        answer = f"answer {self.answer_ms:.0f} ms, {self.kilobytes:.0f} kB"
        return f"{self.what}: {answer}, the loop of calls held {self.held_ms:.1f} ms"


async def measure(say: Callable[[str], None], leads: int = LEADS) -> list[Held]:
    """A service with its engine (no Asterisk) and long tables; the requests come from another process."""
    with tempfile.TemporaryDirectory(prefix="obzvon-bench-") as folder:
        data = Path(folder)
        write_secret(data / "ari", "bench-only")
        settings = Settings(
            data_dir=data,
            ari_password_file=data / "ari",
            ari_port=_free_port(),
            engine_health_port=0,
            agi_port=0,
            ami_port=0,
            api_port=_free_port(),
            log_level="error",
        )
        say(f"{leads:,} leads, {CHANGES:,} changes of state, {RECORDS:,} records are put into SQLite")
        async with open_database(settings) as stores:
            token = await _fill(stores, leads)
        found = []
        async with _served(settings):
            for what, method, path, body in _asked():
                held = await _ask(settings.api_port, token, what, method, path, body)
                say(held.line())
                found.append(held)
        return found


def _asked() -> Iterator[tuple[str, str, str, object]]:
    week = "since_at=2026-01-05T00:00:00Z&until_at=2026-01-12T00:00:00Z"
    yield "nothing", "GET", "/healthz", None
    yield "one lead added", "POST", "/v1/campaigns/1/leads", [{"numbers": ["+74950000000"]}]
    yield "a page of 1,000 leads", "GET", "/v1/campaigns/1/leads?limit=1000", None
    yield "leads by number", "GET", "/v1/campaigns/1/leads?number=%2B7916&limit=1000", None
    yield "hours of a week", "GET", f"/v1/hours?{week}", None
    yield "a page of 1,000 changes", "GET", f"/v1/state-changes?{week}&limit=1000&after=400000", None
    yield "a page of 1,000 records", "GET", "/v1/cdrs?limit=1000", None
    yield "sums of a week", "GET", f"/v1/tallies/recorded?{week}", None
    yield "a page of 1,000 barred numbers", "GET", "/v1/dnc?limit=1000", None
    yield (
        "a page of 100 of a source, far down",
        "GET",
        "/v1/dnc?source=register&after=%2B79210250000:0:",
        None,
    )
    yield "whether a number is barred", "GET", "/v1/dnc/check?number=%2B79210123456", None
    yield "sources of barred numbers", "GET", "/v1/dnc/sources", None
    yield "20,000 records as a workbook", "GET", "/v1/cdrs.csv?format=xlsx", None
    yield "300,000 barred numbers as a workbook", "GET", "/v1/dnc.csv?format=xlsx", None
    yield "metrics", "GET", "/metrics", None
    yield "the API's description", "GET", "/v1/openapi.json", None
    yield "a list of 20,000 rows, dry run", "POST", "/v1/campaigns/2/imports?dry_run=true", 20_000
    yield "a list of 20,000 rows", "POST", "/v1/campaigns/2/imports", 20_000


CLIENT = """
import http.client, json, sys, time
port, token, method, path, rounds, body = json.loads(sys.stdin.read())
headers = {"Authorization": "Bearer " + token}
if isinstance(body, int):
    rows = "".join(f"8916{n:07};name {n};company {n}\\n" for n in range(body))
    sign = "bench-sign"
    part = 'Content-Disposition: form-data; name="file"; filename="list.csv"'
    content = f"--{sign}\\r\\n{part}\\r\\n\\r\\nphone;name;company\\n{rows}\\r\\n--{sign}--\\r\\n".encode()
    headers["Content-Type"] = f"multipart/form-data; boundary={sign}"
    rounds = 1
else:
    content = None if body is None else json.dumps(body).encode()
    if content: headers["Content-Type"] = "application/json"
if "xlsx" in path: rounds = 1
took, size = [], 0
for n in range(rounds):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    began = time.monotonic()
    connection.request(method, path, content, headers)
    answer = connection.getresponse()
    text = answer.read()
    took.append(time.monotonic() - began)
    size = len(text)
    if answer.status >= 400: sys.exit(f"{method} {path}: {answer.status} {text[:300]}")
print(json.dumps([sorted(took)[len(took) // 2], size]))
"""


async def _ask(port: int, token: str, what: str, method: str, path: str, body: object) -> Held:
    asked = json.dumps([port, token, method, path, ROUNDS, body]).encode()
    watching = asyncio.create_task(_worst_exchange())
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    told, _ = await client.communicate(asked)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    took_s, size = json.loads(told)
    return Held(what, took_s * 1000, size / 1000, WORST.pop() * 1000)


WORST: list[float] = []


async def _worst_exchange() -> None:
    """Seconds beyond its due that the slowest of many exchanges over a socket took."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    worst = 0.0
    try:
        while True:
            due = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            for _ in range(3):  # three requests of a call
                await loop.sock_sendall(ours, b"x" * 200)
                await loop.sock_recv(theirs, 4096)
            worst = max(worst, loop.time() - due)
    finally:
        WORST.append(worst)
        ours.close()
        theirs.close()


@asynccontextmanager
async def _served(settings: Settings) -> AsyncIterator[None]:
    """The engine in this process, the web in one of its own beside it, as `dialer run` has them."""
    stop, up = asyncio.Event(), asyncio.Event()
    parts = frozenset({ENGINE, AGI})
    engine = serve(settings, only=parts, stop=stop, hurry=stop, ready=lambda address: up.set())
    serving = asyncio.create_task(engine)
    waiting = asyncio.create_task(up.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if serving.done():
        serving.result()
    names = ("data_dir", "ari_password_file", "api_port", "log_level")
    told = {f"DIALER_{name.upper()}": str(getattr(settings, name)) for name in names}
    web = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dialer.cli", "run", "--only=web"),
        env={**os.environ, **told},
        stderr=subprocess.DEVNULL,
    )
    try:
        await _until_it_answers(settings.api_port)
        yield
    finally:
        web.terminate()
        await web.wait()
        stop.set()
        await serving


async def _until_it_answers(port: int) -> None:
    async with asyncio.timeout(START_S), aiohttp.ClientSession() as http:
        while True:
            with suppress(aiohttp.ClientError):
                async with http.get(f"http://127.0.0.1:{port}/healthz"):
                    return
            await asyncio.sleep(0.1)


async def _fill(stores: Stores, leads: int) -> str:
    began_at = datetime(2026, 1, 5, tzinfo=UTC)
    for n in range(OPERATORS):
        await stores.accounts.add(Account(OperatorId(str(1000 + n)), f"operator {n}"))
    team = frozenset(OperatorId(str(1000 + n)) for n in range(OPERATORS))
    for n in range(CAMPAIGNS):
        campaign = Campaign(CampaignId(0), f"campaign {n}", operators=team)
        kept = await stores.campaigns.add(campaign)
        await stores.campaigns.set_status(kept.id, CampaignStatus.RUNNING)
    await stores.leads.import_list(CampaignId(1), "bench.csv", _leads(leads), now=began_at)
    changes = _changes(began_at)
    while some := list(islice(changes, 10_000)):
        await stores.ledger.log(some)
    known = await stores.leads.find(CampaignId(1), limit=1000)
    for first in range(0, RECORDS, 1000):
        its = [_record(first + n, lead, began_at) for n, lead in enumerate(known)]
        await stores.ledger.close(its)
    text, sha256 = new_token()
    await stores.tokens.add("bench", "admin", sha256=sha256, now=began_at)
    for first in range(0, BARRED, 1000):
        entries = [f"+7921{n:07}" for n in range(first, first + 1000)]
        await stores.numbers.block_all(entries, Entry("", None, "asked", began_at, "register"))
    return text


def _record(n: int, lead: Lead, at: datetime) -> Closing:
    closing = a_closing(lead)
    assert closing.cdr is not None
    name = CallId(f"c-bench-{n:07}")
    return replace(closing, call=name, lead=None, cdr=replace(closing.cdr, id=name, dialled_at=at))


def _leads(count: int) -> Iterator[Lead]:
    for n in range(count):
        number = PhoneNumber(f"+7916{n:07}")
        yield Lead(LeadId(0), CampaignId(0), (number,), name=f"name {n}", company=f"company {n}")


def _changes(began_at: datetime) -> Iterator[StateChange]:
    step = timedelta(days=7) / (CHANGES // OPERATORS + 1)
    for n in range(CHANGES // OPERATORS):
        for operator in range(OPERATORS):
            was, became = STATES[n % 4], STATES[(n + 1) % 4]
            at = began_at + n * step + timedelta(milliseconds=operator)
            yield StateChange(OperatorId(str(1000 + operator)), was, became, "", at)


def _free_port() -> int:
    with socket.socket() as drawn:
        drawn.bind(("127.0.0.1", 0))
        return int(drawn.getsockname()[1])
