"""Imports are all or nothing, and can be undone until the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.domain.cdr import Closing
from dialer.domain.errors import BadValue, Conflict, Missing
from dialer.domain.lead import Lead
from dialer.domain.types import CallId, CampaignId, CellId, LeadId, LeadStatus, Outcome, PhoneNumber
from dialer.ports.stores import Stores
from tests.ports.made import AT, entries, entry, update

CELL = CellId("main")


async def test_a_lead_comes_back_as_the_file_had_it(stores: Stores, campaign: CampaignId) -> None:
    written = replace(
        entry(1),
        numbers=(PhoneNumber("+79161234567"), PhoneNumber("+74951234567")),
        name="Иван «Vanya» Петров",
        company="ООО Ромашка",
        inn="7707083893",
        email="a@example.org",
        zones=("Europe/Moscow", "Asia/Omsk"),
        extra={"город": "Омск", "b": "2", "a": "1"},
        ref="crm-17",
        priority=-3,
    )
    import_id, count = await stores.leads.import_list(campaign, "список.csv", [written], now=AT)
    (lead,) = await stores.leads.find(campaign)
    assert count == 1
    assert lead == replace(written, id=lead.id, campaign=campaign, import_id=import_id)
    assert list(lead.extra) == ["город", "b", "a"]  # the columns stay in the file's order
    assert await stores.leads.imports(campaign) == [
        {"id": import_id, "file_name": "список.csv", "at": AT, "leads": 1}
    ]


async def test_what_no_database_can_hold_is_replaced(stores: Stores, campaign: CampaignId) -> None:
    odd = replace(entry(1), name="a\0b\ud800c", extra={"k\0": "v\ud800"})
    await stores.leads.import_list(campaign, "odd\0.csv", [odd], now=AT)
    (lead,) = await stores.leads.find(campaign)
    assert lead.name.startswith("a")
    assert lead.name.endswith("c")


async def test_an_error_in_mid_file_leaves_nothing(stores: Stores, campaign: CampaignId) -> None:
    def broken() -> Iterator[Lead]:
        yield from entries(7_000)  # more than one batch
        raise BadValue("line 7001: not a number")

    with pytest.raises(BadValue, match="line 7001"):
        await stores.leads.import_list(campaign, "broken.csv", broken(), now=AT)
    assert await stores.leads.find(campaign) == []
    assert await stores.leads.imports(campaign) == []
    assert await stores.leads.numbers_of(campaign) == set()
    assert (await stores.leads.import_list(campaign, "good.csv", entries(3), now=AT))[1] == 3


async def test_a_lead_without_number_is_refused_by_name(stores: Stores, campaign: CampaignId) -> None:
    with pytest.raises(BadValue, match="'lead 2' has no number"):
        await stores.leads.import_list(campaign, "x.csv", [entry(1), replace(entry(2), numbers=())], now=AT)
    assert await stores.leads.find(campaign) == []


async def test_a_list_needs_its_campaign(stores: Stores) -> None:
    for missing in (99, 0, -1, 2**70):
        with pytest.raises(Missing, match=f"no campaign {missing}"):
            await stores.leads.import_list(CampaignId(missing), "x.csv", entries(1), now=AT)


async def test_whatever_the_file_says_of_the_past_a_lead_starts_new(
    stores: Stores, campaign: CampaignId
) -> None:
    worn = replace(
        entry(1), status=LeadStatus.DONE, attempts=3, tried={Outcome.BUSY: 3}, next_at=AT, last_at=AT
    )
    await stores.leads.import_list(campaign, "x.csv", [worn], now=AT)
    (lead,) = await stores.leads.find(campaign)
    assert (lead.status, lead.attempts, lead.tried, lead.next_at) == (LeadStatus.NEW, 0, {}, None)


async def test_the_numbers_of_a_campaign_are_known(stores: Stores, campaign: CampaignId) -> None:
    two = replace(entry(1), numbers=(PhoneNumber("+79160000001"), PhoneNumber("+74950000001")))
    await stores.leads.import_list(campaign, "x.csv", [two, entry(2)], now=AT)
    known = {"+79160000001", "+74950000001", "+79160000002"}
    assert await stores.leads.numbers_of(campaign) == known
    assert await stores.leads.numbers_of(CampaignId(99)) == set()


async def test_of_some_numbers_those_that_the_campaign_has_are_told(
    stores: Stores, campaign: CampaignId
) -> None:
    two = replace(entry(1), numbers=(PhoneNumber("+79160000001"), PhoneNumber("+74950000001")))
    await stores.leads.import_list(campaign, "x.csv", [two, entry(2)], now=AT)
    asked = [PhoneNumber(f"+7916{n:07}") for n in range(2, 30)] + [PhoneNumber("+74950000001")]
    assert await stores.leads.known_numbers(campaign, asked) == {"+79160000002", "+74950000001"}
    assert await stores.leads.known_numbers(campaign, []) == set()
    assert await stores.leads.known_numbers(CampaignId(99), asked) == set()
    assert await stores.leads.known_numbers(CampaignId(2**70), asked) == set()


async def test_colleagues_behind_one_switchboard_are_several_leads_and_each_keeps_its_extension(
    stores: Stores, campaign: CampaignId
) -> None:
    board, own = PhoneNumber("+74950000001"), PhoneNumber("+79160000001")
    people = [
        replace(entry(1), numbers=(board,), extensions={board: "101"}),
        replace(entry(2), numbers=(own, board), extensions={board: "102"}),
        replace(entry(3), numbers=(board,)),
    ]
    await stores.leads.import_list(campaign, "x.csv", people, now=AT)
    found = await stores.leads.find(campaign)
    assert [lead.extensions for lead in found] == [{board: "101"}, {board: "102"}, {}]
    leased = await stores.leases.lease(campaign, 3, cell=CellId("main"), now=AT, until_at=AT)
    assert [lead.extensions for lead in leased] == [lead.extensions for lead in found]
    known = {f"{board};ext=101", own, f"{board};ext=102", board}
    assert await stores.leads.numbers_of(campaign) == known
    asked = [f"{board};ext=102", f"{board};ext=103", board, "+79160000009"]
    assert await stores.leads.known_numbers(campaign, asked) == {f"{board};ext=102", board}


async def test_the_same_list_sent_several_times_at_once_is_taken_once(
    stores: Stores, campaign: CampaignId
) -> None:
    forward = list(entries(3000))
    other = [PhoneNumber(f"+7495{n:07}") for n in range(10)]
    twos = [replace(lead, numbers=(lead.number, more)) for lead, more in zip(forward, other, strict=False)]
    lists_ = (forward, forward[::-1], forward[1500:], twos)
    sent = [stores.leads.import_list(campaign, f"{n}.csv", leads, now=AT) for n, leads in enumerate(lists_)]
    told = await asyncio.gather(*sent)
    found: list[Lead] = []
    while page := await stores.leads.find(campaign, after=found[-1].id if found else 0, limit=1000):
        found += page
    numbers = [number for lead in found for number in lead.numbers]
    assert len(numbers) == len(set(numbers)) == 3010
    assert {lead.number for lead in forward} <= set(numbers)
    assert sum(count for _, count in told) == len(found)
    assert [row["leads"] for row in await stores.leads.imports(campaign)] == [
        count for _, count in sorted(told)
    ]
    assert sum((await stores.leads.count(campaign, AT)).values()) == len(found)


async def test_after_an_import_that_could_clear_nothing_away_the_next_one_is_taken(
    stores: Stores, campaign: CampaignId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was cut off between its steps, and its connection goes back as it is."""

    async def nothing(connection: object) -> None:
        pass

    async def cut_off(*_: object) -> tuple[int, int]:
        raise BadValue("cut off")

    with monkeypatch.context() as patch:
        patch.setattr("dialer.adapters.sql.lists._clear", nothing)
        patch.setattr("dialer.adapters.sql.lists._take", cut_off)
        with suppress(BadValue):  # memory has no such steps
            await stores.leads.import_list(campaign, "cut.csv", entries(3, start=10), now=AT)
    assert (await stores.leads.import_list(campaign, "x.csv", entries(3), now=AT))[1] == 3


