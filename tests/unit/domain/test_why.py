"""Why one lead is not called: each gate with what opens it, and the first that is closed in the summary."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dialer.domain.explain import Facts
from dialer.domain.gates import may_dial
from dialer.domain.lead import Lead
from dialer.domain.said import Said
from dialer.domain.trunk import NumberFormat
from dialer.domain.types import CampaignId, CampaignStatus, LeadId, LeadStatus, Outcome, PhoneNumber, TrunkId
from dialer.domain.why import Answer, Case, Reason, why
from tests.unit.domain.test_explain import AT, GOOD, operator, trunk
from tests.unit.domain.test_gates import Known, ago, check_number

NUMBER = PhoneNumber("+79161234567")
LEAD = Lead(LeadId(17), CampaignId(1), (NUMBER,), zones=("Europe/Moscow",), import_id=7)
ORDER = ["status", "list", "law", "lead", "number", "dnc", "attempts", "hours", "rest"]


def ask(lead: Lead = LEAD, history: Known | None = None, facts: Facts = GOOD, **case: Any) -> Answer:
    return why(Case(facts, lead, history or Known(), check_number, **case))


def closed(told: Answer) -> Reason:
    return next(one for one in told.reasons if not one.open)


def of_campaign(**changes: Any) -> Facts:
    return replace(GOOD, campaign=replace(GOOD.campaign, **changes))


def test_a_lead_that_nothing_holds_back_waits_for_its_turn() -> None:
    told = ask()
    assert [one.name for one in told.reasons] == [*ORDER, "link", "trunk main", "operators", "pacing", "turn"]
    assert all(one.open for one in told.reasons)
    assert told.summary == "Nothing holds it back: it waits for its turn, 42 leads are due."
    at_hand = ask(replace(LEAD, status=LeadStatus.LEASED), is_at_hand=True)
    assert at_hand.summary == "Nothing holds it back: it is among the next 5 to be dialled."


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "status": ({"facts": of_campaign(status=CampaignStatus.PAUSED)}, "status", "campaign start 'spring'"),
    "archived": ({"facts": of_campaign(archived=True)}, "status", "campaign unarchive 'spring'"),
    "list": ({"facts": of_campaign(paused_lists=frozenset({7}))}, "list", "import --resume 7"),
    "excluded": (
        {"lead": replace(LEAD, status=LeadStatus.EXCLUDED)},
        "lead",
        "work include 'spring' --lead 17",
    ),
    "done": ({"lead": replace(LEAD, status=LeadStatus.DONE)}, "lead", "work requeue 'spring' --lead 17"),
    "exhausted": (
        {"lead": replace(LEAD, status=LeadStatus.EXHAUSTED, last_outcome=Outcome.BUSY)},
        "lead",
        "work reset 'spring' --lead 17",
    ),
    "number": (
        {"lead": replace(LEAD, numbers=(PhoneNumber("+78095051234"),))},
        "number",
        "lead set 17 --phone",
    ),
    "dnc": ({"history": Known(dnc="asked on 1 March")}, "dnc", f"dnc check {NUMBER}"),
    "attempts": ({"lead": replace(LEAD, attempts=10)}, "attempts", "work reset 'spring' --lead 17"),
    "zone": ({"lead": replace(LEAD, zones=())}, "hours", "lead set 17 --zone"),
}


@pytest.mark.parametrize("case", list(CASES))
def test_each_closed_gate_names_the_act_that_opens_it(case: str) -> None:
    given, name, act = CASES[case]
    told = ask(**given)
    first = closed(told)
    assert first.name == name
    assert act in first.act
    assert told.summary == f"{first.sentence} What helps: {first.act}."
    assert isinstance(told.summary, Said)  # told in any language


def test_a_number_that_no_trunk_of_the_campaign_can_dial_names_the_trunk_and_both_ways_out() -> None:
    home = replace(GOOD.trunks[0][0], number_format=NumberFormat.NATIONAL, prefixes=("+7", "+49"))
    facts = replace(GOOD, trunks=((home, GOOD.trunks[0][1]),))
    german = replace(LEAD, numbers=(PhoneNumber("+4930123456"),))
    first = closed(ask(german, facts=facts))
    assert (first.name, "so it reaches +7 only" in first.sentence) == ("number", True)
    assert "lead set 17 --phone" in first.act
    assert "trunk set main" in first.act
    world = replace(home, id=TrunkId("world"), number_format=NumberFormat.PLUS)
    both = replace(
        of_campaign(trunks=(home.id, world.id), country="DE"),
        trunks=((home, GOOD.trunks[0][1]), (world, replace(GOOD.trunks[0][1], id=world.id))),
    )
    told = why(Case(both, german, Known(), lambda *_: None))
    assert next(one for one in told.reasons if one.name == "number").open, "pacing takes the other one"
    short = replace(LEAD, numbers=(PhoneNumber("+7112"),))
    assert "trunk" not in closed(ask(short, facts=facts)).act, "no trunk helps an emergency number"


@pytest.mark.parametrize("promised", [False, True])
def test_a_next_try_or_a_promise_opens_at_its_instant(promised: bool) -> None:
    at = AT + timedelta(hours=3)
    lead = replace(LEAD, status=LeadStatus.RETRY, next_at=at, promised_at=at if promised else None)
    first = closed(ask(lead))
    assert (first.name, first.opens_at) == ("lead", at)
    assert ("promised" in first.sentence) is promised
    assert ask(replace(lead, next_at=AT)).reasons[3].sentence == "Its next try is due."


def test_rest_and_hours_open_by_themselves() -> None:
    rests = ask(history=ago(Outcome.NO_ANSWER, minutes=10))
    assert closed(rests).opens_at == AT + timedelta(minutes=20)
    night = replace(GOOD, at=AT + timedelta(hours=10))
    told = closed(ask(facts=night))
    assert (told.name, told.opens_at) == ("hours", AT + timedelta(hours=21))


def test_a_holiday_is_named_with_the_instant_after_it() -> None:
    facts = replace(
        of_campaign(holidays="zone"), holiday_of=lambda calendar, zone, day: "Feast" * (day == AT.date())
    )
    told = closed(ask(facts=facts))
    assert told.sentence == "2026-03-02 is a public holiday in Europe/Moscow (Feast)."
    assert told.opens_at == AT + timedelta(hours=21)


def test_a_lead_in_a_call_or_elsewhere_is_said_to_be() -> None:
    leased = replace(LEAD, status=LeadStatus.LEASED)
    assert closed(ask(leased, in_call=True)).sentence == "It is in a call right now."
    assert closed(ask(leased)).sentence.startswith("Another cell has it")


def test_what_holds_up_the_whole_campaign_holds_up_the_lead() -> None:
    nobody = replace(GOOD, operators=(operator("999"),))
    assert closed(ask(facts=nobody)).name == "operators"
    full_trunk = replace(GOOD, trunks=(trunk(usable=False, why="it rests"),))
    assert closed(ask(facts=full_trunk)).name == "trunk main"
    assert closed(ask(facts=replace(GOOD, trunks=()))).name == "trunk main"


@pytest.mark.parametrize("case", ["status", "archived", "list", "number", "dnc", "attempts", "zone"])
def test_the_answer_and_the_gate_at_the_moment_of_dialing_agree(case: str) -> None:
    given, *_ = CASES[case]
    verdict = may_dial(
        given.get("facts", GOOD).campaign,
        given.get("lead", LEAD),
        GOOD.trunks[0][0],
        given.get("history", Known()),
        AT,
        zone_of=cache(ZoneInfo),
        check_number=check_number,
    )
    assert closed(ask(**given)).name == verdict.gate


def test_the_number_is_asked_of_the_trunk_that_would_carry_it() -> None:
    ways = {TrunkId("ru"): ("+7",), TrunkId("world"): ("+49",)}
    made = [
        (replace(trunk(id_=id_)[0], prefixes=prefixes), trunk(id_=id_)[1]) for id_, prefixes in ways.items()
    ]
    facts = replace(of_campaign(trunks=tuple(ways)), trunks=made)
    lead = replace(LEAD, numbers=(PhoneNumber("+4930123456"),), zones=("Europe/Berlin",))
    assert all(one.open for one in ask(lead, facts=facts).reasons if one.name == "number")
