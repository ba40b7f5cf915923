"""Dialing waits while the machine does not keep up, and goes on when it does."""

from __future__ import annotations

import pytest

from dialer.domain.busy import FIRST_S, LONGEST_S, MOST_S, SOON_S, Busy


@pytest.mark.parametrize("by_asterisk", [True, False])
def test_late_by_too_much_closes_dialing_for_some_seconds(by_asterisk: bool) -> None:
    busy = Busy()
    busy.told(10.0, MOST_S - 0.01, by_asterisk=by_asterisk)
    assert busy.obstacle(10.0) == ""
    busy.told(11.0, MOST_S + 0.11, by_asterisk=by_asterisk)
    assert "the machine is too busy" in busy.obstacle(11.0)
    assert busy.obstacle(11.0 + FIRST_S) != ""
    assert busy.obstacle(11.1 + FIRST_S) == ""
    assert busy.worst_s == MOST_S + 0.11


def test_the_worst_of_a_hold_is_named_with_its_figure() -> None:
    busy = Busy()
    busy.told(10.0, 0.5, by_asterisk=True)
    busy.told(11.0, 2.25, by_asterisk=False)
    busy.told(12.0, 0.6, by_asterisk=True)
    assert "this service was 2.2 s late" in busy.obstacle(12.0)
    busy.told(20.0, 0.6, by_asterisk=True)
    assert "Asterisk took 0.6 s for an answer" in busy.obstacle(20.0)


def test_a_machine_that_is_late_again_soon_after_is_given_twice_as_long_up_to_a_minute() -> None:
    busy, now_s = Busy(), 0.0
    for length_s in (FIRST_S, 10.0, 20.0, 40.0, LONGEST_S, LONGEST_S):
        busy.told(now_s, 0.5, by_asterisk=False)
        assert busy.obstacle(now_s + length_s) != ""
        assert busy.obstacle(now_s + length_s + 0.1) == ""
        now_s += length_s + 1
    now_s += SOON_S + 1
    busy.told(now_s, 0.5, by_asterisk=False)
    assert busy.obstacle(now_s + FIRST_S + 0.1) == "", "it kept up for a minute: forgiven"


def test_just_in_time_is_in_time_and_the_minute_of_grace_is_a_whole_one() -> None:
    busy = Busy()
    busy.told(0.0, MOST_S, by_asterisk=False)
    assert busy.obstacle(0.0) == ""
    busy.told(0.0, 0.5, by_asterisk=False)
    busy.told(FIRST_S, 0.5, by_asterisk=False)
    assert busy.obstacle(2 * FIRST_S + 0.1) == "", "it went on: no longer than before"
    for late_s, length_s in ((SOON_S, 2 * FIRST_S), (SOON_S + 0.1, FIRST_S)):
        again = Busy()
        again.told(0.0, 0.5, by_asterisk=False)
        again.told(FIRST_S + late_s, 0.5, by_asterisk=False)
        assert again.obstacle(FIRST_S + late_s + length_s) != ""
        assert again.obstacle(FIRST_S + late_s + length_s + 0.1) == ""


def test_nobody_is_dialled_between_two_holds_of_a_machine_that_is_overloaded() -> None:
    """As measured on two cores with a load of 25: all six who were dialled last were abandoned."""
    busy = Busy()
    late = {0: 6.1, 12.6: 0.44, 42.5: 0.42, 50.3: 0.6, 58.5: 0.41, 74.7: 0.5, 80.6: 0.5, 91.9: 0.41}
    for dialled_at_s in (80.5, 90.7, 98.2):
        for at_s in sorted(at_s for at_s in late if at_s < dialled_at_s):
            busy.told(at_s, late.pop(at_s), by_asterisk=False)
        assert busy.obstacle(dialled_at_s) != "", dialled_at_s
