"""A list file into a campaign: what is new, what changes people who are there, what is left out and why."""

from __future__ import annotations

import csv
import resource
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.calendars import holiday_of
from dialer.adapters.files.lists import open_path
from dialer.adapters.files.opening import Opener
from dialer.domain.access import Caller
from dialer.domain.columns import ReadOptions
from dialer.domain.dialable import DialRules
from dialer.domain.errors import BadValue, Forbidden
from dialer.domain.intake import Counts, Known
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw, Kind
from dialer.domain.types import CampaignId
from dialer.office import imports
from dialer.office.imports import Imported, Order, Told
from dialer.office.outlook import Means
from dialer.ports.stores import Stores
from tests.parts.office.conftest import ANNA, BOSS, NOBODY, WALL

SPRING = CampaignId(1)
NOW = datetime(2026, 2, 3, 9, 0, tzinfo=UTC)
OLD = "телефон;имя;компания;город\n89161234567;Иван;Ромашка;Омск\n89161234568;Пётр;;\n"


class Desk:
    """Imports files, and remembers what was said of their rows."""

    def __init__(self, stores: Stores, folder: Path) -> None:
        self.stores, self.folder = stores, folder
        self.flaws: list[Flaw] = []

    async def __call__(
        self,
        text: str,
        known: Known = Known.SKIP,
        *,
        who: Caller = BOSS,
        dry_run: bool = False,
        **options: object,
    ) -> Imported:
        path = self.folder / "list.csv"
        path.write_text(text, encoding="utf-8")
        opener = Opener(partial(open_path, path), country="RU", rules=DialRules(frozenset({"RU"})))
        given = ReadOptions(**options)  # type: ignore[arg-type]  # as there
        order = Order(SPRING, path.name, given, known, dry_run)
        self.flaws = []
        told = Told(flaws=self.flaws.extend)
        means = Means(lambda number, trunks, country: None, ZoneInfo, UTC, holiday_of)
        return await imports.take(order, opener, who, self.stores, means=means, now=NOW, told=told)

    async def people(self) -> Sequence[Lead]:
        return await self.stores.leads.find(SPRING, limit=1000)


@pytest.fixture
async def desk(stores: Stores, tmp_path: Path) -> Desk:
    made = Desk(stores, tmp_path)
    assert (await made(OLD)).counts == Counts(rows=2, leads=2)
    return made


@pytest.mark.parametrize("who", [NOBODY, WALL, ANNA], ids=lambda who: who.user)
async def test_who_may_not_change_leads_imports_none(desk: Desk, who: Caller) -> None:
    with pytest.raises(Forbidden):
        await desk("phone\n89161234569\n", who=who)
    with pytest.raises(Forbidden):
        await imports.undo(1, who, desk.stores)
    assert len(await desk.people()) == 2
    assert [row["leads"] for row in await desk.stores.leads.imports(SPRING)] == [2]


async def test_by_default_known_numbers_are_left_out(desk: Desk) -> None:
    text = "телефон;имя\n89161234567;Иван И.\n89161234568, 89161234570;Пётр\n89161234571;Юлия\n"
    told = await desk(text)
    assert told.counts == Counts(rows=3, leads=2, duplicates=1, left_out=1)
    assert [(flaw.line, flaw.kind) for flaw in desk.flaws] == [(2, Kind.DUPLICATE), (3, Kind.LEFT_OUT)]


async def test_of_a_row_with_a_known_number_the_other_one_becomes_a_lead(desk: Desk) -> None:
    told = await desk("телефон;мобильный;имя\n89161234567;89161234570;Иван\n")
    assert told.counts == Counts(rows=1, leads=1, left_out=1)
    (flaw,) = desk.flaws
    assert (flaw.column, flaw.value, flaw.reason) == (
        "телефон",
        "+79161234567",
        "the number is in the campaign already",
    )
    assert (await desk.people())[-1].numbers == ("+79161234570",)


async def test_update_gives_leads_that_are_there_what_the_row_says(desk: Desk) -> None:
    before = await desk.people()
    text = (
        "телефон;имя;компания;город;приоритет\n"
        "8 916 123 45 67;Иван Петров;;Томск;5\n"  # no company: it stays
        "89161234568;Пётр;;;\n"  # nothing new
        "89161234569;Юлия;;;\n"
    )
    preview = await desk(text, Known.UPDATE, dry_run=True)
    assert (preview.import_id, await desk.people()) == (None, before)
    told = await desk(text, Known.UPDATE)
    assert told.counts == preview.counts == Counts(rows=3, leads=1, updated=1, duplicates=1)
    ivan, peter, julia = await desk.people()
    assert ivan == replace(
        before[0], name="Иван Петров", priority=5, zones=("Asia/Tomsk",), extra={"город": "Томск"}
    )
    assert (peter, julia.name) == (before[1], "Юлия")
    (flaw,) = [one for _, _, flaws in preview.preview.rows for one in flaws if one.kind is Kind.UPDATED]
    assert flaw.reason == f"changes lead {ivan.id}: name, priority, zones, extra"
    assert [(one.line, one.kind, one.reason) for one in desk.flaws] == [
        (3, Kind.DUPLICATE, f"lead {peter.id} has these values already")
    ]
    assert await imports.undo(told.import_id or 0, BOSS, desk.stores) == 1
    assert await desk.people() == before


