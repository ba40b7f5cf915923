"""The stack under test: a copy of the checkout with a project name of its own, started as users do."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COPIED = (
    ".dockerignore",
    "LICENSE",
    "README.md",
    "agi",
    "asterisk_conf",
    "dialer",
    "docker",
    "pyproject.toml",
)
PROJECT = "obzvon-smoke"
API, PROMETHEUS, ALERTMANAGER = "http://127.0.0.1:8080", "http://127.0.0.1:9090", "http://127.0.0.1:9093"
TCP = (4573, 5038, 5432, 6379, 8080, 8081, 8082, 8088, 8765, 9090, 9093)
ARI_PORT = 8765
QUICK_S = 60.0


class Failed(Exception):
    """A promise was broken, in one sentence."""


def _is_web(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0--only=web\0")


def run(*words: str | Path, cwd: Path | None = None, timeout_s: float = QUICK_S) -> str:
    """What a command prints; Failed has its last words."""
    try:
        done = subprocess.run(
            [str(word) for word in words],
            cwd=cwd, timeout=timeout_s, check=False, text=True, errors="replace",
            stdin=subprocess.DEVNULL, capture_output=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(map(str, words))}: not done within {timeout_s:g} s") from None
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-12:]
        raise Failed(f"{' '.join(map(str, words))}: exit code {done.returncode}\n  " + "\n  ".join(last))
    return done.stdout


def fetch(url: str, body: object = None, *, token: str = "") -> Any:
    """The JSON (or text) at an address; with a body it is posted."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
        text = answer.read().decode()
        return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text


def until(holds: Callable[[], Any], what: str, timeout_s: float, every_s: float = 0.2) -> Any:
    """The first true answer; Failed says what did not come."""
    end, trouble = time.monotonic() + timeout_s, ""
    while time.monotonic() < end:
        try:
            if found := holds():
                return found
        except (OSError, Failed, KeyError, ValueError) as failure:
            trouble = f" ({failure})"
        time.sleep(every_s)
    raise Failed(f"{what}: not within {timeout_s:g} s{trouble}")


