"""Closed facts are taken once, however often they are told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import permutations
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dialer.domain import hours
from dialer.domain.cdr import Cdr, Closing, Remark, WrapUp
from dialer.domain.days import day_of, span_of
from dialer.domain.errors import Missing
from dialer.domain.kpi import by_quarter, fold, joined
from dialer.domain.lead import Lead
from dialer.domain.operators import State, StateChange
from dialer.domain.spending import SideCall, SideKind, Spent
from dialer.domain.today import parts_of
from dialer.domain.types import (
    CallId,
    CampaignId,
    CellId,
    ChannelId,
    Direction,
    LeadId,
    LeadStatus,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)
from dialer.ports.stores import CdrQuery, Stores
from tests.ports.made import AT, CELL, ODD_DAYS, SOON, around, entries, record, update

ANN, BOB = OperatorId("101"), OperatorId("102")
VLADIVOSTOK = ZoneInfo("Asia/Vladivostok")


async def leased(stores: Stores, campaign: CampaignId) -> Lead:
    await stores.leads.import_list(campaign, "a.csv", entries(1), now=AT)
    (lead,) = await stores.leases.lease(campaign, 1, cell=CELL, now=AT, until_at=SOON)
    return lead


async def keep(stores: Stores, *cdrs: Cdr) -> None:
    await stores.ledger.close([Closing(cdr, None, cdr.id) for cdr in cdrs])


async def test_a_record_comes_back_as_it_was_written(stores: Stores) -> None:
    full = record(
        "c-1", message_at=AT, sip_code=486, recording="c-1", reason="why", estimated=True, lead=LeadId(7)
    )
    bare = record(
        "c-2", ring_at=None, answer_at=None, bridge_at=None, setup_s=None, ring_s=None, wait_s=None,
        talk_s=0.0, outcome=Outcome.NO_ANSWER, cause=None, ended_by=None, operator=None,
    )  # fmt: skip
    await keep(stores, full, bare)
    assert await stores.records.cdr(full.id) == full
    assert await stores.records.cdr(bare.id) == bare


async def test_closing_moves_the_lead_on_and_frees_it(stores: Stores, campaign: CampaignId) -> None:
    lead = await leased(stores, campaign)
    change = replace(update(lead, Outcome.BUSY, next_at=SOON), dead=lead.numbers)
    await stores.ledger.close([Closing(record("c-1", lead), change, CallId("c-1"))])
    after = await stores.leads.get(lead.id)
    assert (after.status, after.next_at, after.last_at) == (LeadStatus.RETRY, SOON, AT)
    assert (after.attempts, after.tried, after.dead) == (1, {Outcome.BUSY: 1}, lead.numbers)
    assert await stores.leases.release_cell(CELL, but=[]) == 0


async def test_a_repeated_closing_changes_nothing(stores: Stores, campaign: CampaignId) -> None:
    lead = await leased(stores, campaign)
    closing = Closing(record("c-1", lead), update(lead, Outcome.BUSY, next_at=AT), CallId("c-1"))
    await stores.ledger.close([closing, closing])
    (again,) = await stores.leases.lease(campaign, 1, cell=CELL, now=AT, until_at=SOON)
    other = replace(record("c-1", lead), outcome=Outcome.ABANDONED)
    await stores.ledger.close([closing, Closing(other, update(again, Outcome.ABANDONED), CallId("c-1"))])
    assert await stores.leads.get(lead.id) == again  # still leased, by whoever leased it since
    assert (await stores.records.cdr(CallId("c-1"))).outcome is Outcome.CONNECTED
    assert len(await stores.records.cdrs(CdrQuery())) == 1


async def test_a_call_that_was_never_dialled_gives_its_lead_back_once(
    stores: Stores, campaign: CampaignId
) -> None:
    lead = await leased(stores, campaign)
    back = replace(update(lead, Outcome.BUSY), attempts=0, tried={}, status=LeadStatus.NEW)
    closing = Closing(None, back, CallId("c-1"))
    await stores.ledger.close([closing])
    assert (await stores.leads.get(lead.id)).status is LeadStatus.NEW
    (again,) = await stores.leases.lease(campaign, 1, cell=CELL, now=AT, until_at=SOON)
    await stores.ledger.close([closing])
    assert await stores.leads.get(lead.id) == again
    assert await stores.records.cdrs(CdrQuery()) == []


async def test_a_new_lead_that_must_wait_is_not_leased_before(stores: Stores, campaign: CampaignId) -> None:
    lead = await leased(stores, campaign)
    waits = replace(update(lead, Outcome.BUSY), attempts=0, tried={}, status=LeadStatus.NEW, next_at=SOON)
    await stores.ledger.close([Closing(None, waits, CallId("c-1"))])
    assert await stores.leases.lease(campaign, 1, cell=CELL, now=AT, until_at=SOON) == []
    assert len(await stores.leases.lease(campaign, 1, cell=CELL, now=SOON, until_at=SOON)) == 1


async def test_facts_outlive_what_they_speak_of(stores: Stores) -> None:
    gone = record("c-1", campaign=CampaignId(404), lead=LeadId(404), operator=OperatorId("404"))
    lead = Lead(LeadId(404), CampaignId(404), (gone.number,))
    await stores.ledger.close([Closing(gone, update(lead, Outcome.BUSY), gone.id)])
    assert await stores.records.cdr(gone.id) == gone


async def test_odd_text_from_the_network_is_no_reason_to_lose_a_record(stores: Stores) -> None:
    await keep(stores, record("c-1", reason="a\0b\udc80", number=PhoneNumber("+7\0")))
    assert (await stores.records.cdr(CallId("c-1"))).reason.startswith("a")


async def test_a_batch_of_many_is_one_transaction(stores: Stores) -> None:
    many = [record(f"c-{n:05}") for n in range(3_000)]
    await keep(stores, *many)
    page = await stores.records.cdrs(CdrQuery(after="c-01499", limit=1_000))
    assert [cdr.id for cdr in page] == [cdr.id for cdr in many[1_500:2_500]]


async def test_the_operators_word_is_added_to_the_record(stores: Stores, campaign: CampaignId) -> None:
    lead = await leased(stores, campaign)
    await keep(stores, record("c-1", lead))
    moved = update(lead, Outcome.CONNECTED, LeadStatus.RETRY, SOON)
    wrap = WrapUp(CallId("c-1"), ANN, 12.5, "call back", AT, lead=moved, note="in May")
    await stores.ledger.wrap([wrap, wrap])
    cdr = await stores.records.cdr(CallId("c-1"))
    assert (cdr.wrap_up_s, cdr.disposition, cdr.note) == (12.5, "call back", wrap.note)
    assert (await stores.leads.get(lead.id)).next_at == SOON
    await stores.ledger.wrap([replace(wrap, disposition="too late", at=AT - timedelta(seconds=1))])
    await stores.ledger.wrap([replace(wrap, disposition="sold", at=AT + timedelta(seconds=1), lead=None)])
    assert (await stores.records.cdr(CallId("c-1"))).disposition == "sold"


async def test_of_what_is_said_of_a_call_the_latest_outcome_and_the_latest_note_count_in_any_order(
    stores: Stores,
) -> None:
    for n, order in enumerate(permutations(range(4))):
        call, second = CallId(f"c-{n}"), timedelta(seconds=1)
        told = (
            Remark(call, ANN, AT, "callback", SOON, "in May"),
            Remark(call, ANN, AT + second, "agreed"),
            Remark(call, ANN, AT + 2 * second, note="in June"),
            Remark(call, ANN, AT + 3 * second),
        )
        await keep(stores, record(call))
        await stores.ledger.wrap([WrapUp(call, ANN, 3.0, "agreed", AT + 4 * second)])
        for which in order:
            await stores.ledger.remark([told[which], told[which]])
        await stores.ledger.remark(told[:2])
        cdr = await stores.records.cdr(call)
        assert (cdr.disposition, cdr.callback_at, cdr.note, cdr.wrap_up_s) == ("agreed", None, "in June", 3.0)
        last = Remark(call, ANN, AT + 2 * second, "agreed", None, "in June")
        assert await stores.records.remarked(call) == last, order


async def test_what_is_said_in_a_talk_is_read_before_there_is_a_record_and_found_by_its_outcome(
    stores: Stores,
) -> None:
    call = CallId("c-1")
    assert await stores.records.remarked(call) is None
    said = Remark(call, ANN, AT, "callback", SOON, "in May")
    await stores.ledger.remark([said])
    assert await stores.records.remarked(call) == said
    await keep(stores, record("c-1"), record("c-2"))
    (found,) = await stores.records.cdrs(CdrQuery(disposition="callback"))
    assert (found.id, found.callback_at, found.wrap_up_s) == (call, SOON, None)
    assert await stores.records.cdrs(CdrQuery(disposition="agreed")) == []


async def test_an_operators_word_told_before_the_end_stands(stores: Stores, campaign: CampaignId) -> None:
    lead = await leased(stores, campaign)
    moved = update(lead, Outcome.CONNECTED, LeadStatus.EXCLUDED)
    await stores.ledger.wrap([WrapUp(CallId("c-1"), ANN, 0.0, "never call", AT, lead=moved)])
    closing = Closing(record("c-1", lead), update(lead, Outcome.CONNECTED, LeadStatus.DONE), CallId("c-1"))
    await stores.ledger.close([closing])
    assert (await stores.leads.get(lead.id)).status is LeadStatus.EXCLUDED
    assert (await stores.records.cdr(CallId("c-1"))).disposition == "never call"


async def test_a_converted_recording_is_found_by_its_call(stores: Stores) -> None:
    await keep(stores, record("c-1", recording="c-1"))
    await stores.ledger.recorded(CallId("c-1"), "2026/01/31/c-1.flac", seconds=40.2)
    await stores.ledger.recorded(CallId("c-1"), "2026/01/31/c-1.flac", seconds=40.2)
    assert (await stores.records.cdr(CallId("c-1"))).recording == "2026/01/31/c-1.flac"


async def test_records_are_found_by_whom_when_and_what(stores: Stores) -> None:
    rows = [
        record("c-1", operator=ANN, campaign=CampaignId(1)),
        record("c-2", operator=BOB, campaign=CampaignId(2), lead=LeadId(5)),
        record("c-3", operator=None, outcome=Outcome.BUSY, dialled_at=AT + timedelta(days=1)),
    ]
    await keep(stores, *rows)

    async def found(query: CdrQuery) -> list[str]:
        return [cdr.id for cdr in await stores.records.cdrs(query)]

    assert await found(CdrQuery()) == ["c-1", "c-2", "c-3"]
    assert await found(CdrQuery(operator=ANN)) == ["c-1"]
    assert await found(CdrQuery(campaign=CampaignId(2))) == ["c-2"]
    assert await found(CdrQuery(lead=LeadId(5))) == ["c-2"]
    assert await found(CdrQuery(outcome="busy")) == ["c-3"]
    assert await found(CdrQuery(since_at=AT + timedelta(hours=1))) == ["c-3"]
    assert await found(CdrQuery(since_at=AT + timedelta(seconds=1))) == ["c-3"]  # of the dialing, not the end
    assert await found(CdrQuery(until_at=AT + timedelta(hours=1))) == ["c-1", "c-2"]
    assert await found(CdrQuery(after="c-1", limit=1)) == ["c-2"]
    assert await found(CdrQuery(campaign=CampaignId(2**70), outcome="\0", limit=10**9)) == []
    with pytest.raises(Missing, match="no record of the call c-9"):
        await stores.records.cdr(CallId("c-9"))


async def test_pages_follow_the_bytes_of_ids(stores: Stores) -> None:
    ids = ["a-1", "a1", "a-2", "B", "b", "a.1"]  # a language would pass over dashes and case
    await keep(stores, *(record(name) for name in ids))
    assert [cdr.id for cdr in await stores.records.cdrs(CdrQuery())] == sorted(ids)
    assert [cdr.id for cdr in await stores.records.cdrs(CdrQuery(after="a.1"))] == ["a1", "b"]


async def test_the_fold_in_the_database_is_the_fold_over_the_records(stores: Stores) -> None:
    draw = Random(7)
    rows = []
    for n in range(400):
        talk_s = draw.randrange(0, 900_000_000) / 1e6
        dialled_at = AT + timedelta(microseconds=draw.randrange(3 * 86_400_000_000))
        answered = draw.random() < 0.6
        rows.append(
            record(
                f"c-{n}",
                operator=draw.choice([ANN, BOB, None]),
                campaign=CampaignId(draw.choice([1, 2])),
                outcome=draw.choice([Outcome.CONNECTED, Outcome.ABANDONED, Outcome.BUSY]),
                dialled_at=dialled_at,
                answer_at=dialled_at if answered else None,
                talk_s=talk_s,
                end_at=dialled_at + timedelta(seconds=talk_s + 7),
            )
        )
    await keep(stores, *rows)
    since_at, until_at = AT + timedelta(hours=3), AT + timedelta(days=2)
    inside = [cdr for cdr in rows if since_at <= cdr.dialled_at < until_at]
    for zone in (UTC, VLADIVOSTOK):
        assert await stores.records.tallies(since_at, until_at, zone) == fold(inside, zone)
    assert await stores.records.tallies(until_at, since_at, UTC) == {}
    parts = await stores.records.parts(since_at, until_at, 450.0)
    assert sorted(parts, key=repr) == sorted(parts_of(inside, 450.0), key=repr)
    assert list(await stores.records.parts(until_at, since_at, 0.0)) == []


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        (UTC, "2026-02-01T00:00:00+00:00"),
        (VLADIVOSTOK, "2026-01-31T14:00:00+00:00"),
        (ZoneInfo("Europe/Berlin"), "2026-03-29T22:00:00+00:00"),  # in the week in which the clock moves
        (ZoneInfo("Europe/Berlin"), "2026-03-28T23:00:00+00:00"),
        (ZoneInfo("Asia/Kolkata"), "2026-01-31T18:30:00+00:00"),
        (UTC, "1969-12-31T00:00:00+00:00"),
    ],
)
async def test_a_record_counts_on_the_offices_day_of_its_dialing(
    stores: Stores, zone: tzinfo, midnight: str
) -> None:
    begins = datetime.fromisoformat(midnight)
    late = begins - timedelta(microseconds=1)
    await keep(stores, record("c-1", dialled_at=late), record("c-2", dialled_at=begins))
    sums = await stores.records.tallies(begins - timedelta(days=40), begins + timedelta(days=40), zone)
    day = begins.astimezone(zone).date()
    assert sorted(told for _, _, told in sums) == [(day - timedelta(days=1)).isoformat(), day.isoformat()]


@pytest.mark.parametrize(("zone", "day"), ODD_DAYS)
async def test_quarters_of_an_hour_in_utc_make_up_the_days_of_every_zone(
    stores: Stores, zone: str, day: date
) -> None:
    its = ZoneInfo(zone)
    since_at, until_at = span_of(day, its)
    rows = around(since_at, until_at)
    await keep(stores, *rows)
    quarters = await stores.records.quarters(since_at, until_at)
    inside = [cdr for cdr in rows if day_of(cdr.dialled_at, its) == day]
    assert quarters == by_quarter(inside)
    of_day = joined({slot[:2]: tally} for slot, tally in quarters.items())
    tallies = await stores.records.tallies(since_at - timedelta(days=1), until_at + timedelta(days=1), its)
    assert of_day == {key[:2]: tally for key, tally in tallies.items() if key[2] == day.isoformat()}
    assert sum(tally.attempts for tally in of_day.values()) == len(inside)


async def test_answers_and_abandoned_calls_are_counted_in_the_hour_of_the_answer_in_utc(
    stores: Stores,
) -> None:
    nine = datetime(2026, 1, 31, 9, tzinfo=UTC)
    ten = nine + timedelta(hours=1)
    last = ten - timedelta(microseconds=1)
    lost = Outcome.ABANDONED
    await keep(
        stores,
        record("c-1", answer_at=nine),
        record("c-2", answer_at=last, outcome=lost),
        record("c-3", answer_at=last, outcome=Outcome.HUNG_UP_EARLY),
        record(
            "c-4", answer_at=ten.astimezone(timezone(timedelta(hours=5.5))), outcome=lost, dialled_at=last
        ),
        record("c-5", answer_at=ten, campaign=CampaignId(2)),
        record("c-6", answer_at=None, outcome=Outcome.NO_ANSWER),
        record("c-7", answer_at=ten, direction=Direction.IN, outcome=lost),  # a person who called us back
        record("c-8", answer_at=nine - timedelta(microseconds=1)),
    )
    one, two = CampaignId(1), CampaignId(2)
    of_one = {(one, nine): (3, 1), (one, ten): (1, 1)}
    assert await stores.records.answers_by_hour(None, nine) == {**of_one, (two, ten): (1, 0)}
    assert await stores.records.answers_by_hour(one, nine) == of_one
    assert await stores.records.answers_by_hour(one, last) == {(one, nine): (2, 1), (one, ten): (1, 1)}
    assert await stores.records.answers_by_hour(two, last) == {(two, ten): (1, 0)}
    for nobodys in (CampaignId(3), CampaignId(2**70)):
        assert await stores.records.answers_by_hour(nobodys, nine) == {}


async def test_state_changes_are_kept_once_and_in_order(stores: Stores) -> None:
    at = [AT + timedelta(seconds=n) for n in range(3)]
    changes = [
        StateChange(ANN, State.OFFLINE, State.CONNECTING, "login", at[0]),
        StateChange(ANN, State.CONNECTING, State.READY, "login", at[1]),
        StateChange(ANN, State.READY, State.RESERVED, "", at[1], CallId("c-1"), CampaignId(1)),
        StateChange(BOB, State.READY, State.PAUSED, "tea", at[2]),
    ]
    await stores.ledger.log(changes[:3])
    await stores.ledger.log(changes)
    await stores.ledger.log([])
    assert await stores.records.changes(None, AT, SOON) == changes
    assert await stores.records.changes(ANN, AT, SOON) == changes[:3]
    assert await stores.records.changes(None, at[1], at[2]) == changes[1:3]
    assert await stores.records.changes(None, AT, SOON, limit=2) == changes[:2]
    assert await stores.records.changes(None, AT, SOON, skip=1, limit=2) == changes[1:3]
    assert await stores.records.changes(None, AT, SOON, skip=3) == changes[3:]
    assert await stores.records.changes(None, AT, SOON, skip=4, limit=1) == []


async def test_hours_worked_are_those_that_the_fold_over_the_changes_gives(stores: Stores) -> None:
    states = (State.CONNECTING, State.READY, State.RESERVED, State.TALKING, State.WRAP_UP, State.PAUSED)
    was = dict.fromkeys((ANN, BOB), State.OFFLINE)
    changes = []
    for n in range(200):
        operator, became, why = (ANN, BOB)[n * n % 3 == 1], states[n * 7 % 6], ("lunch", "", "x")[n % 3]
        at = AT + timedelta(seconds=n // 4 * 1.234567, microseconds=n % 4 // 2)  # some at the same instant
        changes.append(StateChange(operator, was[operator], became, f"{why}{n % 7}", at))
        was[operator] = became
    await stores.ledger.log(changes)
    for since_at, until_at in ((AT, SOON), (AT + timedelta(seconds=9.7), AT + timedelta(seconds=33))):
        told = await stores.records.hours(None, since_at, until_at)
        assert told == hours.fold(changes, since_at=since_at, until_at=until_at)
        assert await stores.records.hours(ANN, since_at, until_at) == {ANN: told[ANN]}
        pauses = await stores.records.paused(None, since_at, until_at)
        assert pauses == hours.paused(changes, since_at=since_at, until_at=until_at)
        assert await stores.records.paused(BOB, since_at, until_at) == {BOB: pauses[BOB]}
    assert await stores.records.hours(None, AT - timedelta(days=1), AT) == {}
    assert await stores.records.hours(None, SOON, AT) == {}


async def test_hours_lose_nothing_where_two_spans_meet(stores: Stores) -> None:
    draw = Random(3)
    changes = [
        StateChange(
            draw.choice([ANN, BOB, OperatorId("103")]),
            State.OFFLINE,
            draw.choice(list(State)),
            str(n),
            AT + timedelta(seconds=draw.randrange(600), microseconds=draw.randrange(2)),
        )
        for n in range(60)
    ]
    await stores.ledger.log(changes)
    for _ in range(12):
        a, b, c = sorted(AT + timedelta(seconds=draw.randrange(-60, 700)) for _ in range(3))
        whole, one, other = [
            Counter(
                {
                    (operator, state): round(seconds * 1e6)
                    for operator, states in (await stores.records.hours(None, *span)).items()
                    for state, seconds in states.items()
                }
            )
            for span in ((a, c), (a, b), (b, c))
        ]
        assert one + other == whole
    assert await stores.records.hours(ANN, SOON, SOON) == {}


async def test_whoever_did_not_move_all_day_stands_where_he_stood_before(stores: Stores) -> None:
    moves = [StateChange(ANN, State.OFFLINE, State.READY, "", AT)]
    moves.append(StateChange(ANN, State.READY, State.PAUSED, "lunch", AT))  # in the same instant
    await stores.ledger.log(moves)
    later = SOON + timedelta(days=3)
    assert await stores.records.hours(None, later, later + timedelta(hours=1)) == {
        ANN: {State.PAUSED: 3600.0}
    }
    assert await stores.records.hours(ANN, later, later + timedelta(hours=1)) == {ANN: {State.PAUSED: 3600.0}}
    assert await stores.records.hours(BOB, later, later + timedelta(hours=1)) == {}


async def test_records_are_found_by_any_of_their_traits_in_either_order(stores: Stores) -> None:
    other = PhoneNumber("+79160000002")
    await keep(
        stores,
        record("c-1", talk_s=29.9999),
        record("c-2", number=other, talk_s=30.0),
        record("c-3", trunk=TrunkId("spare"), talk_s=90.0),
        record("c-4", direction=Direction.IN, number=other, talk_s=0.0),
    )
    await stores.ledger.wrap([WrapUp(CallId("c-2"), ANN, 1.0, "agreed", AT)])

    async def found(**traits: Any) -> list[str]:
        return [cdr.id for cdr in await stores.records.cdrs(CdrQuery(**traits))]

    assert await found(number=other) == ["c-2", "c-4"]
    assert await found(number=other, newest_first=True) == ["c-4", "c-2"]
    assert await found(trunk="spare") == ["c-3"]
    assert await found(direction="in") == ["c-4"]
    assert await found(disposition="agreed") == ["c-2"]
    assert await found(disposition="refused") == []
    assert await found(at_least_s=30.0) == ["c-2", "c-3"]
    assert await found(newest_first=True, limit=2) == ["c-4", "c-3"]
    assert await found(newest_first=True, after="c-3", limit=2) == ["c-2", "c-1"]
    assert await found(newest_first=True, after="c-1") == []


async def test_the_last_operator_of_a_number_is_who_talked(stores: Stores) -> None:
    number = PhoneNumber("+79160000001")
    assert await stores.records.last_operator_of(number) is None
    later = AT + timedelta(hours=1)
    await keep(
        stores,
        record("c-2", operator=BOB, end_at=later, campaign=CampaignId(3)),
        record("c-1", operator=ANN),
        record("c-3", operator=None, bridge_at=None, end_at=later + timedelta(hours=1)),
        record("c-4", operator=ANN, number=PhoneNumber("+79160000002"), end_at=later + timedelta(hours=2)),
    )
    assert await stores.records.last_operator_of(number) == (BOB, CampaignId(3))


DAY = AT.replace(hour=0, minute=0, second=0, microsecond=0)
TRUNK = TrunkId("main")


def side(name: str, **changes: Any) -> SideCall:
    call = SideCall(
        ChannelId(name),
        CELL,
        SideKind.LEG,
        TRUNK,
        PhoneNumber("+79165550000"),
        "101",
        begun_at=AT,
        end_at=AT + timedelta(seconds=30),
        answer_at=AT + timedelta(seconds=5),
    )
    return replace(call, **changes)


async def test_a_call_of_no_campaign_is_kept_by_its_latest_word_from_its_first_answer_on(
    stores: Stores,
) -> None:
    ledger = stores.ledger
    first, later = side("o-1"), AT + timedelta(seconds=90)
    over = side(
        "o-1", begun_at=later, answer_at=later, end_at=later, is_over=True, outcome="connected", cause=16
    )
    soon = AT + timedelta(seconds=1)
    test = side("t-1", kind=SideKind.TEST, begun_at=soon, trunk=TrunkId(""), answer_at=None)
    await ledger.side([first, test])
    assert await stores.records.side_calls() == [test, first]
    await ledger.side([over, over])
    await ledger.side([first])
    whole = replace(over, begun_at=first.begun_at, answer_at=first.answer_at)
    assert await stores.records.side_calls() == [test, whole]
    assert await stores.records.side_calls(trunk=TRUNK) == [whole]
    assert await stores.records.side_calls(kind=SideKind.TEST) == [test]
    assert await stores.records.side_calls(limit=1) == [test]


async def test_what_trunks_have_used_is_answered_time_and_attempts_within_the_day(stores: Stores) -> None:
    span = timedelta(seconds=1)
    other = replace(record("c-5", trunk=TrunkId("spare")), cell=CellId("second"))
    midnight = record("c-2", dialled_at=DAY - 60 * span, answer_at=DAY - 30 * span, end_at=DAY + 45 * span)
    await keep(
        stores,
        record("c-1", answer_at=AT, end_at=AT + 90 * span),
        midnight,
        record("c-3", dialled_at=DAY - 90 * span, answer_at=DAY - 60 * span, end_at=DAY - span),
        record("c-4", direction=Direction.IN, answer_at=AT, end_at=AT + 600 * span),
        record("c-6", answer_at=None, end_at=AT + 20 * span, outcome=Outcome.NO_ANSWER),
        other,
    )
    await stores.ledger.side([side("o-1"), side("t-1", trunk=TrunkId(""))])
    used = await stores.records.spent(DAY, DAY + timedelta(days=1))
    its = midnight.trunk
    legs = Spent(25.0, 1)
    assert used[CELL, its] == Spent(90.0 + 45.0, 2) + (legs if its == TRUNK else Spent())
    assert used.get((CELL, TRUNK)) == (used[CELL, its] if its == TRUNK else legs)
    assert other.answer_at is not None
    assert used[CellId("second"), TrunkId("spare")] == Spent(
        (other.end_at - other.answer_at).total_seconds(), 1
    )
    assert len(used) == len({(CELL, its), (CELL, TRUNK), (CellId("second"), TrunkId("spare"))})
