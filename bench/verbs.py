"""CPU of the verbs, beside the running service and without it: `python -m bench verbs`."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from dialer.adapters.local.shared import SOCKET

TURNS = 5
STARTS_S = 60.0
DIALER = ("-m", "dialer.cli")
FLOORS = {"pass": ("-c", "pass"), "argparse, asyncio, json": ("-c", "import argparse, asyncio, json")}
FURNISHED = (
    "trunk add main --host 127.0.0.9 --caller-ids 84951234567",
    "operator add 101-103",
    "campaign add demo --operators 101-103 --trunks main",
)
VERBS = (
    "--help", "version", "config", "campaign --help", "campaign list", "campaign show demo",
    "campaign set demo --ratio 2", "lead list demo", "operator list", "operator set 101 --name Anna",
    "operator ready 101", "trunk list", "trunk set main --lines 20", "dnc list", "dnc add +79311234567",
    "calls find +79311234567", "cdr list", "today", "explain demo", "check", "journal show", "token list",
    "import --list", "stop",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds of CPU, user and system, medians."""

    verb: str
    service_s: float
    database_s: float


async def measure(tell: Callable[[str], None]) -> tuple[Mapping[str, float], list[Row]]:
    """The floors of this Python, and each verb beside a service and without one."""
    return await asyncio.to_thread(_measure, tell)


def _measure(tell: Callable[[str], None]) -> tuple[Mapping[str, float], list[Row]]:
    with tempfile.TemporaryDirectory(prefix="bench-verbs-") as folder:
        env = _environment(Path(folder))
        for verb in FURNISHED:
            _run((*DIALER, *verb.split()), env)
        floors = {name: _cpu_s(words, env) for name, words in FLOORS.items()}
        with _service(Path(folder), env):
            beside = {verb: _cpu_s((*DIALER, *verb.split()), env) for verb in VERBS}
        alone = {verb: _cpu_s((*DIALER, *verb.split()), env) for verb in VERBS}
    rows = [Row(verb, beside[verb], alone[verb]) for verb in VERBS]
    for line in page(floors, rows):
        tell(line)
    return floors, rows


def page(floors: Mapping[str, float], rows: Sequence[Row]) -> Iterator[str]:
    """The table of docs/bench-verbs.md."""
    floor_s = floors["argparse, asyncio, json"]
    yield from (f"`python -c {name!r}`: {seconds:.3f} s" for name, seconds in floors.items())
    yield ""
    yield "| verb | service runs, s | times the floor | on the database, s |"
    yield "|---|---|---|---|"
    for row in rows:
        times = row.service_s / floor_s
        yield f"| `dialer {row.verb}` | {row.service_s:.2f} | {times:.1f} | {row.database_s:.2f} |"


def _environment(folder: Path) -> dict[str, str]:
    (folder / "ari.secret").touch(mode=0o600)
    (folder / "ari.secret").write_text("not told")
    ports = {f"DIALER_{name}": str(_free_port()) for name in ("ARI_PORT", "API_PORT", "AGI_PORT")}
    own = {"DIALER_DATA_DIR": str(folder / "var"), "DIALER_ARI_PASSWORD_FILE": str(folder / "ari.secret")}
    not_ours = ("DIALER_", "PYTHONDONTWRITEBYTECODE")  # an installation has its bytecode
    plain = {name: value for name, value in os.environ.items() if not name.startswith(not_ours)}
    return {**plain, **own, **ports, "DIALER_LANGUAGE": "en"}


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def _service(folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    """A service whose Asterisk never comes."""
    place, until = folder / "var" / SOCKET, time.monotonic() + STARTS_S
    command = [sys.executable, *DIALER, "run"]
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as parent:
        try:
            while not (place.exists() and (folder / "var/cli.token").exists()):
                if time.monotonic() > until or parent.poll() is not None:
                    raise TimeoutError("the service did not start")
                time.sleep(0.1)
            yield
        finally:
            parent.send_signal(signal.SIGTERM)
            parent.wait(STARTS_S)


def _cpu_s(words: Sequence[str], env: Mapping[str, str]) -> float:
    return median(_run(words, env) for _ in range(TURNS))


def _run(words: Sequence[str], env: Mapping[str, str]) -> float:
    """CPU of one run, s; a verb that is refused has done its work too."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], env=env, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
