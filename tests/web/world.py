"""A whole API on stores in memory, with a desk that remembers what it was told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from dialer.adapters.calendars import check_calendar, holiday_of
from dialer.adapters.files.workbook import workbook
from dialer.adapters.languages import speaker_for
from dialer.adapters.listening import finished, listened
from dialer.adapters.memory import memory_stores
from dialer.adapters.memory.live import MemoryLive
from dialer.adapters.memory.notices import Ring
from dialer.adapters.numbering import check_prefixes, checker
from dialer.adapters.phones import dnc_entry
from dialer.adapters.prometheus import Metrics
from dialer.adapters.secrets import new_token
from dialer.domain import listing
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr, Closing
from dialer.domain.columns import Columns, Field, ReadOptions
from dialer.domain.dialable import DialRules
from dialer.domain.errors import BadValue
from dialer.domain.export import Taken
from dialer.domain.intake import Preview
from dialer.domain.lead import Lead
from dialer.domain.listing import Entry, Phones, Reading, read
from dialer.domain.operators import Account
from dialer.domain.tables import Row
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    Alerting,
    CallId,
    CampaignId,
    CellId,
    Direction,
    EndedBy,
    LeadId,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)
from dialer.office.imports import OpenList
from dialer.office.records import RecordingMeans
from dialer.ports.between import Check, Command
from dialer.ports.stores import Stores
from dialer.web.app import build_app
from dialer.web.parts import Tools
from dialer.webtools import read_barred

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
CELL = CellId("main")
ROLES = ("viewer", "operator:101", "supervisor", "admin")


@dataclass
class FakeDesk:
    """Answers every command; `fails` is raised instead. The same key is done once."""

    told: list[Command] = field(default_factory=list)
    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    fails: Exception | None = None
    set_aside: dict[str, str] = field(default_factory=dict)

    async def do(self, command: Command) -> Mapping[str, Any]:
        if self.fails is not None:
            raise self.fails
        if (known := self.answers.get(command.verb) or self._known(command.verb)) is not None:
            return known
        if command.key and command.key in self.answers:
            return self.answers[command.key]
        self.told.append(command)
        answer: Mapping[str, Any] = {"verb": command.verb, "at": NOW, "number": len(self.told)}
        if command.verb == "stop":
            answer = {"given_up": 2, "ended": int(command.args.get("talks") == "end"), "go_on": 1}
        self.answers[command.key] = answer
        return answer

    def _known(self, verb: str) -> Mapping[str, Any] | None:
        """What a cell is asked, and not told, in the form in which it answers."""
        if verb == "faults":
            return {"faults": self.set_aside}
        if verb == "decisions":
            one = {
                "campaign": 1,
                "at": NOW.isoformat(),
                "reason": "1 free operator, 1 call",
                "forecast": None,
            }
            return {"decisions": [one]}
        opens_at = (NOW + timedelta(hours=1)).isoformat()
        if verb == "why":
            said = {"is_open": False, "value": "it is closed", "opens_at": opens_at, "act": "waiting"}
            reasons = [{"name": "hours", **said}]
            return {"at": NOW.isoformat(), "campaign": 1, "summary": "it is closed", "reasons": reasons}
        if verb != "explain":
            return None
        gates = [
            {"name": "status", "is_open": False, "value": "the campaign is a draft", "opens_at": None},
            {"name": "hours", "is_open": False, "value": "closed in all zones", "opens_at": opens_at},
        ]
        summary = "nothing is dialled: it is a draft"
        return {"at": NOW.isoformat(), "gates": gates, "held_back": [("hours", 3)], "summary": summary}


def phones_in(cell: str) -> Phones:
    return Phones((PhoneNumber(cell),)) if cell.startswith("+7916") else Phones((), ((cell, "no number"),))


def in_moscow(number: PhoneNumber) -> tuple[str, ...]:
    return ("Europe/Moscow",)


@dataclass
class Numbers:
    """A list with a number in each line, which is read right here."""

    lines: Sequence[str]
    columns: Columns = field(default_factory=lambda: Columns(("tel",), (Field.PHONE,)))
    reading: Reading = field(default_factory=lambda: Reading(phones_in, in_moscow, lambda text, numbers: ()))

    def preview(self) -> Preview:
        return Preview("CSV", True, {"tel": Field.PHONE}, self._read()[:10], len(self.lines))

    async def entries(self) -> AsyncIterator[Sequence[Entry]]:
        yield self._read()

    def _read(self) -> list[Entry]:
        rows = (Row(line, [text]) for line, text in enumerate(self.lines, 2))
        return list(read(rows, self.columns, self.reading, listing.Taken()))


@dataclass
class Outside:
    """What the tools did."""

    messages: dict[str, bytes] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    imports: list[tuple[str, int]] = field(default_factory=list)
    options: list[ReadOptions] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)

    def upload(self, name: str, file: IO[bytes]) -> OpenList:
        async def open_list(campaign: Campaign, trunks: Sequence[Trunk], options: ReadOptions) -> Numbers:
            content = file.read()
            self.imports.append((name, len(content)))
            self.options.append(options)
            try:
                return Numbers(content.decode().splitlines()[1:])
            except UnicodeDecodeError:
                raise BadValue("body/file: neither UTF-8 nor cp1251") from None

        return open_list

    async def keep_message(self, name: str, wav: bytes) -> float:
        if len(wav) < 100:
            raise BadValue("body/file: the WAV has no sound in it")
        self.messages[name] = wav
        return 2.5

    async def keep_secret(self, name: str, secret: str) -> str:
        self.secrets[name] = secret
        return f"/secrets/{name}"

    async def hash_pin(self, pin: str) -> str:
        return f"hash-of-{len(pin)}"


@dataclass
class World:
    app: FastAPI
    stores: Stores
    live: MemoryLive
    desk: FakeDesk
    notices: Ring
    outside: Outside
    metrics: Metrics
    tokens: dict[str, str]
    checks: list[Check]


async def build_world(*, hosts: Sequence[str] = (), recordings: Path = Path("/nowhere")) -> World:
    """Two operators, a trunk, a campaign with three leads, two records."""
    stores, live, desk, outside = memory_stores(lambda: NOW), MemoryLive(), FakeDesk(), Outside()
    metrics, ring = Metrics(version="0.1.0", cell=CELL, started_at=NOW), Ring(1000)
    checks = [Check("link", True), Check("database", True)]

    tools = Tools(
        upload=outside.upload,
        read_barred=partial(read_barred, country="RU", zone=UTC, clock=lambda: NOW),
        keep_message=outside.keep_message,
        keep_secret=outside.keep_secret,
        hash_pin=outside.hash_pin,
        check_number=checker(DialRules(frozenset({"RU"}))),
        check_calendar=check_calendar,
        holiday_of=holiday_of,
        check_prefixes=lambda prefixes: check_prefixes(prefixes, DialRules(frozenset({"RU"}))),
        dnc_entry=lambda text: dnc_entry(text, "RU"),
        zones_of=lambda number: ("Europe/Moscow",),
        zone_of=ZoneInfo,
        new_token=new_token,
        recordings=RecordingMeans(partial(finished, recordings), listened),
        workbook=workbook,
        exported=outside.taken.append,
        clock=lambda: NOW,
        zone=ZoneInfo("Europe/Moscow"),
        speak=speaker_for,
    )
    app = served(stores, tools, desk, live=live, ring=ring, metrics=metrics, checks=checks, hosts=hosts)
    await _fill(stores)
    tokens = {}
    for role in ROLES:
        tokens[role.partition(":")[0]], digest = new_token()
        await stores.tokens.add(role.replace(":", "-"), role, sha256=digest, now=NOW)
    return World(app, stores, live, desk, ring, outside, metrics, tokens, checks)


def served(
    stores: Stores,
    tools: Tools,
    desk: FakeDesk,
    *,
    live: MemoryLive | None = None,
    ring: Ring | None = None,
    metrics: Metrics | None = None,
    checks: Sequence[Check] = (),
    hosts: Sequence[str] = (),
) -> FastAPI:
    """The API on these stores."""
    metrics = metrics or Metrics(version="0.1.0", cell=CELL, started_at=NOW)

    async def health() -> Sequence[Check]:
        return checks

    return build_app(
        stores=stores,
        live=live or MemoryLive(),
        desk=desk,
        notices=ring or Ring(1000),
        tools=tools,
        health=health,
        metrics_page=partial(asyncio.to_thread, metrics.page),
        answered=metrics.answered,
        version="0.1.0",
        cell=CELL,
        hosts=hosts,
    )


async def _fill(stores: Stores) -> None:
    await stores.trunks.add(Trunk(TrunkId("main"), "192.0.2.1", password_file="/secrets/trunk-main"))
    for one in ("101", "102"):
        await stores.accounts.add(Account(OperatorId(one), f"Operator {one}", pin_hash="hash"))
    campaign = await stores.campaigns.add(
        Campaign(CampaignId(0), "spring", operators=frozenset({OperatorId("101")}), trunks=(TrunkId("main"),))
    )
    numbers = [PhoneNumber(f"+7916000000{n}") for n in range(3)]
    leads = [Lead(LeadId(0), campaign.id, (number,), name="=Иван") for number in numbers]
    await stores.leads.import_list(campaign.id, "spring.csv", leads, now=NOW)
    await stores.ledger.close([Closing(record(n, campaign.id), None, CallId(f"c-{n}")) for n in range(2)])


def record(n: int, campaign: CampaignId) -> Cdr:
    """The n-th record: a talk of 30 s."""
    at = NOW + timedelta(minutes=n)
    return Cdr(
        id=CallId(f"c-{n}"), cell=CELL, campaign=campaign, lead=LeadId(n + 1), direction=Direction.OUT,
        number=PhoneNumber(f"+7916000000{n}"), trunk=TrunkId("main"), attempt_no=1, dialled_at=at,
        ring_at=at + timedelta(seconds=1), answer_at=at + timedelta(seconds=5),
        bridge_at=at + timedelta(seconds=5, milliseconds=3), message_at=None,
        end_at=at + timedelta(seconds=35), setup_s=1.0, ring_s=4.0, wait_s=0.003, talk_s=30.0,
        outcome=Outcome.CONNECTED, alerting=Alerting.RINGING, cause=16, sip_code=None,
        ended_by=EndedBy.PERSON, operator=OperatorId("101"), reason="=cmd|' /C calc'!A0",
    )  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(
    app: FastAPI,
    method: str,
    path: str,
    *,
    token: str = "",
    body: Any = None,
    raw: bytes | Sequence[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    query: bytes = b"",
) -> Answer:
    """One request, in process: `body` is sent as JSON, `raw` as it is, in chunks if it is a list."""
    sent = {"content-type": "application/json"} if body is not None or raw is not None else {}
    sent |= {"authorization": f"Bearer {token}"} if token else {}
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    content = json.dumps(body).encode() if raw is None and body is not None else raw or b""
    chunks = [content] if isinstance(content, bytes) else list(content)
    if isinstance(content, bytes):
        sent.setdefault("content-length", str(len(content)))
    path, _, inline = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query or inline.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    started: dict[str, Any] = {}
    received: list[bytes] = []

    async def receive() -> dict[str, Any]:
        if not chunks:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            received.append(message.get("body", b""))

    await app(scope, receive, send)
    named = {name.decode().lower(): value.decode("latin-1") for name, value in started["headers"]}
    return Answer(started["status"], named, b"".join(received))
