"""Scenario files: every mistake becomes a sentence with file, key, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialer.domain.errors import BadValue
from dialer.domain.types import Mode
from dialer.sim.scenario import Curve, named
from dialer.sim.scenariofile import KEYS, SAMPLE, read

BAD = {
    "not TOML": ("seed = = 1", "is not TOML"),
    "unknown key": ("sead = 1", "the file has no key 'sead'; the keys are base, name"),
    "unknown base": ('base = "10_25"', "there is no scenario '10_25'"),
    "base is a figure": ("base = 3", "base is 3, allowed is a text"),
    "name is empty": ('name = ""', "name is '', allowed is a text"),
    "hours below": ("hours = 0", "hours is 0, allowed is a number from 0.1 to 24"),
    "hours is a word": ('hours = "all"', "hours is 'all'"),
    "seed is true": ("seed = true", "seed is True, allowed is a whole number"),
    "nobody": ("operators = 0", "operators is 0, allowed is a whole number from 1 to 2000"),
    "operators and shifts": ("operators = 3\n[[shift]]\noperators = 2", "not both"),
    "shift is one table": ("[shift]\noperators = 2", "shift is {'operators': 2}, allowed is a list"),
    "shift of nobody": ("[[shift]]\nfrom_h = 1", "shift 1.operators is nothing"),
    "shift upside down": ("[[shift]]\noperators = 1\nfrom_h = 4\nuntil_h = 2", "later than from_h, 4"),
    "shift misspelt": ("[[shift]]\noperators = 1\nlunch = 2", "shift 1 has no key 'lunch'"),
    "no lunch group": ("[[shift]]\noperators = 1\nlunch_groups = 0", "shift 1.lunch_groups is 0"),
    "no shift": ("shift = []", "this cannot be: nobody works"),
    "breaks is true": ("breaks = true", "breaks is True, allowed is a table"),
    "breaks without end": ("[breaks]\nlength_s = inf", "breaks.length_s is inf, allowed is seconds"),
    "share above one": ("[answers]\nshare = 1.2", "answers.share is 1.2, allowed is a number from 0 to 1"),
    "two curves": ("[answers]\nshare = 0.2\ndrift = [[0, 0.1]]", "answers is 'share, drift'"),
    "curve of figures": ("[answers]\nsteps = [0.1]", "answers.steps is 0.1, allowed is [hour, share]"),
    "empty curve": ("[answers]\nsteps = []", "answers.steps is [], allowed is a list"),
    "curve backwards": ("[answers]\nsteps = [[4, 0.1], [2, 0.2]]", "each hour later than the one before"),
    "more than all": ("[answers]\nshare = 0.95", "more than all calls are answered, busy or fail"),
    "more than all at last": ("[answers]\nsteps = [[0, 0.1], [3, 0.95]]", "more than all calls"),
    "unknown distribution": ("[times]\nsetup_s = {gauss = 3}", "times.setup_s has no key 'gauss'"),
    "ring below zero": ("[times]\nring_s = -1", "times.ring_s is -1, allowed is a number from 0 to 36000"),
    "talk too short": ("[talks]\nmean_s = 3", "the refusals alone bring the mean talk to 3.75 s, 3 s is"),
    "all refuse": ("[talks]\nrefusals = 1", "talks.refusals is 1, allowed is a number from 0 to 0.99"),
    "leads below": ("[leads]\ncount = -1", "leads.count is -1"),
    "segment without share": ("[[segment]]\nshare = 0", "at least one, with a share above 0"),
    "segment without plus": ('[[segment]]\nprefix = "7916"', "segment 1.prefix is '7916', allowed is a plus"),
    "zone nowhere": ('[[segment]]\nzone = "Mars/Base"', "segment 1.zone is 'Mars/Base', allowed is the name"),
    "zone is a path": ('[[segment]]\nzone = "../etc"', "segment 1.zone is '../etc'"),
    "mode of people": ('[dialing]\nmode = "manual"', "allowed is one of progressive, power, predictive"),
    "mode is a list": ("[dialing]\nmode = []", "dialing.mode is []"),
    "ratio below": ("[dialing]\nratio = 0.5", "dialing.ratio is 0.5, allowed is a number from 1 to 10"),
    "target in percent": ("[dialing]\ntarget = 3", "dialing.target is 3, allowed is a number from 0 to 1"),
    "lines with a point": ("[trunk]\nlines = 1.5", "trunk.lines is 1.5, allowed is a whole number"),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_a_mistake_is_named_with_the_way_out(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "day.toml"
    file.write_text(text)
    with pytest.raises(BadValue) as caught:
        read(file)
    told = str(caught.value)
    assert words in told
    assert str(file) in told or "there is no scenario" in told
    assert "\n" not in told


def test_the_sample_is_read_and_shows_every_key() -> None:
    scenario = read(SAMPLE)
    assert scenario.operators == 12
    assert scenario.dialing.mode is Mode.PROGRESSIVE
    assert [key for key in KEYS if key not in SAMPLE.read_text()] == []


def test_what_a_file_does_not_say_is_as_in_its_base(tmp_path: Path) -> None:
    file = tmp_path / "30_08_150.toml"
    file.write_text('base = "30_08_150"')
    assert read(file) == named("30_08_150")


def test_a_curve_steps_or_drifts() -> None:
    points = ((1.0, 0.2), (3.0, 0.4))
    steps, drift = Curve(points), Curve(points, is_line=True)
    assert [steps.at(hour) for hour in (0, 1, 2, 3, 9)] == [0.2, 0.2, 0.2, 0.4, 0.4]
    assert [drift.at(hour) for hour in (0, 1, 2, 3, 9)] == pytest.approx([0.2, 0.2, 0.3, 0.4, 0.4])


@pytest.mark.parametrize("name", ["10", "10_25_150_1", "10_25_15O", "0_25_150", "10_95_150", "10_25_03"])
def test_a_name_that_is_no_world_is_refused(name: str) -> None:
    with pytest.raises(BadValue):
        named(name)