async def test_an_update_takes_no_new_number_and_names_it(desk: Desk) -> None:
    told = await desk("телефон;мобильный;имя\n89161234567;89161234570;Ваня\n", Known.UPDATE)
    assert told.counts == Counts(rows=1, updated=1, left_out=1)
    (flaw,) = desk.flaws
    assert (flaw.value, "--known add" in flaw.reason) == ("+79161234570", True)
    assert (await desk.people())[0].numbers == ("+79161234567",)


async def test_a_zone_that_was_worked_out_from_the_number_takes_no_place_of_another(desk: Desk) -> None:
    before = (await desk.people())[0]
    told = await desk("телефон;имя\n89161234567;Ваня\n", Known.UPDATE)
    assert ((await desk.people())[0].zones, told.counts.updated) == (before.zones, 1)
    await desk("телефон;имя\n89161234567;Ваня\n", Known.UPDATE, zone="UTC+7")
    assert (await desk.people())[0].zones != before.zones


async def test_add_gives_the_lead_the_numbers_that_are_new(desk: Desk) -> None:
    text = "телефон;мобильный;имя\n89161234567;89161234570;Ваня\n89161234568;;Пётр\n89161234571;;Юлия\n"
    preview = await desk(text, Known.ADD, dry_run=True)
    told = await desk(text, Known.ADD)
    assert told.counts == preview.counts == Counts(rows=3, leads=1, updated=1, duplicates=1)
    ivan, _, julia = await desk.people()
    assert (ivan.name, ivan.numbers) == ("Иван", ("+79161234567", "+79161234570"))
    assert julia.numbers == ("+79161234571",)
    await imports.undo(told.import_id or 0, BOSS, desk.stores)
    assert [lead.numbers for lead in await desk.people()] == [("+79161234567",), ("+79161234568",)]


async def test_a_list_of_known_people_alone_is_no_import(desk: Desk) -> None:
    told = await desk(OLD)
    assert (told.import_id, told.counts) == (None, Counts(rows=2, duplicates=2))
    assert len(await desk.stores.leads.imports(SPRING)) == 1


async def test_a_duplicate_with_a_bad_number_beside_it_is_refused(desk: Desk) -> None:
    told = await desk("телефон;имя\n89161234567, 8916123;Иван\n")
    assert (told.counts, {flaw.kind for flaw in desk.flaws}) == (Counts(rows=1, refused=1), {Kind.REFUSED})


async def test_a_list_that_cannot_be_read_to_its_end_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer.adapters.files.text.LONGEST_LINE", 10)
    numbers = "".join(f"8916{n:07}\n" for n in range(3000))
    with pytest.raises(BadValue, match="more than"):
        await desk(f"phone\n{numbers}{'9' * 1_000_001}\n")
    assert len(await desk.people()) == 2
    assert len(await desk.stores.leads.imports(SPRING)) == 1


async def test_the_order_of_the_file_is_the_order_of_the_leads_however_long_it_is(desk: Desk) -> None:
    path = desk.folder / "big.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["phone", "ref"])
        rows.writerows([f"+7921{n * 7919 % 10_000_000:07}", n] for n in range(5_000))
    told = await desk(path.read_text(encoding="utf-8"))
    assert told.counts == Counts(rows=5_000, leads=5_000)
    found: list[Lead] = []
    while page := await desk.stores.leads.find(SPRING, after=found[-1].id if found else 0, limit=1000):
        found += page
    assert [lead.ref for lead in found[2:]] == [str(n) for n in range(5_000)]


def test_a_million_numbers_are_remembered_in_little_room() -> None:
    """By the size of the arrays: the whole process is measured by `python -m bench import`."""
    from dialer.domain.listing import Taken  # noqa: PLC0415  beside what it is about

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = Taken()
    for n in range(100_000):
        taken.put(f"+7921{n:07}", n, n)
    assert all(taken.get(f"+7921{n:07}") == n << 32 | n for n in range(0, 100_000, 97))
    assert taken.get("+79210100000") is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000
