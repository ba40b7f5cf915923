"""`dialer run` under systemd: real processes, a real hang."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from dialer.demo.service import children_of
from tests.servers import free_port

WATCHDOG_S = 3.0
START_S = 90.0
STOP_S = 20.0

# A pacer that hangs as long as the file is there: alone, or with the whole loop.
HANGING = """
import asyncio, sys, time
from pathlib import Path
from dialer.engine.pacer import Pacer
file, is_linked = Path(sys.argv.pop(1)), Pacer._is_linked
async def hang(pacer):
    while file.exists():
        {pause}
    return await is_linked(pacer)
Pacer._is_linked = hang
from dialer.cli.main import main
main()
"""
ALONE, WITH_THE_LOOP = "await asyncio.sleep(0.1)", "time.sleep(0.1)"


class Supervised:
    """The service as a child, and what it says to systemd."""

    def __init__(self, ear: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self._ear = ear
        self.process = process
        self.said: dict[str, str] = {}
        self.alive_at = 0.0  # when it last said that it lives

    def hear(self, timeout_s: float) -> bool:
        """One message; False when none comes."""
        self._ear.settimeout(timeout_s)
        try:
            text = self._ear.recv(4096).decode()
        except TimeoutError:
            return False
        self.said |= dict(line.split("=", 1) for line in text.splitlines())
        if "WATCHDOG=1" in text:
            self.alive_at = time.monotonic()
        return True

    def until(self, is_so: Callable[[], bool], what: str, within_s: float = START_S) -> None:
        end = time.monotonic() + within_s
        while not is_so():
            assert self.process.poll() is None, f"it ended: {self.process.communicate()[1].decode()}"
            left = end - time.monotonic()
            assert left > 0, f"{what}: not within {within_s:g} s; it said {self.said}"
            self.hear(left)

    def ready(self) -> None:
        self.until(lambda: "READY" in self.said and "WATCHDOG" in self.said, "it is ready and lives")

    def stops_well(self) -> None:
        """SIGTERM, STOPPING, the end."""
        self.process.terminate()
        self.until(lambda: "STOPPING" in self.said, "it says that it stops", STOP_S)
        _, err = self.process.communicate(timeout=STOP_S)
        assert self.process.returncode == 0
        assert b"Traceback" not in err


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        yield ear


@pytest.fixture
def variables(home: Path, ear: socket.socket) -> Mapping[str, str]:
    """Of a service whose Asterisk never comes."""
    secret = home / "ari.secret"
    secret.touch(mode=0o600)
    secret.write_text("not told")
    names = ("ARI_PORT", "API_PORT", "AGI_PORT", "ENGINE_HEALTH_PORT", "AGI_HEALTH_PORT")
    return {
        **os.environ,
        **{f"DIALER_{name}": str(free_port()) for name in names},
        "DIALER_ARI_PASSWORD_FILE": str(secret),
        "NOTIFY_SOCKET": ear.getsockname(),
        "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6)),
    }


@contextmanager
def supervised(
    ear: socket.socket, variables: Mapping[str, str], *command: str, pass_fds: Sequence[int] = ()
) -> Iterator[Supervised]:
    with subprocess.Popen(
        [sys.executable, *command],
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        umask=0,
        pass_fds=pass_fds,
    ) as process:
        try:
            yield Supervised(ear, process)
        finally:
            if process.poll() is None:
                process.kill()


def test_a_service_whose_asterisk_is_away_is_ready_alive_and_says_for_whom_it_waits(
    ear: socket.socket, variables: Mapping[str, str], home: Path
) -> None:
    with supervised(ear, variables, "-m", "dialer.cli", "run") as service:
        service.ready()
        made = {str(path.relative_to(home)): path.stat().st_mode & 0o777 for path in home.rglob("*")}
        for _ in range(3):
            was = service.alive_at
            service.until(lambda was=was: service.alive_at > was, "a sign of life", WATCHDOG_S)  # type: ignore[misc]
        assert service.said["STATUS"] == "waiting for Asterisk: 0 calls in flight"
        assert {"cli.token", "journal/main/lock", "obzvon.db-wal", "sounds", "recordings"} <= made.keys()
        assert made.pop("sounds") == 0o755  # Asterisk reads there
        assert made.pop("recordings") == 0o750  # its group writes there
        for name in [name for name in made if name.startswith("sounds/")]:
            assert made.pop(name) == (0o755 if (home / name).is_dir() else 0o644), name
        assert {name for name, mode in made.items() if mode & 0o077} == set()
        service.stops_well()


@pytest.mark.parametrize("pause", [ALONE, WITH_THE_LOOP])
def test_a_pacer_that_hangs_gives_no_sign_of_life(
    ear: socket.socket, variables: Mapping[str, str], tmp_path: Path, pause: str
) -> None:
    hang = tmp_path / "hang"
    with supervised(ear, variables, "-c", HANGING.format(pause=pause), str(hang), "run") as service:
        service.ready()
        hang.touch()
        while service.hear(WATCHDOG_S):
            assert time.monotonic() - service.alive_at < WATCHDOG_S, (
                "it says something else than that it lives"
            )
        if pause is ALONE:
            with urlopen(f"http://127.0.0.1:{variables['DIALER_API_PORT']}/healthz", timeout=5) as answer:
                assert answer.status == 200, "the loop turns, and still systemd must restart it"
        hang.unlink()
        was = service.alive_at
        service.until(lambda: service.alive_at > was, "it lives again", WATCHDOG_S)
        service.stops_well()


def test_a_part_without_an_engine_is_ready_alive_and_stops(
    ear: socket.socket, variables: Mapping[str, str], redis_url: str
) -> None:
    variables = {**variables, "DIALER_REDIS_URL": redis_url}
    with supervised(ear, variables, "-m", "dialer.cli", "run", "--only", "agi") as service:
        service.ready()
        was = service.alive_at
        service.until(lambda: service.alive_at > was, "a sign of life", WATCHDOG_S)
        assert service.said["STATUS"] == "running: agi"
        service.stops_well()


# What systemd does with the descriptors that it holds: from 3 on, for this process alone.
HANDED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "door", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "dialer.cli", "run"])
"""


