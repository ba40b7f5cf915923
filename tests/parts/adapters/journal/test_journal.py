"""The journal keeps what it was told, through every way of being stopped."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.adapters.journal import FileJournal, open_journal
from dialer.adapters.journal.damage import accept, damages
from dialer.adapters.memory.notes import MemoryJournal
from dialer.domain.call import Call, State
from dialer.domain.cdr import Closing, Remark, WrapUp
from dialer.domain.errors import DiskTrouble, Fatal
from dialer.domain.operators import Operator, StateChange
from dialer.domain.operators import State as OperatorState
from dialer.domain.types import CallId, CampaignId, LeadId, OperatorId, PhoneNumber, TrunkId

AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
Journals = FileJournal | MemoryJournal


def call(name: str) -> Call:
    return Call(CallId(name), CampaignId(1), LeadId(2), PhoneNumber("+79161234567"), TrunkId("main"))


def closing(name: str) -> Closing:
    return Closing(cdr=None, lead=None, call=CallId(name))


def lines_in(folder: Path) -> list[bytes]:
    return [line for file in folder.glob("*.log") for line in file.read_bytes().splitlines()]


def ticking() -> Callable[[], datetime]:
    """A clock that is a second later each time it is asked."""
    count = iter(range(1_000_000))
    return lambda: AT + timedelta(seconds=next(count))


async def held_by(journal: Journals) -> tuple[Any, ...]:
    """Everything that a restart would find in it."""
    found = journal.recover()
    facts = (await journal.pending(1000))[1] if journal.depth() else ()
    calls = sorted(found.calls, key=lambda each: each.id)
    operators = sorted(found.operators, key=lambda each: each.id)
    held = (calls, operators, list(facts), found.facts, found.booted_at, list(found.answers.items()))
    return *held, list(found.closings)


async def do(journal: Journals, step: tuple[str, int]) -> None:
    what, n = step
    name = f"c-{n}"
    match what:
        case "dialing":
            await journal.dialing(call(name))
        case "note":
            journal.note(replace(call(name), state=State.BRIDGED, talk_s=float(n)))
        case "operator":
            journal.note_operator(Operator(OperatorId(f"10{n}"), state=OperatorState.READY))
        case "talks":
            talking = Operator(
                OperatorId(f"10{n}"),
                state=OperatorState.TALKING,
                since_at=AT,
                call=CallId(name),
                disposition="yes",
            )
            journal.note_operator(talking)
        case "boot":
            journal.note_boot(AT + timedelta(days=n))
        case "begun":
            journal.begun(f"k-{n}")
        case "answered":
            journal.answered(f"k-{n}", {"state": "ready", "n": n} if n else None)
        case "closing":
            journal.closed(closing(name))
        case "wrap_up":
            journal.closed(WrapUp(CallId(name), OperatorId("101"), 5.0, "sold", AT))
        case "remark":
            journal.closed(Remark(CallId(name), OperatorId("101"), AT, note=f"tea {n}"))
        case "change":
            was, became = OperatorState.READY, OperatorState.PAUSED
            journal.closed(StateChange(OperatorId("101"), was, became, f"tea {n}", AT))
        case "taken":
            if journal.depth():
                mark, _ = await journal.pending(n + 1)
                journal.taken(mark)


WORDS = (
    "dialing",
    "note",
    "operator",
    "talks",
    "boot",
    "begun",
    "answered",
    "closing",
    "wrap_up",
    "remark",
    "change",
    "taken",
)
STEPS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 3)), max_size=14)


def segment(folder: Path) -> Path:
    (found,) = folder.glob("*.log")
    return found


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, data=st.data())
def test_cut_at_any_byte_it_recovers_what_was_told_before(
    steps: list[tuple[str, int]], data: st.DataObject
) -> None:
    asyncio.run(_cut(steps, data))


async def _cut(steps: list[tuple[str, int]], data: st.DataObject) -> None:
    with TemporaryDirectory() as place:
        written, cut_off = Path(place, "written"), Path(place, "cut")
        os.mkdir(cut_off)
        told = MemoryJournal(ticking())
        sizes, states = [], []
        with open_journal(written, ticking()) as journal:
            file = segment(written)
            for step in [("boot", 0), *steps]:
                sizes.append(file.stat().st_size)
                states.append(await held_by(told))
                await do(journal, step)
                await do(told, step)
        sizes.append(file.stat().st_size)
        states.append(await held_by(told))
        cut = data.draw(st.integers(sizes[0], sizes[-1]), label="cut")
        (cut_off / file.name).write_bytes(file.read_bytes()[:cut])
        with open_journal(cut_off, ticking()) as journal:
            whole = max(n for n, size in enumerate(sizes) if size <= cut)
            assert await held_by(journal) == states[whole]
            assert bool(journal.torn) == (cut not in sizes)
            assert not journal.damages


@settings(max_examples=20, deadline=None)
@given(steps=STEPS)
def test_renewed_all_the_time_it_recovers_the_same(steps: list[tuple[str, int]]) -> None:
    asyncio.run(_renew(steps))


async def _renew(steps: list[tuple[str, int]]) -> None:
    told = MemoryJournal(ticking())
    with TemporaryDirectory() as place:
        for step in [*steps, ("boot", 1)]:
            with open_journal(Path(place), ticking()) as journal:  # opening makes a new segment
                await do(journal, step)
            await do(told, step)
        with open_journal(Path(place), ticking()) as journal:
            assert await held_by(journal) == await held_by(told)
            assert not journal.damages


async def test_a_long_segment_is_replaced_by_what_is_worth_keeping(tmp_path: Path) -> None:
    with open_journal(tmp_path, segment_bytes=20_000) as journal:
        first = segment(tmp_path)
        await journal.dialing(call("c-1"))
        for n in range(400):
            journal.note(replace(call("c-1"), talk_s=float(n)))
            if n % 40 == 0:
                await journal.dialing(call("c-2"))  # waits behind the renewal, which has the same thread
    assert segment(tmp_path) != first
    assert os.stat(segment(tmp_path)).st_size < 40_000  # of 160,000 that were written
    with open_journal(tmp_path) as journal:
        talks = {each.id: each.talk_s for each in journal.recover().calls}
        assert talks == {"c-1": 399.0, "c-2": 0.0}


async def test_a_step_of_a_call_is_short_and_found_whole_after_a_kill_and_after_a_renewal(
    tmp_path: Path,
) -> None:
    taken = replace(call("c-1"), state=State.RESERVED, operator=OperatorId("101"), answer_at=AT)
    freed = replace(taken, state=State.HELD_BACK, operator=None, failed_connects=1)
    with open_journal(tmp_path, ticking()) as journal:
        await journal.dialing(call("c-1"))
        journal.note(taken)
        journal.note(freed)
    steps = [line for line in lines_in(tmp_path) if b'"step"' in line]
    assert len(steps) == 2
    assert max(map(len, steps)) < 200
    for _ in range(2):  # the second time from the segment that the first one has made
        with open_journal(tmp_path, ticking()) as journal:
            assert journal.recover().calls == (freed,)


async def test_a_move_of_an_operator_is_short_and_found_whole_after_a_kill_and_after_a_renewal(
    tmp_path: Path,
) -> None:
    ready = Operator(OperatorId("101"), name="Anna", state=OperatorState.READY, since_at=AT)
    talking = replace(ready, state=OperatorState.TALKING, call=CallId("c-1"))
    with open_journal(tmp_path) as journal:
        journal.note_operator(ready)
        journal.note_operator(talking)
        journal.note_operator(replace(talking, call=None, state=OperatorState.WRAP_UP))
    whole, *moves = lines_in(tmp_path)[-3:]
    assert all(len(move) < len(whole) for move in moves)
    for _ in range(2):  # the second opening finds what the first has renewed
        with open_journal(tmp_path) as journal:
            assert journal.recover().operators == (replace(ready, state=OperatorState.WRAP_UP),)


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_of_the_answers_to_commands_the_newest_thousand_are_kept(tmp_path: Path, kind: str) -> None:
    with open_journal(tmp_path) as on_disk:
        journal = on_disk if kind == "file" else MemoryJournal(ticking())
        for n in range(1001):
            journal.begun(f"k-{n}")
            journal.answered(f"k-{n}", {"n": n})
        journal.begun("k-1001")
    if kind == "file":
        with open_journal(tmp_path) as again:
            journal = again
    answers = journal.recover().answers
    assert list(answers) == [f"k-{n}" for n in range(2, 1002)]
    assert (answers["k-2"], answers["k-1001"]) == ({"n": 2}, None)


def flip(data: bytes) -> bytes:
    """A bit in the middle is another one."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def without_line(n: int) -> Callable[[bytes], bytes]:
    def cut(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        return b"".join([*lines[:n], *lines[n + 1 :]])

    return cut


HARMS: dict[str, Callable[[bytes], bytes | None]] = {
    "a bit": flip,
    "cut at a line": lambda data: b"".join(data.splitlines(keepends=True)[:-2]),
    "cut within a line": lambda data: data[:-200],
    "emptied": lambda data: b"",
    "rubbish lines at the end": lambda data: data + b'00000000 ["call"]\n{}\n',
    "zeros within": lambda data: data[:300] + b"\0" * 100 + data[400:],
    "the last line": lambda data: data[:-20] + b"x" * 19 + b"\n",
    "a line that is gone": without_line(2),
    "gone": lambda data: None,
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
async def test_whatever_is_lost_is_told_until_the_leads_are_held_back(
    tmp_path: Path, harm: Callable[[bytes], bytes | None]
) -> None:
    with open_journal(tmp_path) as journal:
        for name in ("c-1", "c-2", "c-3", "c-4"):
            await journal.dialing(call(name))
    file = segment(tmp_path)
    left = harm(file.read_bytes())
    file.unlink() if left is None else file.write_bytes(left)
    for _ in range(2):  # the first of these starts ended before the database could be told
        with open_journal(tmp_path) as journal:
            assert journal.recover().damages
            found = {each.id for each in journal.recover().calls}
            assert found <= {"c-1", "c-2", "c-3", "c-4"}
    with open_journal(tmp_path) as journal:
        journal.held_back()
    with open_journal(tmp_path) as journal:
        assert not journal.recover().damages
        assert damages(tmp_path)  # for a person to read
    accept(tmp_path)
    assert damages(tmp_path) == []


async def test_a_fresh_folder_and_one_of_an_older_version_are_whole(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        assert not journal.recover().damages
        await journal.dialing(call("c-1"))
    (tmp_path / "length").unlink()
    with open_journal(tmp_path) as journal:
        assert not journal.recover().damages
        assert [each.id for each in journal.recover().calls] == ["c-1"]


async def test_a_damaged_line_is_told_and_skipped(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for name in ("c-1", "c-2", "c-3"):
            await journal.dialing(call(name))
    file = segment(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"c-2", b"c-9")
    file.write_bytes(b"".join(lines))
    with open_journal(tmp_path) as journal:
        assert [each.id for each in journal.recover().calls] == ["c-1", "c-3"]
        assert journal.damages == (f"line 3 of {file} is damaged and was skipped",)
    assert file.with_suffix(".damaged").read_bytes() == b"".join(lines)


@pytest.mark.parametrize("rubbish", [b"\0" * 4096, b"\xff\xfe", b'00000000 ["call"]'])
async def test_a_torn_end_costs_nothing_before_it_and_needs_nobody(tmp_path: Path, rubbish: bytes) -> None:
    with open_journal(tmp_path) as journal:
        await journal.dialing(call("c-1"))
    with segment(tmp_path).open("ab") as file:
        file.write(rubbish)
    with open_journal(tmp_path) as journal:
        assert [each.id for each in journal.recover().calls] == ["c-1"]
        assert "torn" in journal.torn
        assert not journal.damages
        await journal.dialing(call("c-2"))
    with open_journal(tmp_path) as journal:
        assert [each.id for each in journal.recover().calls] == ["c-1", "c-2"]
        assert not journal.damages


async def test_a_second_process_is_sent_away_with_a_sentence(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path),
        pytest.raises(Fatal, match=rf"in use by process {os.getpid()}: stop that one"),
        open_journal(tmp_path),
    ):
        pass


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(Fatal, match=r"file/journal cannot be used: "),
        open_journal(tmp_path / "file" / "journal"),
    ):
        pass


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> Iterator[None]:
    """The kernel takes `room` bytes more, then says that there is no space."""
    real, left = os.write, room

    def write(file: int, data: bytes) -> int:
        nonlocal left
        if left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = real(file, data[:left])
        left -= taken
        return taken

    with monkeypatch.context() as patch:
        patch.setattr("dialer.adapters.journal.disk.os.write", write)
        yield


async def test_on_a_full_disk_nothing_is_dialled_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(tmp_path) as journal:
        await journal.dialing(call("c-1"))
        with full_disk(monkeypatch, room=40):
            journal.note(replace(call("c-1"), talk_s=7.0))  # torn in mid-line
            journal.closed(closing("c-0"))
            with pytest.raises(DiskTrouble, match=r"No space left on device\): nothing is dialled"):
                await journal.dialing(call("c-2"))
            journal.closed(Closing(None, None, CallId("c-2")))
            assert "No space left on device" in journal.trouble
        await journal.dialing(call("c-3"))  # there is room again
        assert not journal.trouble
    with open_journal(tmp_path) as journal:
        assert {each.id: each.talk_s for each in journal.recover().calls} == {"c-1": 7.0, "c-3": 0.0}
        assert (await journal.pending(9))[1] == [closing("c-0"), closing("c-2")]
        assert not journal.damages


async def test_facts_told_on_a_full_disk_are_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer.adapters.journal.disk.AGAIN_S", 0.0)
    with open_journal(tmp_path) as journal:
        with full_disk(monkeypatch, room=0):
            journal.closed(closing("c-1"))
        journal.closed(closing("c-2"))  # nobody dials: the next word heals the journal
    with open_journal(tmp_path) as journal:
        assert (await journal.pending(9))[1] == [closing("c-1"), closing("c-2")]


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_what_a_full_disk_did_not_take_is_gone_with_the_process_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The twin in memory fails as the disk does."""
    left = tmp_path / "left"
    with open_journal(tmp_path) as on_disk:
        journal: Journals = on_disk if kind == "file" else MemoryJournal(ticking())
        await journal.dialing(call("c-1"))
        await journal.dialing(call("c-2"))
        journal.closed(closing("c-0"))
        with full_disk(monkeypatch, room=10):
            if isinstance(journal, MemoryJournal):
                journal.fail()
            journal.closed(closing("c-1"))
            with pytest.raises(DiskTrouble):
                await journal.dialing(call("c-3"))
            journal.closed(closing("c-3"))
            assert (await journal.pending(9))[1] == [closing("c-0"), closing("c-1"), closing("c-3")]
            shutil.copytree(tmp_path, left)
    if isinstance(journal, MemoryJournal):
        after = await held_by(journal.left())
    else:
        with open_journal(left) as found:
            after = await held_by(found)
            assert not found.damages
    assert ([each.id for each in after[0]], after[2]) == (["c-1", "c-2"], [closing("c-0")])


async def test_a_disk_that_failed_is_tried_again_though_nobody_tells_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer.adapters.journal.disk.AGAIN_S", 0.0)
    with open_journal(tmp_path) as journal:
        with full_disk(monkeypatch, room=0):
            journal.closed(closing("c-1"))
        assert journal.trouble
        async with asyncio.timeout(20):
            while journal.trouble:  # another thread mends it; what was under way may fail once more
                journal.heard(AT)
                await asyncio.sleep(0.01)
        assert any(b"c-1" in line for line in lines_in(tmp_path))


async def test_a_renewal_that_was_cut_short_costs_nothing(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        await journal.dialing(call("c-1"))
    newest = segment(tmp_path)
    (tmp_path / "journal-00000000.log").write_bytes(b"what was before the newest")
    (tmp_path / "journal-00000009.draft").write_bytes(newest.read_bytes()[:50])
    with open_journal(tmp_path) as journal:
        assert [each.id for each in journal.recover().calls] == ["c-1"]
        assert not journal.damages
        assert segment(tmp_path) != newest  # and no other is left
    assert all(name in ("lock", "heard", "length") or name.endswith(".log") for name in os.listdir(tmp_path))


async def test_a_late_word_after_the_end_disturbs_nobody(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        await journal.dialing(call("c-1"))
    journal.note(call("c-1"))
    with pytest.raises(DiskTrouble, match="cannot be written"):
        await journal.dialing(call("c-2"))


async def test_facts_wait_until_they_are_taken_and_are_numbered_on_after_a_restart(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for name in ("c-1", "c-2", "c-3"):
            journal.closed(closing(name))
        mark, facts = await journal.pending(2)
        assert facts == [closing("c-1"), closing("c-2")]
        assert await journal.pending(2) == (mark, facts)  # not confirmed: told again
        journal.taken(mark)
    with open_journal(tmp_path) as journal:
        assert journal.recover().facts == journal.depth() == 1
        last, facts = await journal.pending(2)
        assert facts == [closing("c-3")]
        journal.taken(last)
    with open_journal(tmp_path) as journal:
        journal.closed(closing("c-4"))
        mark, facts = await journal.pending(2)
        assert mark > last
        assert facts == [closing("c-4")]


async def test_whoever_waits_for_a_fact_is_woken_by_one(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        waiting = asyncio.ensure_future(journal.pending(5))
        await asyncio.sleep(0)
        assert not waiting.done()
        journal.closed(closing("c-1"))
        assert (await asyncio.wait_for(waiting, 5))[1] == [closing("c-1")]


async def test_marks_made_at_once_share_a_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = 0
    real = os.fdatasync

    def counted(file: int) -> None:
        nonlocal syncs
        syncs += 1
        real(file)

    with open_journal(tmp_path) as journal:
        monkeypatch.setattr("dialer.adapters.journal.disk.os.fdatasync", counted)
        await asyncio.gather(*(journal.dialing(call(f"c-{n}")) for n in range(100)))
        assert 1 <= syncs <= 3


async def test_a_caller_that_is_cancelled_takes_nobody_along(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        first = asyncio.ensure_future(journal.dialing(call("c-1")))
        second = asyncio.ensure_future(journal.dialing(call("c-2")))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait_for(second, 5)
        assert first.cancelled()


def test_the_time_of_the_last_line_is_known(tmp_path: Path) -> None:
    with open_journal(tmp_path, lambda: AT) as journal:
        journal.note_boot(AT - timedelta(days=1))
    with open_journal(tmp_path) as journal:
        assert journal.recover().last_at == AT
        assert journal.recover().booted_at == AT - timedelta(days=1)


@pytest.mark.parametrize("is_stopped_in_order", [True, False])
def test_when_asterisk_was_last_heard_is_known_and_is_not_the_last_line(
    tmp_path: Path, is_stopped_in_order: bool
) -> None:
    """What is written while Asterisk is away says nothing of the calls that it had."""
    heard_at = AT + timedelta(seconds=7, microseconds=3)
    with open_journal(tmp_path, lambda: AT + timedelta(hours=1)) as journal:
        for second in range(7):
            journal.heard(AT + timedelta(seconds=second))
        journal.heard(heard_at)
        journal.note_operator(Operator(OperatorId("101")))
        if not is_stopped_in_order:
            copy = tmp_path.with_name("as-a-kill-leaves-it")
            shutil.copytree(tmp_path, copy)
            tmp_path = copy
    with open_journal(tmp_path) as journal:
        assert journal.recover().last_at == heard_at


def test_a_mark_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    with open_journal(tmp_path, lambda: AT) as journal:
        journal.note_boot(AT)
        journal.heard(AT + timedelta(days=1))
    (tmp_path / "heard").write_bytes(b"2026-01-\xff")
    with open_journal(tmp_path) as journal:
        assert journal.recover().last_at == AT


async def test_the_end_of_a_call_that_an_operator_still_works_on_is_found_until_the_database_has_it(
    tmp_path: Path,
) -> None:
    steps = (("talks", 1), ("closing", 1), ("closing", 2), ("operator", 3), ("remark", 1))
    memory = MemoryJournal(ticking())
    with open_journal(tmp_path, ticking()) as disk:
        for step in steps:
            await do(disk, step)
            await do(memory, step)
    with open_journal(tmp_path, ticking()) as again:
        for journal in (again, memory):
            assert journal.recover().closings == (closing("c-1"),)
            assert journal.recover().end_of(CallId("c-1")) == closing("c-1")
            await do(journal, ("taken", 0))
    with open_journal(tmp_path, ticking()) as last:
        for journal in (last, memory):
            assert journal.recover().end_of(CallId("c-1")) is None
