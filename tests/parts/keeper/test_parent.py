"""The parent of the service, with small children in its place: what it holds, whom it starts again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from dialer.adapters.ari.stream import LEAST_ROOM, Backlog
from dialer.keeper import parent as parent_module
from dialer.keeper.parent import BACKLOG, PAUSES_S, Keeper, Lives
from dialer.keeper.store import GIVE_UP

WITHIN_S = 10.0

# A child that writes down its pid and what it was given, and then does as the case says.
CHILD = """
import os, signal, socket, sys, time
from pathlib import Path
from dialer.keeper.store import DescriptorStore
from dialer.adapters.systemd import Systemd
folder, store, systemd = Path(sys.argv[1]), DescriptorStore(os.environ), Systemd(os.environ)
held = store.take("")
def write(line):
    with (folder / "lives").open("a") as file:
        file.write(line + "\\n")
def keep():
    door = socket.create_server(("127.0.0.1", 0))
    store.keep("door", door.fileno())
    return door
write(f"{os.getpid()} {store.holder} {[one.name for one in held]}")
"""
STAYS = "systemd.ready(); write('ready'); signal.pause()"


@dataclass
class Family:
    folder: Path
    process: subprocess.Popen[bytes]

    def lives(self) -> list[str]:
        file = self.folder / "lives"
        return file.read_text().splitlines() if file.exists() else []

    def until(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + WITHIN_S
        while not holds():
            assert time.monotonic() < end, f"{what}: {self.lives()}"
            time.sleep(0.01)

    def has(self, lines: int) -> None:
        self.until(lambda: len(self.lives()) >= lines, f"{lines} lines")

    def children(self) -> list[int]:
        return [int(line.split()[0]) for line in self.lives() if line[0].isdigit()]

    def ends(self) -> int:
        return self.process.wait(WITHIN_S)


@contextmanager
def family(folder: Path, child: str) -> Iterator[Family]:
    env = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    command = [sys.executable, "-c", CHILD + child, str(folder)]
    with subprocess.Popen([sys.executable, "-m", "dialer.keeper.parent", *command], env=env) as process:
        its = Family(folder, process)
        try:
            yield its
        finally:
            for pid in (process.pid, *its.children()[-1:]):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("code", [0, 1, 2, 7])
def test_a_service_that_ends_before_it_was_ready_ends_all_with_its_exit_code(
    code: int, tmp_path: Path
) -> None:
    with family(tmp_path, f"sys.exit({code})") as its:
        assert its.ends() == code
        assert len(its.children()) == 1


def test_a_service_that_ends_in_order_ends_all(tmp_path: Path) -> None:
    with family(tmp_path, "systemd.ready(); sys.exit(0)") as its:
        assert its.ends() == 0
        assert len(its.children()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_end_is_passed_on_and_the_exit_code_is_the_services(number: int, tmp_path: Path) -> None:
    on_signal = f"signal.signal({int(number)}, lambda *_: (write('asked'), sys.exit(5)));"
    with family(tmp_path, on_signal + STAYS) as its:
        its.has(2)
        its.process.send_signal(number)
        assert its.ends() == 5
        assert its.lives()[2:] == ["asked"]


def test_a_service_that_was_killed_gets_its_sockets_back_and_the_door_is_never_shut(tmp_path: Path) -> None:
    child = "first = not held; door = keep() if first else socket.socket(fileno=held[0].fd);"
    child += "write(str(door.getsockname()[1]));" + STAYS
    with family(tmp_path, child) as its:
        its.has(3)
        first, port = its.children()[0], int(its.lives()[1])
        os.kill(first, signal.SIGKILL)
        with socket.create_connection(("127.0.0.1", port)):
            its.has(6)
        assert its.lives()[3].endswith("parent ['door']")
        assert its.lives()[4] == str(port)
        assert its.children()[1] != first


def test_what_the_service_forgets_is_closed(tmp_path: Path) -> None:
    child = "door = None if held else keep(); store.forget('door') if door else None;"
    child += "door and write(str(door.getsockname()[1])); door and door.close();" + STAYS
    with family(tmp_path, child) as its:
        its.has(3)
        port = int(its.lives()[1])

        def is_shut() -> bool:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                return True
            return False

        its.until(is_shut, "the door is shut")
        os.kill(its.children()[0], signal.SIGKILL)
        its.has(5)
        assert its.lives()[3].endswith("[]")


def test_a_service_that_dies_at_once_again_and_again_is_started_ever_later(tmp_path: Path) -> None:
    child = "write(f't {time.monotonic()}'); systemd.ready(); os.kill(os.getpid(), 9)"
    with family(tmp_path, child) as its:
        its.has(10)
        at = [float(line.split()[1]) for line in its.lives()[1::2]]
        gaps = [later - earlier for earlier, later in pairwise(at)]
        assert all(gap >= pause_s for gap, pause_s in zip(gaps, PAUSES_S[1:], strict=False))
        assert PAUSES_S[1] == 0 and list(PAUSES_S) == sorted(PAUSES_S), "the first time at once"
        its.process.send_signal(signal.SIGTERM)
        assert its.ends() in (128 + 9, 128 + 15)


def test_an_end_that_is_asked_for_between_two_lives_is_left_to_one_more_life_which_closes_in_order(
    tmp_path: Path,
) -> None:
    child = "door = None if held else keep(); lives = len(open(folder / 'lives').readlines());"
    child += "signal.signal(15, lambda *_: (write('in order'), sys.exit(0))); systemd.ready();"
    child += "lives < 4 and os.kill(os.getpid(), 9); time.sleep(30)"  # the fourth would come a second later
    with family(tmp_path, child) as its:
        its.has(3)
        its.process.send_signal(signal.SIGTERM)
        assert its.ends() == 0
        assert its.lives()[-1] == "in order"


def test_a_new_life_is_begun_when_it_is_asked_for_and_what_is_held_stays(tmp_path: Path) -> None:
    child = "door = keep() if not held else None;"
    child += "signal.signal(10, lambda *_: sys.exit(0)); signal.signal(15, lambda *_: sys.exit(0));" + STAYS
    with family(tmp_path, child) as its:
        its.has(2)
        its.process.send_signal(signal.SIGUSR1)
        its.has(4)
        assert its.lives()[2].endswith("['door']")
        its.process.send_signal(signal.SIGTERM)
        assert its.ends() == 0


def test_a_service_whose_parent_is_killed_is_asked_to_end_in_order(tmp_path: Path) -> None:
    with family(tmp_path, "signal.signal(15, lambda *_: (write('asked'), sys.exit(0)));" + STAYS) as its:
        its.has(2)
        its.process.kill()
        its.has(3)
        assert its.lives()[2] == "asked"


def test_what_another_user_says_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper(Lives(["true"]))
    ear, mouth = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    ear.setblocking(False)
    with ear, mouth, socket.create_server(("127.0.0.1", 0)) as door:
        monkeypatch.setattr(parent_module.os, "getuid", lambda: 4711)
        socket.send_fds(mouth, [b"FDSTORE=1\nFDNAME=door"], [door.fileno()])
        keeper.hear(ear)
        is_root = os.geteuid() == 0
        assert len(keeper.held) == is_root
        for held in keeper.held:
            os.close(held.fd)


def test_what_would_not_fit_into_the_kernel_is_read_into_memory_between_two_lives_and_comes_first() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
        keeper = Keeper(Lives(["true"]))
        keeper.take({"FDSTORE": "1", "FDNAME": "link-main-1"}, [near.fileno()])
        sent, far_data = 0, bytes(range(256)) * 4096
        far.settimeout(0.2)
        for least in (LEAST_ROOM, 1):  # as the service does
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least)
        with far, near:
            for _ in range(20):
                with suppress(TimeoutError):
                    sent += far.send(far_data[sent % 256 :])
                keeper.read()
            assert sent > 10_000_000
            name = f"link-main-1{BACKLOG}"
            backlog = Backlog(next(held.fd for held in keeper.held if held.name == name))
            far.shutdown(socket.SHUT_WR)
            near.settimeout(10)  # what is under way in the kernel comes a moment later on a busy machine
            rest = b""
            while part := near.recv(1_000_000):
                rest += part
            data = backlog.peek(len(backlog)) + rest
            assert len(data) == sent
            assert data == (bytes(range(256)) * (sent // 256 + 1))[:sent]
        for held in keeper.held:
            os.close(held.fd)


def test_the_parent_loads_next_to_nothing() -> None:
    code = "import dialer.keeper.parent, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"asyncio", "typer", "pydantic", "structlog", "aiohttp", "dialer.settings", "dialer.domain"}
    assert heavy.isdisjoint(done.stdout.split())


# --- a process beside it ---

BEGINS = "store.tell('OBZVON_BEGUN=1');"


@contextmanager
def pair(folder: Path, child: str, beside: str, above: str = "") -> Iterator[tuple[Family, Family]]:
    """The service and a process beside it, each with a folder of its own."""
    env = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    if above:
        env["NOTIFY_SOCKET"] = above
    places = [folder / "service", folder / "beside"]
    commands = []
    for place, code in zip(places, (child, beside), strict=True):
        place.mkdir()
        commands.append([sys.executable, "-c", CHILD + code, str(place)])
    words = [*commands[0], "--beside", *commands[1]]
    with subprocess.Popen([sys.executable, "-m", "dialer.keeper.parent", *words], env=env) as process:
        families = Family(places[0], process), Family(places[1], process)
        try:
            yield families
        finally:
            for pid in (process.pid, *families[0].children()[-1:], *families[1].children()[-1:]):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def test_of_two_processes_the_one_that_dies_is_started_again_and_the_other_goes_on(tmp_path: Path) -> None:
    with pair(tmp_path, BEGINS + STAYS, STAYS) as (service, beside):
        service.has(2)
        beside.has(2)
        os.kill(beside.children()[0], signal.SIGKILL)
        beside.has(4)
        os.kill(service.children()[0], signal.SIGKILL)
        service.has(4)
        assert (len(service.children()), len(beside.children())) == (2, 2)


def test_a_process_beside_that_ends_in_order_by_itself_is_started_again(tmp_path: Path) -> None:
    ends = "systemd.ready(); write('ready'); time.sleep(0.3); sys.exit(0)"
    with pair(tmp_path, BEGINS + STAYS, ends) as (service, beside):
        beside.has(4)
        assert len(service.children()) == 1


def test_it_begins_when_nothing_keeps_the_service_from_starting(tmp_path: Path) -> None:
    waits = "write('looks'); "
    with pair(tmp_path, waits + "sys.exit(3)", STAYS) as (service, beside):
        assert service.ends() == 3
        assert beside.lives() == []


def test_what_cannot_be_started_beside_ends_the_service_in_order_and_says_nothing_more(
    tmp_path: Path,
) -> None:
    in_order = f"signal.signal({int(GIVE_UP)}, lambda *_: (time.sleep(0.5), write('in order'), sys.exit(0)));"
    with pair(tmp_path, in_order + BEGINS + STAYS, "sys.exit(4)") as (service, beside):
        assert service.ends() == 4
        assert service.lives()[-1] == "in order"
        assert len(beside.children()) == 1


def test_it_is_there_until_the_service_is_over_and_then_goes(tmp_path: Path) -> None:
    drains = "signal.signal(15, lambda *_: (write('drains'), time.sleep(0.3), write('over'), sys.exit(0)));"
    seen = "signal.signal(15, lambda *_: (write(Path(sys.argv[1]).parent.joinpath('service/lives')"
    seen += ".read_text().split()[-1]), sys.exit(0)));"
    with pair(tmp_path, drains + BEGINS + STAYS, seen + STAYS) as (service, beside):
        service.has(2)
        beside.has(2)
        service.process.send_signal(signal.SIGTERM)
        assert service.ends() == 0
        assert beside.lives()[-1] == "over"


def test_one_that_does_not_go_is_made_to(tmp_path: Path) -> None:
    stubborn = "signal.signal(15, signal.SIG_IGN);"
    ends = "signal.signal(15, lambda *_: sys.exit(0));"
    with pair(tmp_path, ends + BEGINS + STAYS, stubborn + STAYS) as (service, beside):
        service.has(2)
        beside.has(2)
        service.process.send_signal(signal.SIGTERM)
        assert service.ends() == 0
        beside.until(lambda: not Path(f"/proc/{beside.children()[0]}").exists(), "it is gone")


LIVES = """systemd.ready(); write('ready')
while True:
    systemd.turned(lambda: '')
    time.sleep(0.01)
