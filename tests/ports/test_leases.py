"""A lead is leased once, best first, and always comes back."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.errors import Conflict
from dialer.domain.lead import Lead
from dialer.domain.types import CallId, CampaignId, CellId, LeadId, LeadStatus, Outcome
from dialer.ports.stores import Stores
from tests.ports.made import AT, CELL, SOON, entries, entry, update


async def leased(stores: Stores, campaign: CampaignId, n: int, cell: CellId = CELL) -> Sequence[Lead]:
    return await stores.leases.lease(campaign, n, cell=cell, now=AT, until_at=SOON)


def names(leads: Sequence[Lead]) -> list[str]:
    return [lead.name.removeprefix("lead ") for lead in leads]


async def test_new_leads_go_in_the_order_of_the_list(stores: Stores, campaign: CampaignId) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(5), now=AT)
    first = await leased(stores, campaign, 3)
    assert names(first) == ["1", "2", "3"]
    assert {lead.status for lead in first} == {LeadStatus.LEASED}
    assert names(await leased(stores, campaign, 3)) == ["4", "5"]
    assert await leased(stores, campaign, 3) == []
    assert await leased(stores, campaign, 0) == []
    assert await leased(stores, CampaignId(77), 3) == []
    assert await leased(stores, CampaignId(2**66), 3) == []


async def test_due_retries_go_before_new_leads_and_priority_before_both(
    stores: Stores, campaign: CampaignId
) -> None:
    priorities = {4: 5, 6: 5}
    rows = [replace(entry(n), priority=priorities.get(n, 0)) for n in range(1, 8)]
    await stores.leads.import_list(campaign, "a.csv", rows, now=AT)
    all_of_them = {lead.name: lead for lead in await leased(stores, campaign, 10)}
    waits = {"lead 1": -10, "lead 2": -20, "lead 3": 10, "lead 4": -5}  # minutes from now
    for name, minutes in waits.items():
        lead = all_of_them.pop(name)
        await stores.leases.give_back([lead.id], cell=CELL, not_before_at=AT + timedelta(minutes=minutes))
    await stores.leases.give_back([lead.id for lead in all_of_them.values()], cell=CELL)
    assert names(await leased(stores, campaign, 3)) == ["4", "6", "2"]
    assert names(await leased(stores, campaign, 10)) == ["1", "5", "7"]  # the third is not due yet
    counted = await stores.leads.count(campaign, AT)
    assert (counted["leased"], counted["retry_later"], counted["new"]) == (6, 1, 0)


async def test_what_was_promised_goes_before_everything_by_its_instant_and_survives_a_lease(
    stores: Stores, campaign: CampaignId
) -> None:
    rows = [replace(entry(n), priority=9 - n) for n in range(1, 7)]
    await stores.leads.import_list(campaign, "a.csv", rows, now=AT)
    taken = await leased(stores, campaign, 6)
    for lead, min_ in zip(taken[3:], (2, 1, 60), strict=True):
        at = AT - timedelta(hours=1) + timedelta(minutes=min_)
        at = at if min_ < 60 else AT + timedelta(hours=9)
        moved = replace(update(lead, Outcome.CONNECTED, next_at=at), promised_at=at)
        await stores.ledger.close([Closing(cdr=None, lead=moved, call=CallId(f"c{lead.id}"), cell=CELL)])
    await stores.leases.give_back([lead.id for lead in taken], cell=CELL)
    assert names(await leased(stores, campaign, 1)) == ["5"]
    assert names(await leased(stores, campaign, 9)) == ["4", "1", "2", "3"]
    await stores.leases.give_back([taken[4].id], cell=CELL)
    (again,) = await leased(stores, campaign, 9)
    assert (again.name, again.promised_at) == ("lead 5", AT - timedelta(minutes=59))
    assert (await stores.leads.exclude(again.id)).promised_at is None


async def test_a_lead_given_back_is_as_it_was(stores: Stores, campaign: CampaignId) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(2), now=AT)
    before = await stores.leads.find(campaign)
    held = await leased(stores, campaign, 2)
    await stores.leases.give_back([held[0].id], cell=CELL)
    await stores.leases.give_back([held[1].id], cell=CELL, not_before_at=SOON)
    assert await stores.leads.get(before[0].id) == before[0]
    waiting = await stores.leads.get(before[1].id)
    assert (waiting.status, waiting.next_at) == (LeadStatus.RETRY, SOON)
    nobodys = [before[0].id, before[1].id, LeadId(99)]
    await stores.leases.give_back(nobodys, cell=CELL)
    assert await stores.leads.get(before[1].id) == waiting


async def test_a_retry_given_back_waits_as_before(stores: Stores, campaign: CampaignId) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(1), now=AT)
    (lead,) = await leased(stores, campaign, 1)
    tried = update(lead, Outcome.BUSY, next_at=AT)
    await stores.ledger.close([Closing(None, tried, CallId("c-1"))])
    (again,) = await leased(stores, campaign, 1)
    assert (again.attempts, again.tried, again.next_at) == (1, {Outcome.BUSY: 1}, AT)
    await stores.leases.give_back([again.id], cell=CELL)
    assert await stores.leads.get(again.id) == replace(again, status=LeadStatus.RETRY)


async def test_a_lease_that_runs_out_is_free_and_a_renewed_one_is_not(
    stores: Stores, campaign: CampaignId
) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(2), now=AT)
    first, second = await leased(stores, campaign, 2)
    await stores.leases.renew([second.id], cell=CELL, until_at=SOON + timedelta(minutes=5))
    assert await stores.leases.release_run_out(SOON, gone_s=0) == 0  # until then, and not a moment less
    assert await stores.leases.release_run_out(SOON + timedelta(microseconds=1), gone_s=0) == 1
    assert names(await leased(stores, campaign, 5)) == [first.name.removeprefix("lead ")]
    await stores.leases.renew([LeadId(99)], cell=CELL, until_at=SOON)


async def test_a_cell_that_starts_gets_rid_of_its_old_leases_only(
    stores: Stores, campaign: CampaignId
) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(5), now=AT)
    mine = await leased(stores, campaign, 3)
    others = await leased(stores, campaign, 2, CellId("west"))
    assert await stores.leases.release_cell(CELL, but=[mine[1].id]) == 2
    assert (await stores.leads.get(mine[1].id)).status is LeadStatus.LEASED
    assert (await stores.leads.get(others[0].id)).status is LeadStatus.LEASED
    assert names(await leased(stores, campaign, 9)) == ["1", "3"]


async def test_leads_are_counted_by_what_holds_them(stores: Stores, campaign: CampaignId) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(8), now=AT)
    held = await leased(stores, campaign, 7)
    await stores.leads.exclude(held[0].id)
    await stores.leases.give_back([held[1].id], cell=CELL, not_before_at=AT)
    await stores.leases.give_back([held[2].id], cell=CELL, not_before_at=SOON)
    await stores.ledger.close(
        [
            Closing(None, update(held[3], Outcome.CONNECTED, LeadStatus.DONE), CallId("c-1")),
            Closing(None, update(held[4], Outcome.BUSY, LeadStatus.EXHAUSTED), CallId("c-2")),
        ]
    )
    assert await stores.leads.count(campaign, AT) == {
        "new": 1, "leased": 2, "done": 1, "exhausted": 1, "excluded": 1, "retry_due": 1, "retry_later": 1,
        "paused": 0,
    }  # fmt: skip
    assert set((await stores.leads.count(CampaignId(99), AT)).values()) == {0}


async def test_the_counts_stay_true_through_everything_that_moves_a_lead(
    stores: Stores, campaign: CampaignId
) -> None:
    """They are kept, not counted anew: after many random moves they are those of the leads themselves."""
    random = Random(7)
    imports = [(await stores.leads.import_list(campaign, "a.csv", entries(40), now=AT))[0]]
    other = (await stores.campaigns.add(Campaign(CampaignId(0), "autumn"))).id
    await stores.leads.import_list(other, "b.csv", entries(5), now=AT)
    for n in range(60):
        held = [lead.id for lead in await leased(stores, campaign, random.randrange(6))]
        match n % 6:
            case 0:
                imports.append((await stores.leads.import_list(campaign, "x.csv", entries(3), now=AT))[0])
            case 1:
                with suppress(Conflict):
                    await stores.leads.undo_import(imports[-1])
            case 2:
                await stores.leases.give_back(held, cell=CELL)
            case 3:
                later = AT + timedelta(minutes=random.randrange(-5, 5))
                await stores.leases.give_back(held, cell=CELL, not_before_at=later)
            case 4:
                for lead in held:
                    change = update(await stores.leads.get(lead), Outcome.BUSY, next_at=AT)
                    await stores.ledger.close([Closing(None, change, CallId(f"c-{n}-{lead}"))])
            case _:
                await stores.leases.release_run_out(SOON + timedelta(seconds=1), gone_s=0)
    its = await stores.leads.find(campaign, limit=1000)
    counted = Counter(lead.status.value for lead in its)
    due = sum(
        lead.status is LeadStatus.RETRY and lead.next_at is not None and lead.next_at <= AT for lead in its
    )
    retries = counted.pop("retry")
    expected = dict.fromkeys(await stores.leads.count(campaign, AT), 0) | counted
    assert 0 < due < retries
    assert await stores.leads.count(campaign, AT) == {
        **expected, "retry_due": due, "retry_later": retries - due,
    }  # fmt: skip
    assert (await stores.leads.count(other, AT))["new"] == 5


async def test_of_many_priorities_each_lease_takes_the_best(stores: Stores, campaign: CampaignId) -> None:
    rows = [replace(entry(n), priority=n * 37 % 11 - 5) for n in range(1, 60)]
    await stores.leads.import_list(campaign, "a.csv", rows, now=AT)
    for lead in await leased(stores, campaign, 30):
        minutes = lead.id * 53 % 40 - 20
        await stores.leases.give_back([lead.id], cell=CELL, not_before_at=AT + timedelta(minutes=minutes))
    its = await stores.leads.find(campaign, limit=100)
    due = [lead for lead in its if lead.next_at is None or lead.next_at <= AT]
    best = sorted(due, key=lambda lead: (-lead.priority, lead.next_at or SOON, lead.id))
    later = [lead.next_at for lead in its if lead.next_at is not None and lead.next_at > AT]
    taken: list[Lead] = []
    while some := await leased(stores, campaign, 7):
        taken += some
    assert names(taken) == names(best)
    assert await stores.leads.next_due_at(campaign, AT) == min(later)


async def test_it_is_known_when_the_next_lead_is_due(stores: Stores, campaign: CampaignId) -> None:
    assert await stores.leads.next_due_at(campaign, AT) is None
    await stores.leads.import_list(campaign, "a.csv", entries(2), now=AT)
    assert await stores.leads.next_due_at(campaign, AT) == AT
    first, second = await leased(stores, campaign, 2)
    assert await stores.leads.next_due_at(campaign, AT) is None  # what is leased does not wait
    await stores.leases.give_back([first.id], cell=CELL, not_before_at=SOON)
    await stores.leases.give_back([second.id], cell=CELL, not_before_at=SOON + timedelta(hours=1))
    assert await stores.leads.next_due_at(campaign, AT) == SOON
    assert await stores.leads.next_due_at(campaign, SOON + timedelta(seconds=1)) == SOON + timedelta(
        seconds=1
    )


async def test_a_lead_taken_out_stays_out_when_its_call_ends(stores: Stores, campaign: CampaignId) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(2), now=AT)
    first, second = await leased(stores, campaign, 2)
    out = await stores.leads.exclude(first.id)
    assert out.status is LeadStatus.EXCLUDED
    await stores.ledger.close([Closing(None, update(first, Outcome.BUSY, next_at=AT), CallId("c-1"))])
    after = await stores.leads.get(first.id)
    assert (after.status, after.next_at, after.attempts) == (LeadStatus.EXCLUDED, None, 1)
    await stores.leases.give_back([first.id, second.id], cell=CELL, not_before_at=AT)
    assert names(await leased(stores, campaign, 9)) == ["2"]


async def test_two_tasks_never_lease_the_same_lead(stores: Stores, campaign: CampaignId) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(200), now=AT)

    async def greedy(cell: str) -> list[LeadId]:
        got: list[LeadId] = []
        while (await stores.leads.count(campaign, AT))["new"]:
            got += [lead.id for lead in await leased(stores, campaign, 7, CellId(cell))]
        return got

    taken = await asyncio.gather(*(greedy(f"cell-{n}") for n in range(4)))
    every = [lead for some in taken for lead in some]
    assert len(every) == len(set(every)) == 200


GREEDY = """
import asyncio, json, sys
from datetime import UTC, datetime, timedelta
from dialer.adapters.sql.open import open_stores

async def main(url, campaign):
    now, got = datetime.now(UTC), []
    async with open_stores(url) as stores:
        print("ready", flush=True)
        sys.stdin.readline()
        while (await stores.leads.count(campaign, now))["new"]:
            some = await stores.leases.lease(
                campaign, 3, cell="cell", now=now, until_at=now + timedelta(minutes=5)
            )
            got += [lead.id for lead in some]
    print(json.dumps(got))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.parametrize("store_url", ["sqlite", "postgres"], indirect=True)
async def test_two_processes_never_lease_the_same_lead(
    store_url: str, stores: Stores, campaign: CampaignId
) -> None:
    await stores.leads.import_list(campaign, "a.csv", entries(500), now=AT)
    command = [sys.executable, "-c", GREEDY, store_url, str(campaign)]
    running = [await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE) for _ in range(3)]
    for process in running:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    outputs = [out for out, _ in await asyncio.gather(*(process.communicate(b"\n") for process in running))]
    taken = [json.loads(output) for output in outputs]
    every = [lead for some in taken for lead in some]
    assert len(every) == len(set(every)) == 500
    assert sum(bool(some) for some in taken) > 1  # they did run at once
