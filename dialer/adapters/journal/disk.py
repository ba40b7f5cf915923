"""The journal's file: written at once, synced in groups, renewed when it is long.

Every write goes to the kernel in the caller's own time (it survives the process); `dialing` also waits until
one thread has synced it (it survives the machine).  When the disk fails, nothing is lost that the process
still holds: the state is whole in memory, and the next segment that can be written has all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import structlog

from dialer.adapters.codec import changes, encode, loosen
from dialer.adapters.journal.damage import mark_held, unread_before
from dialer.adapters.journal.held import Held
from dialer.adapters.journal.lines import KIND_OF, RULES, Entry, Fact, Kind, entry, read
from dialer.adapters.journal.lives import LIVES
from dialer.domain.call import Call
from dialer.domain.cdr import Closing
from dialer.domain.errors import BadValue, DiskTrouble, Fatal
from dialer.domain.operators import Operator
from dialer.domain.said import said
from dialer.domain.types import CallId, LeadId, OperatorId
from dialer.ports.journal import Recovered

log = structlog.get_logger()

SEGMENT_BYTES = 16 * 1024 * 1024
AGAIN_S = 1.0
OURS = re.compile(r"journal-[0-9]{8,}\.(log|draft)")
LENGTH = "length"  # the file that says how long the journal is at least
GROWTH = 4  # a segment is renewed when it is this many times what is worth keeping


@contextmanager
def open_journal(
    folder: Path,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    segment_bytes: int = SEGMENT_BYTES,
) -> Iterator[FileJournal]:
    """The journal of one cell; Fatal when another process has it or the disk does not let us use it."""
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            held.callback(os.close, lock)
            _take(lock, folder)
            journal = FileJournal(folder, clock, segment_bytes)
        except OSError as trouble:
            raise Fatal(
                said(
                    "the journal's folder {folder} cannot be used: {trouble}",
                    folder=folder,
                    trouble=f"{_why(trouble)} ({trouble.filename})" if trouble.filename else _why(trouble),
                )
            ) from None
        held.callback(journal.close)
        yield journal


class FileJournal:
    """See dialer.ports.journal.Journal; one event loop and one thread of its own use it."""

    def __init__(self, folder: Path, clock: Callable[[], datetime], segment_bytes: int) -> None:
        self._folder = folder
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._held = Held()
        self._number, torn, lost = _replay(folder, self._held)
        recovered, unread = self._held.recovered()
        for sentence in (torn, *lost, *unread):
            if sentence:
                log.warning("journal_damaged", what=sentence)
        self.torn = torn  # a sentence of what was being written when the last process ended; empty: nothing
        self.damages = unread_before(folder, (*lost, *unread))  # sentences: what is lost
        self._recovered = replace(recovered, damages=self.damages)
        self.trouble = ""  # why nothing can be written now; empty: all is well
        self._guard = Lock()  # the state, the file and its size change together
        self._file = -1
        self._size = self._limit = 0
        self._asked = False  # for a new segment
        self._not_before_s = 0.0  # of the next attempt while the disk fails
        self._behind: list[bytes] | None = None  # written while the next segment was being made
        self._worker = ThreadPoolExecutor(1, "journal")
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None
        self._told = asyncio.Event()
        self._noted: dict[CallId, Call] = {}  # calls and
        self._posts: dict[OperatorId, Operator] = {}  # operators as their last lines left them
        self._heard = os.open(folder / "heard", os.O_RDWR | os.O_CREAT, 0o600)
        self._length = os.open(folder / LENGTH, os.O_RDWR | os.O_CREAT, 0o600)
        heard_at = _heard(self._heard)
        self._recovered = replace(self._recovered, last_at=heard_at or self._recovered.last_at)
        self._renew()

    # --- what happens ---

    async def dialing(self, call: Call) -> None:
        """Returns when the mark is on disk; DiskTrouble when it cannot be: the number must not be dialled."""
        self._tell(entry(Kind.DIALING, self._clock(), call))
        self._noted[call.id] = call
        synced = asyncio.get_running_loop().create_future()
        self._waiting.append(synced)
        if self._syncing is None:
            self._syncing = asyncio.get_running_loop().create_task(self._sync_all())
        await synced

    def note(self, call: Call) -> None:
        """The state of a call that was marked; one that is closed is not in flight any more."""
        if call.id not in self._held.calls:
            return
        before, self._noted[call.id] = self._noted.get(call.id), call
        if before is not None:
            self._tell(entry(Kind.STEP, self._clock(), {"id": call.id, **changes(before, call)}))
            return
        plain = encode(call)
        del plain[RULES]
        self._tell(entry(Kind.CALL, self._clock(), plain))

    def note_operator(self, operator: Operator) -> None:
        before, self._posts[operator.id] = self._posts.get(operator.id), operator
        if before is None:
            self._tell(entry(Kind.OPERATOR, self._clock(), operator))
        else:
            self._tell(entry(Kind.MOVE, self._clock(), {"id": operator.id, **changes(before, operator)}))

    def note_boot(self, booted_at: datetime) -> None:
        self._tell(entry(Kind.BOOT, self._clock(), booted_at.astimezone(UTC).isoformat()))

    def heard(self, at: datetime) -> None:
        with contextlib.suppress(OSError):  # a bound that is older is still a bound
            os.pwrite(self._heard, f"{at.astimezone(UTC).isoformat(timespec='microseconds')}\n".encode(), 0)
        if self.trouble:  # nobody may be telling anything: dialing waits for this
            with self._guard:
                is_due = self._is_due()
            if is_due:
                self._worker.submit(self._renew_quietly)

    def closed(self, fact: Fact) -> None:
        told = entry(KIND_OF[type(fact)], self._clock(), fact, self._held.last_n + 1)
        self._tell(told, fact)
        if isinstance(fact, Closing):
            self._noted.pop(fact.call, None)
        self._told.set()

    def begun(self, key: str) -> None:
        self._tell(entry(Kind.BEGUN, self._clock(), {"key": key}))

    def answered(self, key: str, answer: Mapping[str, Any] | None) -> None:
        plain = None if answer is None else loosen(answer)
        self._tell(entry(Kind.ANSWERED, self._clock(), {"key": key, "answer": plain}))

    # --- what is kept ---

    def held_back(self) -> None:
        """The leads that what was lost may have dialled are held back, in the database."""
        mark_held(self._folder)

    def recover(self) -> Recovered:
        """What the last run left, as it was when the journal was opened."""
        return self._recovered

    async def pending(self, limit: int) -> tuple[int, Sequence[Fact]]:
        while not self._held.facts:
            self._told.clear()
            await self._told.wait()
        oldest = self._held.oldest(max(limit, 1))
        return oldest[-1][0], [fact for _, fact, _ in oldest]

    def taken(self, mark: int) -> None:
        self._tell(entry(Kind.TAKEN, self._clock(), None, mark))

    def depth(self) -> int:
        return len(self._held.facts)

    def leads(self) -> Collection[LeadId]:
        return self._held.leads.keys()

    def close(self) -> None:
        """Everything written is on disk afterwards."""
        self._asked = True  # no new segment any more: the thread ends here
        self._worker.shutdown(wait=True)
        if self._file >= 0:
            with contextlib.suppress(OSError):  # it is in the kernel; only the machine's death could lose it
                os.fdatasync(self._file)
            os.close(self._file)
            self._file = -1
        os.close(self._heard)
        os.close(self._length)

    # --- the file ---

    def _tell(self, told: Entry, fact: Fact | None = None) -> None:
        """Fold the entry and write its line; a full disk changes nothing in what we hold."""
        with self._guard:
            self._held.take(told, fact)
            if self._behind is not None:
                self._behind.append(told.line)
            if not self.trouble:
                try:
                    _write(self._file, told.line)
                except OSError as trouble:
                    self._fail(trouble)
            self._size += len(told.line)
            if not self._is_due():
                return
        self._worker.submit(self._renew_quietly)

    def _is_due(self) -> bool:
        """Whether a new segment should be made: this one is long, or the disk failed a while ago."""
        if self._asked or (
            self._size <= self._limit if not self.trouble else monotonic() < self._not_before_s
        ):
            return False
        self._asked = True
        self._not_before_s = monotonic() + AGAIN_S
        return True

    async def _sync_all(self) -> None:
        """Group commit: whoever came while the disk was busy shares the next sync."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            failure: DiskTrouble | None = None
            try:
                await loop.run_in_executor(self._worker, self._sync)
            except (OSError, RuntimeError) as trouble:  # RuntimeError: closed meanwhile, the thread is gone
                failure = DiskTrouble(self._sentence(_why(trouble)))
            for synced in group:
                if synced.done():  # its caller was cancelled
                    continue
                if failure is None:
                    synced.set_result(None)
                else:
                    synced.set_exception(failure)
        self._syncing = None

    def _sync(self) -> None:
        """In the thread: everything written so far is on disk when this returns."""
        if self.trouble:
            self._renew()
            return
        number, size = self._number, self._size
        try:
            os.fdatasync(self._file)
        except OSError as trouble:
            with self._guard:
                self._fail(trouble)  # the kernel may have dropped what it could not write
            raise
        if not os.fstat(self._file).st_nlink:  # somebody has deleted it: what is synced there is lost
            self._renew()
            return
        self._note_length(number, size)

    def _note_length(self, number: int, size: int) -> None:
        """How long the journal is at least: one that is shorter at the next start has lost something."""
        with contextlib.suppress(OSError):  # a bound that is older is still a bound
            os.pwrite(self._length, b"%08d %016d\n" % (number, size), 0)

    def _renew_quietly(self) -> None:
        with contextlib.suppress(OSError):  # told by _renew; the old segment goes on
            self._renew()
        self._asked = False

    def _renew(self) -> None:
        """Write what is worth keeping into a new segment, durably, then put it in place of the old one."""
        number = self._number + 1
        target = _segment(self._folder, number)
        draft = target.with_suffix(".draft")
        with self._guard:
            kept = b"".join(self._held.lines(self._clock()))
            self._behind = []
        file = -1
        try:
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            _write(file, kept)
            os.fsync(file)
            with self._guard:
                behind = b"".join(self._behind)
                _write(file, behind)
                draft.rename(target)
                file, self._file = self._file, file  # the old one is closed below
                if self.trouble:
                    log.info("journal_written_again", folder=str(self._folder))
                self._number, self._behind, self.trouble = number, None, ""
                self._size = len(kept) + len(behind)
                self._limit = max(self._segment_bytes, GROWTH * len(kept))
            os.fdatasync(self._file)
            _sync_folder(self._folder)
            self._note_length(number, len(kept) + len(behind))
            _segment(self._folder, number - 1).unlink(missing_ok=True)
        except OSError as trouble:
            with self._guard:
                self._behind = None
                self._fail(trouble)
            draft.unlink(missing_ok=True)
            raise
        finally:
            if file >= 0:
                os.close(file)

    def _fail(self, trouble: OSError) -> None:
        sentence = self._sentence(_why(trouble))
        if not self.trouble:
            log.error("journal_failed", what=sentence)
        self.trouble = sentence

    def _sentence(self, why: str) -> str:
        return said(
            "the journal in {folder} cannot be written ({why}): nothing is dialled until it can",
            folder=self._folder,
            why=why,
        )


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(lock, 32).decode(errors="replace").strip()
        raise Fatal(
            said(
                "the journal in {folder} is in use by process {value}: stop that one, or give"
                " this cell another DIALER_DATA_DIR",
                folder=folder,
                value=holder or said("(not known)"),
            )
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _replay(folder: Path, held: Held) -> tuple[int, str, tuple[str, ...]]:
    """Fold the newest segment: its number, a sentence of what is torn, and one for each thing that is lost.

    Torn is what was being written when the process ended: no number was dialled by that.
    """
    ours = [folder / name for name in sorted(os.listdir(folder)) if OURS.fullmatch(name)]
    segments = [each for each in ours if each.suffix == ".log"]
    expected = _length(folder / LENGTH)
    data = segments[-1].read_bytes() if segments else b""
    for stale in ours:  # a renewal was cut short; not before the newest could be read
        if stale.suffix == ".draft" or stale != segments[-1]:
            stale.unlink()
    if not segments:
        lost = expected is not None or (folder / LIVES).exists()
        return 0, "", (said("the journal in {folder} is gone", folder=folder),) if lost else ()
    newest = segments[-1]
    number = int(newest.stem.removeprefix("journal-"))
    found = read(data)
    damages = [
        said("line {number} of {newest} is damaged and was skipped", number=line, newest=newest)
        for line in found.damaged
    ]
    for place, told in enumerate(found.entries):
        try:
            held.take(told)
        except (BadValue, KeyError, TypeError, ValueError) as bad:
            damages.append(
                said(
                    "entry {number} of {newest} ({kind}) cannot be read and was skipped: {bad}",
                    number=place,
                    newest=newest,
                    kind=told.kind,
                    bad=bad,
                )
            )
    if expected is not None and (number, len(data)) < expected:
        damages.append(said("{newest} is shorter than it was, or older: its end is lost", newest=newest))
    if damages:  # evidence: renewal removes the segment itself
        newest.with_suffix(".damaged").write_bytes(data)
    torn = ""
    if found.torn_bytes:
        torn = f"the end of {newest} is torn ({found.torn_bytes} bytes): what was being written is lost"
    return number, torn, tuple(damages)


def _length(path: Path) -> tuple[int, int] | None:
    """The number of the newest segment and how long it was at least, as was noted; None: by nobody."""
    try:
        number, size = path.read_text("ascii").split()
        return int(number), int(size)
    except (OSError, ValueError):
        return None


def _heard(file: int) -> datetime | None:
    try:
        at = datetime.fromisoformat(os.pread(file, 64, 0).decode().strip())
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _segment(folder: Path, number: int) -> Path:
    return folder / f"journal-{number:08}.log"


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _why(trouble: Exception) -> str:
    return getattr(trouble, "strerror", None) or str(trouble)
