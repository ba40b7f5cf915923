"""Why nothing is dialled: each gate closes with a sentence that says what to do or when it opens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.explain import Explanation, Facts, Gate, explain
from dialer.domain.operators import State
from dialer.domain.pacing.decision import OperatorView, TrunkView
from dialer.domain.schedule import every_day
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, CampaignStatus, OperatorId, Purpose, TrunkId

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAIN = TrunkId("main")
MOSCOW, OMSK = ("Europe/Moscow",), ("Asia/Omsk",)


def operator(id_: str, state: State = State.READY) -> OperatorView:
    ready = state is State.READY
    return OperatorView(OperatorId(id_), state, AT, None, ready, False, None, False)


def trunk(
    lines_free: int = 6, usable: bool = True, why: str = "", id_: TrunkId = MAIN
) -> tuple[Trunk, TrunkView]:
    return Trunk(id_, "192.0.2.1"), TrunkView(id_, lines_free, 5, usable, why)


CAMPAIGN = Campaign(
    CampaignId(1),
    "spring",
    status=CampaignStatus.RUNNING,
    operators=frozenset({OperatorId("101"), OperatorId("102")}),
    trunks=(MAIN,),
    message="sorry",
)
GOOD = Facts(
    at=AT,
    campaign=CAMPAIGN,
    zone_of=cache(ZoneInfo),
    trunks=(trunk(),),
    operators=(operator("101"), operator("102", State.TALKING), operator("999")),
    leads={
        "new": 40,
        "retry_due": 2,
        "retry_later": 5,
        "leased": 7,
        "done": 3,
        "exhausted": 2,
        "excluded": 1,
    },
    zones={MOSCOW: 40, OMSK: 2},
    at_hand=5,
    pacing="1 line; then nobody is ready.",
    paced_at=AT - timedelta(seconds=0.2),
)


def test_lists_that_are_paused_are_told_and_close_the_gate_only_where_nothing_else_is_left() -> None:
    some = replace(GOOD, paused={"7 (a.csv)": 200, "8 (b.csv)": 1})
    told = gate(explain(some), "lists")
    assert told.sentence == "200 leads of list 7 (a.csv) are paused; 1 lead of list 8 (b.csv) is paused."
    assert told.open
    alone = replace(some, leads={"paused": 201, "done": 3}, at_hand=0, zones={})
    assert not gate(explain(alone), "lists").open
    assert gate(explain(alone), "leads").sentence == "No lead is due: 201 wait in lists that are paused."
    assert explain(alone).held_back == {"paused": 201, "done": 3}


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (0.0, "47 leads can be dialled, 5 wait for their time."),
        (20.0, "At 20 dials an hour they last 2.4 h."),
        (47.0, "At 47 dials an hour they last 1.0 h."),
        (1200.0, "The list is nearly empty: at 1,200 dials an hour it lasts 2 minutes."),
    ],
)
def test_a_list_that_runs_out_is_seen_ahead(pace: float, words: str) -> None:
    told = gate(explain(replace(GOOD, dials_per_h=pace)), "leads")
    assert told.open
    assert told.sentence.endswith(words)


def gate(told: Explanation, name: str) -> Gate:
    return next(one for one in told.gates if one.name == name)


def test_gates_come_in_order_and_all_are_open_when_it_dials() -> None:
    told = explain(GOOD)
    names = ["status", "settings", "law", "link", "trunk main", "schedule", "operators", "leads", "pacing"]
    assert [one.name for one in told.gates] == names
    assert all(one.open for one in told.gates)
    assert told.summary == GOOD.pacing
    assert told.held_back == GOOD.leads
    assert gate(told, "trunk main").value == "4 of 10 lines in use, 5 calls a second"
    assert gate(told, "operators").value == "2 of 2 logged in, 1 free"
    assert gate(told, "operators").sentence == "1 operator is free (1 ready, 1 talking)."


@pytest.mark.parametrize(
    ("name", "facts", "sentence"),
    [
        (
            "status",
            replace(GOOD, campaign=replace(CAMPAIGN, status=CampaignStatus.PAUSED)),
            "The campaign is paused: start it.",
        ),
        (
            "settings",
            replace(GOOD, campaign=replace(CAMPAIGN, message="")),
            "There is no message for people who get no operator: give the campaign one.",
        ),
        (
            "settings",
            replace(GOOD, campaign=replace(CAMPAIGN, purpose=Purpose.ADVERTISING)),
            "Advertising in RU may not be dialled in progressive mode (38-FZ art. 18 part 2):"
            " choose manual or preview.",
        ),
        (
            "link",
            replace(GOOD, link="nothing since 10:00"),
            "Asterisk is not connected: nothing since 10:00.",
        ),
        (
            "trunk main",
            replace(GOOD, trunks=(trunk(usable=False, why="trunk main is not registered (Rejected)"),)),
            "Trunk main is not registered (Rejected).",
        ),
        (
            "trunk main",
            replace(GOOD, trunks=(trunk(0),)),
            "Trunk main works: 10 of 10 lines in use (all of them).",
        ),
        ("trunk main", replace(GOOD, trunks=()), "Trunk main does not exist: add it, or name another."),
        (
            "operators",
            replace(GOOD, operators=()),
            "None of the campaign's 2 operators is logged in.",
        ),
        (
            "operators",
            replace(GOOD, operators=(operator("101", State.WRAP_UP), operator("102", State.PAUSED))),
            "No operator is free (1 wrap-up, 1 paused).",
        ),
        (
            "cap",
            replace(GOOD, campaign=replace(CAMPAIGN, cap=3), in_flight=3),
            "3 calls are in flight, at most 3 are allowed.",
        ),
        ("leads", replace(GOOD, leads={}, at_hand=0), "The list is empty: import one."),
        (
            "leads",
            replace(GOOD, leads={"done": 9, "excluded": 1}, at_hand=0),
            "The list is worked through: 10 leads are done, exhausted or excluded.",
        ),
        (
            "leads",
            replace(GOOD, leads={"leased": 4}, at_hand=0),
            "No lead is due: the last 4 are in calls or leased by a cell.",
        ),
        (
            "pacing",
            replace(GOOD, pacing="0 lines: trunk main has no free line."),
            "0 lines: trunk main has no free line.",
        ),
    ],
)
def test_a_closed_gate_says_what_holds_it(name: str, facts: Facts, sentence: str) -> None:
    told = explain(facts)
    assert [one.name for one in told.gates if not one.open] == [name]
    assert gate(told, name).sentence == sentence
    assert told.summary == sentence


@pytest.mark.parametrize(
    ("name", "facts", "value"),
    [
        ("settings", replace(GOOD, campaign=replace(CAMPAIGN, message="")), "settings"),
        (
            "settings",
            replace(GOOD, campaign=replace(CAMPAIGN, purpose=Purpose.ADVERTISING)),
            "ru-no-automatic-advertising",
        ),
        ("disk", replace(GOOD, holds={"disk": "the disk is full"}), "held"),
        ("schedule", replace(GOOD, campaign=replace(CAMPAIGN, schedule=()), zones={}), "none"),
        ("schedule", replace(GOOD, campaign=replace(CAMPAIGN, schedule=every_day(time(9), time(20)))), ""),
        (
            "operators",
            replace(GOOD, operators=(*GOOD.operators[:2], operator("102", State.OFFLINE))),
            "2 of 2 logged in, 1 free",
        ),
        (
            "operators",
            replace(
                GOOD,
                campaign=replace(CAMPAIGN, operators=frozenset(OperatorId(str(n)) for n in range(101, 107))),
                operators=(
                    *(operator(str(n)) for n in (101, 102)),
                    *(operator(str(n), State.OFFLINE) for n in (103, 104, 105)),
                    operator("106", State.PAUSED),
                ),
            ),
            "3 of 6 logged in, 2 free",
        ),
        ("leads", replace(GOOD, leads={"new": 3, "retry_later": 2}), "3 due, 5 at hand, 2 later, 0 leased"),
        ("pacing", GOOD, "0.2 s ago"),
        ("pacing", replace(GOOD, paced_at=AT + timedelta(seconds=1)), "0.0 s ago"),
        ("pacing", replace(GOOD, paced_at=None), "none"),
        ("pacing", replace(GOOD, pacing=""), "none"),
    ],
)
def test_a_gate_has_its_figures(name: str, facts: Facts, value: str) -> None:
    found = gate(explain(facts), name).value
    assert found == value if value else found not in ("", "none")


def test_what_holds_every_campaign_is_told_as_a_sentence() -> None:
    told = explain(replace(GOOD, holds={"disk": "the disk is full", "switch": "it is thrown"}))
    assert [(one.name, one.sentence) for one in told.gates if not one.open] == [
        ("disk", "The disk is full."),
        ("switch", "It is thrown."),
    ]


@pytest.mark.parametrize(
    ("leads", "at_hand", "sentence"),
    [
        ({"new": 40, "retry_due": 2, "retry_later": 5}, 5, "47 leads can be dialled, 5 wait for their time."),
        ({"new": 1}, 0, "1 lead can be dialled, 0 wait for their time."),
        ({}, 2, "2 leads can be dialled, 0 wait for their time."),
    ],
)
def test_leads_that_are_due_and_those_at_hand_can_be_dialled(
    leads: dict[str, int], at_hand: int, sentence: str
) -> None:
    assert gate(explain(replace(GOOD, leads=leads, at_hand=at_hand)), "leads").sentence == sentence


def test_phones_that_asterisk_does_not_reach_are_named() -> None:
    gone = replace(operator("101"), free=False, unreachable=True)
    resting = replace(operator("102", State.PAUSED), unreachable=True)
    told = gate(explain(replace(GOOD, operators=(gone, resting))), "operators").sentence
    assert told == "No operator is free (1 ready, 1 paused). Not registered at Asterisk: the phones of 101."
    ready = replace(operator("102"), free=False)
    told = gate(explain(replace(GOOD, operators=(ready, resting))), "operators").sentence
    assert told == "No operator is free (1 ready, 1 paused)."


def test_a_trunk_that_is_missing_hides_none_of_the_others() -> None:
    spare = TrunkId("spare")
    campaign = replace(CAMPAIGN, trunks=(spare, MAIN))
    told = explain(replace(GOOD, campaign=campaign, trunks=(trunk(12),)))
    assert gate(told, "trunk spare").value == "missing"
    assert gate(told, "trunk main").sentence == "Trunk main works: 0 of 10 lines in use."
    told = explain(replace(GOOD, trunks=(trunk(-2),)))
    assert gate(told, "trunk main").sentence == "Trunk main works: 12 of 10 lines in use (all of them)."


def test_leads_that_wait_say_until_when() -> None:
    soon = AT + timedelta(minutes=7)
    told = explain(replace(GOOD, leads={"retry_later": 5}, zones={}, at_hand=0, next_due_at=soon))
    assert (gate(told, "leads").open, gate(told, "leads").opens_at) == (False, soon)
    assert told.summary == "No lead is due: 5 wait for their next try."


def test_hours_close_only_when_no_lead_may_be_called_and_open_with_the_first() -> None:
    late = replace(CAMPAIGN, schedule=every_day(time(13), time(20)))  # 15:00 in Omsk, noon in Moscow
    told = explain(replace(GOOD, campaign=late))
    assert gate(told, "schedule").sentence == "It is a lawful hour for 2 of 42 leads that are due."
    assert told.held_back["out of hours in Europe/Moscow until 2026-03-02 10:00 UTC"] == 40
    told = explain(replace(GOOD, campaign=late, zones={MOSCOW: 40, (*MOSCOW, *OMSK): 1}))
    assert not gate(told, "schedule").open
    assert gate(told, "schedule").opens_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert told.held_back["out of hours in 2 zones until 2026-03-02 10:00 UTC"] == 1


def test_hours_that_never_open_are_told_apart() -> None:
    never = replace(CAMPAIGN, schedule=every_day(time(9), time(10)))
    told = explain(replace(GOOD, campaign=never, zones={(*MOSCOW, *OMSK): 4, (): 2}))
    assert told.held_back["out of hours in 2 zones, never open"] == 4
    assert told.held_back["out of hours in no known zone, never open"] == 2
    assert (gate(told, "schedule").open, gate(told, "schedule").opens_at) == (False, None)


def test_one_working_trunk_is_enough() -> None:
    spare = TrunkId("spare")
    campaign = replace(CAMPAIGN, trunks=(MAIN, spare))
    told = explain(replace(GOOD, campaign=campaign, trunks=(trunk(0), trunk(id_=spare))))
    assert gate(told, "trunk main").open
    assert gate(told, "trunk spare").open


def test_duties_that_nobody_checks_are_named() -> None:
    assert "Not checked by the dialer: the contract with the carrier" in gate(explain(GOOD), "law").sentence


def test_before_the_first_decision_pacing_says_so() -> None:
    told = explain(replace(GOOD, pacing="", paced_at=None))
    assert gate(told, "pacing").sentence == "Pacing has not decided for this campaign yet."
    assert told.summary == "Every gate is open."
