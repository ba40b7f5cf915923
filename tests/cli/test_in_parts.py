"""An engine and a web as processes of their own, without Redis: what each says while the other is away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.servers import free_port

WITHIN_S = 90.0


@contextmanager
def part(name: str, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dialer.cli", "run", f"--only={name}"]
    with subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def test_a_web_tells_of_the_engine_beside_it_and_says_when_there_is_none(home: Path) -> None:
    secret = home / "ari.secret"
    secret.touch(mode=0o600)
    secret.write_text("not told")
    names = ("ARI_PORT", "API_PORT", "AGI_PORT", "ENGINE_HEALTH_PORT")
    ports = {f"DIALER_{name}": str(free_port()) for name in names}
    variables = {**os.environ, **ports, "DIALER_ARI_PASSWORD_FILE": str(secret)}
    url = f"http://127.0.0.1:{ports['DIALER_API_PORT']}"

    def get(path: str) -> str:
        token = (home / "cli.token").read_text().split()[1:]
        request = Request(f"{url}{path}", headers={"Authorization": f"Bearer {''.join(token)}"})
        try:
            with urlopen(request, timeout=10) as answer:
                return str(answer.read().decode())
        except HTTPError as refusal:
            return refusal.read().decode()
        except OSError:
            return ""

    def checks() -> dict[str, Any]:
        told = get("/readyz") if (home / "cli.token").exists() else ""
        return {one["name"]: one for one in json.loads(told)["checks"]} if told else {}

    with part("web", variables):
        until(lambda: "engine" in checks(), "the web says that no engine is there")
        assert "no engine of the cell main is running" in get("/v1/operators")
        with part("engine", variables):
            until(lambda: "link" in checks(), "the web tells what the engine says of itself")
            assert checks()["link"]["detail"] == "Asterisk is not connected"
            assert json.loads(get("/v1/calls"))["items"] == []
            lines = get("/metrics").splitlines()
            assert "dialer_link_up 0.0" in lines
            started = [line for line in lines if line.startswith("dialer_started_seconds")]
            assert [line.split()[0] for line in started] == [
                "dialer_started_seconds",
                'dialer_started_seconds{part="web"}',
            ]
        until(lambda: "engine" in checks(), "the engine has gone")
