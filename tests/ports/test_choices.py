"""Leads by what they have in common: found alike by every store, never changed under a lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.choice import Choice
from dialer.domain.errors import Conflict, Missing
from dialer.domain.lead import Lead
from dialer.domain.listwork import Change
from dialer.domain.types import CallId, CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber
from dialer.ports.stores import Stores
from tests.ports.made import AT, CELL, SOON, entries, entry, update

HOUR = timedelta(hours=1)
NUMBERS = ("+79161234567", "+79169876543", "+74951112233")
PEOPLE = (
    replace(
        entry(0),
        numbers=(PhoneNumber(NUMBERS[0]),),
        name="Иванов Пётр",
        company="ООО Ромашка",
        ref="crm_17",
        inn="7707083893",
    ),
    replace(entry(0), numbers=(PhoneNumber(NUMBERS[1]),), name="Smith 100% John", company="Acme"),
    replace(entry(0), numbers=(PhoneNumber(NUMBERS[2]),), name="петрова", company="ЗАО РОМАШКА", ref="a\\b"),
)


async def chosen(stores: Stores, campaign: CampaignId, **asked: Any) -> list[str]:
    found = await stores.choices.chosen(Choice(campaign, **asked), limit=1000)
    return [lead.name for lead in found]


@pytest.mark.parametrize(
    ("search", "places"),
    [
        ("иванов", [0]),
        ("ПЕТРОВА", [2]),
        ("Петрова", [2]),
        ("петр", [0, 2]),  # ё is е
        ("ПЁТР", [0, 2]),
        ("рОмАшКа", [0, 2]),
        ("ооО РОМ", [0]),
        ("ромашка", [0, 2]),
        ("ооо ромашка", [0]),
        ("ромашка петрова", [2]),
        ("SMITH", [1]),
        ("acme smith", [1]),
        ("acme иванов", []),
        ("100%", [1]),
        ("10%", []),
        ("m_1", [0]),
        ("m_7", []),
        ("a\\b", [2]),
        ("crm_17", [0]),
        ("7707083893", [0]),
        ("8 (916) 123-45", [0]),
        ("+7 916 123", [0]),
        ("45-67", [0]),
        ("4567", [0]),
        ("8916", [0, 1]),
        ("916", [0, 1]),
        ("112233", [2]),
        ("  ", [0, 1, 2]),
        ("nobody", []),
    ],
)
async def test_a_person_is_found_by_words_and_by_any_part_of_a_number(
    stores: Stores, campaign: CampaignId, search: str, places: list[int]
) -> None:
    await stores.leads.import_list(campaign, "a.csv", PEOPLE, now=AT)
    assert await chosen(stores, campaign, search=search) == [PEOPLE[at].name for at in places]


async def stand(stores: Stores, campaign: CampaignId) -> tuple[int, Sequence[Lead]]:
    """Nine leads: 1 busy an hour ago, 2 not answered now, 3 leased, 4 excluded; the others new."""
    import_id, _ = await stores.leads.import_list(campaign, "a.csv", entries(9), now=AT)
    taken = await stores.leases.lease(campaign, 3, cell=CELL, now=AT, until_at=SOON)
    outcomes = ((taken[0], Outcome.BUSY, AT - HOUR), (taken[1], Outcome.NO_ANSWER, AT))
    for lead, outcome, at in outcomes:
        change = replace(update(lead, outcome, next_at=AT + HOUR), last_at=at)
        await stores.ledger.close([Closing(cdr=None, lead=change, call=CallId(f"c{lead.id}"), cell=CELL)])
    four = (await stores.leads.find(campaign))[3]
    await stores.leads.exclude(four.id)
    return import_id, await stores.leads.find(campaign)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"statuses": frozenset({LeadStatus.RETRY, LeadStatus.EXCLUDED})}, "124"),
        ({"outcomes": frozenset({Outcome.BUSY})}, "1"),
        ({"last_before_at": AT}, "1"),
        ({"last_since_at": AT}, "2"),
        ({"last_since_at": AT - HOUR, "last_before_at": AT + HOUR}, "12"),
        ({"attempts_least": 1}, "12"),
        ({"attempts_most": 0, "statuses": frozenset({LeadStatus.NEW})}, "56789"),
        ({"number": "+7916000000"}, "123456789"),
        ({"number": "+79160000003"}, "3"),
        ({"imports": frozenset({999_999})}, ""),
        ({}, "123456789"),
    ],
)
async def test_what_is_asked_of_a_lead_narrows_the_choice(
    stores: Stores, campaign: CampaignId, asked: dict[str, Any], names: str
) -> None:
    import_id, its = await stand(stores, campaign)
    assert await chosen(stores, campaign, **asked) == [f"lead {n}" for n in names]
    assert await chosen(stores, campaign, **{"imports": frozenset({import_id})} | asked) == [
        f"lead {n}" for n in names
    ]
    one = frozenset({its[0].id})
    assert await chosen(stores, campaign, **asked, leads=one) == (["lead 1"] if "1" in names else [])


async def test_a_choice_comes_in_pages(stores: Stores, campaign: CampaignId) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(5), now=AT)
    first = await stores.choices.chosen(Choice(campaign), limit=3)
    rest = await stores.choices.chosen(Choice(campaign), after=first[-1].id, limit=3)
    assert [lead.name for lead in (*first, *rest)] == [f"lead {n}" for n in range(1, 6)]
    assert await stores.choices.chosen(Choice(CampaignId(99))) == []


async def test_leads_are_changed_as_they_were_read_and_never_under_a_lease(
    stores: Stores, campaign: CampaignId
) -> None:
    _, its = await stand(stores, campaign)
    later = [
        Change(lead, replace(lead, status=LeadStatus.RETRY, next_at=AT, priority=7, dead=lead.numbers))
        for lead in its
    ]
    await stores.leads.exclude(its[4].id)  # meanwhile
    done = await stores.choices.change(later)
    assert sorted(done) == [lead.id for at, lead in enumerate(its) if at not in (2, 4)]
    after = await stores.leads.find(campaign)
    assert [lead == one.after for lead, one in zip(after, later, strict=True)] == [
        at not in (2, 4) for at in range(9)
    ]
    assert await stores.leads.count(campaign, AT) == {
        **dict.fromkeys(("new", "done", "exhausted", "retry_later", "paused"), 0),
        **{"leased": 1, "excluded": 1, "retry_due": 7},
    }
    due = await stores.leases.lease(campaign, 99, cell=CELL, now=AT, until_at=SOON)
    assert len(due) == 7
    assert await stores.choices.change([]) == set()


async def test_a_callback_that_was_promised_meanwhile_is_not_taken_back(
    stores: Stores, campaign: CampaignId
) -> None:
    _, its = await stand(stores, campaign)
    waits = next(lead for lead in its if lead.status is LeadStatus.RETRY)
    promised = replace(waits, next_at=SOON, promised_at=SOON)
    assert await stores.choices.change([Change(waits, promised)]) == {waits.id}
    reset = Change(waits, replace(waits, status=LeadStatus.NEW, attempts=0, tried={}, next_at=None))
    assert await stores.choices.change([reset]) == set()
    assert await stores.leads.get(waits.id) == promised
    kept = replace(promised, priority=3)
    assert await stores.choices.change([Change(promised, kept)]) == {waits.id}


async def test_leads_that_are_removed_are_gone_with_their_numbers(
    stores: Stores, campaign: CampaignId
) -> None:
    _, its = await stand(stores, campaign)
    assert await stores.choices.remove([lead.id for lead in its[:5]]) == {its[at].id for at in (0, 1, 3, 4)}
    assert await stores.choices.remove([its[0].id, LeadId(2**40)]) == set()
    assert [lead.id for lead in await stores.leads.find(campaign)] == [
        its[2].id,
        *(one.id for one in its[5:]),
    ]
    assert len(await stores.leads.numbers_of(campaign)) == 5
    assert sum((await stores.leads.count(campaign, AT)).values()) == 5


async def test_leads_move_as_they_stand_but_for_those_whose_numbers_are_there(
    stores: Stores, campaign: CampaignId
) -> None:
    _, its = await stand(stores, campaign)
    other = (await stores.campaigns.add(Campaign(CampaignId(0), "autumn"))).id
    await stores.leads.import_list(other, "b.csv", entries(1, 6), now=AT)
    with pytest.raises(Missing):
        await stores.choices.move([its[0].id], CampaignId(99))
    done = await stores.choices.move([lead.id for lead in its], other)
    assert done == {lead.id for at, lead in enumerate(its) if at not in (2, 5)}
    assert await stores.choices.move(sorted(done), other) == set()
    moved = [lead for lead in await stores.leads.find(other) if lead.id in done]
    assert moved == [replace(lead, campaign=other) for lead in its if lead.id in done]
    assert len(await stores.leads.numbers_of(campaign)) == 2
    assert len(await stores.leads.numbers_of(other)) == 8
    counts = await stores.leads.count(other, AT), await stores.leads.count(campaign, AT)
    assert [(one["new"], one["leased"], one["excluded"], one["retry_later"]) for one in counts] == [
        (5, 0, 1, 2),
        (1, 1, 0, 0),
    ]
    assert len(await stores.leases.lease(other, 99, cell=CELL, now=AT, until_at=SOON)) == 5


async def test_a_lead_is_edited_as_it_was_read_with_its_numbers_and_never_to_a_twin(
    stores: Stores, campaign: CampaignId
) -> None:
    _, its = await stand(stores, campaign)
    one, new = its[0], PhoneNumber("+79170000001")
    after = replace(
        one,
        numbers=(new, *one.numbers),
        extensions={new: "214"},
        number_index=1,
        zones=("Asia/Omsk", "Europe/Moscow"),
        name="Анна",
        company="b",
        inn="7707083893",
        email="a@b.c",
        extra={"город": "Омск", "a": "1"},
        ref="r",
        priority=-5,
        next_at=AT + 9 * HOUR,
    )
    assert await stores.choices.edit(one, after)
    assert await stores.leads.get(one.id) == after
    assert not await stores.choices.edit(one, replace(one, name="too late"))
    assert not await stores.choices.edit(its[2], replace(its[2], name="in a call"))
    with pytest.raises(Conflict, match="has one of these numbers"):
        await stores.choices.edit(its[1], replace(its[1], numbers=(*its[1].numbers, its[5].number)))
    assert await stores.choices.edit(after, one)
    assert await stores.leads.find(campaign) == its
    with pytest.raises(Missing):
        await stores.choices.edit(replace(one, id=LeadId(999_999)), one)
