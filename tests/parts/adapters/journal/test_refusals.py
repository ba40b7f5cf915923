"""What the database refuses outlives the process, with its reason, until the database takes it."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialer.adapters.journal.refusals import FileRefusals
from dialer.adapters.memory.refusals import MemoryRefusals
from dialer.domain.cdr import Closing, WrapUp
from dialer.domain.errors import DiskTrouble
from dialer.domain.operators import State, StateChange
from dialer.domain.types import CallId, OperatorId
from tests.ports.made import AT, record

CLOSING = Closing(record("c-1"), None, CallId("c-1"))
WRAP = WrapUp(CallId("c-1"), OperatorId("101"), 3.0, "done", AT)
CHANGE = StateChange(OperatorId("101"), State.READY, State.RESERVED, "", AT)


def opened(folder: Path) -> FileRefusals:
    return FileRefusals(folder / "refused", lambda: datetime.now(UTC))


def test_every_kind_of_fact_outlives_the_process_with_its_reason(tmp_path: Path) -> None:
    refusals = opened(tmp_path)
    for fact in (CLOSING, WRAP, CHANGE, CLOSING):
        refusals.keep(fact, "out of range")
    again = opened(tmp_path)
    assert [(kept.fact, kept.reason) for kept in again.all()] == [
        (fact, "out of range") for fact in (CLOSING, WRAP, CHANGE)
    ]
    assert (tmp_path / "refused").stat().st_mode & 0o077 == 0
    again.forget([WRAP])
    assert [kept.fact for kept in opened(tmp_path).all()] == [CLOSING, CHANGE]


def test_what_is_given_up_is_told_no_more_and_kept_where_its_owner_alone_may_read(tmp_path: Path) -> None:
    refusals = opened(tmp_path)
    for fact in (CLOSING, WRAP):
        refusals.keep(fact, "out of range")
    lines = (tmp_path / "refused").read_bytes()
    refusals.give_up([CLOSING])
    refusals.keep(CHANGE, "later")
    refusals.give_up([WRAP, CHANGE])
    assert refusals.all() == [] and opened(tmp_path).all() == []
    kept = tmp_path / "refused.given-up"
    assert kept.read_bytes().startswith(lines) and b"later" in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0


def test_what_cannot_be_kept_elsewhere_is_not_given_up(tmp_path: Path) -> None:
    refusals = opened(tmp_path)
    refusals.keep(CLOSING, "out of range")
    (tmp_path / "refused.given-up").mkdir()
    with pytest.raises(DiskTrouble, match="given-up"):
        refusals.give_up([CLOSING])
    assert [kept.fact for kept in refusals.all()] == [CLOSING]


def test_a_line_that_cannot_be_read_is_kept_as_it_is(tmp_path: Path) -> None:
    refusals = opened(tmp_path)
    refusals.keep(CLOSING, "one")
    refusals.keep(WRAP, "two")
    path = tmp_path / "refused"
    path.write_bytes(path.read_bytes().replace(b'"reason"', b'"saison"', 1))
    damaged = path.read_bytes().splitlines()[0]
    again = opened(tmp_path)
    again.keep(replace(WRAP, call=CallId("c-2")), "three")
    assert damaged in path.read_bytes()
    assert [kept.reason for kept in again.all()] == ["two", "three"]


def test_a_disk_that_takes_nothing_is_told_and_nothing_is_believed_kept(tmp_path: Path) -> None:
    refusals = opened(tmp_path / "gone")
    with pytest.raises(DiskTrouble, match="refused"):
        refusals.keep(CLOSING, "one")
    assert refusals.all() == []


@pytest.mark.parametrize("verb", ["os.fsync", "builtins.open", "pathlib.Path.replace"])
@pytest.mark.parametrize("kind", ["file", "memory"])
def test_whatever_the_disk_does_is_told_as_its_trouble_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, verb: str
) -> None:
    refusals = opened(tmp_path) if kind == "file" else MemoryRefusals()
    refusals.keep(CLOSING, "one")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        if isinstance(refusals, MemoryRefusals):
            refusals.trouble = "Input/output error"
        else:
            patched.setattr(verb, fail)
        for asked in (
            lambda: refusals.keep(WRAP, "two"),
            lambda: refusals.give_up([WRAP]),
            lambda: refusals.forget([CLOSING]),
        ):
            with pytest.raises(DiskTrouble, match="Input/output error"):
                asked()
    if isinstance(refusals, MemoryRefusals):
        refusals.trouble = ""
    refusals.keep(WRAP, "three")
    assert {kept.fact for kept in refusals.all()} - {CLOSING} == {WRAP}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "refused").mkdir()
    with pytest.raises(DiskTrouble, match=f"{tmp_path}/refused cannot be read: Is a directory"):
        opened(tmp_path)
