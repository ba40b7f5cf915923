"""Instants of another clock become ours, and what an earlier clock noted is moved with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dialer.domain import call as c
from dialer.domain.clocks import caught_up, shifted
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
