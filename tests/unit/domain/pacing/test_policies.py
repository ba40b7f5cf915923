"""Progressive and power: no limit is ever passed, no operator counted twice, every decision explained."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.call import State as CallState
from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.operators import State
from dialer.domain.pacing.decision import CallView, Decision, OperatorView, Snapshot, TrunkView
from dialer.domain.pacing.policies import Policies
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    LeadId,
    Mode,
    OperatorId,
    PhoneNumber,
    TrunkId,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAIN = TrunkId("main")


def campaign(id_: int = 1, team: str = "101 102 103", **changes: object) -> Campaign:
    return replace(
        Campaign(
            CampaignId(id_),
            f"list {id_}",
            status=CampaignStatus.RUNNING,
            operators=frozenset(OperatorId(one) for one in team.split()),
            trunks=(MAIN,),
        ),
        **changes,  # type: ignore[arg-type]  # the names are checked by replace itself
    )


def leads(n: int, campaign_id: int = 1, prefix: str = "+7916") -> list[Lead]:
    return [
        Lead(
            LeadId(campaign_id * 10_000 + i),
            CampaignId(campaign_id),
            (PhoneNumber(f"{prefix}{campaign_id:02}{i:05}"),),
        )
        for i in range(n)
    ]


def operator(id_: str, state: State = State.READY, waited_s: float = 0, **changes: object) -> OperatorView:
    ready = state is State.READY
    view = OperatorView(
        OperatorId(id_),
        state,
        NOW,
        NOW - timedelta(seconds=waited_s) if ready else None,
        free=ready,
        summonable=False,
        campaign=None,
        leaving=False,
    )
    return replace(view, **changes)  # type: ignore[arg-type]  # the names are checked by replace itself


def call(state: CallState, campaign_id: int = 1, operator_id: str = "", n: int = 0) -> CallView:
    return CallView(
        CallId(f"c{campaign_id}-{n}"),
        CampaignId(campaign_id),
        MAIN,
        state,
        NOW,
        None,
        OperatorId(operator_id) if operator_id else None,
    )


def calls(state: CallState, n: int, campaign_id: int = 1) -> list[CallView]:
    return [call(state, campaign_id, n=i) for i in range(n)]


def trunk(lines_free: int = 100, calls_now: int = 100, **changes: object) -> TrunkView:
    return replace(TrunkView(MAIN, lines_free, calls_now, usable=True), **changes)  # type: ignore[arg-type]


def decide(
    campaigns: Campaign | list[Campaign],
    operators: list[OperatorView],
    *,
    in_flight: list[CallView] | None = None,
    trunks: list[TrunkView] | None = None,
    candidates: dict[CampaignId, list[Lead]] | None = None,
) -> Decision:
    every = campaigns if isinstance(campaigns, list) else [campaigns]
    views = [trunk()] if trunks is None else trunks
    if candidates is None:
        candidates = {one.id: leads(50, one.id) for one in every}
    return Policies().decide(
        Snapshot(NOW, every, candidates, in_flight or [], operators, {view.id: view for view in views})
    )


def lines(decision: Decision, campaign_id: int = 1) -> int:
    return sum(dial.campaign == campaign_id for dial in decision.dial)


READY3 = [operator("101", waited_s=5), operator("102", waited_s=50), operator("103", waited_s=20)]


class TestProgressive:
    def test_one_line_per_free_operator_longest_ready_first_best_lead_first(self) -> None:
        decision = decide(campaign(), READY3)
        assert [dial.operator for dial in decision.dial] == ["102", "103", "101"]
        assert [dial.lead for dial in decision.dial] == leads(3)
        assert decision.reason[CampaignId(1)].startswith("3 lines; then every free operator is taken")

    @pytest.mark.parametrize(
        ("view", "dialled"),
        [
            (operator("101"), 1),
            (operator("101", free=False, summonable=True), 1),
            (operator("101", free=False), 0),
            (operator("101", leaving=True), 0),
            (operator("101", State.TALKING), 0),
            (operator("101", State.WRAP_UP), 0),
            (operator("101", State.PAUSED), 0),
            (operator("101", State.OFFLINE), 0),
            (operator("999"), 0),
        ],
        ids=["ready", "on demand", "leg down", "leaving", "talking", "wrap-up", "paused", "off", "stranger"],
    )
    def test_only_an_own_operator_who_could_talk_now_gets_a_line(
        self, view: OperatorView, dialled: int
    ) -> None:
        assert lines(decide(campaign(), [view])) == dialled

    def test_an_operator_named_by_a_call_in_flight_gets_no_second_one(self) -> None:
        decision = decide(campaign(), READY3, in_flight=[call(CallState.RINGING, operator_id="102")])
        assert [dial.operator for dial in decision.dial] == ["103", "101"]

    def test_calls_dialled_before_the_mode_changed_keep_their_operators(self) -> None:
        assert lines(decide(campaign(), READY3, in_flight=calls(CallState.RINGING, 2))) == 1


class TestPower:
    @pytest.mark.parametrize(
        ("ratio", "free", "ringing", "waiting", "expected"),
        [
            (1.0, 3, 0, 0, 3),
            (1.5, 3, 0, 0, 4),
            (2.3, 10, 0, 0, 23),
            (3.0, 2, 0, 0, 6),
            (3.0, 2, 4, 0, 2),
            (3.0, 2, 6, 0, 0),
            (3.0, 2, 9, 0, 0),
            (3.0, 2, 0, 1, 3),
            (3.0, 2, 0, 2, 0),
            (3.0, 2, 0, 5, 0),
            (0.5, 3, 0, 0, 1),
            (0.5, 1, 0, 0, 0),
            (2.0, 0, 0, 0, 0),
        ],
    )
    def test_lines_are_ratio_times_free_operators_less_those_on_their_way(
        self, ratio: float, free: int, ringing: int, waiting: int, expected: int
    ) -> None:
        team = [operator(str(200 + i)) for i in range(free)]
        in_flight = calls(CallState.RINGING, ringing) + [
            call(CallState.HELD_BACK, n=100 + i) for i in range(waiting)
        ]
        decision = decide(
            campaign(mode=Mode.POWER, ratio=ratio, operators=frozenset(one.id for one in team)),
            team,
            in_flight=in_flight,
        )
        assert lines(decision) == expected

    def test_no_operator_is_named_before_the_answer(self) -> None:
        assert {dial.operator for dial in decide(campaign(mode=Mode.POWER), READY3).dial} == {None}

    def test_an_operator_whose_phone_must_be_rung_first_carries_one_line(self) -> None:
        team = [operator("101"), operator("102", free=False, summonable=True)]
        assert lines(decide(campaign(mode=Mode.POWER, ratio=3.0), team)) == 4

    def test_talking_people_and_played_messages_need_no_operator(self) -> None:
        in_flight = [call(CallState.BRIDGED, operator_id="104"), call(CallState.MESSAGE, n=2)]
        assert lines(decide(campaign(mode=Mode.POWER, ratio=2.0), READY3, in_flight=in_flight)) == 6


class TestSharing:
    def test_higher_priority_takes_the_operators_first(self) -> None:
        decision = decide([campaign(1), campaign(2, priority=5)], READY3)
        assert (lines(decision, 1), lines(decision, 2)) == (0, 3)
        assert "every free operator is taken" in decision.reason[CampaignId(1)]

    def test_equal_priority_shares_line_by_line_and_evens_out_what_is_in_flight(self) -> None:
        two = [campaign(1, "101 102 103 104"), campaign(2, "101 102 103 104")]
        team = [*READY3, operator("104")]
        assert lines(decide(two, team), 1) == 2
        busy = [call(CallState.BRIDGED, 1, f"30{i}", i) for i in range(3)]
        decision = decide(two, team, in_flight=busy)
        assert (lines(decision, 1), lines(decision, 2)) == (1, 3)

    def test_operators_promised_to_ringing_calls_are_not_taken_by_a_higher_priority(self) -> None:
        power = campaign(1, mode=Mode.POWER, ratio=2.0)
        decision = decide(
            [power, campaign(2, priority=9)], READY3, in_flight=calls(CallState.RINGING, 4, campaign_id=1)
        )
        assert (lines(decision, 1), lines(decision, 2)) == (0, 1)

    def test_power_keeps_operators_of_its_own_before_shared_ones(self) -> None:
        power = campaign(1, "101 102", mode=Mode.POWER)
        decision = decide([power, campaign(2, "102")], READY3[:2], in_flight=calls(CallState.RINGING, 1))
        assert [dial.operator for dial in decision.dial if dial.campaign == 2] == ["102"]

    def test_calls_of_a_campaign_that_is_gone_keep_an_operator_each(self) -> None:
        assert lines(decide(campaign(), READY3, in_flight=calls(CallState.RINGING, 2, campaign_id=7))) == 1

    def test_a_paused_campaign_dials_nothing_and_keeps_operators_for_its_calls(self) -> None:
        paused = campaign(2, mode=Mode.POWER, ratio=1.0, status=CampaignStatus.PAUSED)
        decision = decide([campaign(1), paused], READY3, in_flight=calls(CallState.RINGING, 2, campaign_id=2))
        assert (lines(decision, 1), lines(decision, 2)) == (1, 0)
        assert decision.reason[CampaignId(2)] == "0 lines: the campaign is paused."

    def test_one_number_on_two_lists_is_dialled_once(self) -> None:
        same = {CampaignId(1): leads(1), CampaignId(2): [replace(leads(1)[0], id=LeadId(5))]}
        decision = decide([campaign(1), campaign(2)], READY3, candidates=same)
        assert len(decision.dial) == 1

    def test_a_number_in_flight_for_another_list_is_not_dialled_a_second_time(self) -> None:
        in_flight = [replace(call(CallState.BRIDGED, 2, "305"), number=leads(2)[0].number)]
        decision = decide(campaign(), READY3[:1], in_flight=in_flight)
        assert [dial.lead for dial in decision.dial] == leads(2)[1:]


class TestLimits:
    @pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER])
    @pytest.mark.parametrize(
        ("view", "why"),
        [
            (trunk(lines_free=0), "trunk main has no free line"),
            (trunk(lines_free=-3), "trunk main has no free line"),
            (trunk(calls_now=0), "trunk main has used up its calls per second"),
            (trunk(usable=False, why="trunk main is not registered"), "trunk main is not registered"),
            (trunk(usable=False), "trunk main is out of use"),
        ],
    )
    def test_a_trunk_without_room_is_named(self, mode: Mode, view: TrunkView, why: str) -> None:
        decision = decide(campaign(mode=mode), READY3, trunks=[view])
        assert not decision.dial
        assert decision.reason == {1: f"0 lines: {why}."}

    def test_the_next_trunk_takes_what_the_first_cannot(self) -> None:
        two = campaign(trunks=(MAIN, TrunkId("spare")))
        decision = decide(two, READY3, trunks=[trunk(lines_free=1), trunk(id=TrunkId("spare"))])
        assert [dial.trunk for dial in decision.dial] == ["main", "spare", "spare"]

    def test_a_number_goes_to_a_trunk_that_may_dial_it(self) -> None:
        two = campaign(trunks=(MAIN, TrunkId("world")))
        views = [trunk(prefixes=("+7",)), trunk(id=TrunkId("world"), prefixes=("+44", "+49"))]
        mixed = [leads(1, prefix="+4477")[0], leads(2)[1]]
        decision = decide(two, READY3, trunks=views, candidates={CampaignId(1): mixed})
        assert [dial.trunk for dial in decision.dial] == ["world", "main"]
        full = [views[0], replace(views[1], lines_free=0)]
        decision = decide(two, READY3, trunks=full, candidates={CampaignId(1): mixed})
        assert [dial.lead for dial in decision.dial] == [mixed[1]]
        assert "no lead at hand fits a trunk that has a free line" in decision.reason[CampaignId(1)]

    def test_a_number_that_no_trunk_may_dial_is_put_before_the_gate_and_does_not_block_the_list(self) -> None:
        decision = decide(
            campaign(),
            READY3,
            trunks=[trunk(prefixes=("+7",))],
            candidates={CampaignId(1): leads(1, prefix="+4477")},
        )
        assert [dial.trunk for dial in decision.dial] == ["main"]

    def test_the_cap_counts_every_call_that_is_not_over(self) -> None:
        in_flight = [
            call(CallState.BRIDGED, operator_id="104"),
            call(CallState.ENDED, n=1),
            call(CallState.MESSAGE, n=2),
        ]
        decision = decide(campaign(cap=3), READY3, in_flight=in_flight)
        assert decision.reason == {1: "1 line; then the campaign's cap of 3 calls in flight is reached."}


class TestReasons:
    @pytest.mark.parametrize(
        ("one", "team", "sentence"),
        [
            (campaign(), [], "0 lines: nobody is logged in (of 3 operators)."),
            (
                campaign(),
                [operator(f"10{i}", State.TALKING) for i in (1, 2)] + [operator("103", State.PAUSED)],
                "0 lines: nobody is ready (2 talking, 1 paused).",
            ),
            (
                campaign(mode=Mode.POWER),
                [operator("101", State.WRAP_UP)],
                "0 lines: nobody is ready (1 wrap-up).",
            ),
            (
                campaign(),
                [operator("101", free=False)],
                "0 lines: nobody's phone is up (1 ready).",
            ),
            (campaign(team=""), READY3, "0 lines: the campaign has no operators."),
            (campaign(trunks=()), READY3, "0 lines: the campaign has no trunk."),
            (campaign(trunks=(TrunkId("old"),)), READY3, "0 lines: trunk old does not exist."),
            (
                campaign(mode=Mode.PREVIEW),
                READY3,
                "0 lines: in preview mode operators dial themselves.",
            ),
        ],
    )
    def test_nothing_dialled_says_why(self, one: Campaign, team: list[OperatorView], sentence: str) -> None:
        assert decide(one, team) == Decision([], (), {one.id: sentence})

    @pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER])
    def test_an_empty_hopper_says_so(self, mode: Mode) -> None:
        decision = decide(campaign(mode=mode), READY3, candidates={})
        assert decision.reason == {1: "0 lines: no lead is due."}

    def test_power_names_the_calls_on_their_way(self) -> None:
        decision = decide(
            campaign(mode=Mode.POWER, ratio=2.0), READY3[:1], in_flight=calls(CallState.RINGING, 2)
        )
        assert decision.reason[CampaignId(1)] == (
            "0 lines: 2 on their way are all that free operators carry at 2 lines each;"
            " every free operator is taken or kept for calls on their way (1 ready)."
        )


# --- whatever the floor looks like ------------------------------------------------------------------------

OPERATOR_IDS = [str(101 + i) for i in range(6)]
TRUNK_IDS = [TrunkId("a"), TrunkId("b")]


@st.composite
def operator_views(draw: st.DrawFn) -> list[OperatorView]:
    views = []
    for id_ in draw(st.lists(st.sampled_from(OPERATOR_IDS), unique=True)):
        state = draw(st.sampled_from(State))
        views.append(
            operator(
                id_,
                state,
                draw(st.integers(0, 100)),
                free=state is State.READY and draw(st.booleans()),
                summonable=state is State.READY and draw(st.booleans()),
                leaving=draw(st.booleans()),
            )
        )
    return views


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    campaigns = [
        campaign(
            i,
            " ".join(draw(st.sets(st.sampled_from(OPERATOR_IDS)))),
            mode=draw(st.sampled_from(Mode)),
            status=draw(
                st.sampled_from([CampaignStatus.RUNNING, CampaignStatus.RUNNING, CampaignStatus.PAUSED])
            ),
            ratio=draw(st.floats(0.1, 5)),
            priority=draw(st.integers(0, 2)),
            cap=draw(st.integers(0, 4)),
            trunks=tuple(draw(st.lists(st.sampled_from(TRUNK_IDS), unique=True))),
        )
        for i in range(1, draw(st.integers(1, 3)) + 1)
    ]
    in_flight = [
        call(
            draw(st.sampled_from(CallState)),
            draw(st.integers(1, 4)),
            draw(st.sampled_from(["", *OPERATOR_IDS])),
            n,
        )
        for n in range(draw(st.integers(0, 8)))
    ]
    trunks = {
        id_: trunk(draw(st.integers(-1, 8)), draw(st.integers(0, 8)), id=id_, usable=draw(st.booleans()))
        for id_ in draw(st.sets(st.sampled_from(TRUNK_IDS)))
    }
    candidates = {one.id: leads(draw(st.integers(0, 9)), one.id) for one in campaigns if draw(st.booleans())}
    return Snapshot(NOW, campaigns, candidates, in_flight, draw(operator_views()), trunks)


def check_that_operators_carry(decision: Decision, snapshot: Snapshot) -> None:
    """Operators needed by what was dialled never exceed those who could take a call."""
    busy = {one.operator for one in snapshot.calls}
    able = {
        view.id
        for view in snapshot.operators
        if (view.free or view.summonable) and not view.leaving and view.id not in busy
    }
    needed = 0
    for one in snapshot.campaigns:
        if one.mode is Mode.PREDICTIVE:  # counts on operators who will come free
            continue
        ratio = one.ratio if one.mode is Mode.POWER else 1.0
        n = lines(decision, one.id)
        on_their_way = sum(
            c.campaign == one.id
            and c.operator is None
            and c.state in (CallState.LEASED, CallState.ORIGINATING, CallState.RINGING)
            for c in snapshot.calls
        )
        if n:
            assert able & one.operators
            needed += math.ceil((on_their_way + n) / ratio - 1e-6)
    assert needed <= len(able)


def test_campaigns_of_one_priority_share_lines_by_their_weight() -> None:
    team = " ".join(str(101 + n) for n in range(12))
    heavy, light = campaign(1, team, weight=3), campaign(2, team)
    decision = Policies().decide(
        Snapshot(
            NOW,
            [heavy, light],
            {heavy.id: leads(30, 1), light.id: leads(30, 2)},
            [],
            [operator(id_) for id_ in team.split()],
            {MAIN: trunk(100, 100)},
        )
    )
    assert (lines(decision, heavy.id), lines(decision, light.id)) == (9, 3)


@settings(deadline=None, max_examples=40)
@given(snapshots())
def test_no_decision_passes_a_limit_or_counts_anybody_twice(snapshot: Snapshot) -> None:
    decision = Policies().decide(snapshot)
    check_that_operators_carry(decision, snapshot)
    campaigns = {one.id: one for one in snapshot.campaigns}
    views = {view.id: view for view in snapshot.operators}

    for id_, n in Counter(dial.trunk for dial in decision.dial).items():
        assert snapshot.trunks[id_].usable
        assert n <= min(snapshot.trunks[id_].lines_free, snapshot.trunks[id_].calls_now)
    assert len({dial.lead.id for dial in decision.dial}) == len(decision.dial)
    named = [dial.operator for dial in decision.dial if dial.operator]
    assert len(set(named)) == len(named)
    assert not set(named) & {one.operator for one in snapshot.calls}
    for dial in decision.dial:
        one = campaigns[dial.campaign]
        assert one.status is CampaignStatus.RUNNING
        assert dial.trunk in one.trunks
        assert dial.lead in snapshot.candidates[one.id]
        assert (dial.operator is not None) == (one.mode is Mode.PROGRESSIVE)
        if dial.operator:
            view = views[dial.operator]
            assert dial.operator in one.operators
            assert view.free or view.summonable
            assert not view.leaving
    for one in snapshot.campaigns:
        in_use = sum(c.campaign == one.id and c.state is not CallState.ENDED for c in snapshot.calls)
        n = lines(decision, one.id)
        assert not n or not one.cap or in_use + n <= one.cap
        assert decision.reason[one.id].startswith(f"{n} line")
        assert decision.reason[one.id].endswith(".")


@given(snapshots())
@settings(deadline=None, max_examples=20)
def test_with_nobody_logged_in_nothing_is_dialled(snapshot: Snapshot) -> None:
    asleep = [replace(view, state=State.OFFLINE, free=False, summonable=False) for view in snapshot.operators]
    assert not Policies().decide(replace(snapshot, operators=asleep)).dial
    assert not Policies().decide(replace(snapshot, operators=[])).dial


RESTS = campaign(2, team="101 102 103 104", mode=Mode.PREDICTIVE)


class TestResting:
    """A predictive campaign between two of its decisions."""

    def decided(
        self, *others: Campaign, leads_left: int = 50, rests: Campaign = RESTS, ringing: int = 0
    ) -> Decision:
        every = [rests, *others]
        candidates = {one.id: leads(leads_left if one is rests else 50, one.id) for one in every}
        team = [operator(str(n), waited_s=5) for n in range(101, 105)]
        its_calls = calls(CallState.RINGING, ringing, rests.id)
        seen = Snapshot(NOW, every, candidates, its_calls, team, {MAIN: trunk()})
        return Policies().decide(replace(seen, resting=frozenset({rests.id})))

    def test_nothing_is_dialled_for_it_and_its_last_reason_stands(self) -> None:
        decision = self.decided()
        assert (decision.dial, decision.reason, decision.outlook) == ([], {}, {})

    def test_its_part_of_a_shared_team_is_kept_for_it(self) -> None:
        other = campaign(1, team="101 102 103 104")
        assert lines(self.decided(other)) == 2
        assert lines(self.decided(replace(other, weight=3))) == 3
        assert lines(self.decided(replace(other, priority=9))) == 4
        assert lines(self.decided(other, rests=replace(RESTS, priority=9))) == 0

    def test_where_it_could_not_dial_nothing_is_kept(self) -> None:
        other = campaign(1, team="101 102 103 104")
        assert lines(self.decided(other, leads_left=0)) == 4
        assert lines(self.decided(other, rests=replace(RESTS, cap=1))) == 3

    def test_an_operator_is_kept_for_each_of_its_calls_on_their_way(self) -> None:
        other = campaign(1, team="101 102 103 104")
        assert lines(self.decided(other, leads_left=0, ringing=3)) == 1


class TestMemory:
    """What outlives the process."""

    def test_the_budget_is_what_the_records_of_each_hour_say(self) -> None:
        policies, other = Policies(), CampaignId(2)
        one, first, second = CampaignId(1), NOW.replace(hour=6), NOW.replace(hour=7)
        policies.recall({}, {(one, first): (100, 2), (one, second): (50, 1), (other, second): (9, 0)})
        sums = {n: policies.knowledge.of(CampaignId(n)).budget.left(0.1, NOW) for n in (1, 2)}
        assert sums == {1: pytest.approx(150 * 0.1 - 3), 2: pytest.approx(0.9)}

    def test_states_of_another_version_change_nothing(self) -> None:
        policies = Policies()
        policies.recall({}, {(CampaignId(1), NOW): (100, 2)})
        before = policies.states()
        damaged = {"product": {**before["product"], "odds": {**before["product"]["odds"], "version": 0}}}
        with pytest.raises(BadValue, match="another version"):
            policies.recall(damaged, {})
        assert policies.states() == before
        assert policies.knowledge.of(CampaignId(1)).budget.left(0.1, NOW) == pytest.approx(8)

    def test_states_hold_what_was_learned_of_the_product_and_of_each_campaign(self) -> None:
        policies, again = Policies(), Policies()
        for n in (1, 2):
            odds = policies.knowledge.of(CampaignId(n)).lessons.odds
            for _ in range(20 * n):
                odds.learn((), 1.0)
        states = policies.states()
        assert states.keys() == {"product", "campaign:1", "campaign:2"}
        again.recall(states, {})
        assert {key: state["odds"] for key, state in again.states().items()} == {
            key: state["odds"] for key, state in states.items()
        }
