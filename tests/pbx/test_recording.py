"""Recordings of talks: two channels when the campaign wants them, nothing when it does not."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from dialer.lab import tones
from dialer.lab.fate import Does, Plan, Rule, Voice, tone_of
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

TALK_S = 2.0
PLAN = Plan(
    seed=7,
    rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(TALK_S), voice=Voice("number")),),
)


async def test_a_recording_has_the_person_left_and_the_operator_right_and_off_means_nothing() -> None:
    recorded, unheard = people = numbers("+7916", 2)
    async with Lab.start(Options(plan=PLAN, phones=1)) as lab:
        async with open_office(
            lab, people, change=lambda its: replace(its, wrap_up_s=0.3, record=True)
        ) as office:
            await office.ready()
            await office.start()
            await office.comes_to(recorded, "bridged")
            await office.change(record=False)
            cdr = await office.cdr(recorded)
            other = await office.cdr(unheard)
            await office.until(lambda: is_written(office), "the recording is in the database", 20)
            (row,) = rows(office)
            path = lab.recordings / str(row["file"])
            await office.until(lambda: is_alone(path), "the raw file is removed", 5)
            files = [each for each in lab.recordings.rglob("*") if each.is_file()]
            said, heard = (tones.heard(path, channel)[0].hertz for channel in (0, 1))
    assert row["call"] == cdr.id
    assert other.recording == ""
    assert cdr.recording
    assert files == [path], "nothing else was kept, the raw file is gone"
    assert (said, heard) == (tone_of(recorded), lab.handsets[0].hertz)
    assert row["seconds"] == pytest.approx(cdr.talk_s, abs=0.3)


async def is_alone(path: Path) -> bool:
    return not list(path.parent.parent.glob("*.raw"))


async def is_written(office: Office) -> bool:
    return bool(rows(office))


def rows(office: Office) -> list[dict[str, object]]:
    with sqlite3.connect(f"file:{office.settings.data_dir / 'obzvon.db'}?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM recordings")]
