"""What the doctor makes of what it sees; the real Asterisk is in tests/pbx/test_doctor.py."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialer.adapters.doctor import machine, sip, stores
from dialer.adapters.doctor.asterisk import Echo, judge
from dialer.adapters.doctor.finding import Check, Finding, Level, examine, well
from dialer.adapters.doctor.machine import Process
from dialer.domain.errors import StoreDown
from dialer.domain.trunk import Transport, Trunk
from dialer.domain.types import TrunkId

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def echo(took_s: float, ahead_s: float = 0.0) -> Echo:
    heard_at = NOW + timedelta(seconds=took_s)
    return Echo(NOW, NOW + timedelta(seconds=took_s / 2 + ahead_s), heard_at)


def levels(findings: Sequence[Finding]) -> dict[str, Level]:
    return {finding.name: finding.level for finding in findings}


@pytest.mark.parametrize(("took_s", "level"), [(0.002, Level.PASS), (0.05, Level.WARN), (0.7, Level.FAIL)])
def test_event_lag_is_judged_by_its_median(took_s: float, level: Level) -> None:
    found = judge([echo(took_s)] * 3 + [echo(5.0)])
    assert levels(found)["event lag"] == level


@pytest.mark.parametrize("ahead_s", [-30.0, -0.9, 0.9, 3600.0])
def test_a_clock_that_is_off_is_told_in_the_right_direction(ahead_s: float) -> None:
    (clock,) = [one for one in judge([echo(0.002, ahead_s), echo(0.2, ahead_s)]) if one.name == "clock"]
    assert clock.level is Level.FAIL
    assert ("ahead of" if ahead_s > 0 else "behind") in clock.text


@pytest.mark.parametrize("ahead_s", [-0.2, 0.0, 0.2])
def test_a_clock_that_is_nearly_right_is_well(ahead_s: float) -> None:
    assert levels(judge([echo(0.002, ahead_s)]))["clock"] is Level.PASS


# --- the examination --------------------------------------------------------------------------------------


async def test_one_check_that_stumbles_hangs_or_fails_does_not_touch_the_others() -> None:
    async def fine() -> list[Finding]:
        return [well("fine", "x")]

    async def hang() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def fail() -> list[Finding]:
        raise StoreDown("Redis at x cannot be used: refused")

    async def stumble() -> list[Finding]:
        raise KeyError("x")

    checks = [
        Check("hang", hang),
        Check("fail", fail, "start it"),
        Check("stumble", stumble),
        Check("fine", fine),
    ]
    found = await examine(checks, longest_s=0.05)
    assert levels(found) == {
        "hang": Level.FAIL,
        "fail": Level.FAIL,
        "stumble": Level.WARN,
        "fine": Level.PASS,
    }
    assert found[1].mend == "start it"


# --- folders and files ------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with open parents below tmp_path, which stands for Asterisk's root."""
    place = tmp_path / "var" / "sounds"
    place.mkdir(parents=True)
    for each in (tmp_path, place.parent, place):
        each.chmod(0o755)
    return Path("/var/sounds")


def stranger(root: Path, *, gid: int = 65534) -> Process:
    return Process(65534, frozenset({gid}), root)


def test_a_folder_that_everybody_may_read_is_well(tmp_path: Path, folder: Path) -> None:
    found = machine.judge_folder(stranger(tmp_path), "sounds", folder, write=False)
    assert found.level is Level.PASS


def test_the_parent_that_keeps_asterisk_out_is_named(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "var").chmod(0o700)
    found = machine.judge_folder(stranger(tmp_path), "sounds", folder, write=False)
    assert found.level is Level.FAIL
    assert "/var keeps it out" in found.text


def test_reading_is_not_writing(tmp_path: Path, folder: Path) -> None:
    found = machine.judge_folder(stranger(tmp_path), "recordings", folder, write=True)
    assert (found.level, "chgrp" in found.mend) == (Level.FAIL, True)


