"""Turns what Asterisk recorded (raw, two channels) into WAV files and enters them in the ledger."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import structlog

from dialer.adapters.folders import SHARED_BY_GROUP, make_folder
from dialer.adapters.sounds import RATE, wav_header
from dialer.domain.errors import DiskTrouble, Missing, NetworkTrouble
from dialer.domain.types import CallId
from dialer.ports.stores import Ledger

log = structlog.get_logger()

FRAME = 4  # bytes: 16 bits of the person (left), 16 bits of what the person hears (right)
HEADER = len(wav_header(0, channels=2))
SETTLED_S = 2.0  # Asterisk writes on for a moment after the hang-up
SWEEP_S = 30.0  # how often the folder is looked through for what was missed or failed
LONGEST = (2**32 - HEADER) // FRAME * FRAME  # bytes of sound that a WAV can hold: 37 hours

CALL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*")  # as in the dialplan, and no `..`
LONGEST_ID = 80

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Recording:
    """A finished file, named from the recordings folder on."""

    file: str
    seconds: float


def is_call_id(name: str) -> bool:
    """Whether a file of this name can be a recording of ours."""
    return len(name) <= LONGEST_ID and CALL_ID.fullmatch(name) is not None


class Converter:
    """Converts one recording at a time, in a thread of its own.

    The raw file goes last, when the ledger knows the WAV: whatever dies in between is done again from it.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        is_in_flight: Callable[[CallId], bool],
        *,
        settled_s: float = SETTLED_S,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._is_in_flight = is_in_flight
        self._settled_s = settled_s
        self._sweep_s = sweep_s
        self._due: asyncio.Queue[tuple[float, CallId]] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recordings")
        self.done = 0
        self.failures = 0  # tries that came to nothing

    def closed(self, call: CallId) -> None:
        """A call that was recorded is over; never blocks."""
        self._due.put_nowait((time.monotonic() + self._settled_s, call))

    def waiting(self) -> int:
        """How many closed calls wait for their turn."""
        return self._due.qsize()

    async def run(self) -> None:
        """Works until cancelled; begins with what an earlier run left behind."""
        try:
            while True:
                await self.sweep()
                await self._work_until(time.monotonic() + self._sweep_s)
        finally:
            self._thread.shutdown(wait=False)

    async def _work_until(self, end: float) -> None:
        """Takes closed calls in their order; all wait equally long, so the first is always the next."""
        while (left := end - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):  # wait_for may swallow a cancellation (Python 3.11)
                    due, call = await self._due.get()
            except TimeoutError:
                return
            await asyncio.sleep(due - time.monotonic())
            await self.convert(call)

    async def sweep(self) -> int:
        """Does every raw file that nobody writes to any more; gives how many were done."""
        try:
            calls = await self._in_thread(self._leftovers)
        except OSError as failure:
            self._failed(f"the recordings folder {self._folder} cannot be read: {failure.strerror}")
            return 0
        before = self.done
        for call in calls:
            if not self._is_in_flight(call):
                await self.convert(call)
        return self.done - before

    async def convert(self, call: CallId) -> None:
        """One call's recording; what fails is said in one sentence and tried again at the next sweep."""
        if not is_call_id(call):
            self._failed(f"{call[:40]!r} is no id of a call of ours: nothing was converted")
            return
        raw = self._folder / f"{call}.raw"
        try:
            recording = await self._in_thread(lambda: _convert(raw, self._folder))
            if recording is not None:
                await self._ledger.recorded(call, recording.file, seconds=recording.seconds)
                await self._in_thread(lambda: raw.unlink(missing_ok=True))
                self.done += 1
        except Missing:
            log.info(f"the recording of call {call} waits for the call's record to be in the database")
        except (DiskTrouble, NetworkTrouble) as failure:
            self._failed(f"the recording of call {call} waits: {failure}")
        except OSError as failure:
            self._failed(f"the recording {raw} cannot be removed: {failure.strerror}")
        except Exception as failure:  # the boundary: one recording must not stop the others
            self._failed(f"the recording of call {call} waits: {failure!r}")

    def _leftovers(self) -> list[CallId]:
        """Calls whose raw file is there and has not been written to lately."""
        make_folder(self._folder, SHARED_BY_GROUP)
        for part in self._folder.glob("*/.*.part"):  # of a conversion that was killed
            part.unlink(missing_ok=True)
        latest = time.time() - self._settled_s
        raws = [raw for raw in self._folder.glob("*.raw") if is_call_id(raw.stem) and raw.is_file()]
        return sorted(CallId(raw.stem) for raw in raws if raw.stat().st_mtime <= latest)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _failed(self, sentence: str) -> None:
        self.failures += 1
        log.warning(sentence)


def _convert(raw: Path, folder: Path) -> Recording | None:
    """The WAV of this raw file; None: there was no talk, or it is done already."""
    try:
        seen = raw.stat()
        size = min(seen.st_size - seen.st_size % FRAME, LONGEST)
        if size == 0:
            raw.unlink()
            return None
        day = datetime.fromtimestamp(seen.st_mtime, UTC).date().isoformat()
        wav = folder / day / f"{raw.stem}.wav"
        if not wav.exists() or wav.stat().st_size != HEADER + size:
            make_folder(wav.parent, SHARED_BY_GROUP)
            _write_wav(raw, wav, size)
        if raw.stat().st_size != seen.st_size:
            raise DiskTrouble(f"{raw} is still being written")
    except FileNotFoundError:
        return None
    except OSError as failure:
        raise DiskTrouble(f"{failure.filename or raw}: {failure.strerror or failure}") from failure
    return Recording(f"{day}/{wav.name}", size / FRAME / RATE)


def _write_wav(raw: Path, wav: Path, size: int) -> None:
    """Header and the first `size` bytes, on disk whole or not at all."""
    part = wav.with_name(f".{wav.stem}.part")
    try:
        _write_part(raw, part, size)
        part.replace(wav)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _write_part(raw: Path, part: Path, size: int) -> None:
    with raw.open("rb") as source, part.open("wb") as sink:
        os.fchmod(sink.fileno(), 0o640)  # people's voices
        sink.write(wav_header(size, channels=2))
        shutil.copyfileobj(source, sink)
        if (written := sink.tell()) < HEADER + size:
            raise DiskTrouble(f"{raw} gave {written - HEADER} bytes of {size}")
        sink.truncate(HEADER + size)
        sink.flush()
        os.fsync(sink.fileno())
