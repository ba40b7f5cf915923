"""Whole frames leave the kernel, and only once they were dealt with: every cut, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp.http import WebSocketWriter, WSMsgType

from dialer.adapters.ari import stream as stream_module
from dialer.adapters.ari.connection import Connection, Request, outcome
from dialer.adapters.ari.stream import Backlog, Stream, begins_frame, frame_length, next_beginning, whole
from dialer.domain.errors import Refused, TimedOut


class Sink:
    """Where the library that Asterisk's twin in the tests uses writes its frames."""

    _paused = False

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def is_closing(self) -> bool:
        return False


async def frame_of(text: str, *, kind: WSMsgType = WSMsgType.TEXT, masked: bool = True) -> bytes:
    """As another program's library makes it."""
    sink = Sink()
    writer = WebSocketWriter(sink, sink, use_mask=masked)  # type: ignore[arg-type]  # all that it asks for
    await writer.send_frame(text.encode(), kind)
    return sink.data


def event(n: int, padding: int = 0) -> str:
    return json.dumps({"type": "Event", "n": n, "padding": "x" * padding})


@dataclass
class Life:
    """One that reads the socket; `dies_at` frames it ends in mid-work, as kill -9 would have it."""

    stream: Stream
    backlogs: list[Backlog | None]
    seen: list[bytes] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    dies_at: int = -1

    def read(self) -> None:
        self.stream.read(self.take)

    def take(self, frame: bytes) -> None:
        if len(self.seen) == self.dies_at:
            self.stream.leave()  # before it was dealt with
            return
        self.seen.append(frame)
        self.news.set()

    async def has(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.seen) < count:
                self.news.clear()
                await self.news.wait()


@dataclass
class Wire:
    """A connection whose descriptor somebody holds, whatever becomes of a life."""

    far: socket.socket
    held: socket.socket
    lives: list[Life] = field(default_factory=list)

    def life(self, backlog: Backlog | None = None, dies_at: int = -1) -> Life:
        backlogs: list[Backlog | None] = []
        stream = Stream(self.held.dup(), backlog, backlogs.append)
        self.lives.append(Life(stream, backlogs, dies_at=dies_at))
        return self.lives[-1]


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    with socket.create_server(("127.0.0.1", 0)) as door, socket.create_connection(door.getsockname()) as far:
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        near, _ = door.accept()
        with near:
            it = Wire(far, near)
            yield it
            for life in it.lives:
                life.stream.leave()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  the kernel signals nothing
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
@pytest.mark.parametrize("masked", [True, False])
async def test_a_frames_length_is_told_from_its_header_alone(size: int, masked: bool) -> None:
    frame = await frame_of("{" * size, masked=masked)
    header = len(frame) - size
    assert frame_length(frame[:header]) == len(frame)
    assert all(frame_length(frame[:cut]) == 0 for cut in range(header))
    assert begins_frame(frame)
    assert whole(frame + frame + frame[:-1]) == 2 * len(frame)


async def test_a_frame_that_comes_in_two_parts_is_one_wherever_it_was_cut() -> None:
    texts = [event(1), event(2, 200)]
    frames = [await frame_of(text) for text in texts]
    data = b"".join(frames)
    for cut in range(1, len(data)):
        async with wire() as its:
            life = its.life()
            life.read()
            its.far.sendall(data[:cut])
            await life.has(1 if cut >= len(frames[0]) else 0)
            await asyncio.sleep(0)
            its.far.sendall(data[cut:])
            await life.has(2)
            assert life.seen == frames


async def test_a_life_that_dies_leaves_whole_frames_to_the_next_wherever_bytes_were_cut() -> None:
    frames = [await frame_of(event(n, n)) for n in range(4)]
    data = b"".join(frames)
    for cut in range(1, len(data), 3):
        async with wire() as its:
            first = its.life(dies_at=2)
            first.read()
            its.far.sendall(data[:cut])
            await until(lambda: len(first.seen) == min(2, whole_frames(frames, cut)))  # noqa: B023
            first.stream.leave()
            second = its.life()
            second.read()
            its.far.sendall(data[cut:])
            await second.has(len(frames) - len(first.seen))
            assert first.seen + second.seen == frames


def whole_frames(frames: list[bytes], size: int) -> int:
    return sum(sum(map(len, frames[: n + 1])) <= size for n in range(len(frames)))


async def test_a_part_of_a_frame_costs_no_cpu_while_the_rest_is_awaited() -> None:
    async with wire() as its:
        life = its.life()
        turns = 0
        turn = life.stream._turn

        def counted() -> None:
            nonlocal turns
            turns += 1
            turn()

        life.stream._turn = counted  # type: ignore[method-assign]
        life.read()
        its.far.sendall((await frame_of(event(1)))[:-1])
        await asyncio.sleep(0.1)
        assert turns <= 4


async def test_a_frame_larger_than_the_kernels_buffer_comes_whole() -> None:
    frame = await frame_of(event(1, 12_000_000))
    async with wire() as its:
        life = its.life()
        life.read()
        await asyncio.to_thread(its.far.sendall, frame + frame)
        await life.has(2)
        assert life.seen == [frame, frame]
        assert life.backlogs[-1] is None