def test_the_port_that_systemd_holds_stays_open_while_the_service_is_killed_and_the_next_life_takes_it_up(
    ear: socket.socket, variables: Mapping[str, str]
) -> None:
    held: list[int] = []
    with supervised(ear, variables, "-m", "dialer.cli", "run") as service:
        while not held:
            ear.settimeout(START_S)
            message, fds, _, _ = socket.recv_fds(ear, 4096, 4)
            assert not fds or message == b"FDSTORE=1\nFDNAME=door"
            held += fds
        service.ready()
        group = children_of(service.process.pid)
        service.process.kill()
        for pid in group:  # nobody of a unit is left when its main process has gone
            os.kill(pid, signal.SIGKILL)
        service.process.wait()
    port = int(variables["DIALER_ARI_PORT"])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as waiting:
        waiting.sendall(b"GET /ari/nobody HTTP/1.1\r\nHost: x\r\n\r\n")  # nobody waits long for words
        handed = ("-c", HANDED, str(held[0]))
        with supervised(ear, variables, *handed, pass_fds=held) as service:
            service.ready()
            waiting.settimeout(START_S)
            assert waiting.recv(4096).startswith(b"HTTP/1.1 401")
            service.stops_well()
            while service.hear(0.05):
                pass
            assert service.said["FDSTOREREMOVE"] == "1"
    os.close(held[0])


def test_without_systemd_nothing_is_said(ear: socket.socket, variables: Mapping[str, str]) -> None:
    alone = {name: value for name, value in variables.items() if name != "NOTIFY_SOCKET"}
    with supervised(ear, alone, "-m", "dialer.cli", "run") as service:
        token = Path(alone["DIALER_DATA_DIR"]) / "cli.token"
        end = time.monotonic() + START_S
        while not token.exists():
            assert time.monotonic() < end
            assert not service.hear(0.05)
        service.process.terminate()
        assert service.process.wait(STOP_S) == 0
        assert not service.hear(0.05)
