"""The pretended list: the same people under every policy, and the named rate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bench.pacing.leads import Population, World
from dialer.domain.types import LeadId, Outcome

WORLD = World(0.25, seed=4)
START_AT = WORLD.start_at
BASE = -1.2  # spares the search for the base where the rate does not matter


def test_a_lead_behaves_alike_in_whatever_order_the_list_is_dialled() -> None:
    one, other = Population(WORLD, base=BASE), Population(WORLD, base=BASE)
    in_order = {lead.id: one.fate(lead, START_AT) for lead in one.due(START_AT, 300)}
    backwards: dict[LeadId, Outcome] = {}
    for lead in reversed(other.due(START_AT, 300)):
        other.take(lead)
        backwards[lead.id] = other.fate(lead, START_AT)
        other.result(lead, backwards[lead.id], START_AT)
    assert backwards == in_order


def test_who_did_not_answer_comes_back_by_the_retry_table_and_who_did_does_not() -> None:
    people = Population(WORLD, base=BASE)
    silent, live = people.due(START_AT, 2)
    for lead, outcome in ((silent, Outcome.NO_ANSWER), (live, Outcome.CONNECTED)):
        people.take(lead)
        people.fate(lead, START_AT)
        people.result(lead, outcome, START_AT)
    assert people.due(START_AT)[0].id not in (silent.id, live.id)
    back = people.due(START_AT + timedelta(days=3))[0]
    assert (back.id, back.attempts) == (silent.id, silent.attempts + 1)
    assert live.id not in {lead.id for lead in people.due(START_AT + timedelta(days=3), 500)}


def test_a_silence_makes_the_next_one_likelier() -> None:
    people = Population(WORLD, base=BASE)
    lead = people.due(START_AT)[0]
    later_at = START_AT + timedelta(hours=9)
    before = people.chance(lead, later_at)
    people.take(lead)
    people.fate(lead, START_AT)
    people.result(lead, Outcome.NO_ANSWER, START_AT)
    [again] = [one for one in people.due(START_AT + timedelta(days=2), 3) if one.id == lead.id]
    assert people.chance(again, later_at) < before


@pytest.mark.parametrize("mean_p", [0.25, 0.08])
def test_a_day_in_list_order_has_the_named_rate(mean_p: float) -> None:
    people, chances = Population(World(mean_p, seed=2)), []
    for i in range(1500):
        at = START_AT + timedelta(hours=8 * i / 1500)
        lead = people.due(at)[0]
        people.take(lead)
        chances.append(people.chance(lead, at))
        people.result(lead, people.fate(lead, at), at)
    assert sum(chances) / len(chances) == pytest.approx(mean_p, rel=0.05)