"""


@pytest.mark.parametrize("hanging", ["service", "beside"])
def test_one_that_hangs_while_the_other_lives_is_ended_and_begun_again(
    hanging: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    with pair(tmp_path, BEGINS + LIVES, LIVES) as both:
        for each in both:
            each.has(2)
        hangs, other = both if hanging == "service" else reversed(both)
        os.kill(hangs.children()[0], signal.SIGSTOP)
        hangs.has(4)
        time.sleep(0.5)  # many signs of life
        assert (len(hangs.children()), len(other.children())) == (2, 1)


def test_where_both_stand_still_nobody_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    with pair(tmp_path, BEGINS + LIVES, LIVES) as both:
        for each in both:
            each.has(2)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for each in both:
                os.kill(each.children()[0], number)
            time.sleep(1.0)
        assert [len(each.children()) for each in both] == [1, 1]


# --- systemd above it ---


@contextmanager
def systemd(folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(folder / "notify"))
        ear.settimeout(WITHIN_S)
        yield ear


def test_to_systemd_all_is_ready_when_both_are_and_what_the_service_leaves_is_left_there_too(
    tmp_path: Path,
) -> None:
    leaves = "door = keep(); write(str(door.getsockname()[1])); systemd.turned(lambda: 'well');"
    later = "signal.signal(10, lambda *_: (systemd.ready(), write('ready')));"
    with systemd(tmp_path) as ear:
        told: list[bytes] = []
        fds: list[int] = []

        def hear() -> None:
            message, found, _, _ = socket.recv_fds(ear, 4096, 4)
            told.append(message)
            fds.extend(found)

        with pair(
            tmp_path,
            BEGINS + leaves + STAYS,
            later + "write('waits'); signal.pause(); signal.pause()",
            ear.getsockname(),
        ) as (
            service,
            beside,
        ):
            service.has(3)
            beside.has(2)
            while not fds or not any(b"WATCHDOG=1" in each for each in told):
                hear()
            ear.settimeout(0.2)
            with suppress(TimeoutError):
                hear()
            assert not any(b"READY=1" in each for each in told), "the web is not there yet"
            os.kill(beside.children()[0], signal.SIGUSR1)
            ear.settimeout(WITHIN_S)
            while b"READY=1" not in told:
                hear()
            with socket.socket(fileno=fds[0]) as door:
                assert str(door.getsockname()[1]) == service.lives()[1]
            assert service.lives()[0].split()[1] == "systemd"
        assert not any(b"OBZVON" in each for each in told)


def test_a_service_that_hangs_ends_with_all_when_systemd_says_so_and_its_sockets_stay_there(
    tmp_path: Path,
) -> None:
    hangs = "door = keep(); signal.signal(15, signal.SIG_IGN);" + BEGINS + STAYS
    with systemd(tmp_path) as ear, pair(tmp_path, hangs, STAYS, ear.getsockname()) as (service, beside):
        service.has(2)
        beside.has(2)
        service.process.send_signal(signal.SIGABRT)
        assert service.ends() == 128 + signal.SIGABRT
        assert (len(service.children()), len(beside.children())) == (1, 1)
        ear.settimeout(0.2)
        told = []
        with suppress(TimeoutError):
            while True:
                told.append(ear.recv(4096))
        assert any(b"FDSTORE=1" in each for each in told)
        assert not any(b"FDSTOREREMOVE" in each for each in told)


HANDED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "door", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "dialer.keeper.parent", *sys.argv[2:]])
"""


def test_what_systemd_held_is_given_to_the_first_life_and_to_each_that_follows(tmp_path: Path) -> None:
    with systemd(tmp_path) as ear, socket.create_server(("127.0.0.1", 0)) as door:
        env = {**os.environ, "NOTIFY_SOCKET": ear.getsockname()}
        fd = door.fileno()
        command = [sys.executable, "-c", HANDED, str(fd), sys.executable, "-c", CHILD + STAYS, str(tmp_path)]
        with subprocess.Popen(command, env=env, pass_fds=[fd]) as process:
            its = Family(tmp_path, process)
            its.has(2)
            os.kill(its.children()[0], signal.SIGKILL)
            its.has(4)
            process.kill()
        assert [line.partition(" ")[2] for line in its.lives()[::2]] == ["systemd ['door']"] * 2