class Stack:
    """Containers by the names that compose.yml gives them."""

    def __init__(self, folder: Path) -> None:
        self.docker = folder / "docker"

    @classmethod
    @contextmanager
    def copied(cls, folder: Path, *, pinned: bool = True) -> Iterator[Stack]:
        """A copy of the checkout in `folder`, and nothing of it left at the end.

        Without pins: images made on this machine have tags, and no digest of a registry.
        """
        for port in TCP:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    raise Failed(
                        f"port {port} is taken: stop what listens there (docker/compose.yml needs it)"
                    )
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        stack = cls(folder)
        if not pinned:
            stack.unpin()
        for made in ("secrets", ".env"):
            there = stack.docker / made
            shutil.rmtree(there) if there.is_dir() else there.unlink(missing_ok=True)
        sample = (stack.docker / "env.sample").read_text()
        own = sample.replace("COMPOSE_PROJECT_NAME=obzvon", f"COMPOSE_PROJECT_NAME={PROJECT}")
        (stack.docker / ".env").write_text(own)
        try:
            yield stack
        finally:
            stack.compose(
                *("--profile", "one", "--profile", "split", "--profile", "demo"),
                *("down", "--volumes", "--remove-orphans", "--timeout", "5"), timeout_s=300,
            )  # fmt: skip

    def unpin(self) -> None:
        """In this copy: images go by their tags alone."""
        for path in (self.docker / "compose.yml", *self.docker.glob("*/Dockerfile")):
            path.write_text(re.sub(r"@sha256:[0-9a-f]{64}", "", path.read_text()))

    def leave_out(self, service: str) -> None:
        """In this copy: a service whose image cannot be had is in no shape."""
        path = self.docker / "compose.yml"
        text = path.read_text()
        found = f"\n  {service}:\n"
        assert found in text
        path.write_text(text.replace(found, f"{found}    profiles: [never]\n", 1))

    def images(self) -> dict[str, str]:
        """Service: image, of those that come from a registry."""
        text = (self.docker / "compose.yml").read_text()
        return dict(re.findall(r"^  ([a-z]+):\n    <<: \*part\n    image: (\S+)$", text, re.MULTILINE))

    def up(self, *words: str) -> str:
        return run("./up", *words, cwd=self.docker, timeout_s=1800)

    def compose(self, *words: str, timeout_s: float = QUICK_S) -> str:
        tool = ["docker", "compose"] if has_compose_2() else ["docker-compose"]
        return run(*tool, *words, cwd=self.docker, timeout_s=timeout_s)

    def container(self, service: str) -> str:
        """Its id, whether it runs or not."""
        found = run(
            *("docker", "ps", "--all", "--quiet", "--no-trunc"),
            *("--filter", f"label=com.docker.compose.project={PROJECT}"),
            *("--filter", f"label=com.docker.compose.service={service}"),
        ).split()
        if len(found) != 1:
            raise Failed(f"{len(found)} containers of {service}")
        return found[0]

    def inspect(self, service: str, form: str) -> str:
        return run("docker", "inspect", "--format", form, self.container(service)).strip()

    def is_healthy(self, service: str) -> bool:
        return self.inspect(service, "{{.State.Health.Status}}") == "healthy"

    def inside(self, service: str, *words: str) -> str:
        return run("docker", "exec", self.container(service), *words)

    def kill(self, service: str) -> None:
        """As a crash does: the engine knows nothing of it, so its restart policy is tried as well."""
        os.kill(int(self.inspect(service, "{{.State.Pid}}")), signal.SIGKILL)

    def below(self, service: str) -> list[int]:
        """The processes that the first one of a container has started: the keeper has engine and web."""
        pid = self.inspect(service, "{{.State.Pid}}")
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_below(self, service: str) -> int:
        """Kills the engine below the keeper; gives its pid."""
        (engine,) = (pid for pid in self.below(service) if not _is_web(pid))
        os.kill(engine, signal.SIGKILL)
        return engine

    def asterisk_as_it_is(self) -> tuple[str, list[str], str]:
        """Its pid, its connection to the service by its own port, and how often the service was restarted."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        link = f":{ARI_PORT:04X}"
        ours = [int(row[1].split(":")[1], 16) for row in rows if row[2].endswith(link) and row[3] == "01"]
        restarts = self.inspect("service", "{{.RestartCount}}")
        return self.inspect("asterisk", "{{.State.Pid}}"), sorted(map(str, ours)), restarts

    def log(self, service: str, lines: int = 40) -> str:
        done = subprocess.run(
            ["docker", "logs", "--tail", str(lines), self.container(service)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    # --- what lies in it ---

    def sql(self, question: str) -> list[list[str]]:
        """Rows of words."""
        answer = self.inside("postgres", "psql", "-U", "obzvon", "-AtF", "|", "-c", question)
        return [line.split("|") for line in answer.splitlines()]

    def redis(self, *words: str) -> list[str]:
        login = 'REDISCLI_AUTH=$(sed "s/requirepass //" /run/secrets/redis_conf) exec redis-cli "$0" "$@"'
        return self.inside("redis", "sh", "-c", login, *words).splitlines()

    def asterisk(self, service: str, command: str) -> str:
        conf = {"asterisk": "/etc/asterisk"}.get(service, f"/demo/{service}")
        return self.inside(service, "/usr/sbin/asterisk", "-C", f"{conf}/asterisk.conf", "-rx", command)

    def api(self, path: str, body: object = None) -> Any:
        """The service's API, with the token of its command line."""
        shape = "web" if "OBZVON_SHAPE=split" in (self.docker / ".env").read_text() else "service"
        token = self.inside(shape, "cat", "/var/lib/obzvon/service/cli.token").split()[1]
        return fetch(f"{API}{path}", body, token=token)

    def calls(self) -> list[dict[str, Any]]:
        return list(self.api("/v1/calls?limit=1000")["items"])


def has_compose_2() -> bool:
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
