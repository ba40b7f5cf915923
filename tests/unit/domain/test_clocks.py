"""Instants of another clock become ours, and what an earlier clock noted is moved with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dialer.domain import call as c
from dialer.domain.clocks import MOST_SKEW_S, OVERTAKES_S, TwoClocks, caught_up, shifted
from dialer.domain.dnc import checked
from dialer.domain.errors import BadValue
from dialer.domain.guesses import Guesses
from tests.unit.domain.stories import LEASED, TO_TALK, at, play

TALKING, _ = play(LEASED, *TO_TALK)


def test_every_past_instant_moves_with_the_clock() -> None:
    moved = shifted(TALKING, timedelta(seconds=-3))
    assert (moved.dialled_at, moved.answer_at, moved.bridge_at) == (at(-3), at(2), at(2.02))
    assert moved.operator == TALKING.operator


def test_what_has_no_instant_is_left_as_it_is() -> None:
    assert shifted(LEASED, timedelta(hours=1)) is LEASED


def test_only_notes_from_the_future_are_moved_to_now() -> None:
    ahead = caught_up(TALKING, at(5.02), at(1.02))
    assert ahead.bridge_at == at(1.02)
    assert ahead.dialled_at == at(-4)
    for latest_at in (None, at(5.02), at(4)):
        assert caught_up(TALKING, latest_at, at(5.02)) is TALKING


def test_the_last_thing_on_the_line_is_the_latest_that_is_known() -> None:
    way = [c.Dialled(at(0)), *TO_TALK[1:]]
    told = [play(LEASED, *way[:n])[0].latest_at for n in range(len(way) + 1)]
    assert told == [None, at(0), at(1), at(5), at(5), at(5), at(5.02)]
    message = (*TO_TALK[:3], c.MessageStarted(at(7)))
    assert play(LEASED, *message)[0].latest_at == at(7)


def test_a_door_is_shut_until_its_lock_ends_and_no_longer() -> None:
    locked = Guesses(locked_until_at=at(30))
    assert (locked.left_s(at(10)), locked.left_s(at(31)), Guesses().left_s(at(10))) == (20, 0, 0)


def test_an_entry_of_the_do_not_call_list_is_kept_without_its_dress() -> None:
    assert checked("+7 (916) 123-45.67") == "+79161234567"
    assert checked("+7916*") == "+7916*"
    for wrong in ("", "79161234567", "+0916123", "+7*16", "+79161234567890123"):
        with pytest.raises(BadValue, match="no entry of the do-not-call list"):
            checked(wrong)


# --- Asterisk's clock beside ours: `at(n)` is an instant as either shows it --------------------------------


def echo(
    clocks: TwoClocks, showed_s: float, *, asked_s: float = 0.0, heard_s: float = 0.1, in_order: bool = True
) -> None:
    """Asterisk's clock showed this when it was asked."""
    clocks.echoed(at(asked_s), (at(showed_s), at(showed_s)), at(heard_s), in_order=in_order)


def test_clocks_that_may_both_be_right_leave_every_instant_as_it_is() -> None:
    clocks = TwoClocks()
    echo(clocks, 0.05)
    assert (clocks.skew_s, clocks.obstacle()) == (0.0, "")
    assert clocks.ours(at(1), at(1.2)) == at(1)
    assert clocks.ours(at(2), at(2)) == at(2)


def test_an_event_from_the_future_proves_that_the_other_clock_is_ahead() -> None:
    clocks = TwoClocks()
    assert clocks.ours(at(7), at(2)) == at(2)
    assert clocks.skew_s == 5
    assert clocks.obstacle() == "Asterisk's clock is 5.0 s ahead of ours"
    assert clocks.ours(at(9), at(6)) == at(4), "it came two seconds after it had happened"
    assert clocks.ours(at(10), at(4)) == at(4)
    assert clocks.skew_s == 6
    assert clocks.read(at(16)) == at(10)


@pytest.mark.parametrize("ahead_s", [5.0, -5.0])
def test_an_echo_bounds_the_difference_on_both_sides(ahead_s: float) -> None:
    clocks = TwoClocks()
    echo(clocks, 0.05 + ahead_s)
    assert clocks.skew_s == pytest.approx(ahead_s, abs=0.06)
    direction = "ahead of" if ahead_s > 0 else "behind"
    assert clocks.obstacle().startswith("Asterisk's clock is ")
    assert clocks.obstacle().endswith(f"s {direction} ours")
    assert abs((clocks.ours(at(3 + ahead_s), at(3.1)) - at(3)).total_seconds()) <= 0.06
    echo(clocks, 10.05, asked_s=10, heard_s=10.1)
    assert (clocks.skew_s, clocks.obstacle()) == (0.0, "")


def test_an_echo_within_what_is_known_teaches_nothing_new() -> None:
    clocks = TwoClocks()
    clocks.ours(at(5), at(2))
    echo(clocks, 3.0, asked_s=0, heard_s=0.5)
    assert clocks.ahead_s == 3


def test_clocks_half_a_second_apart_are_well_and_no_more() -> None:
    for least_s in (MOST_SKEW_S, MOST_SKEW_S + 0.1):
        clocks = TwoClocks()
        clocks.ours(at(least_s), at(0))
        assert bool(clocks.obstacle()) is (least_s > MOST_SKEW_S)


def test_a_stamp_from_long_before_the_last_echo_is_of_a_clock_that_was_set_back() -> None:
    clocks = TwoClocks()
    echo(clocks, 100, asked_s=99.9, heard_s=100.1)
    assert clocks.ours(at(100 - OVERTAKES_S), at(101)) == at(100 - OVERTAKES_S), (
        "it was overtaken by the echo"
    )
    assert clocks.ours(at(99), at(101)) == at(101), "it happened just now"
    clocks.disconnected()
    assert clocks.ours(at(99), at(101)) == at(99), "a replay may be as old as that"


def test_an_echo_that_came_another_way_says_nothing_of_the_order_of_events() -> None:
    clocks = TwoClocks()
    echo(clocks, 100, asked_s=99.9, heard_s=100.1, in_order=False)
    assert clocks.ours(at(90), at(101)) == at(90)


def test_when_our_own_clock_is_set_the_difference_changes_by_as_much() -> None:
    clocks = TwoClocks()
    echo(clocks, 0.05)
    clocks.ours_was_set(timedelta(seconds=3))
    assert clocks.skew_s == pytest.approx(-3, abs=0.06)
    clocks.ours_was_set(timedelta(seconds=-8))
    assert clocks.skew_s == pytest.approx(5, abs=0.1)
