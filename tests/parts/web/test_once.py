"""A POST with a key is done once: over a restart, over two processes, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from bench.lists.judge import InProcess
from dialer.adapters.files import lists
from dialer.adapters.secrets import new_token
from dialer.adapters.sql.open import open_stores
from dialer.background import background
from dialer.domain.campaign import Campaign
from dialer.domain.errors import EngineAway, StoreDown
from dialer.domain.types import CampaignId
from dialer.ports.stores import Stores
from dialer.settings import Settings
from dialer.web import once
from dialer.webtools import web_tools
from tests.web.world import Answer, FakeDesk, ask, served

NOW = datetime(2026, 2, 3, 10, tzinfo=UTC)
LIST = ("Телефон;ФИО\n" + "".join(f"+7911{n:07};Лид {n}\n" for n in range(120))).encode()
MADE = {"name": "spring"}


@dataclass
class Office:
    """Web processes on one database; each has a pool of its own."""

    url: str
    settings: Settings
    stack: AsyncExitStack
    at: datetime = NOW
    tokens: dict[str, str] = field(default_factory=dict)
    stores: Stores = field(init=False)

    def now(self) -> datetime:
        return self.at

    async def process(self, desk: FakeDesk | None = None) -> FastAPI:
        self.stores = await self.stack.enter_async_context(open_stores(self.url))
        tools = web_tools(self.settings, clock=self.now)
        return served(self.stores, tools, desk or FakeDesk())

    async def admit(self, role: str) -> str:
        text, digest = new_token()
        await self.stores.tokens.add(f"one-{len(self.tokens)}", role, sha256=digest, now=self.now())
        self.tokens[role] = text
        return text


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def office(url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        yield Office(url, Settings(data_dir=tmp_path / "data"), stack)


async def post(
    app: FastAPI, path: str, token: str, body: Any = None, key: str = "key 1", **more: Any
) -> Answer:
    headers = {"Idempotency-Key": key} | more.pop("headers", {})
    return await ask(app, "POST", path, token=token, body=body, headers=headers, **more)


def form(content: bytes, mark: str) -> tuple[bytes, Mapping[str, str]]:
    """As a client sends a file, with the mark that it has drawn."""
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    raw = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    return raw, {"Content-Type": f"multipart/form-data; boundary={mark}"}


def whole_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("test.db*"))


def is_replay(answer: Answer) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The readers of lists start no process of their own: it is not they who are tried."""
    monkeypatch.setattr(lists, "Outside", InProcess)


@pytest.mark.usefixtures("read_here")
async def test_twenty_times_two_uploads_at_once_are_taken_once(office: Office) -> None:
    one, other = await office.process(), await office.process()
    token = await office.admit("supervisor")
    for turn in range(20):
        made = await office.stores.campaigns.add(Campaign(CampaignId(0), f"list {turn}"))
        path = f"/v1/campaigns/{made.id}/imports"
        uploads = [form(LIST, f"mark-{turn}-{n}") for n in range(2)]
        answers = await asyncio.gather(
            *(
                post(app, path, token, key=f"upload {turn}", raw=raw, headers=headers)
                for app, (raw, headers) in zip((one, other), uploads, strict=True)
            )
        )
        first = next(answer for answer in answers if answer.status == 200 and not is_replay(answer))
        second = answers[1 - answers.index(first)]
        assert second.status == 409 or (is_replay(second) and second.body == first.body)
        assert (await office.stores.leads.count(made.id, office.now()))["new"] == 120
        assert [row["leads"] for row in await office.stores.leads.imports(made.id)] == [120]
        raw, headers = form(LIST, "a-third-mark")
        third = await post(other, path, token, key=f"upload {turn}", raw=raw, headers=headers)
        assert (third.status, third.body, is_replay(third)) == (200, first.body, True)


