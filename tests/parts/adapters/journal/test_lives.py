"""Whose cell may be taken at once: that of a service whose journal this is, here and now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dialer.adapters.journal.lives import Lives


def test_the_next_life_on_the_same_journal_knows_the_ones_before(tmp_path: Path) -> None:
    first = Lives(tmp_path)
    assert (first.before, first.wrote) == ((), ())
    one = first.begin()
    assert one.id in Lives(tmp_path).before  # killed before the database answered
    first.took(one)
    assert list(Lives(tmp_path).before) == list(Lives(tmp_path).wrote) == [one.id]


def test_a_life_that_was_refused_leaves_no_claim(tmp_path: Path) -> None:
    first = Lives(tmp_path)
    one = first.begin()
    first.took(one)
    second = Lives(tmp_path)
    second.begin()
    second.failed()
    assert list(Lives(tmp_path).before) == [one.id]


def test_a_copy_of_the_folder_has_no_claim_and_is_the_same_journal(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    first = Lives(here)
    one = first.begin()
    first.took(one)
    shutil.copytree(here, there)
    copy = Lives(there)
    assert (copy.before, list(copy.wrote)) == ((), [one.id])
    copy.begin()
    copy.failed()
    assert Lives(there).before == []  # nor has it after its first try
    assert one.id in Lives(there).wrote


def test_after_the_machine_has_started_again_the_claim_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Lives(tmp_path)
    one = first.begin()
    first.took(one)
    other = tmp_path / "boot"
    other.write_text("another boot")
    monkeypatch.setattr("dialer.adapters.journal.lives.BOOT", other)
    assert (Lives(tmp_path).before, list(Lives(tmp_path).wrote)) == ((), [one.id])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"ids": 3}', '{"ids": [], "boot": 1}'])
def test_a_file_that_cannot_be_read_is_no_claim(tmp_path: Path, text: str) -> None:
    (tmp_path / "lives").write_text(text)
    assert not Lives(tmp_path).before
    Lives(tmp_path).took(Lives(tmp_path).begin())
    assert len(Lives(tmp_path).before) == 1
