"""`dialer run` as people start it: an engine and a web, of which either may die."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from dialer.cli.run import narrowed
from dialer.demo.service import children_of, engine_of, is_alive, web_of
from tests.servers import free_port

WITHIN_S = 90.0
ENDS_S = 20.0


@pytest.fixture
def variables(home: Path) -> dict[str, str]:
    """Of a service whose Asterisk never comes, and which nobody else started."""
    secret = home / "ari.secret"
    secret.touch(mode=0o600)
    secret.write_text("not told")
    ports = {f"DIALER_{name}": str(free_port()) for name in ("ARI_PORT", "API_PORT", "AGI_PORT")}
    env = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    return {**env, **ports, "DIALER_ARI_PASSWORD_FILE": str(secret)}


def until(holds: Callable[[], bool], what: str, within_s: float = WITHIN_S) -> float:
    """How long that took, s."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_s, what
        time.sleep(0.05)
    return time.monotonic() - began


@dataclass(slots=True)
class Running:
    """The service from outside; its parent is the process that was started."""

    parent: subprocess.Popen[str]
    home: Path
    url: str

    @property
    def pids(self) -> tuple[int, int]:
        """Engine and web."""
        return engine_of(self.parent.pid), web_of(self.parent.pid)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text; 0: nobody answers."""
        file = self.home / "cli.token"
        token = (file.read_text().split() if file.exists() else [])[1:]
        request = Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {''.join(token)}"})
        try:
            with urlopen(request, timeout=10) as answer:
                return answer.status, str(answer.read().decode())
        except HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError:
            return 0, ""

    def shows_calls(self) -> bool:
        return self.get("/v1/calls")[0] == 200

    def checks(self) -> dict[str, Any]:
        text = self.get("/readyz")[1]
        return {one["name"]: one for one in json.loads(text)["checks"]} if text else {}


@contextmanager
def running(home: Path, variables: Mapping[str, str]) -> Iterator[Running]:
    command = [sys.executable, "-m", "dialer.cli", "run"]
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as parent:
        try:
            yield Running(parent, home, f"http://127.0.0.1:{variables['DIALER_API_PORT']}")
        finally:
            for pid in (parent.pid, *children_of(parent.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def test_of_engine_and_web_the_one_that_dies_comes_back_and_the_other_goes_on(
    home: Path, variables: dict[str, str]
) -> None:
    with running(home, variables) as service:
        until(service.shows_calls, "the API shows what the engine tells it")
        lines = service.get("/metrics")[1].splitlines()
        assert "dialer_link_up 0.0" in lines
        started = [line.split()[0] for line in lines if line.startswith("dialer_started_seconds")]
        assert started == ["dialer_started_seconds", 'dialer_started_seconds{part="web"}']

        engine, web = service.pids
        assert os.getpriority(os.PRIO_PROCESS, web) > os.getpriority(os.PRIO_PROCESS, engine)
        os.kill(web, signal.SIGKILL)
        until(lambda: service.pids[1] not in (0, web) and service.shows_calls(), "the next web answers")
        assert service.pids[0] == engine

        web = service.pids[1]
        os.kill(engine, signal.SIGSTOP)  # so that nobody comes in its place
        os.kill(service.parent.pid, signal.SIGSTOP)
        os.kill(engine, signal.SIGKILL)
        until(lambda: service.get("/v1/calls")[0] == 503, "the web says that no engine is there")
        assert not service.checks()["engine"]["ok"]
        assert "no engine of the cell main is running" in service.checks()["engine"]["detail"]
        assert service.get("/v1/campaigns")[0] == 200
        os.kill(service.parent.pid, signal.SIGCONT)
        until(service.shows_calls, "the next engine is shown")
        assert (service.pids[0] != engine, service.pids[1]) == (True, web)

        pids = service.pids
        service.parent.send_signal(signal.SIGTERM)
        err = service.parent.communicate(timeout=ENDS_S)[1]
        assert service.parent.returncode == 0
        assert not any(map(is_alive, pids))
        assert err.count("stopping: no new calls") == 1
        assert err.count("the API is at") == 2
        assert "Traceback" not in err


def test_nobody_is_left_when_the_parent_is_killed(home: Path, variables: dict[str, str]) -> None:
    with running(home, variables) as service:
        until(service.shows_calls, "it is up")
        pids = service.pids
        service.parent.kill()
        until(lambda: not any(map(is_alive, pids)), "engine and web are gone", ENDS_S)


def its_last_words(variables: Mapping[str, str]) -> tuple[int, list[str]]:
    """Exit code and lines of a start that fails; log lines left out."""
    command = [sys.executable, "-m", "dialer.cli", "run"]
    done = subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("port", ["API_PORT", "ARI_PORT", "AGI_PORT"])
def test_a_port_that_is_taken_is_told_in_one_sentence_whoever_wanted_it(
    port: str, variables: dict[str, str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = variables[f"DIALER_{port}"] = str(taken.getsockname()[1])
        code, lines = its_last_words({**variables, "DIALER_LOG_LEVEL": "error"})
    assert code == 1
    assert len(lines) <= 2, lines  # of the two the web may have told its address already
    assert sum(number in line for line in lines) == 1, lines


def test_settings_that_cannot_be_read_and_a_database_that_is_not_there_are_told_once(
    variables: dict[str, str],
) -> None:
    code, lines = its_last_words({**variables, "DIALER_ARI_TIMEOUT_S": "soon"})
    assert (code, len(lines), "DIALER_ARI_TIMEOUT_S" in lines[0]) == (1, 1, True)
    nowhere = f"postgresql://obzvon@127.0.0.1:{free_port()}/obzvon"
    code, lines = its_last_words({**variables, "DIALER_DATABASE_URL": nowhere, "DIALER_LOG_LEVEL": "error"})
    assert (code, len(lines)) == (1, 1), lines


@pytest.mark.parametrize(
    ("words", "engine", "web"),
    [
        ("run", "run --only=agi --only=engine", "run --only=web"),
        ("run --migrate", "run --migrate --only=agi --only=engine", "run --only=web"),
        ("run --only web --only=engine --only agi", "run --only=agi --only=engine", "run --only=web"),
    ],
)
def test_each_of_the_two_is_started_as_all_was_for_its_own_parts(words: str, engine: str, web: str) -> None:
    assert narrowed(words.split(), {"engine", "agi"}) == engine.split()
    assert narrowed(words.split(), {"web"}) == web.split()
