"""The card of a talk: whom it is about, what is written when the work on it is done, where the lead goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing, WrapUp
from dialer.domain.disposition import Disposition, Then, Title
from dialer.domain.lead import Lead
from dialer.domain.operators import Operator, State
from dialer.domain.types import CallId, CampaignId, LeadId, LeadStatus, OperatorId, PhoneNumber
from dialer.engine.cards import Card, Cards
from dialer.ports.between import Command
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from tests.unit.engine.house import House, at_work
from tests.unit.engine.virtual import in_virtual_time

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANN, BOB = OperatorId("101"), OperatorId("102")
CALL, OTHER = CallId("c-1"), CallId("c-2")
NUMBER = PhoneNumber("+79160000001")
CAMPAIGN = Campaign(CampaignId(1), "spring")
LEAD = Lead(LeadId(7), CAMPAIGN.id, (NUMBER,), attempts=1)
WORK = Operator(ANN, "Ann", state=State.WRAP_UP, call=CALL, since_at=T0)


class Desk:
    """Cards, and what they write."""

    def __init__(self, card: Card | None) -> None:
        self.written: list[WrapUp] = []
        self.never: list[tuple[PhoneNumber, CallId]] = []
        self.cards = Cards(self)  # type: ignore[arg-type]
        self.cards.on_never = lambda number, call: self.never.append((number, call))
        if card is not None:
            self.cards.open(ANN, card)

    def closed(self, fact: WrapUp) -> None:
        self.written.append(fact)

    def close(self, work: Operator, after_s: float = 12.5) -> WrapUp:
        self.cards.close(work, T0 + timedelta(seconds=after_s))
        (fact,) = self.written
        return fact


@pytest.mark.parametrize(
    ("disposition", "status", "block"),
    [
        ("", None, None),
        ("agreed", LeadStatus.DONE, None),
        ("dnc", LeadStatus.EXCLUDED, NUMBER),
    ],
)
def test_what_was_said_moves_the_lead_on_and_never_again_blocks_the_number(
    disposition: str, status: LeadStatus | None, block: PhoneNumber | None
) -> None:
    desk = Desk(Card(CALL, LEAD, CAMPAIGN))
    fact = desk.close(replace(WORK, disposition=disposition))
    assert (fact.call, fact.operator, fact.wrap_up_s) == (CALL, ANN, 12.5)
    assert (fact.lead.status if fact.lead else None, fact.block) == (status, block)
    assert desk.never == ([(NUMBER, CALL)] if block else [])
    assert fact.block_also == ()
    assert desk.cards.never(ANN) == (), "it is put away"


@pytest.mark.parametrize("whole", [False, True])
def test_never_again_bars_the_persons_other_numbers_where_the_campaign_says_so(whole: bool) -> None:
    second, board = PhoneNumber("+79211112233"), PhoneNumber("+74951112233")
    lead = replace(LEAD, numbers=(second, board, NUMBER), number_index=2, extensions={board: "12"})
    desk = Desk(Card(CALL, lead, replace(CAMPAIGN, dnc_whole_lead=whole)))
    wanted = (NUMBER, second) if whole else (NUMBER,)
    assert desk.cards.never(ANN) == wanted
    fact = desk.close(replace(WORK, disposition="dnc"))
    assert (fact.block, fact.block_also) == (NUMBER, wanted[1:])
    assert desk.never == [(number, CALL) for number in wanted]


def test_a_campaigns_own_word_bars_all_numbers_of_the_person_before_the_database_knows() -> None:
    never = Disposition("never", Title(en="Never"), "8", Then.DNC_PERSON)
    lead = replace(LEAD, numbers=(NUMBER, PhoneNumber("+79210000002")))
    desk = Desk(Card(CALL, lead, replace(CAMPAIGN, dispositions=(never,))))
    work = replace(WORK, disposition="never")
    assert desk.cards.barred(work) == lead.numbers
    fact = desk.close(work)
    assert (fact.block, fact.block_also) == (NUMBER, lead.numbers[1:])
    assert desk.never == [(number, CALL) for number in lead.numbers]
    assert fact.lead is not None
    assert fact.lead.status is LeadStatus.EXCLUDED


def test_a_code_that_the_campaign_does_not_know_any_more_is_written_and_moves_nothing() -> None:
    desk = Desk(Card(CALL, LEAD, CAMPAIGN))
    fact = desk.close(replace(WORK, disposition="sold_in_spring"))
    assert (fact.disposition, fact.lead, fact.block) == ("sold_in_spring", None, None)


@pytest.mark.parametrize(
    ("card", "work"),
    [
        pytest.param(None, WORK, id="no card"),
        pytest.param(Card(OTHER, LEAD, CAMPAIGN), WORK, id="the card of another call"),
        pytest.param(Card(CALL, None, CAMPAIGN), WORK, id="nobody of the list"),
    ],
)
def test_without_a_lead_of_this_call_only_the_work_is_written(card: Card | None, work: Operator) -> None:
    desk = Desk(card)
    fact = desk.close(replace(work, disposition="dnc"))
    assert (fact.lead, fact.block, fact.disposition, desk.never) == (None, None, "dnc", [])


@pytest.mark.parametrize(
    ("work", "after_s", "took_s"),
    [
        (WORK, -5.0, 0.0),
        (replace(WORK, state=State.TALKING), 12.5, 0.0),
        (replace(WORK, since_at=None), 12.5, 0.0),
        (WORK, 0.12345, 0.123),
    ],
)
def test_only_wrap_up_takes_time_and_never_less_than_none(
    work: Operator, after_s: float, took_s: float
) -> None:
    assert Desk(None).close(work, after_s).wrap_up_s == took_s


def test_without_a_call_nothing_is_written() -> None:
    desk = Desk(Card(CALL, LEAD, CAMPAIGN))
    desk.cards.close(replace(WORK, call=None), T0)
    assert (desk.written, desk.cards.never(ANN)) == ([], ())


def test_the_card_follows_the_lead_of_its_call_and_of_no_other() -> None:
    desk = Desk(Card(CALL, LEAD, CAMPAIGN))
    elsewhere = replace(LEAD, numbers=(PhoneNumber("+79160000002"),))
    desk.cards.moved(OTHER, elsewhere)
    assert desk.cards.never(ANN) == (NUMBER,)
    desk.cards.moved(CALL, elsewhere)
    assert desk.cards.never(ANN) == ("+79160000002",)
    desk.cards.moved(CALL, None)
    assert (desk.cards.never(ANN), desk.cards.never(BOB)) == ((), ())


@pytest.mark.parametrize("ready", [True, False])
def test_after_the_wrap_up_the_campaign_says_who_is_ready_and_without_one_everybody(ready: bool) -> None:
    desk = Desk(Card(CALL, LEAD, replace(CAMPAIGN, after_wrap_up_ready=ready)))
    assert desk.cards.ready_after(ANN) is ready
    assert desk.cards.ready_after(BOB) is True


def test_later_words_have_later_instants_whatever_the_clock_does() -> None:
    desk = Desk(Card(CALL, LEAD, CAMPAIGN))
    for at in (T0, T0, T0 - timedelta(hours=1)):
        desk.cards.remark(replace(WORK, disposition="agreed"), at, is_said=True)
    instants = [fact.at for fact in desk.written]
    assert instants == sorted(set(instants))
    desk.cards.remark(replace(WORK, call=None), T0, is_said=True, note="of no call")
    assert len(desk.written) == 3


@pytest.mark.parametrize("crashes_in", ["the talk", "wrap-up", "wrap-up, twice"])
@in_virtual_time
async def test_a_crash_before_the_database_has_the_record_loses_nothing_of_what_the_operator_says(
    crashes_in: str,
) -> None:
    fate = Fate(after_s=2, talk_s=300)
    house = await at_work(fate, leads=1, wrap_up_s=60)
    await until(lambda: house.operator().state is State.TALKING)
    call = house.operator().call
    await do(house, "note", note="ask for the boss")
    house.store_down = True
    if crashes_in == "the talk":
        noted = house.operator()  # the engine dies between the end of the call and the end of his talk
        await do(house, "hang_up")
        await until(lambda: house.operator().state is State.WRAP_UP)
        house.journal.note_operator(noted)
    else:
        await do(house, "hang_up")
        await until(lambda: house.operator().state is State.WRAP_UP)
        await do(house, "dispose", disposition="refused")
    for _ in range(1 + crashes_in.endswith("twice")):
        await house.kill()
        assert any(isinstance(fact, Closing) for _, fact in house.journal._held.facts)
        house.store_down = False  # what the journal holds is told to the database a moment later
        await house.start()
        house.store_down = True
    await until(lambda: house.operator().state is State.WRAP_UP)
    assert (house.operator().call, house.operator().disposition) == (
        call, "" if crashes_in == "the talk" else "refused",
    )  # fmt: skip
    at = (now() + timedelta(hours=1)).replace(microsecond=0)
    await do(house, "dispose", disposition="callback", callback_at=at.isoformat())
    house.store_down = False
    await until(lambda: house.operator().state is State.READY, 90)
    await until(lambda: not house.journal.depth())
    (record,), (lead,) = await house.cdrs(), await house.leads(house.campaign)
    assert (record.id, record.disposition, record.note) == (call, "callback", "ask for the boss")
    assert (record.callback_at, lead.promised_at, lead.next_at, lead.attempts) == (at, at, at, 1)
    assert lead.status is LeadStatus.RETRY
    await house.stop()


async def do(house: House, verb: str, **args: str) -> None:
    await house.cell.desk.do(Command(verb, "operator:101", args))