def test_the_group_counts(tmp_path: Path, folder: Path) -> None:
    place = tmp_path / "var/sounds"
    place.chmod(0o770)
    gid = place.stat().st_gid
    assert machine.judge_folder(stranger(tmp_path, gid=gid), "x", folder, write=True).level is Level.PASS
    assert machine.judge_folder(stranger(tmp_path), "x", folder, write=True).level is Level.FAIL


def test_root_passes_everywhere_but_not_into_what_is_not_there(tmp_path: Path, folder: Path) -> None:
    root = Process(0, frozenset({0}), tmp_path)
    assert machine.judge_folder(root, "x", folder, write=True).level is Level.PASS
    assert machine.judge_folder(root, "x", Path("/nowhere"), write=False).level is Level.FAIL


def test_an_unseen_process_is_doubt_not_blame(folder: Path) -> None:
    assert machine.judge_folder(None, "sounds", folder, write=False).level is Level.WARN


async def test_secret_files_are_there_filled_and_private(tmp_path: Path) -> None:
    good, open_, empty = (tmp_path / name for name in ("good", "open", "empty"))
    for path in (good, open_, empty):
        path.write_text("" if path is empty else "secret")
        path.chmod(0o644 if path is open_ else 0o600)
    assert levels(await machine.look_at_secrets({"a": good})) == {"secrets": Level.PASS}
    (found,) = await machine.look_at_secrets({"a": good, "b": open_})
    assert (found.level, found.mend) == (Level.WARN, f"chmod 600 {open_}")
    for bad in (empty, tmp_path / "gone"):
        (found,) = await machine.look_at_secrets({"a": bad})
        assert found.level is Level.FAIL


def test_a_full_disk_is_told_in_time() -> None:
    assert machine.judge_disk("data", Path("/"), 10**9).level is Level.WARN
    assert machine.judge_disk("data", Path("/"), 10**10).level is Level.PASS


async def test_folders_that_are_not_made_yet_are_on_the_disk_of_their_parents(tmp_path: Path) -> None:
    found = await machine.look_at_disk({"data": tmp_path, "recordings": tmp_path / "not" / "yet"})
    assert len(found) == 1
    assert "data, recordings" in found[0].text


# --- names, ports, processes ------------------------------------------------------------------------------


def test_a_slow_or_unlisted_own_name_is_the_trap() -> None:
    slow = machine.judge_names("pbx", 0.2, is_known=True, is_listed=True)
    unlisted = machine.judge_names("pbx", 0.001, is_known=True, is_listed=False)
    fine = machine.judge_names("pbx", 0.001, is_known=True, is_listed=True)
    assert [slow.level, unlisted.level, fine.level] == [Level.FAIL, Level.FAIL, Level.PASS]
    assert "/etc/hosts" in slow.mend


async def test_names_are_looked_up_in_the_hosts_file_that_asterisk_sees(tmp_path: Path) -> None:
    name = socket.gethostname()
    (tmp_path / "etc").mkdir()
    hosts = tmp_path / "etc/hosts"
    process = Process(0, frozenset(), tmp_path)
    hosts.write_text(f"127.0.0.1 localhost\n# 127.0.0.1 {name}\n127.0.0.1 not-{name}\n")
    (found,) = await machine.look_at_names(process)
    assert found.level is Level.FAIL
    hosts.write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}.example.org {name}\n")
    (found,) = await machine.look_at_names(process)
    assert "not in" not in found.text


async def test_the_port_is_free_or_taken_by_a_stranger() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        (taken,) = await machine.look_at_port("127.0.0.1", port, "main")
    (free,) = await machine.look_at_port("127.0.0.1", port, "main")
    assert [taken.level, free.level] == [Level.FAIL, Level.PASS]


def test_the_process_behind_a_port_is_found_with_its_root() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        found = machine.find_process(listener.getsockname()[1])
        assert found is not None
        assert (found.uid, found.root) == (os.geteuid(), Path(f"/proc/{os.getpid()}/root"))
        port = listener.getsockname()[1]
    assert machine.find_process(port) is None


