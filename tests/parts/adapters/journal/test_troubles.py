"""What a disk does to a journal, one row for each trouble, and what the engine sees; both twins alike."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dialer.adapters.journal import open_journal
from dialer.adapters.memory.notes import MemoryJournal
from dialer.domain.errors import DiskTrouble, Fatal
from dialer.domain.operators import Operator
from dialer.domain.types import OperatorId
from tests.parts.adapters.journal.test_journal import AT, Journals, call, closing, held_by, ticking

DISK = "dialer.adapters.journal.disk.os."
# What fails, and with what; `room` bytes are written before.
IN_RUN: Mapping[str, tuple[tuple[str, ...], int, int]] = {
    "no room": (("write",), errno.ENOSPC, 0),
    "no room in mid-line": (("write",), errno.ENOSPC, 33),
    "no room behind some lines": (("write",), errno.ENOSPC, 900),
    "a quota": (("write",), errno.EDQUOT, 0),
    "a write fails": (("write",), errno.EIO, 0),
    "a sync fails": (("fdatasync",), errno.EIO, 0),
    "a sync fails, and that of the next segment": (("fdatasync", "fsync"), errno.EIO, 0),
    "read-only": (("write", "open"), errno.EROFS, 0),
    "a right is lost": (("fdatasync", "open"), errno.EACCES, 0),
    "no descriptor is left": (("write", "open"), errno.EMFILE, 0),
}


@contextmanager
def failing(patch: pytest.MonkeyPatch, verbs: tuple[str, ...], number: int, room: int = 0) -> Iterator[None]:
    """These calls of the kernel fail from now on."""
    real = os.write

    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    def write(file: int, data: bytes) -> int:
        nonlocal room
        if not room:
            fail()
        taken = real(file, data[:room])
        room -= taken
        return taken

    with patch.context() as patched:
        for verb in verbs:
            patched.setattr(DISK + verb, write if verb == "write" else fail)
        yield


@contextmanager
def journals(kind: str, folder: Path) -> Iterator[tuple[Journals, Callable[[], Any]]]:
    """A journal, and how the next process opens what it has left."""
    if kind == "memory":
        journal = MemoryJournal(ticking())
        yield journal, lambda: memory_left(journal)
        return
    with open_journal(folder, ticking()) as on_disk:
        yield on_disk, lambda: open_journal(shutil.copytree(folder, folder.with_name("left")))


@contextmanager
def memory_left(journal: MemoryJournal) -> Iterator[MemoryJournal]:
    yield journal.left()


@contextmanager
def trouble(
    journal: Journals, patch: pytest.MonkeyPatch, row: tuple[tuple[str, ...], int, int]
) -> Iterator[None]:
    if isinstance(journal, MemoryJournal):
        journal.fail(os.strerror(row[1]))
        yield
        journal.mend()
    else:
        with failing(patch, *row):
            yield


@pytest.mark.parametrize("kind", ["file", "memory"])
@pytest.mark.parametrize("row", IN_RUN.values(), ids=IN_RUN)
async def test_whatever_the_disk_does_nothing_is_dialled_nothing_raised_and_nothing_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, row: tuple[tuple[str, ...], int, int]
) -> None:
    monkeypatch.setattr("dialer.adapters.journal.disk.AGAIN_S", 0.0)
    with journals(kind, tmp_path / "journal") as (journal, left):
        await journal.dialing(call("c-1"))
        with trouble(journal, monkeypatch, row):
            for n in range(3):
                journal.note(replace(call("c-1"), talk_s=float(n)))
            journal.closed(closing("c-0"))
            journal.note_operator(Operator(OperatorId("101")))
            journal.note_boot(AT)
            journal.begun("k-1")
            journal.answered("k-1", {"done": True})
            journal.heard(AT)
            with pytest.raises(
                DiskTrouble, match=rf"\({os.strerror(row[1])}\): nothing is dialled until it can"
            ):
                await journal.dialing(call("c-2"))
            assert os.strerror(row[1]) in journal.trouble
            mark, facts = await journal.pending(9)
            assert facts == [closing("c-0")]
            journal.taken(mark)
            journal.closed(closing("c-7"))
        await journal.dialing(call("c-3"))
        assert not journal.trouble
        with left() as after:
            calls, operators, facts, *_, answers, closings = await held_by(after)
            assert not after.recover().damages
    assert [(each.id, each.talk_s) for each in calls] == [("c-1", 2.0), ("c-2", 0.0), ("c-3", 0.0)]
    assert ([each.id for each in operators], facts) == (["101"], [closing("c-7")])
    assert (answers, closings) == ([("k-1", {"done": True})], [])


@pytest.mark.parametrize("what", ["its segment", "its folder"])
async def test_a_segment_that_somebody_has_deleted_is_written_anew_before_the_next_number_is_dialled(
    tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "journal"
    with open_journal(folder) as journal:
        await journal.dialing(call("c-1"))
        if what == "its folder":
            shutil.rmtree(folder)
            with pytest.raises(DiskTrouble, match="No such file or directory"):
                await journal.dialing(call("c-2"))
            folder.mkdir()
        else:
            next(folder.glob("*.log")).unlink()
            await journal.dialing(call("c-2"))
        await journal.dialing(call("c-3"))
        with open_journal(shutil.copytree(folder, tmp_path / "left")) as after:
            assert [each.id for each in after.recover().calls] == ["c-1", "c-2", "c-3"]


# --- at the start -------------------------------------------------------------------------------------------


def broken(folder: Path) -> None:
    """A line in the middle is damaged: evidence is kept beside it."""
    (log,) = folder.glob("*.log")
    log.write_bytes(log.read_bytes().replace(b"c-1", b"c-X"))


def stale(folder: Path) -> None:
    (folder / "journal-00000000.draft").write_text("")


AT_START: Mapping[str, tuple[Callable[[Path], object], str, int]] = {
    "it cannot be read": (lambda folder: None, "pathlib.Path.read_bytes", errno.EIO),
    "its leftovers cannot be removed": (stale, "pathlib.Path.unlink", errno.EROFS),
    "its damage cannot be kept": (broken, "pathlib.Path.write_bytes", errno.ENOSPC),
    "its folder cannot be listed": (lambda folder: None, DISK + "listdir", errno.EACCES),
    "its lock cannot be written": (lambda folder: None, DISK + "pwrite", errno.ENOSPC),
    "its lock cannot be cut": (lambda folder: None, DISK + "ftruncate", errno.EIO),
    "it cannot be written": (lambda folder: None, DISK + "write", errno.ENOSPC),
    "it cannot be synced": (lambda folder: None, DISK + "fsync", errno.EIO),
    "it is read-only": (lambda folder: None, DISK + "open", errno.EROFS),
}


@pytest.mark.parametrize(("before", "verb", "number"), AT_START.values(), ids=AT_START)
async def test_a_journal_that_cannot_be_opened_ends_the_start_with_a_sentence_and_loses_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: Callable[[Path], object],
    verb: str,
    number: int,
) -> None:
    with open_journal(tmp_path) as journal:
        for n in range(3):
            await journal.dialing(call(f"c-{n}"))
    before(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(verb, fail)
        with pytest.raises(Fatal, match=rf"{tmp_path}.*{os.strerror(number)}"), open_journal(tmp_path):
            pass
    with open_journal(tmp_path) as journal:
        assert len(journal.recover().calls) == 3 - (before is broken)
        assert bool(journal.damages) is (before is broken)


async def test_what_stands_in_the_way_is_named(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        await journal.dialing(call("c-1"))
    thing = tmp_path / "journal-99999999.log"
    thing.mkdir()
    with pytest.raises(Fatal, match=f"Is a directory .*{thing}"), open_journal(tmp_path):
        pass
    thing.rmdir()
    (tmp_path / "journal-of-mine.log").write_text("a file of somebody else's")
    with open_journal(tmp_path) as again:
        assert len(again.recover().calls) == 1
