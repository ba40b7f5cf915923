"""The service of the demo, as a process of its own: exactly what `dialer run` starts."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import aiohttp

from dialer.domain.errors import Fatal, NetworkTrouble, TimedOut
from dialer.domain.said import said

READY_S = 60.0
PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """A demo that is killed leaves no service behind (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    """The processes that this one has started (Linux)."""
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def engine_of(keeper: int) -> int:
    """The engine that this parent process has started; 0 between two of its lives."""
    return next((pid for pid in children_of(keeper) if not _is_web(pid)), 0)


def web_of(keeper: int) -> int:
    """The web that it has started beside the engine; 0 between two of its lives."""
    return next((pid for pid in children_of(keeper) if _is_web(pid)), 0)


def _is_web(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0--only=web\0")
    return False


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    return Path(f"/proc/{pid}").exists()


class Service:
    """A child process, and its API. Use it with `async with`."""

    verb: tuple[str, ...] = ("run",)
    ready_s = READY_S

    def __init__(self, environment: Mapping[str, str], log_file: Path, language: str = "en") -> None:
        self._environment = {**os.environ, **environment}
        self._log_file = log_file
        self._language = language  # of the sentences that it says
        self._token_file = Path(environment["DIALER_DATA_DIR"]) / "cli.token"
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None
        self.url = ""
        self.token = ""

    async def __aenter__(self) -> Self:
        self._token_file.unlink(missing_ok=True)  # of a service that was killed
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "dialer.cli", *self.verb),
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops the service in order
                preexec_fn=_die_with_parent,
            )
        try:
            await self._wait_ready()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()
        if self._process is not None and self._process.returncode is None:
            children = children_of(self.keeper_pid)  # they die with their keeper, as the keeper does with us
            self._process.kill()
            await self._process.wait()
            while any(map(is_alive, children)):  # noqa: ASYNC110  not ours to wait for
                await asyncio.sleep(0.01)

    @property
    def pid(self) -> int:
        """Of the engine, or of the one process that there is below the keeper; 0 between two of its lives."""
        return engine_of(self.keeper_pid)

    @property
    def web_pid(self) -> int:
        """Of the web beside the engine; 0 between two of its lives."""
        return web_of(self.keeper_pid)

    @property
    def keeper_pid(self) -> int:
        """Of their parent, which holds the engine's sockets and starts each of them again."""
        return self._process.pid if self._process else 0

    async def _wait_ready(self) -> None:
        """Until it answers and Asterisk is connected to it."""
        try:
            async with asyncio.timeout(self.ready_s):
                while not self._is_found():
                    self._check_alive()
                    await asyncio.sleep(0.05)
                headers = {"Accept-Language": self._language}
                self._http = aiohttp.ClientSession(self.url, headers=headers)
                while not await self._is_ready():
                    self._check_alive()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimedOut(
                said(
                    "the service was not ready within {ready_s:g} s: {last_words}",
                    ready_s=self.ready_s,
                    last_words=self._last_words(),
                )
            ) from None

    def _is_found(self) -> bool:
        """Whether it has written down its address and the token for it."""
        words = self._token_file.read_text().split() if self._token_file.exists() else []
        if len(words) == 2:
            self.url, self.token = words
        return len(words) == 2

    async def _is_ready(self) -> bool:
        assert self._http is not None
        with suppress(aiohttp.ClientError):
            async with self._http.get("/readyz") as answer:
                return answer.status == 200
        return False

    def _check_alive(self) -> None:
        if self._process is None or self._process.returncode is not None:
            raise Fatal(said("the service has ended: {last_words}", last_words=self._last_words()))

    def _last_words(self) -> str:
        lines = self._log_file.read_text(errors="replace").splitlines()
        return lines[-1] if lines else said("nothing in {file}", file=self._log_file)

    async def get(self, path: str, **query: str | int) -> Any:
        return await self._ask("GET", path, query)

    async def post(self, path: str, body: object = None) -> Any:
        return await self._ask("POST", path, {}, body)

    async def patch(self, path: str, body: object) -> Any:
        return await self._ask("PATCH", path, {}, body)

    async def _ask(self, method: str, path: str, query: Mapping[str, str | int], body: object = None) -> Any:
        """The answer's JSON (text for /metrics); NetworkTrouble with the API's own sentence."""
        self._check_alive()
        self._is_found()  # each life of the service has a token of its own
        assert self._http is not None
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with self._http.request(
                method, path, params=dict(query), json=body, headers=headers
            ) as answer:
                if answer.status >= 400:
                    raise NetworkTrouble(f"{method} {path}: {answer.status} {await answer.text()}")
                return await (answer.json() if "json" in answer.content_type else answer.text())
        except aiohttp.ClientError as failure:
            raise NetworkTrouble(f"{method} {path}: {failure}") from failure

    async def stop(self, *, drain_s: float) -> int:
        """SIGTERM; the service lets talks end. A second call hurries it. The exit code."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(drain_s):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()

    def hurry(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
