"""sipp as a second, independent carrier, so that not both ends of every test are ours."""

from __future__ import annotations

import asyncio
import csv
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dialer.domain.errors import BadValue, Fatal
from dialer.lab.instance import leashed
from dialer.lab.packages import Progress, ensure_program
from dialer.lab.ports import Ports, is_free
from dialer.lab.site import SIPP

SCENARIOS = ("answer", "leave", "busy", "no_answer")
READY_S = 20.0
# Asterisk probes a trunk with OPTIONS: each probe is a call of its own to sipp, and not one that we count
PROBED = '<recv request="OPTIONS" optional="true" next="probe" counter="probes"/>'
PROBE = """
  <nop next="over"/>
  <label id="probe"/>
  <send><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]obz[call_number]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

  ]]></send>
  <label id="over"/>
</scenario>"""
REPORT_S = 1  # how often it writes its figures
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Figures:
    """What sipp counted: calls taken, those that went as the scenario says, those that did not, open ones."""

    taken: int
    good: int
    failed: int
    open: int


class Sipp:
    """A running sipp. Numbers do not matter to it: every call goes as its scenario says."""

    def __init__(self, folder: Path, port: int, process: asyncio.subprocess.Process) -> None:
        self.host = SIPP
        self.port = port
        self.folder = folder
        self._process = process

    def figures(self) -> Figures:
        """Its own statistics, not older than REPORT_S."""
        try:
            with (self.folder / "figures.csv").open(newline="") as file:
                rows = list(csv.DictReader(file, delimiter=";"))
        except FileNotFoundError:
            rows = []
        if not rows:
            return Figures(0, 0, 0, 0)
        row = rows[-1]
        names = ("IncomingCall(C)", "SuccessfulCall(C)", "FailedCall(C)", "CurrentCall")
        taken, good, failed, still_open = (int(row[name]) for name in names)
        probes = int(row["probes(C)"])
        return Figures(taken - probes, good - probes, failed, still_open)

    async def settled(self, calls: int, timeout_s: float = 10.0) -> Figures:
        """Its figures once it has taken this many calls and none is open; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while (figures := self.figures()).taken < calls or figures.open:  # noqa: ASYNC110 a file of sipp's
                await asyncio.sleep(POLL_S)
        return figures

    async def stop(self) -> None:
        """Ends it and its calls."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def start(
    folder: Path,
    *,
    scenario: str = "answer",
    ring_s: float = 1.0,
    talk_s: float = 1.0,
    progress: Progress = lambda words: None,
) -> AsyncIterator[Sipp]:
    """A sipp that listens on its own address; it is ended with the block."""
    if scenario not in SCENARIOS:
        raise BadValue(f"sipp knows no scenario {scenario!r}; there are {', '.join(SCENARIOS)}")
    await asyncio.to_thread(ensure_program, "sipp", "sip-tester", progress)
    ports = Ports()
    try:
        text = Path(__file__).with_name(f"sipp_{scenario}.xml").read_text()
        text = text.replace("@@PROBED@@", PROBED).replace("</scenario>", PROBE)
        for name, seconds in (("RING", ring_s), ("TALK", talk_s)):
            text = text.replace(f"@@{name}_MS@@", str(round(seconds * 1000)))
        sipp = await launch(folder, text, (ports.draw(SIPP), ports.draw(SIPP)))
        try:
            yield sipp
        finally:
            await sipp.stop()
    finally:
        ports.release()


async def launch(folder: Path, scenario: str, ports: tuple[int, int]) -> Sipp:
    """Starts the process and waits until its port is taken."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 a small local file, as the next lines
    (folder / "scenario.xml").write_text(scenario)
    sip, media = ports
    arguments = ["-sf", "scenario.xml", "-i", SIPP, "-p", str(sip), "-mi", SIPP, "-mp", str(media)]
    arguments += ["-bind_local", "-rtp_echo", "-nostdin", "-trace_stat", "-stf", "figures.csv"]
    arguments += ["-fd", str(REPORT_S), "-trace_err", "-error_file", "errors.log"]
    arguments += ["-trace_logs", "-log_file", "calls.log"]
    with (folder / "screen.log").open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            *leashed(["sipp", *arguments]),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
        )
    sipp = Sipp(folder, sip, process)
    try:
        async with asyncio.timeout(READY_S):
            while process.returncode is None and is_free(SIPP, sip):  # noqa: ASYNC110 a port of sipp's
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        await sipp.stop()
        raise Fatal(f"sipp did not open {SIPP}:{sip} within {READY_S:g} s") from None
    if process.returncode is not None:
        raise Fatal(f"sipp ended at once: {(folder / 'screen.log').read_text(errors='replace')[-400:]}")
    return sipp
