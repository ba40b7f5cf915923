"""The chance of an answer: begins at the campaign's rate, learns who differs, follows the day."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.pacing.odds import LEAST, MOST, Odds
from dialer.domain.pacing.traits import LESSONS, Features, dividing, features
from dialer.domain.types import CampaignId, LeadId, Outcome, PhoneNumber

MONDAY_AT = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
LEAD = Lead(LeadId(1), CampaignId(7), (PhoneNumber("+79161234567"), PhoneNumber("+74951234567")))
ANYBODY, COLD, WARM = (), ("column segment=cold",), ("column segment=warm",)


def luck(seed: int = 1) -> Iterator[float]:
    """A fixed row of numbers in [0, 1) that looks drawn (Park and Miller's generator)."""
    state = seed
    while True:
        state = state * 48271 % 2147483647
        yield state / 2147483647


def taught(odds: Odds, calls: int, chances: dict[Features, float], seed: int = 1) -> Odds:
    """Teach so many calls, the kinds of leads in turn."""
    kinds = list(chances)
    for i, drawn in enumerate(islice(luck(seed), calls)):
        kind = kinds[i % len(kinds)]
        odds.learn(kind, float(drawn < chances[kind]))
    return odds


# --- what is seen of a lead -------------------------------------------------------------------------------


def test_a_lead_is_seen_by_its_own_clock() -> None:
    seen = features(LEAD, MONDAY_AT, offset=timedelta(hours=14, minutes=40))
    assert {"hour 1", "day 1"} <= set(seen)


def test_a_fresh_lead_shows_its_number_and_no_history() -> None:
    seen = features(LEAD, MONDAY_AT, trunk="main")
    assert {"kind 7 9 person", "range 7916", "trunk main", "list 7"} <= set(seen)
    assert not [one for one in seen if one.split()[0] in ("silent", "gap", "apart", "last", "heard")]


def test_earlier_attempts_show_with_their_outcomes_and_their_spacing() -> None:
    tried = {Outcome.NO_ANSWER: 2, Outcome.ABANDONED: 1}
    before = replace(LEAD, attempts=3, tried=tried, last_outcome=Outcome.NO_ANSWER, number_index=1)
    same_hour = features(replace(before, last_at=MONDAY_AT - timedelta(hours=23.5)), MONDAY_AT)
    other_hour = features(replace(before, last_at=MONDAY_AT - timedelta(hours=19)), MONDAY_AT)
    shown = {"silent 1", "silent 2", "heard", "last no_answer", "number 2", "apart 0", "kind 7 4 person"}
    assert shown <= set(same_hour)
    assert "silent 3" not in same_hour
    assert set(same_hour) - set(other_hour) == {"apart 0"}


def test_a_call_that_pacing_gave_up_is_no_silence_of_the_person() -> None:
    once = replace(LEAD, attempts=1, tried={Outcome.GIVEN_UP: 1}, last_at=MONDAY_AT - timedelta(hours=1))
    assert not [one for one in features(once, MONDAY_AT) if one.startswith("silent")]


def test_columns_that_divide_a_list_are_found_and_those_that_name_each_lead_are_not() -> None:
    rows = [{"segment": f"s{i % 5}", "contract": str(i), "country": "RU", "note": ""} for i in range(100)]
    leads = [replace(LEAD, id=LeadId(i), extra=row) for i, row in enumerate(rows)]
    assert dividing(leads) == ("segment",)
    seen = features(leads[3], MONDAY_AT, columns=("segment",))
    assert {"column segment=s3", "part morning segment=s3"} <= set(seen)
    assert dividing([]) == ()


# --- what is learned --------------------------------------------------------------------------------------


def test_the_first_call_is_foretold_by_the_campaign_s_rate() -> None:
    fresh = Odds(rate=0.25)
    assert fresh.level() == 0.25
    assert fresh.p(features(LEAD, MONDAY_AT)) == pytest.approx(0.25, abs=0.06)


def test_leads_that_differ_are_told_apart() -> None:
    odds = taught(Odds(), 4000, {COLD: 0.08, WARM: 0.4})
    assert odds.p(COLD) == pytest.approx(0.08, abs=0.04)
    assert odds.p(WARM) == pytest.approx(0.4, abs=0.06)
    assert odds.level() == pytest.approx(0.24, abs=0.03)


def test_a_few_calls_move_a_lead_less_than_many() -> None:
    few, many = (taught(Odds(), calls, {COLD: 0.02, WARM: 0.4}) for calls in (40, 2000))
    assert 0.0 < few.p(WARM) - few.p(COLD) < many.p(WARM) - many.p(COLD)


def test_what_was_never_seen_leaves_the_campaign_s_rate() -> None:
    odds = taught(Odds(), 2000, {ANYBODY: 0.15})
    strange = odds.p(("column segment=new", "range 7999", "no such kind of feature"))
    assert strange == pytest.approx(odds.p(ANYBODY), abs=0.02)


def test_the_mean_of_what_was_foretold_is_the_share_that_came() -> None:
    odds, foretold, came = Odds(), 0.0, 0.0
    for i, drawn in enumerate(islice(luck(5), 6000)):
        kind, chance = (COLD, 0.05) if i % 3 else (WARM, 0.3)
        answered = float(drawn < chance * (1.5 if i > 3000 else 1.0))
        if i >= 500:
            foretold, came = foretold + odds.p(kind), came + answered
        odds.learn(kind, answered)
    assert foretold == pytest.approx(came, abs=2.5 * math.sqrt(came))


def test_a_list_whose_leads_are_all_alike_is_not_foretold_worse_than_by_its_rate() -> None:
    """Or by little, though every call shows ten features that mean nothing: 0.013 without the slope."""
    odds, drawn, calls = Odds(), luck(3), 5000
    tried, answers, loss = 1.0, 0.2, 0.0
    for _ in range(calls):
        kind = tuple(f"column {i}={int(next(drawn) * 8)}" for i in range(10))
        answered, rate = next(drawn) < 0.2, answers / tried
        p = odds.p(kind)
        loss += math.log(rate / p) if answered else math.log((1 - rate) / (1 - p))
        odds.learn(kind, float(answered))
        tried, answers = tried + 1, answers + answered
    assert loss / calls < 0.004


@pytest.mark.parametrize(("before", "after"), [(0.3, 0.05), (0.1, 0.35)])
def test_another_rate_shows_within_some_tens_of_calls(before: float, after: float) -> None:
    nearer = []
    for seed in range(1, 9):
        odds = taught(Odds(), 1000, {ANYBODY: before}, seed)
        taught(odds, 80, {ANYBODY: after}, seed + 100)
        nearer.append((odds.p(ANYBODY) - before) / (after - before))
    assert sum(nearer) / len(nearer) > 0.5


def test_a_bad_hour_for_all_does_not_undo_what_is_known_of_each() -> None:
    odds = taught(Odds(), 3000, {COLD: 0.1, WARM: 0.4})
    apart = odds.p(WARM) / odds.p(COLD)
    taught(odds, 300, {COLD: 0.01, WARM: 0.05}, seed=2)
    taught(odds, 300, {COLD: 0.1, WARM: 0.4}, seed=3)
    assert odds.p(WARM) / odds.p(COLD) > 0.6 * apart


def test_a_censored_call_teaches_less_than_a_silence_and_nothing_when_it_tells_nothing() -> None:
    silent, given_up, untold = (taught(Odds(), 500, {ANYBODY: 0.25}) for _ in range(3))
    p = untold.p(ANYBODY)
    for _ in range(20):
        silent.learn(ANYBODY, 0.0)
        given_up.learn(ANYBODY, p / 2)
        untold.learn(ANYBODY, untold.p(ANYBODY))
    assert silent.p(ANYBODY) < given_up.p(ANYBODY) < untold.p(ANYBODY)
    assert untold.p(ANYBODY) == pytest.approx(p, abs=0.01)


def test_an_outage_of_the_network_is_not_held_against_the_leads() -> None:
    odds = taught(Odds(), 1000, {ANYBODY: 0.3})
    p = odds.p(ANYBODY)
    for _ in range(1000):
        odds.learn(ANYBODY, None)
    assert odds.p(ANYBODY) == pytest.approx(p / 2, rel=0.01)  # no lower: when it ends, nobody is flooded
    taught(odds, 400, {ANYBODY: 0.3}, seed=2)
    assert odds.p(ANYBODY) == pytest.approx(p, rel=0.25)


@pytest.mark.parametrize("answered", [0.0, 1.0])
def test_a_chance_stays_within_its_bounds_whatever_comes(answered: float) -> None:
    odds = Odds()
    for _ in range(3000):
        odds.learn(WARM, answered)
        assert LEAST <= odds.p(WARM) <= MOST
    assert odds.p(WARM) == pytest.approx(MOST if answered else LEAST, abs=0.02)


def test_asking_changes_nothing() -> None:
    odds = taught(Odds(), 50, {COLD: 0.1, WARM: 0.4})
    before = odds.to_state()
    assert odds.p((*WARM, "range 7999")) == odds.p((*WARM, "range 7999"))
    assert odds.to_state() == before


# --- what lasts -------------------------------------------------------------------------------------------


def test_a_restart_changes_no_chance_now_or_later() -> None:
    odds = taught(Odds(), 700, {COLD: 0.1, WARM: 0.4})
    again = Odds.from_state(json.loads(json.dumps(odds.to_state())))
    for one in (odds, again):
        taught(one, 100, {COLD: 0.2, WARM: 0.3, ("hour 9",): 0.5}, seed=9)
    assert again.p(COLD) == odds.p(COLD)
    assert again.p(("hour 9",)) == odds.p(("hour 9",))
    assert again.level() == odds.level()


def test_the_state_of_another_version_is_refused() -> None:
    with pytest.raises(BadValue, match="another version"):
        Odds.from_state({**Odds().to_state(), "version": 0})


def test_a_new_campaign_begins_with_the_product_s_own_history_and_adds_to_it() -> None:
    history = Odds()
    taught(Odds(history=history), 3000, {COLD: 0.05, WARM: 0.35})
    new = Odds(history=history)
    assert new.p(WARM) == pytest.approx(0.35, abs=0.08)
    assert new.p(COLD) == pytest.approx(0.05, abs=0.04)
    taught(new, 1000, {COLD: 0.35, WARM: 0.05})  # and goes its own way when it is another one
    assert new.p(COLD) > new.p(WARM)


def test_what_we_ended_ourselves_or_do_not_know_teaches_nothing() -> None:
    untaught = {Outcome.GIVEN_UP, Outcome.CANCELLED, Outcome.INTERRUPTED, Outcome.NOT_DIALLED}
    assert set(Outcome) - set(LESSONS) == untaught
    assert LESSONS[Outcome.ABANDONED] == 1.0
