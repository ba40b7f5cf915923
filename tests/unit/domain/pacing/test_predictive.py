"""Predictive mode: what it risks, what it never does, what it gives up, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain import call as c
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.operators import State
from dialer.domain.pacing.budget import WINDOWS, Budget
from dialer.domain.pacing.decision import CallView, Decision, OperatorView, Snapshot, TrunkView
from dialer.domain.pacing.policies import Policies
from dialer.domain.pacing.team import Team
from dialer.domain.pacing.traits import features
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

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ONE, MAIN = CampaignId(1), TrunkId("main")
TEAM = [OperatorId(str(101 + n)) for n in range(10)]
CAMPAIGN = Campaign(
    ONE,
    "spring",
    mode=Mode.PREDICTIVE,
    status=CampaignStatus.RUNNING,
    operators=frozenset(TEAM),
    trunks=(MAIN,),
)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def team(*states: tuple[State, float]) -> list[OperatorView]:
    """Operators in these states for so many seconds."""
    return [
        OperatorView(id_, state, ago(s), ago(s) if state is State.READY else None, free=state is State.READY,
                     summonable=False, campaign=ONE, leaving=False)
        for id_, (state, s) in zip(TEAM, states, strict=False)
    ]  # fmt: skip


def ringing(*ages_s: float, waiting: int = 0) -> list[CallView]:
    calls = [
        CallView(
            CallId(f"r{n}"), ONE, MAIN, c.State.RINGING, ago(s), ago(s), None, PhoneNumber(f"+7495{n:07}")
        )
        for n, s in enumerate(ages_s)
    ]
    return calls + [
        CallView(CallId(f"w{n}"), ONE, MAIN, c.State.HELD_BACK, NOW, ago(9), None) for n in range(waiting)
    ]


def snapshot(
    operators: Sequence[OperatorView], calls: Sequence[CallView] = (), campaign: Campaign = CAMPAIGN
) -> Snapshot:
    leads = [Lead(LeadId(n), ONE, (PhoneNumber(f"+7916{n:07}"),)) for n in range(1, 60)]
    return Snapshot(
        NOW, [campaign], {ONE: leads}, calls, operators, {MAIN: TrunkView(MAIN, 200, 200, usable=True)}
    )


def rich(answered: int = 2000, abandoned: int = 20) -> Policies:
    """A budget with calls to spend."""
    policies = Policies()
    policies.knowledge.of(ONE).budget = Budget({ago(1): (answered, abandoned)})
    return policies


READY, TALKING = (State.READY, 5.0), (State.TALKING, 30.0)


def test_it_dials_more_lines_than_operators_are_free_when_the_budget_allows() -> None:
    assert len(rich().decide(snapshot(team(*[READY] * 3, *[TALKING] * 7))).dial) > 3


def test_it_dials_ahead_of_operators_who_will_come_free() -> None:
    assert rich().decide(snapshot(team(*[(State.WRAP_UP, 15.0)] * 10))).dial


def test_over_the_ceiling_it_dials_hardly_more_than_progressive_does() -> None:
    spent = rich(answered=1000, abandoned=31)
    assert len(spent.decide(snapshot(team(*[READY] * 3))).dial) <= 4
    assert not spent.decide(snapshot(team(*[TALKING] * 3))).dial


def test_the_more_of_the_budget_is_left_the_more_lines_go_out() -> None:
    lines = [
        len(rich(1000, abandoned).decide(snapshot(team(*[READY] * 4, *[TALKING] * 6))).dial)
        for abandoned in (40, 27, 10)
    ]
    assert lines == sorted(lines)
    assert lines[0] < lines[-1]


@pytest.mark.parametrize("state", [State.PAUSED, State.OFFLINE, State.CONNECTING])
def test_with_nobody_at_work_it_dials_nothing_and_says_so(state: State) -> None:
    decision = rich().decide(snapshot(team((state, 5.0))))
    assert not decision.dial
    assert decision.reason[ONE].startswith("0 lines: nobody is ")


def test_operators_who_leave_after_this_call_are_not_counted_on() -> None:
    leaving = [replace(view, leaving=True) for view in team(*[(State.WRAP_UP, 15.0)] * 5)]
    assert not rich().decide(snapshot(leaving)).dial


def given_up(decision: Decision) -> set[str]:
    return set(decision.give_up)


def test_late_ringing_calls_are_given_up_when_nobody_is_free_and_never_before_15_seconds() -> None:
    busy = team(*[(State.TALKING, 2.0)] * 2)
    assert given_up(rich().decide(snapshot(busy, ringing(3, 14.9, 15.0, 22)))) == {"r2", "r3"}
    assert not given_up(rich().decide(snapshot(team(READY, TALKING), ringing(22))))


def test_a_call_that_is_given_up_already_is_not_given_up_again_nor_counted_on() -> None:
    late = [replace(call, hanging_up=True) for call in ringing(16.0, 20.0)]
    decision = rich().decide(snapshot(team(*[TALKING] * 3), late))
    assert not decision.give_up
    assert decision.outlook[ONE].lines == decision.outlook[ONE].ringing == 0


def test_people_who_wait_take_the_free_operators_first() -> None:
    assert given_up(rich().decide(snapshot(team(READY, (State.TALKING, 2.0)), ringing(20, waiting=1)))) == {
        "r0"
    }


def test_when_the_last_operator_has_left_every_call_is_given_up_as_soon_as_that_is_lawful() -> None:
    assert given_up(rich().decide(snapshot(team((State.OFFLINE, 1.0)), ringing(2, 16, 20)))) == {"r1", "r2"}


def test_the_reason_says_in_figures_why_no_further_line_went_out() -> None:
    decision = rich().decide(snapshot(team(READY, TALKING), ringing(4, 8, 9)))
    assert "3 ringing" in decision.reason[ONE]
    for word in ("answers expected in", "operators free", "risk", "at price", "budget +"):
        assert word in decision.reason[ONE]
    outlook = decision.outlook[ONE]
    assert outlook.risk > outlook.price > 0
    assert outlook.ringing == 3


def test_a_decision_teaches_nothing_and_the_same_snapshot_gets_the_same_decision() -> None:
    policies, seen = rich(), snapshot(team(*[READY] * 3, *[TALKING] * 7), ringing(4, 9))
    first = policies.decide(seen)
    assert policies.decide(seen) == first


def test_a_floor_that_was_looked_at_before_changes_nothing() -> None:
    policies, seen = rich(), snapshot(team(READY, *[TALKING] * 7, (State.WRAP_UP, 4.0)), ringing(4, 9))
    for before in (seen, snapshot(team(*[READY] * 3, *[TALKING] * 7)), snapshot(team(TALKING)), seen):
        policies.decide(before)
    warm = policies.decide(seen)
    policies.knowledge.of(ONE).team = Team()
    assert warm == policies.decide(seen)


# --- learning


def a_call(n: int, **changes: object) -> c.Call:
    made = c.Call(CallId(f"c{n}"), ONE, LeadId(n), PhoneNumber(f"+7916{n:07}"), MAIN, leased_at=ago(20))
    return replace(made, state=c.State.ORIGINATING, dialled_at=ago(20), **changes)  # type: ignore[arg-type]


def go(
    policies: Policies, n: int, outcome: Outcome, by: EndedBy, *, answers: bool, message: bool = False
) -> None:
    """One call from its dialling to its end, each event told twice."""
    was = a_call(n)
    steps = [replace(was, state=c.State.RINGING, ring_at=ago(18))]
    if answers:
        steps.append(replace(steps[-1], state=c.State.ANSWERED, answer_at=ago(10)))
    if message:
        steps.append(replace(steps[-1], state=c.State.MESSAGE, message_at=ago(8)))
    steps.append(replace(steps[-1], state=c.State.ENDED, end_at=ago(4), outcome=outcome, ended_by=by))
    for after in steps:
        policies.saw(was, None, after)
        policies.saw(after, None, after)
        was = after


def test_an_abandoned_call_is_counted_once_whether_it_heard_the_message_or_not() -> None:
    for message in (True, False):
        policies = Policies()
        go(policies, 1, Outcome.ABANDONED, EndedBy.SERVICE, answers=True, message=message)
        assert policies.knowledge.of(ONE).budget.left(0.03, NOW) == pytest.approx(0.03 - 1)


def test_an_abandoned_call_counts_on_the_day_of_its_answer() -> None:
    midnight_at, second = NOW.replace(hour=0), timedelta(seconds=1)
    policies, answered = Policies(), a_call(1, answer_at=midnight_at - second)
    policies.saw(a_call(1), None, answered)
    policies.saw(answered, None, replace(answered, message_at=midnight_at + second))
    today, day, _ = (policies.knowledge.of(ONE).budget.counts(one, midnight_at + second) for one in WINDOWS)
    assert (today, day) == ((0, 0), (1, 1))


def test_a_call_that_was_never_dialled_teaches_nothing_and_is_forgotten() -> None:
    policies = rich()
    (dial, *_) = policies.decide(snapshot(team(READY))).dial
    known, before = policies.knowledge.of(ONE), policies.knowledge.of(ONE).learned.to_state()
    was = a_call(dial.lead.id)
    ended = replace(was, state=c.State.ENDED, end_at=NOW, ended_by=EndedBy.SERVICE)
    gone = replace(ended, outcome=Outcome.NOT_DIALLED)
    policies.saw(was, None, gone)
    assert known.learned.to_state() == before
    assert dial.lead.id not in known.lessons.chances


def test_calls_adopted_after_a_restart_are_counted_though_their_records_are_not_written_yet() -> None:
    policies = Policies()
    talking = a_call(1, answer_at=ago(10), bridge_at=ago(10))
    hears_the_message = a_call(2, answer_at=ago(10), message_at=ago(8))
    waits, had_talked = a_call(4, answer_at=ago(1)), replace(talking, message_at=ago(2))
    hears_it_too = replace(hears_the_message, id=CallId("c-5"))
    for adopted in (talking, hears_the_message, hears_it_too, a_call(3), waits, had_talked):
        policies.saw(None, None, replace(adopted, state=c.State.BRIDGED))
        ended = replace(adopted, state=c.State.ENDED, end_at=NOW, outcome=Outcome.ABANDONED)
        if adopted is hears_the_message:
            policies.saw(adopted, None, ended)
    assert policies.knowledge.of(ONE).budget.left(0.03, NOW) == pytest.approx(5 * 0.03 - 2)


def test_a_leads_place_is_looked_at_again_after_a_minute_and_when_the_clock_is_set_back() -> None:
    policies = rich()
    knowledge, one = policies.knowledge, Lead(LeadId(1), ONE, (PhoneNumber("+79160000001"),))
    first = knowledge.rank(one, NOW)
    for _ in range(30):
        knowledge.of(ONE).lessons.odds.learn(features(one, NOW), 1.0)
    assert knowledge.rank(one, NOW + timedelta(seconds=59)) == first
    later = knowledge.rank(one, NOW + timedelta(seconds=60))
    assert later > first
    for _ in range(30):
        knowledge.of(ONE).lessons.odds.learn(features(one, NOW), 0.0)
    assert knowledge.rank(one, NOW + timedelta(seconds=60)) == later
    assert knowledge.rank(one, NOW) < later


def test_what_was_given_up_or_taken_back_is_no_abandoned_call_and_no_answer() -> None:
    policies = Policies()
    go(policies, 1, Outcome.GIVEN_UP, EndedBy.PACING, answers=False)
    go(policies, 2, Outcome.CANCELLED, EndedBy.SUPERVISOR, answers=False)
    assert policies.knowledge.of(ONE).budget.left(0.03, NOW) == 0


def test_calls_in_flight_keep_the_chance_they_were_dialled_with_and_leave_nothing_behind() -> None:
    policies = rich()
    dials = policies.decide(snapshot(team(*[READY] * 3))).dial
    knowledge = policies.knowledge
    assert dials
    for dial in dials:
        assert knowledge.of(ONE).lessons.p(dial.lead.id) > 0
        go(policies, dial.lead.id, Outcome.NO_ANSWER, EndedBy.RING_TIME, answers=False)
    assert not knowledge.of(ONE).lessons._attempts


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER])
def test_who_answers_a_campaign_in_another_mode_teaches_the_odds_as_well(mode: Mode) -> None:
    policies = Policies()
    before = policies.knowledge.of(ONE).lessons.odds.level()
    for _ in range(60):
        dialled = policies.decide(snapshot(team(*[READY] * 3), campaign=replace(CAMPAIGN, mode=mode))).dial
        assert dialled
        for dial in dialled:
            go(policies, dial.lead.id, Outcome.NO_ANSWER, EndedBy.RING_TIME, answers=False)
    assert policies.knowledge.of(ONE).lessons.odds.level() < 0.7 * before


def test_what_was_learned_survives_a_restart_and_leads_to_the_same_decision() -> None:
    policies = rich()
    for n in range(120):
        policies.decide(snapshot(team(*[READY] * 2)))
        if n % 4:
            go(policies, 1 + n % 2, Outcome.NO_ANSWER, EndedBy.RING_TIME, answers=False)
        else:
            go(policies, 1 + n % 2, Outcome.CONNECTED, EndedBy.PERSON, answers=True)
    again = Policies()
    again.knowledge.load(policies.knowledge.to_states(), {ONE: policies.knowledge.of(ONE).budget})
    seen = replace(snapshot(team(*[READY] * 2, *[TALKING] * 4)), at=NOW + timedelta(minutes=1))
    before, after = policies.decide(seen), again.decide(seen)
    assert [dial.lead for dial in after.dial] == [dial.lead for dial in before.dial]
    assert after.outlook[ONE].price == pytest.approx(before.outlook[ONE].price)
    assert after.outlook[ONE].risk == pytest.approx(before.outlook[ONE].risk, abs=1e-3)


def together(*campaigns: Campaign) -> Snapshot:
    """They share the whole team."""
    alone = snapshot(team(*[READY] * 6, *[TALKING] * 4))
    leads = {
        one.id: [
            Lead(LeadId(1000 * one.id + n), one.id, (PhoneNumber(f"+7916{one.id:02}{n:05}"),))
            for n in range(60)
        ]
        for one in campaigns
    }
    return replace(alone, campaigns=campaigns, candidates=leads)


def test_two_campaigns_with_one_team_dial_together_about_what_one_of_them_would() -> None:
    other = replace(CAMPAIGN, id=CampaignId(2), name="autumn")
    policies = rich()
    policies.knowledge.of(other.id).budget = policies.knowledge.of(ONE).budget
    alone = len(policies.decide(together(CAMPAIGN)).dial)
    both = policies.decide(together(CAMPAIGN, other))
    assert len(both.dial) <= alone + 1
    assert {dial.campaign for dial in both.dial} == {ONE, other.id}


def test_a_progressive_campaign_that_takes_an_operator_leaves_one_less_to_count_on() -> None:
    first = replace(CAMPAIGN, id=CampaignId(2), name="autumn", mode=Mode.PROGRESSIVE, priority=9)
    beside = [dial for dial in rich().decide(together(first, CAMPAIGN)).dial if dial.campaign == ONE]
    assert len(beside) < len(rich().decide(together(CAMPAIGN)).dial)


def test_the_first_burst_of_a_product_that_knows_nothing_finds_operators_whatever_their_number() -> None:
    for n in (2, 10, 100, 500):
        ids = [OperatorId(str(1000 + i)) for i in range(n)]
        views = [OperatorView(id_, State.READY, ago(5), ago(5), free=True, summonable=False, campaign=ONE,
                              leaving=False) for id_ in ids]  # fmt: skip
        campaign = replace(CAMPAIGN, operators=frozenset(ids))
        leads = [Lead(LeadId(i), ONE, (PhoneNumber(f"+7916{i:07}"),)) for i in range(5 * n)]
        first = Snapshot(NOW, [campaign], {ONE: leads}, [], views,
                         {MAIN: TrunkView(MAIN, 9999, 9999, usable=True)})  # fmt: skip
        policies = Policies()
        outlook = policies.decide(first).outlook[ONE]
        assert n <= outlook.lines <= 2 * n
        assert outlook.answers < n


def test_what_another_mode_leaves_of_the_budget_does_not_move_the_price() -> None:
    policies = Policies()
    fresh = policies.knowledge.of(ONE).to_state()["price"]
    for mode, moves in ((Mode.PROGRESSIVE, False), (Mode.PREDICTIVE, True)):
        policies.decide(snapshot(team(*[READY] * 2), campaign=replace(CAMPAIGN, mode=mode)))
        for n in range(100, 140):
            go(policies, n, Outcome.CONNECTED, EndedBy.PERSON, answers=True)
        assert (policies.knowledge.of(ONE).to_state()["price"] != fresh) is moves


def taught(outcome: Outcome, by: EndedBy) -> float:
    """By how much such ends of dials move the chance of the next."""
    policies = rich()
    odds = policies.knowledge.of(ONE).lessons.odds
    before = odds.level()
    for _ in range(20):
        for dial in policies.decide(snapshot(team(*[READY] * 3))).dial:
            go(policies, dial.lead.id, outcome, by, answers=False)
    return odds.level() - before


def test_a_call_that_pacing_gave_up_teaches_less_than_one_that_rang_to_its_end() -> None:
    """It might still have been answered."""
    given_up, rang = taught(Outcome.GIVEN_UP, EndedBy.PACING), taught(Outcome.NO_ANSWER, EndedBy.RING_TIME)
    assert rang < given_up < 0
    assert taught(Outcome.CANCELLED, EndedBy.SUPERVISOR) == 0