async def test_a_number_that_stands_twice_in_a_list_is_taken_once(
    stores: Stores, campaign: CampaignId
) -> None:
    one, two = PhoneNumber("+79160000001"), PhoneNumber("+79160000002")
    twice = [replace(entry(1), numbers=(one, one)), replace(entry(2), numbers=(one, two)), entry(1)]
    assert (await stores.leads.import_list(campaign, "x.csv", twice, now=AT))[1] == 2
    assert [lead.numbers for lead in await stores.leads.find(campaign)] == [(one,), (two,)]
    leased = await stores.leases.lease(campaign, 5, cell=CELL, now=AT, until_at=AT)
    assert [lead.number for lead in leased] == [one, two]


async def test_undo_takes_out_what_came_in_and_nothing_else(stores: Stores, campaign: CampaignId) -> None:
    first, _ = await stores.leads.import_list(campaign, "a.csv", entries(3), now=AT)
    second, _ = await stores.leads.import_list(campaign, "b.csv", entries(2, start=10), now=AT)
    assert await stores.leads.undo_import(first) == 3
    assert [lead.name for lead in await stores.leads.find(campaign)] == ["lead 10", "lead 11"]
    assert [row["id"] for row in await stores.leads.imports(campaign)] == [second]
    assert await stores.leads.numbers_of(campaign) == {"+79160000010", "+79160000011"}
    with pytest.raises(Missing, match=f"no import {first}"):
        await stores.leads.undo_import(first)


