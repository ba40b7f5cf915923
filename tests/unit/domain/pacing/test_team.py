"""A team is counted by what it does and for how long, whatever was looked at before."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.operators import State
from dialer.domain.pacing.decision import OperatorView
from dialer.domain.pacing.learned import TALK_EDGES
from dialer.domain.pacing.team import AWAY, IDLE, NOT_HERE, TALKS, WRAP_UPS, Team
from dialer.domain.types import OperatorId

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
IDS = [OperatorId(str(n)) for n in range(4)]

Post = tuple[State, float, bool]  # since how many seconds, and whether he is leaving

posts = st.tuples(st.sampled_from(State), st.sampled_from([-1.0, 0.0, 1.9, 2.0, 60.0, 9e4]), st.booleans())
floors = st.lists(posts, max_size=len(IDS))
teams = st.sampled_from([frozenset(IDS), frozenset(IDS[:2]), frozenset(IDS[1:])])


def views(floor: list[Post], before: list[OperatorView]) -> list[OperatorView]:
    """As the engine makes them: the same object for an operator who has not changed."""
    made = [
        OperatorView(id_, state, NOW - timedelta(seconds=s), None, free=False, summonable=False,
                     campaign=None, leaving=leaving)
        for id_, (state, s, leaving) in zip(IDS, floor, strict=False)
    ]  # fmt: skip
    known = {view: view for view in before}
    return [known.get(view, view) for view in made]


@settings(max_examples=60, deadline=None)  # other work beside it makes it slow, not wrong
@given(st.lists(st.tuples(floors, teams), min_size=2, max_size=4))
def test_a_look_says_what_a_first_look_would(looks: list[tuple[list[Post], frozenset[OperatorId]]]) -> None:
    team, seen = Team(), list[OperatorView]()
    for n, (floor, ids) in enumerate(looks):
        seen, at, first = views(floor, seen), NOW + timedelta(seconds=n), Team()
        assert team.look(seen, ids, at).tolist() == first.look(seen, ids, at).tolist()
        for place in (TALKS, WRAP_UPS):
            assert team.ages_s(place, at).tolist() == first.ages_s(place, at).tolist()


@settings(deadline=None)
@given(floors)
def test_everybody_is_counted_once_in_the_bin_that_holds_his_age(floor: list[Post]) -> None:
    rows: Counter[int] = Counter()
    for state, age_s, leaving in floor:
        age = max(n for n, edge in enumerate(TALK_EDGES[:-1].tolist()) if edge <= max(age_s, 0.0))
        match state:
            case _ if leaving:
                rows[NOT_HERE] += 1
            case State.TALKING | State.RESERVED:
                rows[TALKS + age] += 1
            case State.WRAP_UP:
                rows[WRAP_UPS + age] += 1
            case _:
                rows[{State.PAUSED: AWAY, State.READY: IDLE}.get(state, NOT_HERE)] += 1
    found = Team().look(views(floor, []), frozenset(IDS), NOW)
    assert found.tolist() == [rows[n] for n in range(NOT_HERE + 1)]


def test_the_ages_of_talks_and_of_wrap_ups_are_in_seconds() -> None:
    floor: list[Post] = [
        (State.TALKING, 60.0, False),
        (State.WRAP_UP, 1.9, False),
        (State.RESERVED, 2.0, False),
        (State.TALKING, 5.0, True),  # leaves after this talk: not waited for
    ]
    team = Team()
    team.look(views(floor, []), frozenset(IDS), NOW)
    later = NOW + timedelta(seconds=0.5)
    assert sorted(team.ages_s(TALKS, later).tolist()) == [2.5, 60.5]
    assert team.ages_s(WRAP_UPS, later).tolist() == [2.4]