@pytest.mark.usefixtures("read_here")
async def test_twenty_times_two_uploads_at_once_without_a_key_make_each_lead_once(office: Office) -> None:
    one, other = await office.process(), await office.process()
    token = await office.admit("supervisor")
    for turn in range(20):
        made = await office.stores.campaigns.add(Campaign(CampaignId(0), f"list {turn}"))
        raw, headers = form(LIST, "mark")
        path = f"/v1/campaigns/{made.id}/imports"
        answers = await asyncio.gather(
            *(ask(app, "POST", path, token=token, raw=raw, headers=headers) for app in (one, other))
        )
        assert [answer.status for answer in answers] == [200, 200]
        assert sum(answer.json["leads"] for answer in answers) == 120
        assert sum(answer.json["duplicates"] for answer in answers) == 120
        assert (await office.stores.leads.count(made.id, office.now()))["new"] == 120


async def test_an_answer_holds_over_a_restart_for_a_day(office: Office) -> None:
    first = await office.process()
    token = await office.admit("admin")
    made = await post(first, "/v1/campaigns", token, MADE)
    assert (made.status, is_replay(made)) == (201, False)
    second = await office.process()
    for hours in (0, 23.9):
        office.at += timedelta(hours=hours)
        again = await post(second, "/v1/campaigns", token, MADE)
        assert (again.status, again.body, is_replay(again)) == (201, made.body, True)
        assert again.headers["content-type"] == made.headers["content-type"]
    office.at += timedelta(hours=0.2)
    anew = await post(second, "/v1/campaigns", token, MADE)
    assert (anew.status, anew.json["id"], is_replay(anew)) == (409, "conflict", False)  # the name is taken
    assert len(await office.stores.campaigns.all()) == 1


async def test_a_refusal_is_an_answer_too(office: Office) -> None:
    app = await office.process()
    token = await office.admit("admin")
    refused = await post(app, "/v1/campaigns", token, {"name": ""})
    again = await post(app, "/v1/campaigns", token, {"name": ""})
    assert (refused.status, again.status, again.body) == (422, 422, refused.body)
    assert is_replay(again)


async def test_one_key_for_two_requests_is_refused(office: Office) -> None:
    app = await office.process()
    token = await office.admit("admin")
    await post(app, "/v1/campaigns", token, MADE)
    for path, body in (("/v1/campaigns", {"name": "other"}), ("/v1/dnc", MADE), ("/v1/campaigns?x=1", MADE)):
        answer = await post(app, path, token, body)
        assert (answer.status, answer.json["id"]) == (422, "key-used")
        assert "use a new key" in answer.json["detail"]
    assert (await post(app, "/v1/campaigns", await office.admit("admin"), {"name": "other"})).status == 201


@pytest.mark.parametrize(
    ("key", "status"),
    [("k" * 255, 201), ("two words", 201), ("k" * 256, 422), ("ключ".encode().decode("latin-1"), 422),
     ("", 422), ("a\tb", 422)],
)  # fmt: skip
async def test_a_key_has_1_to_255_printable_characters(office: Office, key: str, status: int) -> None:
    app = await office.process()
    answer = await post(app, "/v1/campaigns", await office.admit("admin"), MADE, key=key)
    assert answer.status == status
    if status == 422:
        assert answer.json["errors"][0]["place"] == "header/Idempotency-Key"
        assert await office.stores.campaigns.all() == []