async def test_a_loop_that_is_stuck_does_not_keep_the_writer_waiting_and_order_holds() -> None:
    frames = [await frame_of(event(n, 2_000)) for n in range(8_000)]
    async with wire() as its:
        life = its.life()
        its.far.settimeout(10)
        sending = asyncio.get_running_loop().run_in_executor(None, its.far.sendall, b"".join(frames))
        for _ in range(200):  # what the thread beside a stuck loop does
            await asyncio.to_thread(life.stream.relieve)
            if sending.done():
                break
        await asyncio.wait_for(sending, 5)
        life.read()
        await life.has(len(frames))
        assert life.seen == frames
        assert life.backlogs[-1] is None


async def test_what_was_read_into_memory_comes_before_what_lies_in_the_kernel_even_in_mid_frame() -> None:
    frames = [await frame_of(event(n, 50)) for n in range(3)]
    data = b"".join(frames)
    for cut in range(1, len(data), 7):
        async with wire() as its:
            backlog = Backlog()
            backlog.add(data[:cut])  # by a keeper, which knows no frames
            its.far.sendall(data[cut:])
            life = its.life(backlog)
            life.read()
            await life.has(3)
            assert life.seen == frames


async def test_a_life_that_dies_in_the_backlog_leaves_the_rest_of_it_to_the_next() -> None:
    frames = [await frame_of(event(n, 50)) for n in range(3)]
    async with wire() as its:
        backlog = Backlog()
        backlog.add(b"".join(frames[:2]))
        kept = os.dup(backlog.fd)
        first = its.life(backlog, dies_at=1)
        first.read()
        await first.has(1)
        await until(first.stream.ended.is_set)
        its.far.sendall(frames[2])
        second = its.life(Backlog(kept))
        second.read()
        await second.has(2)
        assert first.seen + second.seen == frames


async def test_a_reader_that_begins_in_mid_frame_finds_the_next_beginning() -> None:
    frames = [await frame_of(event(n, 300)) for n in range(4)]
    for cut in range(1, len(frames[0]), 5):
        rest = frames[0][cut:]
        if begins_frame(rest):
            continue  # a mask may look like anything; then one more frame is lost
        assert next_beginning(rest + b"".join(frames[1:])) in (len(rest), len(rest) + len(frames[1]))


async def test_the_end_of_the_connection_is_told_after_the_last_whole_frame() -> None:
    frame = await frame_of(event(1))
    async with wire() as its:
        life = its.life()
        life.read()
        its.far.sendall(frame + frame[:10])
        its.far.close()
        async with asyncio.timeout(5):
            await life.stream.ended.wait()
        assert life.seen == [frame]


async def test_a_reset_is_an_end_too() -> None:
    async with wire() as its:
        life = its.life()
        life.read()
        its.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        its.far.close()
        async with asyncio.timeout(5):
            await life.stream.ended.wait()


async def test_a_peer_that_does_not_read_never_gets_half_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "AGAIN_S", 0.001)
    frame = await frame_of(event(1, 900), masked=False)
    async with wire() as its:
        life = its.life()
        for _ in range(20_000):
            life.stream.write(frame)
        life.stream.leave()
        its.far.settimeout(0.2)
        heard = b""
        its.held.shutdown(socket.SHUT_WR)
        while part := its.far.recv(1_000_000):
            heard += part
        assert heard
        assert len(heard) % len(frame) == 0


async def test_the_kernel_takes_megabytes_while_nobody_reads_even_on_a_connection_that_was_idle() -> None:
    async with wire() as its:
        its.life().stream.leave()
        its.far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        its.far.setblocking(False)
        taken = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while taken < 2_000_000:
                    await asyncio.get_running_loop().sock_sendall(its.far, bytes(10_000))
                    taken += 10_000
        assert taken >= 2_000_000


DEEP = "[" * 9999


@pytest.mark.parametrize(
    "frame",
    ["", "nonsense", "7", DEEP, '{"type": "RESTResponse", "request_id": [1]}', '{"type": "RESTResponse"}',
     '{"type": ["RESTResponse"]}', '{"a": ' + "9" * 5000 + "}"],
)  # fmt: skip
async def test_a_frame_that_nobody_understands_is_passed_over(frame: str) -> None:
    async with wire() as its:
        connection = Connection(its.life().stream)
        taken: list[object] = []
        connection._take = taken.append
        connection._sort(frame)
        connection._sort('{"type": "Dial"}')
        assert taken[-1] == {"type": "Dial"}


@pytest.mark.parametrize("answer", [{}, {"status_code": "soon"}, {"status_code": None}, {"status_code": {}}])
def test_an_answer_that_nobody_understands_says_nothing_of_what_was_done(answer: dict[str, object]) -> None:
    """A refusal would: the number would be dialled once more."""
    with pytest.raises(TimedOut, match="cannot be read"):
        outcome(Request("POST", "channels"), answer)


@pytest.mark.parametrize("body", [7, DEEP, "[", None])
def test_an_answer_whose_content_nobody_understands_was_one(body: object) -> None:
    assert outcome(Request("POST", "channels"), {"status_code": 200, "message_body": body}) in (None, 7)
    with pytest.raises(Refused, match="404"):
        outcome(Request("POST", "channels"), {"status_code": 404, "message_body": body})
