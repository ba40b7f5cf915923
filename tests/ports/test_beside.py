"""The engine and a process beside it, over a socket that is a file: either may freeze, die and come back."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dialer.adapters.local import wire
from dialer.adapters.local.live import SharedLive
from dialer.adapters.local.wire import Beside, open_beside, serve_beside, socket_of
from dialer.domain.call import Call
from dialer.domain.errors import EngineAway, Fatal, ObzvonError, StoreDown, TimedOut
from dialer.domain.operators import Operator
from dialer.domain.types import CallId, CampaignId, CellId, LeadId, OperatorId, PhoneNumber, TrunkId
from dialer.ports.between import Command
from tests.ports.made import AT

MAIN = CellId("main")
ANN = Operator(OperatorId("101"), "Анна", since_at=AT)
CALL = Call(
    CallId("c-1"), CampaignId(1), LeadId(2), PhoneNumber("+79161234567"), TrunkId("main"), dialled_at=AT
)
READY = Command("ready", "operator:101")


class Shows:
    """A desk whose commands change what is shown."""

    def __init__(self, live: SharedLive) -> None:
        self.live = live
        self.done: list[str] = []

    async def do(self, command: Command) -> Mapping[str, Any]:
        self.done.append(command.verb)
        await self.live.put_operator(MAIN, replace(ANN, reason=command.verb))
        return {}


async def seen(beside: Beside) -> Beside:
    """Once the engine is there."""
    async with asyncio.timeout(10):
        while not beside.live.is_whole:  # noqa: ASYNC110  of another process, in the end
            await asyncio.sleep(0.01)
    return beside


@asynccontextmanager
async def engine(folder: Path, live: SharedLive, **asks: Any) -> AsyncIterator[Shows]:
    desk = Shows(live)
    async with serve_beside(socket_of(folder, MAIN), desk, live, asks):
        yield desk


@asynccontextmanager
async def web(folder: Path, *, timeout_s: float = 5.0) -> AsyncIterator[Beside]:
    async with open_beside(socket_of(folder, MAIN), MAIN, timeout_s=timeout_s) as beside:
        yield beside


async def test_who_comes_late_sees_everything_and_then_each_change(tmp_path: Path) -> None:
    live = SharedLive()
    calls = [replace(CALL, id=CallId(f"c-{n}")) for n in range(500)]  # more than one message
    for call in calls:
        await live.put_call(MAIN, call)
    async with engine(tmp_path, live) as desk, web(tmp_path) as first, web(tmp_path) as second:
        for beside in (await seen(first), await seen(second)):
            assert len(await beside.live.calls()) == 500
        await desk.live.drop_call(MAIN, CallId("c-7"))
        await first.do(READY)
        await second.do(READY)
        for beside in (first, second):
            assert CallId("c-7") not in {call.id for call in await beside.live.calls()}
            assert [one.reason for one in await beside.live.operators()] == ["ready"]


async def test_who_asked_sees_at_once_what_was_changed_by_it(tmp_path: Path) -> None:
    async with engine(tmp_path, SharedLive()), web(tmp_path) as beside:
        await seen(beside)
        for n in range(50):
            await beside.do(Command(f"verb_{chr(97 + n % 26)}", "operator:101"))
            assert [one.reason for one in await beside.live.operators()] == [f"verb_{chr(97 + n % 26)}"]


async def test_without_the_engine_old_state_is_not_shown_and_with_the_next_one_all_is_new(
    tmp_path: Path,
) -> None:
    live = SharedLive()
    await live.put_operator(MAIN, ANN)
    async with web(tmp_path) as beside:
        for _ in range(2):
            with pytest.raises(StoreDown, match="no engine of the cell main is running"):
                await beside.live.operators()
            with pytest.raises(StoreDown):
                await beside.ask("health")
            async with engine(tmp_path, live):
                assert await (await seen(beside)).live.operators() == [ANN]
            async with asyncio.timeout(5):
                while beside.live.is_whole:  # noqa: ASYNC110  as above
                    await asyncio.sleep(0.01)
        async with engine(tmp_path, SharedLive()):
            assert await (await seen(beside)).live.operators() == []


async def test_an_answer_that_is_cut_off_may_have_been_done_and_is_told_so(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def never() -> None:
        asked.set()
        await asyncio.sleep(3600)

    async with web(tmp_path, timeout_s=30.0) as beside:
        async with engine(tmp_path, SharedLive(), never=never):
            asking = asyncio.create_task((await seen(beside)).ask("never"))
            await asked.wait()
        with pytest.raises(TimedOut, match="look whether it has done what was asked"):
            await asyncio.wait_for(asking, 5)


async def test_what_a_frozen_engine_finds_too_late_is_not_done(tmp_path: Path) -> None:
    live = SharedLive()
    async with engine(tmp_path, live) as desk, aiohttp_socket(tmp_path) as link:
        await link.send_json({"id": 1, "until_s": 1.0, "do": {"verb": "late", "target": "operator:101"}})
        soon = {"verb": "soon", "target": "operator:101"}
        await link.send_json({"id": 2, "until_s": 9e12, "do": soon})
        async with asyncio.timeout(5):
            while (await link.receive_json()).get("id") != 2:
                pass
        assert desk.done == ["soon"]


async def test_who_waited_for_the_processor_himself_does_not_take_it_for_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "LOOK_S", 0.02)
    async with engine(tmp_path, SharedLive()) as desk, web(tmp_path) as beside:
        await seen(beside)
        lives = [task for task in asyncio.all_tasks() if task.get_name() == "beside-look"]
        for _ in range(3):
            time.sleep(30 * wire.LOOK_S)  # noqa: ASYNC251  neither end of the wire gets a turn
            await asyncio.sleep(3 * wire.LOOK_S)
            await beside.do(READY)
        assert len(desk.done) == 3
        assert not any(task.done() for task in lives)


async def test_a_web_that_has_no_time_is_not_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "LOOK_S", 0.02)
    async with engine(tmp_path, SharedLive()) as desk, aiohttp_socket(tmp_path) as link:
        await asyncio.sleep(50 * wire.LOOK_S)  # it hears nothing and answers nothing meanwhile
        await link.send_json({"id": 1, "until_s": 9e12, "do": {"verb": "now", "target": "operator:101"}})
        async with asyncio.timeout(5):
            while (await link.receive_json()).get("id") != 1:
                pass
        assert desk.done == ["now"]


async def test_a_frozen_engine_is_given_up_and_found_again_when_it_thaws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "LOOK_S", 0.02)
    async with engine_that_freezes(tmp_path) as freeze, web(tmp_path) as beside:
        await seen(beside)
        freeze(signal.SIGSTOP)
        async with asyncio.timeout(5):
            while beside.live.is_whole:  # noqa: ASYNC110  another process
                await asyncio.sleep(0.01)
        with pytest.raises(EngineAway, match="no engine of the cell main is running"):
            await beside.live.operators()
        freeze(signal.SIGCONT)
        await seen(beside)


ENGINE = """
import asyncio, sys
from pathlib import Path
from dialer.adapters.local import wire
from dialer.adapters.local.live import SharedLive
from dialer.adapters.local.wire import serve_beside
async def main():
    async with serve_beside(Path(sys.argv[1]), None, SharedLive(), {}):
        await asyncio.Event().wait()