async def test_the_ids_of_an_undone_import_are_not_given_again(stores: Stores, campaign: CampaignId) -> None:
    first, _ = await stores.leads.import_list(campaign, "a.csv", entries(3), now=AT)
    gone = {lead.id for lead in await stores.leads.find(campaign)}
    await stores.leads.undo_import(first)
    again, _ = await stores.leads.import_list(campaign, "a.csv", entries(3), now=AT)
    assert again != first
    assert not gone & {lead.id for lead in await stores.leads.find(campaign)}


async def test_undo_is_refused_after_the_first_call(stores: Stores, campaign: CampaignId) -> None:
    import_id, _ = await stores.leads.import_list(campaign, "a.csv", entries(3), now=AT)
    (lead,) = await stores.leases.lease(campaign, 1, cell=CELL, now=AT, until_at=AT + timedelta(minutes=5))
    with pytest.raises(Conflict, match="about to be dialled: stop its campaign"):
        await stores.leads.undo_import(import_id)
    await stores.ledger.close([Closing(cdr=None, lead=update(lead, Outcome.BUSY), call=CallId("c-1"))])
    with pytest.raises(Conflict, match="dialled already"):
        await stores.leads.undo_import(import_id)
    assert len(await stores.leads.find(campaign)) == 3


async def test_pages_go_by_id_and_filters_hold(stores: Stores, campaign: CampaignId) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(25), now=AT)
    first = await stores.leads.find(campaign, limit=10)
    rest = await stores.leads.find(campaign, after=first[-1].id, limit=100)
    assert [lead.name for lead in (*first, *rest)] == [f"lead {n}" for n in range(1, 26)]
    assert [lead.name for lead in await stores.leads.find(campaign, number="+79160000007")] == ["lead 7"]
    assert len(await stores.leads.find(campaign, number="+7916000001")) == 10  # a beginning will do
    await stores.leads.exclude(first[3].id)
    assert [lead.id for lead in await stores.leads.find(campaign, status=LeadStatus.EXCLUDED)] == [
        first[3].id
    ]
    assert await stores.leads.find(campaign, after=2**80) == []
    assert await stores.leads.find(campaign, limit=0) == []
    assert await stores.leads.find(campaign, number="+7'; DROP TABLE leads; --\0") == []


async def test_a_missing_lead_is_named(stores: Stores) -> None:
    for missing in (1, 0, -5, 2**64):
        with pytest.raises(Missing, match=f"no lead {missing}"):
            await stores.leads.get(LeadId(missing))
        with pytest.raises(Missing, match=f"no import {missing}"):
            await stores.leads.undo_import(missing)
