"""What is foreseen of a lead is what the gates say when the time comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.campaign import Campaign
from dialer.domain.dialable import DialRules, NumberFacts, NumberType, check_allowed
from dialer.domain.errors import Mistake
from dialer.domain.gates import may_dial
from dialer.domain.lead import FINAL, Lead, after_refusal, moved_on
from dialer.domain.numbers import dial_string
from dialer.domain.outlook import Foreseen, Gates, Tally, Thinned, When, Why, scaled, told
from dialer.domain.schedule import Window, every_day
from dialer.domain.trunk import NumberFormat, Trunk
from dialer.domain.types import (
    CampaignId,
    CampaignStatus,
    LeadId,
    LeadStatus,
    Mode,
    Outcome,
    PhoneNumber,
    Purpose,
    TrunkId,
)

zone_of = cache(ZoneInfo)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # Monday noon in Moscow
MOSCOW = ZoneInfo("Europe/Moscow")
MOBILE, TOLL, SHORT, GERMAN = map(PhoneNumber, ("+79110000001", "+78090000001", "+7112", "+4930123456"))
OTHER = PhoneNumber("+79110000002")


@dataclass(frozen=True)
class Known:
    last_end_at: datetime | None = None
    last_outcome: str = ""
    dnc: str = ""
    in_call: bool = False


def check_number(number: PhoneNumber, trunks: Sequence[Trunk], country: str) -> None:
    """A site where numbers of code 809 and of other countries are closed."""
    kind = NumberType.PREMIUM_RATE if number.startswith("+7809") else NumberType.MOBILE
    region = "RU" if number.startswith("+7") else "DE"
    check_allowed(NumberFacts(kind, region, region), DialRules(frozenset({"RU"})))


def gates(*trunks: Trunk, **campaign: object) -> Gates:
    its = Campaign(CampaignId(1), "spring", schedule=every_day(time(9), time(20)))
    return Gates(replace(its, **campaign), trunks or (Trunk(TrunkId("main"), "x"),), zone_of, check_number)  # type: ignore[arg-type]  # of a table


def lead(*numbers: PhoneNumber, **fields: object) -> Lead:
    row = Lead(LeadId(1), CampaignId(1), numbers or (MOBILE,), zones=("Europe/Moscow",))
    return replace(row, **fields)  # type: ignore[arg-type]  # of a table


BARRED = Known(dnc="asked for")
NIGHT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
RESTS = Known(NOW - timedelta(minutes=10), Outcome.NO_ANSWER)


@pytest.mark.parametrize(
    ("row", "told_of", "now", "campaign", "foreseen"),
    [
        (lead(), {}, NOW, {}, Foreseen(NOW)),
        (lead(), {MOBILE: BARRED}, NOW, {}, Foreseen(None, Why.BARRED)),
        (lead(MOBILE, OTHER), {MOBILE: BARRED}, NOW, {}, Foreseen(NOW)),
        (lead(MOBILE, TOLL), {MOBILE: BARRED}, NOW, {}, Foreseen(None, Why.BARRED)),
        (lead(TOLL), {}, NOW, {}, Foreseen(None, Why.NUMBER_TYPE)),
        (lead(GERMAN), {}, NOW, {}, Foreseen(None, Why.TRUNK)),
        (lead(SHORT), {}, NOW, {}, Foreseen(None, Why.NO_NUMBER)),
        (lead(), {}, NIGHT, {}, Foreseen(MORNING, Why.HOURS)),
        (lead(zones=()), {}, NOW, {}, Foreseen(None, Why.ZONE)),
        (lead(), {}, NOW, {"schedule": ()}, Foreseen(None, Why.HOURS)),
        (lead(), {MOBILE: RESTS}, NOW, {}, Foreseen(NOW + timedelta(minutes=20), Why.REST)),
        (lead(), {MOBILE: RESTS}, NOW, {"rest": timedelta(hours=10)}, Foreseen(MORNING, Why.HOURS)),
        (lead(status=LeadStatus.RETRY, attempts=1, next_at=NOW + timedelta(hours=1)), {}, NOW, {},
         Foreseen(NOW + timedelta(hours=1), Why.RETRY)),
        (lead(status=LeadStatus.RETRY, attempts=10, next_at=NOW), {}, NOW, {}, Foreseen(None, Why.ATTEMPTS)),
        (lead(status=LeadStatus.DONE), {}, NOW, {}, Foreseen(None, Why.WORKED)),
        (lead(status=LeadStatus.LEASED), {}, NOW, {}, Foreseen(NOW, Why.IN_WORK)),
        (lead(), {}, NOW, {"purpose": Purpose.ADVERTISING}, Foreseen(None, Why.RULE)),
    ],
)  # fmt: skip
def test_each_gate_is_told_ahead(
    row: Lead,
    told_of: Mapping[PhoneNumber, Known],
    now: datetime,
    campaign: dict[str, object],
    foreseen: Foreseen,
) -> None:
    every = dict.fromkeys(row.numbers, Known()) | dict(told_of)
    assert gates(**campaign).foresee(row, every, now) == foreseen


def test_a_campaign_without_a_trunk_calls_nobody() -> None:
    none = replace(gates(), trunks=())
    assert none.foresee(lead(), {MOBILE: Known()}, NOW) == Foreseen(None, Why.NO_TRUNK)


def test_the_trunk_is_the_one_that_pacing_takes() -> None:
    abroad = Trunk(TrunkId("abroad"), "x", prefixes=("+49",))
    home = Trunk(TrunkId("home"), "x", number_format=NumberFormat.NATIONAL)
    assert gates(abroad, home).foresee(lead(), {MOBILE: Known()}, NOW) == Foreseen(NOW)


def test_a_trunk_that_cannot_write_the_number_is_no_way_for_it() -> None:
    everywhere = ("+7", "+49")
    home = Trunk(TrunkId("home"), "x", number_format=NumberFormat.NATIONAL, prefixes=everywhere)
    world = Trunk(TrunkId("world"), "x", prefixes=everywhere)
    open_ = {"check_number": lambda *_: None}
    closed, known = replace(gates(home), **open_), {GERMAN: Known()}
    assert closed.foresee(lead(GERMAN), known, NOW) == Foreseen(None, Why.TRUNK)
    assert replace(gates(home, world), **open_).foresee(lead(GERMAN), known, NOW) == Foreseen(NOW)


# --- the gates themselves are the measure -----------------------------------------------------------------

NUMBERS = st.lists(st.sampled_from([MOBILE, OTHER, TOLL, GERMAN, SHORT]), min_size=1, max_size=4, unique=True)
SPAN = st.integers(-72 * 60, 72 * 60).map(lambda minutes: timedelta(minutes=minutes))
HISTORIES = st.builds(
    Known,
    st.none() | st.integers(0, 5 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
    st.sampled_from(list(Outcome)),
    st.sampled_from(["", "", "", "asked for"]),
)
WINDOWS = st.lists(
    st.builds(Window, st.integers(0, 6), st.integers(0, 23).map(time), st.integers(0, 23).map(time)),
    max_size=4,
).map(tuple)
CAMPAIGNS = st.builds(
    Campaign,
    st.just(CampaignId(1)),
    st.just("spring"),
    purpose=st.sampled_from(list(Purpose)),
    country=st.sampled_from(["RU", "US", "GB", "FR"]),
    mode=st.sampled_from(list(Mode)),
    status=st.sampled_from(list(CampaignStatus)),
    schedule=WINDOWS | st.just(every_day(time(9), time(20))),
    rest=st.integers(0, 3000).map(lambda minutes: timedelta(minutes=minutes)),
    max_attempts=st.integers(1, 3),
)
LEADS = st.builds(
    Lead,
    st.just(LeadId(1)),
    st.just(CampaignId(1)),
    NUMBERS.map(tuple),
    status=st.sampled_from([LeadStatus.NEW, LeadStatus.RETRY]),
    attempts=st.integers(0, 3),
    next_at=st.none() | SPAN.map(lambda span: NOW + span),
    zones=st.sampled_from(
        [(), ("Europe/Moscow",), ("Asia/Omsk",), ("Europe/Kaliningrad", "Asia/Kamchatka"), ("Pacific/Apia",)]
    ),
    promised_at=st.none() | st.just(NOW),
)
TRUNKS = st.sampled_from(
    [
        (Trunk(TrunkId("main"), "x"),),
        (Trunk(TrunkId("abroad"), "x", prefixes=("+49", "+1")), Trunk(TrunkId("main"), "x")),
        (Trunk(TrunkId("all"), "x", prefixes=("+7", "+49")),),
        (Trunk(TrunkId("home"), "x", prefixes=("+7", "+49"), number_format=NumberFormat.NATIONAL),),
    ]
)


def is_way(trunk: Trunk, number: PhoneNumber) -> bool:
    try:
        return bool(dial_string(number, trunk))
    except Mistake:
        return False


def is_dialled(its: Gates, row: Lead, known: Mapping[PhoneNumber, Known], at: datetime) -> bool:
    """Whether an engine that takes the lead up at this instant dials one of its numbers."""
    if row.next_at is not None and row.next_at > at:
        return False
    running = replace(its.campaign, status=CampaignStatus.RUNNING)
    for _ in row.numbers:
        carrying = [one for one in its.trunks if is_way(one, row.number)] or its.trunks
        verdict = may_dial(
            running, row, carrying[0], known[row.number], at, zone_of=zone_of, check_number=check_number
        )
        if verdict.ok:
            return True
        update = after_refusal(row, verdict, at)
        if update is None or update.status in FINAL or update.number_index == row.number_index:
            return False
        row = moved_on(row, update)
    return False


@given(CAMPAIGNS, TRUNKS, LEADS, st.lists(HISTORIES, min_size=4, max_size=4), st.integers(0, 7 * 24 * 60))
@settings(max_examples=150, deadline=None)
def test_what_is_foreseen_is_what_the_gates_do(
    campaign: Campaign, trunks: tuple[Trunk, ...], row: Lead, histories: list[Known], minutes: int
) -> None:
    known = dict(zip(row.numbers, histories, strict=False))
    its, now = Gates(campaign, trunks, zone_of, check_number), NOW + timedelta(minutes=minutes)
    foreseen = its.foresee(row, known, now)
    until = foreseen.at or now + timedelta(days=14)
    assert (foreseen.at == now) == is_dialled(its, row, known, now)
    if foreseen.at is not None:
        assert is_dialled(its, row, known, foreseen.at)
    step = max((until - now) / 40, timedelta(seconds=1))
    at = now
    while at < until:
        assert not is_dialled(its, row, known, at), (foreseen, at)
        at += step


# --- counted ----------------------------------------------------------------------------------------------


def test_a_day_is_the_offices() -> None:
    tally = Tally(NIGHT, MOSCOW)  # nine in the evening there
    for at in (NIGHT, NIGHT + timedelta(hours=2), NIGHT + timedelta(hours=3), None):
        tally.add(Foreseen(at, None if at == NIGHT else Why.REST))
    outlook = tally.told()
    assert list(outlook.when.values()) == [1, 1, 1, 1]
    assert outlook.first_at == NIGHT + timedelta(hours=2)
    assert outlook.why == {(When.TODAY, Why.REST): 1, (When.LATER, Why.REST): 1, (When.NEVER, Why.REST): 1}
    assert told(outlook).startswith("of 4 leads 1 can be called now, 1 later today")


def test_of_a_long_list_the_rest_is_counted_in_the_same_proportions() -> None:
    part, tally = Tally(NOW, MOSCOW), Tally(NOW, MOSCOW)
    for n in range(300):
        part.add(Foreseen(None, Why.BARRED) if n % 3 == 0 else Foreseen(NOW))
    tally.add_all(When.NEVER, Why.WORKED, 7)
    tally.join(part, 1_000_001)
    outlook = tally.told(is_estimate=True)
    assert (outlook.leads, outlook.looked_at) == (1_000_008, 300)
    assert outlook.when[When.NEVER] == 333_334 + 7
    assert outlook.why[When.NEVER, Why.BARRED] == 333_334


@given(st.dictionaries(st.integers(), st.integers(0, 50), max_size=9), st.integers(0, 10_000))
def test_proportions_lose_nobody(counts: dict[int, int], total: int) -> None:
    found = scaled(counts, total)
    assert sum(found.values()) == (total if sum(counts.values()) else 0)
    assert all(n >= 0 for n in found.values())


@given(st.integers(0, 3000), st.integers(2, 100))
def test_some_of_a_stream_are_kept_evenly_and_all_pass_by(length: int, most: int) -> None:
    thinned = Thinned[int](most)
    assert list(thinned.watch(range(length))) == list(range(length))
    assert thinned.count == length
    assert len(thinned.kept) <= most
    assert len(thinned.kept) >= min(length, most // 2)
    steps = {b - a for a, b in zip(thinned.kept, thinned.kept[1:], strict=False)}
    assert len(steps) <= 1