asyncio.run(main())
"""


@asynccontextmanager
async def engine_that_freezes(folder: Path) -> AsyncIterator[Callable[[signal.Signals], None]]:
    """A process with the engine's end of the wire; it takes signals."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", ENGINE, str(socket_of(folder, MAIN)))
    try:
        yield process.send_signal
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def aiohttp_socket(folder: Path) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Whoever may open the file."""
    connector = aiohttp.UnixConnector(str(socket_of(folder, MAIN)))
    async with aiohttp.ClientSession(connector=connector) as http, http.ws_connect("http://engine/") as link:
        yield link


RUBBISH = ["", "[]", "{}", "null", '{"id": 1}', "[" * 5_000, '{"id": 1, "until_s": "soon", "ask": "x"}']
RUBBISH += ['{"id": "x", "until_s": 9e12, "ask": "x"}', '{"id": 1, "until_s": 9e12, "do": {"verb": 7}}']


async def test_rubbish_on_the_socket_is_passed_over(tmp_path: Path) -> None:
    async with engine(tmp_path, SharedLive()) as desk, aiohttp_socket(tmp_path) as link:
        for text in RUBBISH:
            await link.send_str(text)
        await link.send_json({"id": 7, "until_s": 9e12, "do": {"verb": "ready", "target": "operator:101"}})
        async with asyncio.timeout(5):
            while (await link.receive_json()).get("id") != 7:
                pass
        assert desk.done == ["ready"]


async def test_a_question_that_fails_or_is_not_known_is_an_error_for_who_asked_alone(tmp_path: Path) -> None:
    async def fails() -> None:
        raise ZeroDivisionError("secret detail")

    async with engine(tmp_path, SharedLive(), fails=fails), web(tmp_path) as beside:
        await seen(beside)
        with pytest.raises(ObzvonError, match="its log says why"):
            await beside.ask("fails")
        with pytest.raises(ObzvonError, match="does not know the question unknown"):
            await beside.ask("unknown")
        assert await beside.do(READY) == {}


async def test_news_of_another_version_are_left_out_one_by_one(tmp_path: Path) -> None:
    async with web(tmp_path) as beside:
        good = ["operator", "main", "102", {"id": "102", "name": "Вера", "since_at": AT.isoformat()}]
        news: list[Any] = [
            ["operator", "main", "101", {"state": "flying"}],
            ["moon"],
            ["call"],
            [],
            good,
            ["sum", 1],
        ]
        beside.live.apply(news)
        beside.live.is_whole = True
        assert [one.name for one in await beside.live.operators()] == ["Вера"]


@pytest.mark.parametrize("text", ["", "7", "[]", "{}", "null", '{"id": 99}', '{"news": 7}', "[" * 9_999])
async def test_a_message_that_cannot_be_read_ends_nothing(tmp_path: Path, text: str) -> None:
    async with engine(tmp_path, SharedLive()), web(tmp_path) as beside:
        (await seen(beside))._heard(text)
        assert await beside.do(READY) == {}


async def test_a_value_that_cannot_be_shown_is_left_out_and_the_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = SharedLive()
    plain = live._plain

    def fails_for_one(thing: Any) -> Any:
        return 1 / 0 if thing[-1] == "c-bad" else plain(thing)

    monkeypatch.setattr(live, "_plain", fails_for_one)
    async with engine(tmp_path, live), web(tmp_path) as beside:
        await seen(beside)
        for name in ("c-bad", "c-good"):
            await live.put_call(MAIN, replace(CALL, id=CallId(name)))
        await beside.do(READY)
        assert [call.id for call in await beside.live.calls()] == ["c-good"]


async def test_the_socket_is_its_owners_and_may_lie_deep(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 80) / ("e" * 80)
    deep.mkdir(parents=True)
    place = socket_of(deep, MAIN)
    place.touch()  # of an engine that was killed
    async with engine(deep, SharedLive()), web(deep) as beside:
        assert await (await seen(beside)).do(READY) == {}
        assert stat.S_IMODE(os.stat(place).st_mode) == 0o600
    assert not place.exists()


async def test_a_folder_that_takes_no_socket_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="no socket can be made at"):
        async with engine(tmp_path / "nowhere", SharedLive()):
            pass


async def test_a_process_that_goes_as_soon_as_it_has_come_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = "GET / HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    words += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    live = SharedLive()
    async with engine(tmp_path, live):
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as visitor:
                visitor.connect(str(socket_of(tmp_path, MAIN)))
                visitor.sendall(words.encode())
            await asyncio.sleep(0)
        async with web(tmp_path) as beside:
            await seen(beside)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
