"""The bench that plays a scenario on Asterisk: its people are the simulator's, its figures are the day's."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from bench.floor.cast import cast
from bench.floor.figures import Forecast, Seen, answers_seen, forecast_of, rehearsed
from bench.floor.gap import added
from dialer.domain.errors import BadValue
from dialer.domain.operators import State, StateChange
from dialer.domain.types import CallId, Mode, OperatorId, Outcome
from dialer.lab.fate import Does
from dialer.rehearsal import Rehearsed, rehearse_whole
from dialer.sim.scenario import Curve, Dialing, named

WORLD = replace(named("5_25_45"), hours=0.4, dialing=Dialing(Mode.PREDICTIVE))
SEED = 3
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def whole() -> Rehearsed:
    return played()


@cache
def played() -> Rehearsed:
    """Once for all of them."""
    return rehearse_whole(WORLD, SEED)


def test_the_lab_plays_the_people_of_the_simulated_day(whole: Rehearsed) -> None:
    people = cast(WORLD, SEED)
    plan, does = people.plan(), Counter[tuple[Does, Outcome]]()
    for cdr in whole.cdrs:
        fate = plan.fate(cdr.number, cdr.attempt_no)
        does[fate.does, cdr.outcome] += 1
        if cdr.outcome is Outcome.CONNECTED:
            assert cdr.talk_s == pytest.approx(fate.talk_s, abs=0.01)
            assert cdr.setup_s is not None
            assert fate.setup_s <= cdr.setup_s <= fate.setup_s + 1, "the trunk's turn is waited for as well"
            assert cdr.ring_s == pytest.approx(fate.ring_s, abs=0.01)
    assert does.keys() <= {
        (Does.ANSWER, Outcome.CONNECTED),
        (Does.ANSWER, Outcome.ABANDONED),
        (Does.ANSWER, Outcome.GIVEN_UP),
        (Does.NO_ANSWER, Outcome.NO_ANSWER),
        (Does.NO_ANSWER, Outcome.GIVEN_UP),
        (Does.BUSY, Outcome.BUSY),
        (Does.CONGESTION, Outcome.CONGESTION),
    }
    assert does[Does.BUSY, Outcome.BUSY], "somebody who was busy is called again, and that too is foretold"
    assert any(cdr.attempt_no > 1 for cdr in whole.cdrs)


def test_the_wrap_up_of_a_talk_is_the_simulated_one(whole: Rehearsed) -> None:
    people = cast(WORLD, SEED)
    talked = {cdr.id: cdr for cdr in whole.cdrs if cdr.outcome is Outcome.CONNECTED}
    begun: dict[OperatorId, StateChange] = {}
    compared = 0
    for change in whole.watch.changes:
        if change.became is State.WRAP_UP:
            begun[change.operator] = change
        elif change.was is State.WRAP_UP and (cdr := talked.get(begun[change.operator].call or CallId(""))):
            lasted_s = (change.at - begun[change.operator].at).total_seconds()
            assert lasted_s == pytest.approx(people.fate(cdr.number, cdr.attempt_no).wrap_up_s, abs=0.01)
            compared += 1
    assert compared > 20


def test_the_simulator_adds_nothing_to_what_was_drawn_but_the_trunks_turn(whole: Rehearsed) -> None:
    more = dict(added(rehearsed(WORLD, whole), cast(WORLD, SEED), WORLD.dialing.ring_s))
    assert 0 <= min(more.pop("request to ringing")) < 0.01
    for what, seconds in more.items():
        assert seconds, what
        assert max(map(abs, seconds)) < 0.01, what


def test_both_sides_are_judged_as_a_simulated_day_is(whole: Rehearsed) -> None:
    figures, day = rehearsed(WORLD, whole).figures(), whole.day
    assert figures["occupancy"] == day.occupancy
    assert figures["abandoned_share"] == day.abandoned_share
    assert figures["idle_s_per_call"] == day.idle_s_per_call
    assert figures["dials_per_operator_hour"] == day.dials_per_operator_hour


def test_an_operator_whom_nobody_calls_is_idle() -> None:
    came = StateChange(OperatorId("101"), State.PAUSED, State.READY, "", AT - timedelta(seconds=9))
    seen = Seen([], [came], AT, AT + timedelta(seconds=60))
    assert seen.idle_s() == 60
    assert seen.figures()["occupancy"] == 0


def test_a_forecast_is_held_against_the_calls_that_were_under_way(whole: Rehearsed) -> None:
    one = next(cdr for cdr in whole.cdrs if cdr.answer_at is not None)
    assert one.answer_at is not None
    before, after = one.dialled_at - timedelta(seconds=0.1), one.dialled_at + timedelta(seconds=0.1)
    assert answers_seen(Forecast(after, 1.0, 60.0), [one]) == 1
    assert answers_seen(Forecast(before, 1.0, 60.0), [one]) == 0
    assert answers_seen(Forecast(one.answer_at, 1.0, 60.0), [one]) == 0


def test_a_forecast_is_read_off_what_the_api_says_of_the_last_decision() -> None:
    seen = {"answers": 2.1, "within_s": 8.0, "risk": 0.02}
    assert forecast_of({"at": AT.isoformat(), "forecast": seen}) == Forecast(AT, 2.1, 8.0)
    assert forecast_of({"at": AT.isoformat(), "forecast": None}) is None


def test_answers_that_change_with_the_hour_are_refused() -> None:
    with pytest.raises(BadValue, match="change with the hour"):
        cast(replace(WORLD, answers=Curve(((0.0, 0.2), (1.0, 0.3)))), 1)
