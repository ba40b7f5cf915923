"""Whatever a peer sends: the server refuses it, goes on serving others, and no command reaches the desk."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest

from agi import server as agi_server
from agi.parts import Parts
from agi.phone import Garbled, Phone, quoted
from agi.server import AgiServer
from dialer.domain.errors import BadValue, Fatal
from tests.parts.agi.conftest import SECRET

SOON_S = 3.0
NOTHING = Parts(None, None, None, None)
SHOWN = f"agi_arg_2: {SECRET}\n\n".encode()
HEAD = b"agi_network: yes\nagi_network_script: "


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """The same limits, reached sooner."""
    monkeypatch.setattr("agi.server.HEADERS_S", 0.1)
    monkeypatch.setattr("agi.phone.COMMAND_S", 0.15)
    monkeypatch.setattr("agi.phone.PLAY_S", 0.0)
    monkeypatch.setattr("agi.login.KEY_S", 0.0)


@pytest.fixture(autouse=True)
def no_fault(capsys):
    """Whatever a peer sends is no fault of the service."""
    yield
    assert "by a fault of the service" not in capsys.readouterr().out


async def is_alive(world) -> bool:
    """Another connection is answered, and soon."""
    world.desk.fail = None
    before = len(world.desk.commands)
    async with asyncio.timeout(SOON_S):
        talk = await world.peer.call("ready", argument="102")
    return "HANGUP" in talk.commands and len(world.desk.commands) == before + 1


# --- before a conversation: raw bytes, then either the peer closes or it waits to be closed ---------------

OPENINGS = {
    "a port scan closes at once": (b"", True),
    "a health check connects and waits": (b"", False),
    "garbage, then closed": (b"\x00\xff\xfe!garbage", True),
    "garbage, then silence": (b"\x00\xff\xfe!garbage", False),
    "half a header, then closed": (b"agi_network: yes\nagi_net", True),
    "half a header, then silence": (b"agi_network: yes\nagi_net", False),
    "headers that never end, 1 MB": (b"agi_network: yes\n" * 62_000, False),
    "one line of 1 MB": (b"agi_network: " + b"y" * 1_000_000, False),
    "an empty block": (b"\n\n", False),
    "only line breaks": (b"\n" * 5_000, False),
    "carriage returns": (b"agi_network: yes\r\nagi_network_script: ready\r\n\r\n", False),
    "no route": (b"agi_network: yes\nagi_arg_1: 101\n" + SHOWN, False),
    "an empty route": (HEAD + b"\nagi_arg_1: 101\n" + SHOWN, False),
    "an unknown route": (HEAD + b"fire\nagi_arg_1: 101\n" + SHOWN, False),
    "a route with a query": (HEAD + b"ready?operator=101\nagi_arg_1: 101\n" + SHOWN, False),
    "a route that climbs": (HEAD + b"../ready\nagi_arg_1: 101\n" + SHOWN, False),
    "a route with a NUL": (HEAD + b"ready\x00\nagi_arg_1: 101\n" + SHOWN, False),
    "a route in capitals": (HEAD + b"READY\nagi_arg_1: 101\n" + SHOWN, False),
    "bytes that are no UTF-8": (HEAD + b"\xff\xfe\xc3\nagi_arg_1: \xff\n" + SHOWN, False),
    "lines without a colon": (b"agi_network yes\nready 101\n\n", False),
    "an HTTP request": (b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n", False),
    "a TLS greeting": (bytes.fromhex("16030100a5010000a10303") + b"\x0a" * 40, False),
    "a SIP message": (b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n", False),
}


@pytest.mark.parametrize(("sent", "closes"), OPENINGS.values(), ids=OPENINGS)
async def test_an_opening_that_is_none_is_closed_and_others_are_served(world, sent, closes):
    reader, writer = await world.peer.open()
    writer.write(sent)
    if closes:
        writer.close()
    assert await is_alive(world)  # while the bad peer may still be there
    async with asyncio.timeout(SOON_S):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()
    assert [command.target for command in world.desk.commands] == ["operator:102"]
    assert world.server.refused == 1


async def test_a_connection_that_is_reset_harms_nobody(world):
    plain = socket.create_connection(("127.0.0.1", world.server.port))
    plain.send(b"agi_network: yes\n")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain.close()
    assert await is_alive(world)


async def test_a_flood_of_silent_peers_is_bounded_and_passes(world, monkeypatch):
    monkeypatch.setattr("agi.server.MOST_CALLS", 20)
    peers = [await world.peer.open() for _ in range(60)]
    async with asyncio.timeout(SOON_S):
        await asyncio.gather(*(reader.read() for reader, _ in peers))
    for _, writer in peers:
        writer.close()
    assert world.server.refused == 60
    assert await is_alive(world)


# --- who calls ---------------------------------------------------------------------------------------------

ENDPOINTS = {
    "nothing": "",
    "a trunk": "carrier",
    "only the prefix": "op-",
    "one digit": "op-1",
    "seven digits": "op-1234567",
    "letters behind": "101abc",
    "a channel name": "PJSIP/101-00000001",
    "digits of another script": "op-١٠١",
    "a NUL inside": "op-1\x0001",
    "a tab behind": "101\t",
    "a quote": '101"',
    "a space in front": " 101",
    "a path": "../101",
    "a very long name": "1" * 5_000,
    "an operator nobody knows": "999",
    "an operator switched off": "103",
}


@pytest.mark.parametrize("route", ["ready", "disposition"])
@pytest.mark.parametrize("argument", ENDPOINTS.values(), ids=ENDPOINTS)
async def test_a_phone_that_is_no_operators_is_refused_aloud(world, argument, route):
    talk = await world.peer.call(route, argument=argument)
    assert talk.is_refused
    assert not world.desk.commands
    assert await is_alive(world)


# --- what comes back as an answer -------------------------------------------------------------------------

ANSWERS = {
    "520 on one line": b"520 Invalid command syntax.  Proper usage not available.\n",
    "520 with usage": b"520-Invalid command syntax.\nusage\n\n520 End of proper usage.\n",
    "520 whose usage never ends": b"520-Invalid\n" + b"usage\n" * 300,
    "520 cut off": b"520-Invalid command syntax.\n",
    "510": b"510 Invalid or unknown command\n",
    "511, a dead channel": b"511 Command Not Permitted on a dead channel or intercept routine\n",
    "the caller hung up": b"HANGUP\n",
    "hung up while playing": b"200 result=1 (hangup)\n",
    "garbage": b"\x00\xffgarbage\n",
    "an empty line": b"\n",
    "a word": b"OK\n",
    "a code of two digits": b"20 result=0\n",
    "a code of four digits": b"2000 result=0\n",
    "half a line": b"200 resu",
    "nothing": b"",
    "trying for ever": b"100 result=0 Trying...\n" * 200,
    "1 MB without an end": b"2" * 1_000_000,
    "no result": b"200\n",
    "letters as keys": b"200 result=abc\n",
    "too many keys": b"200 result=1234567890123456789\n",
    "keys with a quote": b'200 result=1"2\n',
    "keys of another script": "200 result=١٠١\n".encode(),
    "keys with a NUL": b"200 result=1\x002\n",
    "two answers for one": b"200 result=9\n200 result=9\n",
    "bytes that are no UTF-8": b"200 result=\xff\xfe\n",
    "a result that is empty": b"200 result=\n",
    "a result below any key": b"200 result=-2\n",
    "a result beyond any key": b"200 result=99999999999999999999\n",
    "another word for it": b"200 outcome=1\n",
}
# Each is asked by another command, of a caller who logs in: the second where there is no sound file.
QUESTIONS = {
    "GET DATA": {},
    "WAIT FOR DIGIT": {"GET DATA": b"200 result=-1\n"},
    "STREAM FILE": {},
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_that_is_none_ends_only_its_own_call(world, answer, question):
    async with asyncio.timeout(SOON_S):
        await world.peer.call("login", answers={question: answer, **QUESTIONS[question]})
    assert not world.desk.commands
    assert await is_alive(world)


@pytest.mark.parametrize("answer", [b"HANGUP\n", b"", b"garbage\n"], ids=["hang-up", "silence", "garbage"])
@pytest.mark.parametrize("command", ["ANSWER", "SET VARIABLE", "EXEC PlayTones", "EXEC Wait", "HANGUP"])
async def test_a_conversation_may_break_off_at_any_command(world, command, answer):
    async with asyncio.timeout(SOON_S):
        await world.peer.call("ready", argument="102", answers={command: answer})
    assert await is_alive(world)


async def test_usage_lines_of_a_520_do_not_answer_the_next_command(world):
    usage = b"520-Invalid command syntax.  Proper usage follows:\n200 result=9\n520 End of proper usage.\n"
    talk = await world.peer.call("pause", "2", answers={"SET VARIABLE": usage})
    assert world.desk.commands[0].args["reason"] == "lunch"
    assert talk.commands[-1] == "HANGUP"


# --- what goes out ----------------------------------------------------------------------------------------

VALUES = {
    "a newline": "a\nHANGUP",
    "a carriage return": "a\rHANGUP",
    "a NUL": "a\x00b",
    "a line separator": "a\u2028HANGUP",
    "a next line": "a\x85HANGUP",
    "a quote": 'a" "b',
    "a backslash": "a\\",
    "a backslash and a quote": '\\" HANGUP',
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_stays_one_argument_of_one_line(value):
    said = quoted(value)
    assert said.splitlines() == [said]
    inside = said[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inside
    assert "\\" not in inside


async def test_a_command_with_a_newline_is_still_one_command():
    got = asyncio.Queue()

    async def asterisk(reader, writer):
        got.put_nowait(await reader.readline())
        writer.write(b"200 result=0\n")
        got.put_nowait(await reader.read())
        writer.close()

    async with await asyncio.start_server(asterisk, "127.0.0.1", 0) as listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        await Phone(None, {}, reader, writer).send_command("NOOP a\nHANGUP\r\nANSWER")
        writer.close()
        assert [await got.get(), await got.get()] == [b"NOOP aHANGUPANSWER\n", b""]


async def test_a_silent_asterisk_is_named_without_the_arguments():
    async with await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0) as listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        with pytest.raises(Garbled, match="did not answer SAY DIGITS within") as late:
            await Phone(None, {}, reader, writer).say_digits("4711")
        assert "4711" not in str(late.value)
        writer.close()


# --- where it listens --------------------------------------------------------------------------------------


async def test_a_taken_port_is_fatal_in_one_sentence(world):
    second = AgiServer(NOTHING, secret=SECRET, port=world.server.port)
    with pytest.raises(Fatal, match=r"cannot listen for AGI on 127\.0\.0\.1:\d+: it is taken"):
        await second.start()
    await second.stop()


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.168.1.5", "::", "example.org", "", "127.0.0.1:4573"])
def test_it_binds_to_loopback_only(bind):
    with pytest.raises(BadValue, match="agi_bind"):
        AgiServer(NOTHING, secret=SECRET, bind=bind)


async def test_a_peer_that_is_no_asterisk_of_ours_is_turned_away(world, monkeypatch):
    monkeypatch.setattr(agi_server, "LOOPBACK", ())
    async with AgiServer(NOTHING, secret=SECRET, port=0, peers=["10.0.0.0/8"]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await reader.read() == b""
        writer.close()
        assert server.refused == 1


async def test_an_asterisk_elsewhere_that_is_named_may_speak(world, monkeypatch):
    monkeypatch.setattr(agi_server, "LOOPBACK", ())
    async with AgiServer(
        Parts(world.desk, None, world.live, None), secret=SECRET, bind="0.0.0.0", port=0, peers=["127.0.0.1"]
    ) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"agi_network_script: ready\nagi_arg_1: 101\nagi_arg_2: {SECRET}\n\n".encode())
        assert await reader.readline() == b"ANSWER\n"
        writer.close()
        assert server.refused == 0


@pytest.mark.parametrize(
    "given",
    [
        "",
        "agi_arg_2: \n",
        "agi_arg_2: wrong\n",
        f"agi_arg_2: {SECRET}x\n",
        f"agi_arg_3: {SECRET}\n",
        "agi_arg_2: \xe9\n",
    ],
)
async def test_a_program_of_this_machine_that_does_not_know_the_secret_is_cut_counted_and_logged_once(
    world, given, capsys
):
    refused = []
    world.server.on_refused = lambda: refused.append(1)
    for _ in range(3):
        reader, writer = await world.peer.open()
        writer.write(f"agi_network_script: ready\nagi_arg_1: 101\n{given}\n".encode())
        assert await reader.read() == b""
        writer.close()
    assert world.server.refused == len(refused) == 3
    assert not world.desk.commands
    told = [line for line in capsys.readouterr().out.splitlines() if "DIALER_AGI_SECRET_FILE" in line]
    assert len([line for line in told if "warning" in line]) == 1
    assert SECRET not in "".join(told)


def test_no_server_speaks_without_a_secret():
    with pytest.raises(BadValue, match="secret"):
        AgiServer(NOTHING, secret="")


# --- the end ------------------------------------------------------------------------------------------------


async def test_a_stop_lets_a_conversation_end(world):
    world.desk.delay = asyncio.Event()
    talk = asyncio.create_task(world.peer.call("ready"))
    await world.desk.asked.wait()
    stopping = asyncio.create_task(world.server.stop())
    await asyncio.sleep(0)  # let it begin
    with pytest.raises(OSError, match="Connect call failed"):
        await world.peer.open()
    world.desk.delay.set()
    assert (await talk).commands[-1] == "HANGUP"
    await stopping


async def test_a_stop_cuts_a_conversation_that_does_not_end(world):
    world.desk.delay = asyncio.Event()
    talk = asyncio.create_task(world.peer.call("ready"))
    await world.desk.asked.wait()
    async with asyncio.timeout(SOON_S):
        await world.server.stop(grace_s=0.05)
        assert "HANGUP" not in (await talk).commands


async def opened(server: AgiServer) -> int:
    """The port that was drawn for it."""
    async with asyncio.timeout(SOON_S):
        while server.port == 0:  # noqa: ASYNC110  it starts within a few turns of the loop
            await asyncio.sleep(0)
    return server.port


async def test_cancelling_run_closes_the_port(world):
    server = AgiServer(NOTHING, secret=SECRET, port=0)
    running = asyncio.create_task(server.run())
    port = await opened(server)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)