# --- carriers ---------------------------------------------------------------------------------------------


class Carrier(asyncio.DatagramProtocol):
    """Answers every request, or nothing."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[bytes] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # as asyncio has it for datagrams
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.asked.append(data)
        if self.answer:
            self.transport.sendto(self.answer, addr)  # type: ignore[arg-type]  # the address that came in


@pytest.mark.parametrize(("answer", "is_there"), [(b"SIP/2.0 401 Unauthorized\r\n\r\n", True), (b"", False)])
async def test_a_carrier_answers_when_it_says_anything(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, is_there: bool
) -> None:
    monkeypatch.setattr(sip, "WAIT_S", 0.1)
    loop = asyncio.get_running_loop()
    transport, carrier = await loop.create_datagram_endpoint(
        lambda: Carrier(answer), local_addr=("127.0.0.1", 0)
    )
    trunk = Trunk(TrunkId("main"), "127.0.0.1", transport.get_extra_info("sockname")[1])
    assert await sip.is_answering(trunk) is is_there
    transport.close()
    assert carrier.asked[0].startswith(f"OPTIONS sip:127.0.0.1:{trunk.port} SIP/2.0\r\n".encode())
    assert carrier.asked[0].endswith(b"\r\n\r\n")


async def test_nobody_is_there_when_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert not await sip.is_answering(Trunk(TrunkId("main"), "127.0.0.1", port, Transport.TCP))


@pytest.mark.parametrize(
    ("asterisk", "bind", "peers", "level"),
    [
        ("127.0.0.1", "127.0.0.1", (), Level.PASS),
        ("10.0.0.5", "127.0.0.1", (), Level.WARN),
        ("10.0.0.5", "10.0.0.2", ("10.0.0.6",), Level.WARN),
        ("10.0.0.5", "10.0.0.2", ("10.0.0.0/24",), Level.PASS),
        ("10.0.0.5", "0.0.0.0", ("10.0.0.5",), Level.PASS),
    ],
)
async def test_feature_codes_of_an_asterisk_elsewhere_need_a_bind_and_a_named_peer(
    asterisk: str, bind: str, peers: tuple[str, ...], level: Level
) -> None:
    assert levels(await machine.look_at_feature_codes(asterisk, bind, peers)) == {"feature codes": level}


# --- beside the service -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "level"), [("", Level.WARN), ("0000", Level.FAIL), ("0001", Level.PASS), ("0002", Level.PASS)]
)
async def test_an_older_database_is_broken_and_a_newer_one_is_not(found: str, level: Level) -> None:
    async def revision() -> str:
        return found

    (finding,) = await stores.look_at_database(revision, "0001")
    assert finding.level is level


async def test_redis_that_is_not_used_is_well_and_one_that_is_away_is_told() -> None:
    assert levels(await stores.look_at_redis("")) == {"redis": Level.PASS}
    with pytest.raises(StoreDown, match=r"127\.0\.0\.1:1"):
        await stores.look_at_redis("redis://:geheim@127.0.0.1:1/0")


def test_the_median_of_a_histogram_is_read_from_the_metrics_page() -> None:
    page = "\n".join(
        ["# TYPE lag_seconds histogram"]
        + [
            f'lag_seconds_bucket{{le="{le}"}} {count}'
            for le, count in (("0.001", 2), ("0.01", 9), ("+Inf", 10))
        ]
        + ["lag_seconds_count 10", "lag_seconds_sum 0.1", ""]
    )
    assert stores.median_of(page, "lag_seconds") == 0.01
    assert stores.median_of(page, "other") is None
    assert (
        stores.median_of(page.replace(" 2", " 0").replace(" 9", " 0").replace(" 10", " 0"), "lag_seconds")
        is None
    )


async def test_a_service_that_does_not_run_is_no_fault() -> None:
    assert levels(await stores.look_at_service("")) == {"service": Level.WARN}
    assert levels(await stores.look_at_service("http://127.0.0.1:1")) == {"service": Level.FAIL}
