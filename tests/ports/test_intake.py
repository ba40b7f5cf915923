"""A list of any length comes in part by part, and is seen by nobody before all of it is in."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from dialer.adapters.sql import pieces
from dialer.adapters.sql.open import open_stores
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.choice import Choice
from dialer.domain.errors import BadValue, Conflict, Missing
from dialer.domain.intake import Arrived, Batch, Revision, renewed
from dialer.domain.lead import Lead
from dialer.domain.types import CallId, CampaignId, LeadStatus, Outcome, PhoneNumber
from dialer.ports.stores import Stores
from tests.ports.made import AT, CELL, SOON, entries, entry, update

SAID = frozenset({"priority", "zones"})


async def batches(*some: Iterable[Lead] | Batch) -> AsyncIterator[Batch]:
    for each in some:
        yield each if isinstance(each, Batch) else Batch(list(each))


async def names(stores: Stores, campaign: CampaignId) -> list[str]:
    return [lead.name for lead in await stores.leads.find(campaign, limit=1000)]


async def lease(stores: Stores, campaign: CampaignId, n: int = 1000) -> Sequence[Lead]:
    return await stores.leases.lease(campaign, n, cell=CELL, now=AT, until_at=SOON)


async def test_a_lead_of_an_import_under_way_is_seen_by_nobody_and_all_of_them_at_once(
    stores: Stores, campaign: CampaignId
) -> None:
    await stores.leads.import_list(campaign, "old.csv", entries(3), now=AT)
    looks = 0

    async def slow() -> AsyncIterator[Batch]:
        nonlocal looks
        for n in range(4):
            yield Batch(list(entries(500, 1000 + 500 * n)))
            looks += 1
            assert await names(stores, campaign) == ["lead 1", "lead 2", "lead 3"]
            assert (await stores.leads.count(campaign, AT))["new"] == 3
            assert await stores.leads.numbers_of(campaign) == {f"+7916000000{n}" for n in (1, 2, 3)}
            assert await stores.leads.known_numbers(campaign, ["+79160001000"]) == set()
            assert await stores.intake.known(campaign, ["+79160001000"]) == {}
            assert await stores.choices.chosen(Choice(campaign, search="lead 1000")) == []
            assert [row["file_name"] for row in await stores.leads.imports(campaign)] == ["old.csv"]
            assert (await stores.records.depth(campaign, AT, SOON)).leads == 3
            leased = await lease(stores, campaign)
            assert len(leased) == 3
            assert await stores.leads.next_due_at(campaign, AT) is None
            await stores.leases.give_back([lead.id for lead in leased], cell=CELL)

    told = await stores.intake.take(campaign, "new.csv", slow(), now=AT)
    assert (looks, told.leads) == (4, 2000)
    assert (await stores.leads.count(campaign, AT))["new"] == 2003
    assert [lead.name for lead in await lease(stores, campaign, 5)] == [
        *(f"lead {n}" for n in (1, 2, 3)), "lead 1000", "lead 1001",
    ]  # fmt: skip


async def test_what_comes_one_by_one_meanwhile_is_seen_and_dialled(
    stores: Stores, campaign: CampaignId
) -> None:
    async def slow() -> AsyncIterator[Batch]:
        for n in range(3):
            yield Batch(list(entries(500, 1000 + 500 * n)))
            await stores.leads.import_list(campaign, "api", [entry(n + 1)], now=AT)
            assert await names(stores, campaign) == [f"lead {each + 1}" for each in range(n + 1)]
            (lead,) = await lease(stores, campaign)
            assert lead.name == f"lead {n + 1}"

    told = await stores.intake.take(campaign, "new.csv", slow(), now=AT)
    assert told.leads == 1500
    assert len(await lease(stores, campaign, 2000)) == 1500


async def test_an_import_that_fails_leaves_nothing_behind(stores: Stores, campaign: CampaignId) -> None:
    async def broken() -> AsyncIterator[Batch]:
        yield Batch(list(entries(1500)))
        yield Batch(list(entries(1500, 5000)))
        raise BadValue("line 3001: not a number")

    with pytest.raises(BadValue, match="line 3001"):
        await stores.intake.take(campaign, "broken.csv", broken(), now=AT)
    assert await names(stores, campaign) == []
    assert await stores.leads.imports(campaign) == []
    assert sum((await stores.leads.count(campaign, AT)).values()) == 0
    assert (await stores.intake.take(campaign, "good.csv", batches(entries(1500)), now=AT)).leads == 1500


async def test_a_list_that_brings_nothing_is_no_import(stores: Stores, campaign: CampaignId) -> None:
    assert await stores.intake.take(campaign, "a.csv", batches([], []), now=AT) == Arrived()
    assert await stores.leads.imports(campaign) == []
    with pytest.raises(Missing, match="no campaign 99"):
        await stores.intake.take(CampaignId(99), "a.csv", batches(entries(1)), now=AT)


async def test_large_lists_with_the_same_numbers_at_once_bring_each_number_once(
    stores: Stores, campaign: CampaignId
) -> None:
    rows = list(entries(2500))
    sent = (rows, rows[::-1], rows[1200:1300], rows[:1])
    told = await asyncio.gather(
        *(
            stores.intake.take(campaign, f"{n}.csv", batches(each[:1000], each[1000:]), now=AT)
            for n, each in enumerate(sent)
        )
    )
    assert sum(one.leads for one in told) == 2500
    assert len(await stores.leads.numbers_of(campaign)) == 2500
    assert (await stores.leads.count(campaign, AT))["new"] == 2500


async def test_imports_into_two_campaigns_at_once_do_not_wait_for_each_other(
    stores: Stores, campaign: CampaignId
) -> None:
    other = (await stores.campaigns.add(Campaign(CampaignId(0), "autumn"))).id
    both = asyncio.Barrier(2)

    async def meeting() -> AsyncIterator[Batch]:
        yield Batch(list(entries(600)))
        yield Batch(list(entries(600, 1000)))
        await both.wait()

    async with asyncio.timeout(30):
        told = await asyncio.gather(
            stores.intake.take(campaign, "a.csv", meeting(), now=AT),
            stores.intake.take(other, "b.csv", meeting(), now=AT),
        )
    assert [one.leads for one in told] == [1200, 1200]
    for each in (campaign, other):
        assert len(await lease(stores, each, 2000)) == 1200


async def test_whose_the_numbers_are_is_told_by_key(stores: Stores, campaign: CampaignId) -> None:
    board = PhoneNumber("+74950000001")
    two = replace(entry(1), numbers=(entry(1).number, board), extensions={board: "101"})
    await stores.leads.import_list(campaign, "a.csv", [two, entry(2)], now=AT)
    asked = ["+79160000001", f"{board};ext=101", board, "+79160000009"]
    known = await stores.intake.known(campaign, asked)
    assert sorted(known) == ["+74950000001;ext=101", "+79160000001"]
    assert {lead.name for lead in known.values()} == {"lead 1"}
    assert await stores.intake.known(CampaignId(99), asked) == {}


# --- leads that were there --------------------------------------------------------------------------------


async def there(stores: Stores, campaign: CampaignId, *leads: Lead) -> list[Lead]:
    await stores.leads.import_list(campaign, "old.csv", leads, now=AT)
    return list(await stores.leads.find(campaign))


def adds(lead: Lead, *numbers: str, extension: str = "") -> Revision:
    return Revision(lead.id, {"numbers": []}, {"numbers": [[number, extension] for number in numbers]})


async def revised(stores: Stores, campaign: CampaignId, *some: Revision | None, new: int = 0) -> Arrived:
    changes = [one for one in some if one is not None]
    some_new = list(entries(new, 5000))
    told = await stores.intake.take(campaign, "new.csv", batches(Batch(some_new, changes)), now=AT)
    assert told.revised == len(changes)
    return told


async def test_an_update_changes_what_the_list_says_and_not_where_the_lead_stands(
    stores: Stores, campaign: CampaignId
) -> None:
    old = replace(entry(1), company="Ромашка", inn="7707083893", extra={"город": "Омск", "a": "1"})
    await there(stores, campaign, old)
    (leased,) = await lease(stores, campaign)
    closing = Closing(
        cdr=None, lead=update(leased, Outcome.BUSY, next_at=SOON), call=CallId("c-1"), cell=CELL
    )
    await stores.ledger.close([closing])
    before = await stores.leads.get(leased.id)
    row = replace(
        entry(1), name="Анна", company="", priority=7, zones=("Asia/Omsk",), extra={"a": "2", "b": "3"}
    )
    told = await revised(stores, campaign, renewed(before, row, SAID), new=2)
    after = await stores.leads.get(leased.id)
    assert after == replace(
        before, name="Анна", priority=7, zones=("Asia/Omsk",), extra={"город": "Омск", "a": "2", "b": "3"}
    )
    assert (told.leads, (await stores.leads.count(campaign, AT))["new"]) == (2, 2)
    assert await stores.leads.undo_import(told.import_id or 0) == 2
    assert await stores.leads.get(leased.id) == before


async def test_undo_leaves_what_somebody_has_changed_since(stores: Stores, campaign: CampaignId) -> None:
    (before,) = await there(stores, campaign, replace(entry(1), company="Ромашка"))
    row = replace(entry(1), name="Анна", company="Лютик")
    told = await revised(stores, campaign, renewed(before, row, frozenset()))
    now = await stores.leads.get(before.id)
    assert await stores.choices.edit(now, replace(now, name="Анна Петровна"))
    assert await stores.leads.undo_import(told.import_id or 0) == 0
    after = await stores.leads.get(before.id)
    assert (after.name, after.company) == ("Анна Петровна", "Ромашка")
    assert len(await stores.leads.imports(campaign)) == 1


async def test_numbers_are_added_and_known_and_taken_off_again(stores: Stores, campaign: CampaignId) -> None:
    one, two = await there(stores, campaign, entry(1), entry(2))
    told = await revised(
        stores,
        campaign,
        adds(one, "+74950000001", extension="101"),
        adds(one, two.number),
        adds(two, "+74950000002"),
    )
    after = await stores.leads.get(one.id)
    assert (after.numbers, after.extensions) == ((one.number, "+74950000001"), {"+74950000001": "101"})
    assert "+74950000002" in await stores.leads.numbers_of(campaign)  # and not what another lead has
    await stores.leads.undo_import(told.import_id or 0)
    assert list(await stores.leads.find(campaign)) == [one, two]
    assert await stores.leads.numbers_of(campaign) == {one.number, two.number}


async def test_an_import_whose_changed_lead_is_about_to_be_dialled_is_not_taken_back(
    stores: Stores, campaign: CampaignId
) -> None:
    (one,) = await there(stores, campaign, entry(1))
    told = await revised(stores, campaign, adds(one, "+74950000001"))
    (leased,) = await lease(stores, campaign)
    with pytest.raises(Conflict, match="about to be dialled: stop its campaign"):
        await stores.leads.undo_import(told.import_id or 0)
    assert len(leased.numbers) == 2
    await stores.leases.give_back([leased.id], cell=CELL)
    assert await stores.leads.undo_import(told.import_id or 0) == 0
    assert (await stores.leads.get(one.id)).numbers == one.numbers


async def test_many_changes_are_made_whole_and_taken_back(stores: Stores, campaign: CampaignId) -> None:
    await stores.leads.import_list(campaign, "old.csv", entries(900), now=AT)
    before = await stores.leads.find(campaign, limit=1000)
    changes = [renewed(lead, replace(lead, name=f"new {lead.id}"), frozenset()) for lead in before]
    told = await revised(stores, campaign, *changes, new=900)
    after = await stores.leads.find(campaign, limit=900)
    assert [lead.name for lead in after] == [f"new {lead.id}" for lead in before]
    assert await stores.leads.undo_import(told.import_id or 0) == 900
    assert await stores.leads.find(campaign, limit=1000) == before


# --- SQLite alone: an import is many transactions there ---------------------------------------------------


class CutOff(BaseException):
    """The process ends: nothing that is left undone is done."""


async def cut_off(url: str, campaign: CampaignId, fails: Callable[..., object], name: str) -> None:
    """An import of 1,500 leads and a change whose process ends when it comes to `name`."""
    async with open_stores(url) as dying:
        (lead,) = await dying.leads.find(campaign)
        change = renewed(lead, replace(lead, name="Анна"), frozenset())
        assert change is not None
        with pytest.MonkeyPatch.context() as patch, suppress(CutOff):
            patch.setattr(pieces, name, fails)
            patch.setattr(pieces._Arrival, "give_up", fails)
            rows = batches(entries(1000, 100), Batch(list(entries(500, 2000)), [change]))
            await dying.intake.take(campaign, "cut.csv", rows, now=AT)


def dies_at(times: int, real: Callable[..., object]) -> Callable[..., object]:
    """What it stands for may be a coroutine function."""
    left = times

    def once(*args: object, **kwargs: object) -> object:
        nonlocal left
        left -= 1
        if left < 0:
            raise CutOff
        return real(*args, **kwargs)

    return once


@pytest.fixture
async def spring(sqlite_url: str) -> CampaignId:
    async with open_stores(sqlite_url) as stores:
        campaign = (await stores.campaigns.add(Campaign(CampaignId(0), "spring"))).id
        await stores.leads.import_list(campaign, "old.csv", entries(1), now=AT)
    return campaign


async def test_a_crash_in_mid_import_leaves_nothing_to_be_seen_and_the_next_import_clears_it(
    sqlite_url: str, spring: CampaignId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cut_off(sqlite_url, spring, dies_at(3, pieces._put), "_put")
    async with open_stores(sqlite_url) as stores:
        assert await names(stores, spring) == ["lead 1"]
        assert (await stores.leads.count(spring, AT))["new"] == 1
        assert [lead.name for lead in await lease(stores, spring)] == ["lead 1"]
        monkeypatch.setattr(
            pieces, "clock_now", lambda *, is_sqlite: pieces.later(stores.leads._database, 91.0)
        )  # type: ignore[attr-defined]  # of SQLite
        told = await stores.intake.take(
            spring, "again.csv", batches(entries(1000, 100), entries(500, 2000)), now=AT
        )
        assert told.leads == 1500
        assert len(await lease(stores, spring, 2000)) == 1500
        assert [row["file_name"] for row in await stores.leads.imports(spring)] == ["old.csv", "again.csv"]


async def test_a_crash_while_leads_are_changed_is_gone_on_with_by_the_next_import(
    sqlite_url: str, spring: CampaignId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cut_off(sqlite_url, spring, dies_at(0, pieces.revise), "revise")
    async with open_stores(sqlite_url) as stores:
        assert len(await names(stores, spring)) == 1000
        assert (await stores.leads.find(spring, limit=1))[0].name == "lead 1"
        with pytest.raises(Conflict, match="under way"):
            await stores.leads.undo_import((await stores.leads.imports(spring))[-1]["id"])
        monkeypatch.setattr(
            pieces, "clock_now", lambda *, is_sqlite: pieces.later(stores.leads._database, 91.0)
        )  # type: ignore[attr-defined]  # of SQLite
        await stores.leads.import_list(spring, "more.csv", entries(1, 9000), now=AT)
        assert (await stores.leads.find(spring, limit=1))[0].name == "Анна"


UNDO_STEPS = ("_why_it_stays", "_renew", "kept", "revise", "forget", "_go", "_clear", "_end")


@pytest.mark.parametrize("times", [0, 1, 3])
@pytest.mark.parametrize("step", UNDO_STEPS)
@pytest.mark.parametrize("was_dialled", [False, True])
async def test_an_undo_that_is_cut_off_anywhere_is_finished_or_refused_as_if_it_had_not_been(
    sqlite_url: str, spring: CampaignId, monkeypatch: pytest.MonkeyPatch, *, step: str, times: int,
    was_dialled: bool,
) -> None:  # fmt: skip
    async with open_stores(sqlite_url) as stores:
        (old,) = await stores.leads.find(spring)
        change = renewed(old, replace(old, name="Анна"), frozenset())
        assert change is not None
        rows = batches(entries(120, 100), Batch(list(entries(120, 2000)), [change]))
        told = await stores.intake.take(spring, "new.csv", rows, now=AT)
        if was_dialled:
            called = (await stores.leads.find(spring, after=old.id))[0]
            await stores.choices.edit(
                called, replace(called, attempts=1, status=LeadStatus.RETRY, next_at=AT)
            )
        async with open_stores(sqlite_url) as dying:
            with pytest.MonkeyPatch.context() as patch, suppress(CutOff, Conflict):
                patch.setattr(pieces, step, dies_at(times, getattr(pieces, step)))
                await dying.leads.undo_import(told.import_id or 0)
        await stores.intake.finish_left()  # whoever works on it may live
        monkeypatch.setattr(
            pieces, "clock_now", lambda *, is_sqlite: pieces.later(stores.leads._database, 91.0)
        )  # type: ignore[attr-defined]  # of SQLite
        await stores.intake.finish_left()
        files = [row["file_name"] for row in await stores.leads.imports(spring)]
        left = await names(stores, spring)
        if was_dialled or (step, times) == ("_renew", 0):  # the latter: before it had begun
            assert (files, len(left)) == (["old.csv", "new.csv"], 241)
            assert left[0] == "Анна"
        else:
            assert (files, left) == (["old.csv"], ["lead 1"])


async def test_a_crash_while_an_import_is_taken_back_is_gone_on_with(
    sqlite_url: str, spring: CampaignId, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_stores(sqlite_url) as stores:
        rows = batches(entries(1000, 100), entries(500, 2000))
        told = await stores.intake.take(spring, "new.csv", rows, now=AT)
        with pytest.MonkeyPatch.context() as patch, suppress(CutOff):
            patch.setattr(pieces, "_renew", dies_at(3, pieces._renew))
            await stores.leads.undo_import(told.import_id or 0)
        assert await names(stores, spring) == ["lead 1"]
        with pytest.raises(Conflict, match="under way"):
            await stores.leads.undo_import(told.import_id or 0)
        monkeypatch.setattr(
            pieces, "clock_now", lambda *, is_sqlite: pieces.later(stores.leads._database, 91.0)
        )  # type: ignore[attr-defined]  # of SQLite
        assert await stores.leads.undo_import(told.import_id or 0) > 500
        assert (await stores.leads.count(spring, AT))["new"] == 1
        assert [row["file_name"] for row in await stores.leads.imports(spring)] == ["old.csv"]


async def test_an_import_that_was_taken_for_dead_ends_and_says_so(
    sqlite_url: str, spring: CampaignId
) -> None:
    async with open_stores(sqlite_url) as stores, open_stores(sqlite_url) as other:

        async def slow() -> AsyncIterator[Batch]:
            yield Batch(list(entries(1000, 100)))
            yield Batch(list(entries(10, 5000)))
            with pytest.MonkeyPatch.context() as patch:
                late = pieces.later(other.leads._database, 91.0)  # type: ignore[attr-defined]  # of SQLite
                patch.setattr(pieces, "clock_now", lambda *, is_sqlite: late)
                await other.leads.import_list(spring, "b.csv", entries(1, 9000), now=AT)
            yield Batch(list(entries(1000, 6000)))

        with pytest.raises(Conflict, match="nothing was heard of it"):
            await stores.intake.take(spring, "a.csv", slow(), now=AT)
        assert await names(stores, spring) == ["lead 1", "lead 9000"]
        assert (await stores.leads.count(spring, AT))["new"] == 2


async def test_leads_that_were_dialled_keep_their_import_and_are_seen_again(
    sqlite_url: str, spring: CampaignId
) -> None:
    async with open_stores(sqlite_url) as stores:
        told = await stores.intake.take(spring, "new.csv", batches(entries(1500, 100)), now=AT)
        await lease(stores, spring, 2)
        with pytest.raises(Conflict, match="about to be dialled"):
            await stores.leads.undo_import(told.import_id or 0)
        assert len(await names(stores, spring)) == 1000
        assert len(await lease(stores, spring, 2000)) == 1499


async def test_the_writer_is_held_for_a_moment_alone(sqlite_url: str, spring: CampaignId) -> None:
    """As many rows as fit; on a machine that is slow now, fewer."""
    pace = pieces.Pace()
    async with open_stores(sqlite_url) as stores:
        database = stores.leads._database  # type: ignore[attr-defined]  # of SQLite
        async with database.connection() as connection:
            for took_s in (0.0, 0.0, 0.05):
                before = pace.rows
                async with pace.piece(database, connection, before):
                    await asyncio.sleep(took_s)
        assert (before, pace.rows < before) == (400, True)
        before, pace.rows = 1000, 1000
        await pace.put(database, before, lambda connection: time.sleep(0.05))
        assert pace.rows == pytest.approx(before * pieces.HOLD_S / 0.05, rel=0.5)


async def test_between_two_pieces_others_have_as_long_as_a_piece_took(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read meanwhile counts."""
    pauses: list[float] = []
    pace, real = pieces.Pace(), asyncio.sleep

    async def watched(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", watched)
    async with open_stores(sqlite_url) as stores:
        database = stores.leads._database  # type: ignore[attr-defined]  # of SQLite
        for rest_s in (0.0, 0.0, 0.03):
            await real(rest_s)
            await pace.put(database, 100, lambda connection: time.sleep(0.012))
    assert pauses[1] == pytest.approx(0.012, abs=0.01)
    assert pauses[2] < 0


async def test_a_piece_that_is_cancelled_ends_before_anybody_is_told(
    sqlite_url: str, spring: CampaignId
) -> None:
    """So that what clears it away comes after it."""
    async with open_stores(sqlite_url) as stores:
        database = stores.leads._database  # type: ignore[attr-defined]  # of SQLite
        begun, ended = threading.Event(), threading.Event()

        def work(connection: object) -> None:
            begun.set()
            time.sleep(0.1)
            ended.set()

        going = asyncio.create_task(pieces.Pace().put(database, 1, work))
        await asyncio.to_thread(begun.wait, 5)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        assert ended.is_set()
        assert not database.writer.locked()


async def test_a_lead_is_excluded_only_when_it_is_seen(sqlite_url: str, spring: CampaignId) -> None:
    async with open_stores(sqlite_url) as stores:

        async def slow() -> AsyncIterator[Batch]:
            for n in range(3):
                yield Batch(list(entries(500, 1000 + 500 * n)))
            with pytest.raises(Missing):
                await stores.leads.exclude((await stores.leads.find(spring))[0].id + 1)

        await stores.intake.take(spring, "new.csv", slow(), now=AT)
        excluded = await stores.leads.exclude((await stores.leads.find(spring, limit=2))[1].id)
        assert excluded.status is LeadStatus.EXCLUDED


async def test_more_imports_at_once_than_there_are_connections_take_turns(
    stores: Stores, campaign: CampaignId
) -> None:
    others = [(await stores.campaigns.add(Campaign(CampaignId(0), f"c{n}"))).id for n in range(10)]

    async def asking(where: CampaignId) -> AsyncIterator[Batch]:
        for n in range(2):
            assert await stores.leads.known_numbers(where, [f"+7916000000{n}"]) == set()
            await asyncio.sleep(0)
            yield Batch(list(entries(60, 1 + 60 * n)))

    sent = (stores.intake.take(each, "a.csv", asking(each), now=AT) for each in others)
    assert [told.leads for told in await asyncio.gather(*sent)] == [120] * 10
