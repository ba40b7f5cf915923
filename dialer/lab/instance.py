"""One Asterisk process: starts it, waits until it is ready, watches it, stops it; never blocks the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import structlog

from dialer.domain.errors import Fatal, NetworkTrouble, TimedOut
from dialer.domain.said import said
from dialer.lab.rootfs import Asterisk

log = structlog.get_logger()

READY_S = 60.0  # a crowded machine needs longer than the usual 0.3 s
POLL_S = 0.02
FREEZING_S = 1.0
STOP_S = 3.0  # an Asterisk that waits for a websocket's goodbye would take 15 s: it is killed instead
CLI_TIMEOUT_S = 10.0
TAIL_LINES = 15
PORT_TAKEN = "Address already in use"


class AsteriskDied(NetworkTrouble):
    """An Asterisk of the lab ended by itself; the sentence carries the tail of its log."""

    id = "asterisk-died"


class PortTaken(NetworkTrouble):
    """Somebody took a drawn port before Asterisk could; another draw will do."""

    id = "port-taken"


class Instance:
    """`folder` holds etc/ with its configuration, run/ and log/: the same path for us and for Asterisk."""

    def __init__(
        self,
        asterisk: Asterisk,
        name: str,
        folder: Path,
        *,
        on_crash: Callable[[AsteriskDied], None] | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self._asterisk = asterisk
        self._on_crash = on_crash or report
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._is_ready = False
        self.died: asyncio.Event = asyncio.Event()
        self.crash: AsteriskDied | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Returns when it is fully booted; raises PortTaken or AsteriskDied, then nothing is left running."""
        assert self.pid is None, f"{self.name} runs already"
        self._is_stopping = self._is_ready = False
        self.crash = None
        self.died.clear()
        for stale in (self.folder / "run").glob("asterisk.*"):
            stale.unlink()  # the control socket of one that was killed would be talked to
        (self.folder / "log/messages").unlink(missing_ok=True)
        with (self.folder / "log/console").open("wb") as console:
            self._process = await asyncio.create_subprocess_exec(
                *leashed(self._asterisk.command("-f", "-C", str(self.folder / "etc/asterisk.conf"))),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,  # Ctrl-C in the terminal is for us: calls are drained first
            )
        self._watcher = asyncio.create_task(self._watch(self._process), name=f"watch {self.name}")
        try:
            await self._ready()
            self._is_ready = True
        except BaseException:
            await self.stop(grace_s=0)
            raise

    async def stop(self, grace_s: float = STOP_S) -> None:
        """Ends it in good order within `grace_s`, else by force."""
        self._is_stopping = True
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM if grace_s else signal.SIGKILL)
            try:
                async with asyncio.timeout(grace_s or None):
                    await process.wait()
            except TimeoutError:
                self._signal(signal.SIGKILL)
        await self._gone()

    async def kill9(self) -> None:
        """Ends it as a power cut would."""
        self._is_stopping = True
        self._signal(signal.SIGKILL)
        await self._gone()

    def suspend(self) -> None:
        """Freezes it: it keeps its sockets and answers nothing, from the return of this on."""
        self._signal(signal.SIGSTOP)
        until = time.monotonic() + FREEZING_S
        while self._moves() and time.monotonic() < until:
            time.sleep(0.001)  # nobody waits meanwhile: it is over within a few of them

    def resume(self) -> None:
        """Lets a frozen one go on."""
        self._signal(signal.SIGCONT)

    async def cli(self, command: str) -> str:
        """What Asterisk's console answers; raises TimedOut when it does not."""
        asking = await asyncio.create_subprocess_exec(
            *self._asterisk.command("-C", str(self.folder / "etc/asterisk.conf"), "-rx", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(CLI_TIMEOUT_S):
                answer, _ = await asking.communicate()
        except TimeoutError:
            raise TimedOut(
                said(
                    "Asterisk {name} did not answer `{command}` within {cli_timeout_s:.0f} s",
                    name=self.name,
                    command=command,
                    cli_timeout_s=CLI_TIMEOUT_S,
                )
            ) from None
        finally:
            if asking.returncode is None:
                os.kill(asking.pid, signal.SIGKILL)
                await asking.wait()
        return answer.decode(errors="replace").strip()

    def log_tail(self, lines: int = TAIL_LINES) -> str:
        """The last words of its log and its console."""
        texts = []
        for name in ("messages", "console"):
            with contextlib.suppress(FileNotFoundError):
                text = (self.folder / "log" / name).read_text(errors="replace")
                texts += text.splitlines()[-lines:]
        return "\n".join(texts)

    async def _ready(self) -> None:
        control = self.folder / "run/asterisk.ctl"
        try:
            async with asyncio.timeout(READY_S):
                while not self.died.is_set():
                    with contextlib.suppress(TimedOut):  # it answers when it has booted, and may need longer
                        if control.exists() and "fully booted" in await self.cli("core waitfullybooted"):
                            break
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise AsteriskDied(
                f"Asterisk {self.name} was not ready after {READY_S:.0f} s; its log ends:\n{self.log_tail()}"
            ) from None
        tail = self.log_tail(1000)
        if PORT_TAKEN in tail:
            raise PortTaken(f"a port of Asterisk {self.name} was taken by somebody else")
        if self.died.is_set():
            raise AsteriskDied(f"Asterisk {self.name} did not start; its log ends:\n{self.log_tail()}")

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Ends when the process does; a death that nobody asked for is reported."""
        code = await process.wait()
        self.died.set()
        if self._is_stopping or not self._is_ready:
            return
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        self.crash = AsteriskDied(f"Asterisk {self.name} {how}; its log ends:\n{self.log_tail()}")
        self._on_crash(self.crash)

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)  # Popen.send_signal would take the exit code from asyncio

    def _moves(self) -> bool:
        """Whether any of its threads is not stopped yet: the signal reaches them one after the other."""
        if self._process is None:
            return False
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/stat")
        with contextlib.suppress(OSError):
            return any(thread.read_text().rpartition(")")[2].split()[0] not in "TZ" for thread in threads)
        return False

    async def _gone(self) -> None:
        if self._watcher:
            await self._watcher
        self._process = self._watcher = None


async def together(*starting: Coroutine[object, object, None]) -> None:
    """Runs all at once; the first failure ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in starting:
                group.create_task(each)
    except* NetworkTrouble as failures:
        failure: BaseException = failures
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        first = failure
    else:
        return
    raise first


def report(crash: AsteriskDied) -> None:
    """Where nobody listens for crashes they go to the log."""
    log.error(str(crash))


def leashed(command: list[str]) -> list[str]:
    """The command, made to die with us even when we are killed (Linux: parent-death signal)."""
    if not shutil.which("setpriv"):
        raise Fatal(said("setpriv is missing: install the package util-linux"))
    return ["setpriv", "--pdeathsig", "KILL", *command]
