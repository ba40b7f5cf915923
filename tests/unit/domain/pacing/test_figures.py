"""The model's figures are those of the benches: the same past and the same floor give the same decision.

Who changes the model on purpose writes the figures anew, and makes docs/bench-pacing.md anew as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from dialer.domain import call as c
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.operators import Operator, State, StateChange
from dialer.domain.pacing.decision import CallView, Decision, Dial, OperatorView, Snapshot, TrunkView
from dialer.domain.pacing.odds import Odds
from dialer.domain.pacing.policies import Policies
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    EndedBy,
    LeadId,
    Mode,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)

NOW = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
SPRING, AUTUMN = CampaignId(1), CampaignId(2)
MAIN, SPARE = TrunkId("main"), TrunkId("spare")
TEAM = [OperatorId(str(101 + n)) for n in range(12)]
FIGURES = ("within_s", "answers", "free", "coming", "risk", "price", "budget")


def campaign(id_: CampaignId, team: Sequence[OperatorId]) -> Campaign:
    return Campaign(
        id_, str(id_), mode=Mode.PREDICTIVE, status=CampaignStatus.RUNNING, operators=frozenset(team),
        trunks=(MAIN, SPARE), ring_s=25.0,
    )  # fmt: skip


def luck(seed: int) -> Iterator[float]:
    """A fixed row of numbers in [0, 1) that looks drawn (Park and Miller's generator)."""
    state = seed
    while True:
        state = state * 48271 % 2147483647
        yield state / 2147483647


def lead(n: int, of: CampaignId = SPRING) -> Lead:
    return Lead(LeadId(n), of, (PhoneNumber(f"+7916{n:07}"),), extra={"part": "good" if n % 3 else "bad"})


def call(policies: Policies, n: int, at: datetime, drawn: Sequence[float]) -> None:
    """One call of yesterday's kind, from its dialling to its end."""
    one, trunk = lead(n), SPARE if n % 5 == 0 else MAIN
    policies.knowledge.dialled(Dial(one, SPRING, trunk), at)
    was = c.Call(CallId(f"c{n}"), SPRING, one.id, one.numbers[0], trunk, leased_at=at)
    ways = [replace(was, state=c.State.ORIGINATING, dialled_at=at)]
    at += timedelta(seconds=0.5 + 3 * drawn[0])
    if drawn[1] < 0.9:
        ways.append(replace(ways[-1], state=c.State.RINGING, ring_at=at))
        at += timedelta(seconds=4 + 16 * drawn[2])
        if drawn[3] < (0.35 if n % 3 else 0.1):
            ways.append(replace(ways[-1], state=c.State.ANSWERED, answer_at=at))
            if drawn[0] < 0.04:
                ways.append(replace(ways[-1], state=c.State.MESSAGE, message_at=at))
                end = (Outcome.ABANDONED, EndedBy.SERVICE)
            else:
                end = (Outcome.CONNECTED, EndedBy.PERSON)
        else:
            end = (Outcome.NO_ANSWER, EndedBy.RING_TIME)
            at += timedelta(seconds=25 - 16 * drawn[2])
    else:
        end = (Outcome.BUSY, EndedBy.NETWORK)
    ways.append(replace(ways[-1], state=c.State.ENDED, end_at=at, outcome=end[0], ended_by=end[1]))
    for way in ways:
        policies.saw(was, None, way)
        was = way


def shift(policies: Policies, n: int, at: datetime, drawn: Sequence[float]) -> None:
    """One talk, the work after it and, every seventh time, a break."""
    who = TEAM[n % len(TEAM)]
    spans = [(State.TALKING, 5 + 150 * drawn[0] * drawn[1]), (State.WRAP_UP, 3 + 20 * drawn[2])]
    if n % 7 == 0:
        spans.append((State.PAUSED, 100 + 500 * drawn[3]))
    was = State.READY
    for state, span_s in [*spans, (State.READY, 0.0)]:
        policies.moved(StateChange(who, was, state, "", at, None, SPRING), Operator(who, campaign=SPRING))
        was, at = state, at + timedelta(seconds=span_s)


@pytest.fixture(scope="module")
def policies() -> Policies:
    """What a morning has taught."""
    made, row = Policies(), luck(3)
    made.knowledge.note_aims([campaign(SPRING, TEAM), campaign(AUTUMN, TEAM[6:])])
    for n in range(1, 600):
        at = NOW - timedelta(hours=3) + timedelta(seconds=15 * n)
        call(made, n, at, list(islice(row, 4)))
        if n % 3 == 0:
            shift(made, n // 3, at, list(islice(row, 4)))
    return made


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def floor(*states: tuple[State, float]) -> list[OperatorView]:
    return [
        OperatorView(id_, state, ago(s), ago(s) if state is State.READY else None, free=state is State.READY,
                     summonable=False, campaign=SPRING, leaving=False)
        for id_, (state, s) in zip(TEAM, states, strict=False)
    ]  # fmt: skip


def on_their_way(
    rings_s: Sequence[float], sets_up_s: Sequence[float] = (), of: CampaignId = SPRING
) -> list[CallView]:
    return [
        CallView(CallId(f"{of}-{n}"), of, MAIN, c.State.RINGING if rings else c.State.ORIGINATING, ago(s),
                 ago(s) if rings else None, None, PhoneNumber(f"+7495{of}{n:06}"))
        for n, (s, rings) in enumerate([*((s, True) for s in rings_s), *((s, False) for s in sets_up_s)])
    ]  # fmt: skip


def decide(policies: Policies, operators: Sequence[OperatorView], calls: Sequence[CallView]) -> Decision:
    campaigns = [campaign(SPRING, TEAM), campaign(AUTUMN, TEAM[6:])]
    leads = {one.id: [lead(1000 * one.id + n, one.id) for n in range(80)] for one in campaigns}
    trunks = {name: TrunkView(name, 200, 200, usable=True) for name in (MAIN, SPARE)}
    return policies.decide(Snapshot(NOW, campaigns, leads, calls, operators, trunks))


READY, TALKS, LONG = (State.READY, 5.0), (State.TALKING, 10.0), (State.TALKING, 200.0)
WRAPS, AWAY = (State.WRAP_UP, 4.0), (State.PAUSED, 60.0)
FLOORS = {
    "all ready": ([READY] * 12, []),
    "some ready, some talk": (
        [READY] * 2 + [TALKS] * 6 + [WRAPS] * 3 + [AWAY],
        on_their_way([3, 8, 14], [1, 2]),
    ),
    "nobody ready": ([TALKS] * 8 + [WRAPS] * 4, on_their_way([2, 6, 10, 20, 24], [0.5])),
    "long talks and a break": ([LONG] * 9 + [AWAY] * 3, on_their_way([18, 22])),
    "the other's calls": ([READY] * 3 + [TALKS] * 9, on_their_way([5, 9], (), AUTUMN) + on_their_way([5, 9])),
}
# lines, given up, then FIGURES
DECIDED: dict[str, dict[CampaignId, tuple[float, ...]]] = {
    "all ready": {
        SPRING: (40, 0, 21.46582, 10.48744, 12.0, 0.0, 0.07528226, 0.06765337, 2.992083),
        AUTUMN: (7, 0, 21.46582, 5.943665, 6.0, 0.0, 0.1825538, 0.0075, 0.0),
    },
    "some ready, some talk": {
        SPRING: (7, 0, 21.46582, 2.874007, 5.749188, 3.749188, 0.07290709, 0.06765337, 2.992083),
        AUTUMN: (0, 0, 21.46582, 1.424168, 3.308236, 3.308236, 0.2839586, 0.0075, 0.0),
    },
    "nobody ready": {
        SPRING: (0, 2, 21.46582, 1.071754, 4.919451, 4.919451, 0.1147815, 0.06765337, 2.992083),
        AUTUMN: (0, 0, 21.46582, 0.5253041, 4.176738, 4.176738, 0.1317646, 0.0075, 0.0),
    },
    "long talks and a break": {
        SPRING: (0, 2, 21.46582, 0.05493975, 0.6635956, 0.6635956, 0.7316923, 0.06765337, 2.992083),
        AUTUMN: (0, 0, 21.46582, 0.02319263, 0.3984907, 0.3984907, 0.8035001, 0.0075, 0.0),
    },
    "the other's calls": {
        SPRING: (4, 0, 21.46582, 2.007779, 4.672211, 1.672211, 0.0769709, 0.06765337, 2.992083),
        AUTUMN: (0, 0, 21.46582, 1.257197, 1.223836, 1.223836, 0.7993666, 0.0075, 0.0),
    },
}
# of leads 1, 3, 2000, 2001 by either trunk
CHANCES = [0.29617262, 0.28559951, 0.12039438, 0.11515372, 0.29617262, 0.28559951, 0.12039438, 0.11515372]
# two leads, level, doubt, slope, levels of three speeds
MOVED = [0.28701518, 0.10002421, 0.23275433, 0.088359603, 1.0923734, -0.024563536, -0.19452476, -0.26782148]
SHARES = {SPRING: {SPRING: 1.0, AUTUMN: 1.0}, AUTUMN: {SPRING: 0.5, AUTUMN: 1.0}}


@pytest.mark.parametrize("name", FLOORS)
def test_a_floor_that_was_decided_once_is_decided_the_same_again(policies: Policies, name: str) -> None:
    states, calls = FLOORS[name]
    decision = decide(policies, floor(*states), calls)
    for id_, (lines, given_up, *figures) in DECIDED[name].items():
        assert sum(dial.campaign == id_ for dial in decision.dial) == lines
        assert sum(call.startswith(f"{id_}-") for call in decision.give_up) == given_up
        seen = decision.outlook[id_]
        assert seen.shares == SHARES[id_]
        assert [getattr(seen, figure) for figure in FIGURES] == pytest.approx(figures, rel=1e-5, abs=1e-9)


def test_the_chance_of_a_lead_after_the_same_calls_is_the_same_again(policies: Policies) -> None:
    found = [
        policies.knowledge.chance(lead(n), trunk, NOW).p
        for n in (1, 3, 2000, 2001)
        for trunk in (MAIN, SPARE)
    ]
    assert found == pytest.approx(CHANCES, rel=1e-6)


def test_the_levels_of_the_odds_move_as_they_did() -> None:
    odds, row = Odds(0.3, Odds(0.2)), luck(9)
    for n, drawn in enumerate(islice(row, 500)):
        better = ("column part=good", "hour 3") if n % 2 else ("silent 2", "last busy")
        answered = None if n % 29 == 0 else 0.3 if n % 17 == 0 else float(drawn < (0.4 if n % 2 else 0.1))
        odds.learn(better, answered)
    found = [odds.p(("column part=good",)), odds.p(("silent 2", "new")), odds.level(), odds.doubt()]
    assert [*found, odds.to_state()["slope"][0], *odds.to_state()["levels"]] == pytest.approx(MOVED, rel=1e-6)