async def test_while_the_first_is_under_way_the_second_waits_and_a_dead_one_frees_the_key(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await office.process()
    token = await office.admit("admin")
    made = await post(app, "/v1/campaigns", token, MADE, key="other")
    reached, goes_on = asyncio.Event(), asyncio.Event()
    add = type(office.stores.numbers).block

    async def slow(*args: Any, **kwargs: Any) -> Any:
        reached.set()
        await goes_on.wait()
        return await add(*args, **kwargs)

    monkeypatch.setattr(type(office.stores.numbers), "block", slow)
    entry = {"entry": "+79110000001"}
    first = asyncio.create_task(post(app, "/v1/dnc", token, entry))
    await asyncio.wait_for(reached.wait(), 10)
    second = await post(await office.process(), "/v1/dnc", token, entry)
    assert (second.status, second.json["id"], second.headers["retry-after"]) == (409, "key-under-way", "2")
    first.cancel()  # as when the process is killed: it frees nothing
    await asyncio.wait({first})
    assert (await post(app, "/v1/dnc", token, entry)).status == 409
    office.at += timedelta(seconds=once.LEASE_S)
    goes_on.set()
    assert (await post(app, "/v1/dnc", token, entry)).status == 201
    assert made.status == 201


async def test_a_long_request_keeps_its_key(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "LEASE_S", 0.06)
    app = await office.process()
    token = await office.admit("admin")
    renewed, add = asyncio.Event(), type(office.stores.numbers).block
    renew = type(office.stores.requests).renew

    async def slow(*args: Any, **kwargs: Any) -> Any:
        await asyncio.wait_for(renewed.wait(), 10)
        return await add(*args, **kwargs)

    async def note(*args: Any, **kwargs: Any) -> bool:
        done = await renew(*args, **kwargs)
        renewed.set()
        return done

    monkeypatch.setattr(type(office.stores.numbers), "block", slow)
    monkeypatch.setattr(type(office.stores.requests), "renew", note)
    assert (await post(app, "/v1/dnc", token, {"entry": "+79110000001"})).status == 201


async def test_a_failure_of_the_service_is_not_kept(office: Office) -> None:
    desk = FakeDesk(fails=EngineAway("nobody is there"))
    app = await office.process(desk)
    token = await office.admit("admin")
    push = "/v1/operators/101/push"
    await post(app, "/v1/operators", token, {"id": "101", "name": "Anna"}, key="made")
    assert (await post(app, push, token)).status == 503
    desk.fails = RuntimeError("a mistake of ours")
    assert (await post(app, push, token)).status == 500
    desk.fails = None
    done = await post(app, push, token)
    assert (done.status, is_replay(done)) == (200, False)
    assert is_replay(await post(app, push, token))


async def test_a_database_that_cannot_keep_the_key_refuses_and_does_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await office.process()
    token = await office.admit("admin")

    async def away(*_: object, **__: object) -> None:
        raise StoreDown("the database does not answer")

    monkeypatch.setattr(type(office.stores.requests), "begin", away)
    assert (await post(app, "/v1/campaigns", token, MADE)).status == 503
    assert await office.stores.campaigns.all() == []
    monkeypatch.undo()
    monkeypatch.setattr(type(office.stores.requests), "answer", away)
    assert (await post(app, "/v1/campaigns", token, MADE)).status == 201


async def test_nobody_waits_while_old_answers_are_forgotten(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await office.process()
    token = await office.admit("admin")

    async def stuck(*_: object, **__: object) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(type(office.stores.requests), "forget", stuck)
    async with asyncio.timeout(10), background(requests=once.forget_old(office.stores.requests, office.now)):
        assert (await post(app, "/v1/campaigns", token, MADE)).status == 201


class Shelf:
    """Rows that are over; of the database's moods each turn takes the next one, the last stays."""

    def __init__(self, rows: int, *moods: Exception | None) -> None:
        self.rows, self.moods = rows, list(moods)
        self.turns: list[int] = []
        self.empty = asyncio.Event()

    async def forget(self, now: datetime, *, limit: int) -> int:
        if (mood := self.moods.pop(0) if self.moods else None) is not None:
            raise mood
        gone = min(self.rows, limit)
        self.rows -= gone
        self.turns.append(gone)
        if not self.rows:
            self.empty.set()
        return gone


async def test_old_answers_go_a_few_at_a_time_and_a_database_that_was_away_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("FORGET_AT_ONCE", 5), ("FORGET_TIMES", 3), ("FORGET_PAUSE_S", 0)):
        monkeypatch.setattr(once, name, value)
    monkeypatch.setattr(once, "FORGET_EVERY_S", 3600.0)
    full = Shelf(17)
    task = asyncio.create_task(once.forget_old(full, lambda: NOW))  # type: ignore[arg-type]  # no more of it is asked
    for _ in range(30):
        await asyncio.sleep(0)
    assert (full.turns, full.rows) == ([5, 5, 5], 2), "what is left waits for the next minute"
    task.cancel()
    monkeypatch.setattr(once, "FORGET_EVERY_S", 0.0)
    again = Shelf(7, StoreDown("away"), RuntimeError("a mistake of ours"))
    async with asyncio.timeout(10), background(requests=once.forget_old(again, lambda: NOW)):  # type: ignore[arg-type]  # as above
        await again.empty.wait()
    assert again.turns[:2] == [5, 2]


async def test_the_text_of_a_token_is_kept_nowhere(office: Office, url: str, tmp_path: Path) -> None:
    app = await office.process()
    token = await office.admit("admin")
    asked = {"name": "wall", "role": "viewer"}
    made = await post(app, "/v1/tokens", token, asked)
    assert made.status == 201
    again = await post(app, "/v1/tokens", token, asked)
    assert (again.status, again.json["id"], is_replay(again)) == (409, "shown-once", True)
    assert "'wall'" in again.json["detail"]
    assert made.json["token"] not in again.body.decode()
    async with asyncio.timeout(10):
        kept = await office.stores.requests.begin(
            next(row.id for row in await office.stores.tokens.all() if row.name == "one-0"), "key 1", "",
            holder="", now=office.now(), until_at=office.now(),
        )  # fmt: skip
    assert kept is not None
    assert made.json["token"].encode() not in kept.body
    if url.startswith("sqlite"):  # every byte of it
        everything = await asyncio.to_thread(whole_of, tmp_path)
        assert b"key 1" in everything
        assert made.json["token"].encode() not in everything


async def test_every_post_that_makes_something_takes_a_key(office: Office) -> None:
    app = await office.process()
    token = await office.admit("admin")
    await post(app, "/v1/campaigns", token, MADE, key="campaign")
    lead = {"numbers": ["+79110000001"]}
    made: list[tuple[str, Any]] = [
        ("/v1/trunks", {"id": "main", "host": "192.0.2.1"}),
        ("/v1/operators", {"id": "101", "name": "Anna"}),
        ("/v1/dnc", {"entry": "+79110000009"}),
        ("/v1/campaigns/1/leads", [lead]),
        ("/v1/campaigns/1/leads/work", {"act": "exclude", "whole_list": True}),
        ("/v1/leads/1/exclude", None),
        ("/v1/trunks/main/test", {"number": "+79110000002"}),
        ("/v1/campaigns/1/pause", None),
    ]
    for path, body in made:
        first = await post(app, path, token, body, key=path)
        again = await post(app, path, token, body, key=path)
        assert (again.status, again.body, is_replay(again)) == (first.status, first.body, True), path
        assert not is_replay(first)
    described = app.openapi()["paths"]
    posts = [told["post"] for told in described.values() if "post" in told]
    assert all("Idempotency-Key" in {one["name"] for one in told["parameters"]} for told in posts)


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


@pytest.mark.parametrize("size", [1, 3, 7, 64, 10_000])
def test_the_mark_of_a_form_does_not_count_however_it_is_cut(size: int) -> None:
    from dialer.web.bodies import without  # noqa: PLC0415  beside its only test

    heard: list[bytes] = []
    tell: Callable[[bytes], None] = heard.append
    note = without(b"--mark", tell)
    content = b"--markone--mark--mar" + b"x" * 500 + b"--mark"
    for piece in pieces(content, size):
        note(piece)
    note(None)
    assert b"".join(heard) == content.replace(b"--mark", b"")
