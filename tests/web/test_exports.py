"""Tables as files: Excel takes each value for what it is, a workbook says the same, takers are noted."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from dialer.adapters.files import workbook as writer
from dialer.domain.cdr import Closing, Remark
from dialer.domain.dnc import Entry
from dialer.domain.export import Taken
from dialer.domain.operators import Account, StateChange
from dialer.domain.operators import State as Post
from dialer.domain.types import CallId, CampaignId, OperatorId, Outcome, PhoneKind, PhoneNumber, TrunkId
from dialer.office import exports, records
from tests.web.conftest import Api
from tests.web.world import NOW, record

SPAN = "since_at=2026-02-03T09:00:00Z&until_at=2026-02-03T12:00:00Z"
TABLES = {
    "/v1/cdrs.csv": "records",
    "/v1/campaigns/1/leads.csv": "leads",
    "/v1/dnc.csv": "dnc",
    "/v1/operators.csv": "operators",
    f"/v1/hours.csv?{SPAN}": "hours",
    "/v1/today.csv?day=2026-02-03": "today",
}
RUSSIAN = {"Accept-Language": "ru"}


async def fill(api: Api) -> None:
    """Values of every kind that a spreadsheet likes to change."""
    stores = api.world.stores
    unheard = replace(
        record(2, CampaignId(1)), operator=None, bridge_at=None, wait_s=None, talk_s=0.0, sip_code=486
    )
    await stores.ledger.close([Closing(unheard, None, unheard.id)])
    lead = {
        "numbers": ["+79211110001", "+79311110001"],
        "name": "=2+5",
        "company": "1-2",
        "inn": "7707083893",
        "ref": "00123",
        "extra": {"город": "Омск", "сумма": "1,5"},
    }
    async with api["supervisor"].post("/v1/campaigns/1/leads", json=[lead]) as added:
        assert added.status == 201
    await stores.numbers.block(
        Entry("+7495*", None, "@asked", NOW, "реестр", "boss", NOW + timedelta(days=1))
    )
    await stores.numbers.block(
        Entry("+79160000001", CampaignId(1), "", NOW, until_at=NOW - timedelta(days=1))
    )
    phone = PhoneNumber("+79161112244")
    far = Account(OperatorId("190"), "", phone=PhoneKind.OUTSIDE, number=phone, trunk=TrunkId("main"))
    await stores.accounts.add(far)
    moves = [(Post.OFFLINE, Post.READY, 0), (Post.READY, Post.TALKING, 10), (Post.TALKING, Post.PAUSED, 25)]
    await stores.ledger.log(
        [StateChange(OperatorId("101"), was, became, "", NOW - timedelta(minutes=30 - at, milliseconds=500))
         for was, became, at in moves]
    )  # fmt: skip


async def fetched(api: Api, path: str, **headers: str) -> bytes:
    async with api["supervisor"].get(path, headers=headers) as told:
        assert told.status == 200, await told.text()
        return await told.read()


def joined(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}"


def excels(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";"))


def taken_by_excel(cell: str, decimal: str) -> Any:
    """What Excel makes of a cell of a CSV file, as far as these go."""
    if cell.startswith('="') and cell.endswith('"'):
        return cell[2:-1]
    try:
        return datetime.strptime(cell, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 a spreadsheet knows no zones
    except ValueError:
        pass
    try:
        return float(cell.replace(decimal, "."))
    except ValueError:
        return cell.removeprefix("'")


def rows_of(book: bytes, sheet: int = 0) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(sheet).to_python()


@pytest.mark.parametrize("headers", [{}, RUSSIAN], ids=["en", "ru"])
@pytest.mark.parametrize("path", TABLES)
async def test_a_workbook_says_what_the_text_for_excel_says(
    api: Api, path: str, headers: dict[str, str]
) -> None:
    await fill(api)
    text = (await fetched(api, joined(path, "excel=true"), **headers)).decode()
    assert text.startswith("\ufeff")
    head, *rows = excels(text)
    decimal = "," if headers else "."
    ours = [head, *([taken_by_excel(cell, decimal) for cell in row] for row in rows)]
    async with api["supervisor"].get(joined(path, "format=xlsx"), headers=headers) as told:
        assert told.content_type.endswith("spreadsheetml.sheet")
        assert told.headers["Content-Disposition"].endswith('.xlsx"')
        book = await told.read()
    theirs = [[round(cell, 4) if isinstance(cell, float) else cell for cell in row] for row in rows_of(book)]
    assert rows
    assert theirs == ours
    # and the plain form has the same rows
    plain = (await fetched(api, path)).decode()
    assert len(list(csv.reader(io.StringIO(plain, newline="")))) == len(rows) + 1


async def column(api: Api, path: str, name: str, **headers: str) -> Sequence[Any]:
    head, *rows = rows_of(await fetched(api, joined(path, "format=xlsx"), **headers))
    return [row[head.index(name.replace("_", " "))] for row in rows]


async def test_excel_gets_local_times_names_and_phones_as_text(api: Api) -> None:
    await fill(api)
    text = (await fetched(api, "/v1/cdrs.csv?excel=true", **RUSSIAN)).decode()
    head, first, *_ = excels(text)
    row = dict(zip(head, first, strict=True))
    assert row["номер"] == '="+79160000000"'
    assert row["кампания"] == "spring"
    assert row["оператор"] == "101 Operator 101"
    assert row["исход"] == "разговор"
    assert "2026-02-03 13:00:00" in first, "by the office's clock, three hours ahead of UTC"
    assert row["причина"] == "'=cmd|' /C calc'!A0"
    assert "0,003" in first
    assert (await column(api, "/v1/cdrs.csv", "talk_s"))[0] == 30.0
    leads = "/v1/campaigns/1/leads.csv"
    assert (await column(api, leads, "numbers"))[-1] == "+79211110001, +79311110001"
    assert [(await column(api, leads, name))[-1] for name in ("inn", "ref", "company", "name", "extra")] == [
        "7707083893", "00123", "1-2", "=2+5", "город: Омск; сумма: 1,5",
    ]  # fmt: skip
    assert await column(api, "/v1/dnc.csv", "expired") == ["no", "yes"]
    assert (await column(api, f"/v1/hours.csv?{SPAN}", "talking_s")) == [900.0]


async def test_a_program_gets_ids_and_utc(api: Api) -> None:
    await fill(api)
    (row, *_) = csv.DictReader(io.StringIO((await fetched(api, "/v1/cdrs.csv")).decode()))
    assert (row["campaign"], row["dialled_at"], row["operator"]) == ("1", "2026-02-03T10:00:00Z", "101")
    (one, *_) = csv.DictReader(io.StringIO((await fetched(api, "/v1/dnc.csv?source=реестр")).decode()))
    assert one["entry"] == "+7495*"


async def test_all_phones_of_a_lead_are_written_alike_and_its_list_is_named(api: Api) -> None:
    await fill(api)
    made = list(csv.DictReader(io.StringIO((await fetched(api, "/v1/campaigns/1/leads.csv")).decode())))
    assert [row["numbers"] for row in made][-2:] == ["+79160000002", "+79211110001 +79311110001"]
    assert [(row["import_id"], row["list"]) for row in made][-2:] == [("1", "spring.csv"), ("2", "api")]
    head, *rows = excels((await fetched(api, "/v1/campaigns/1/leads.csv?excel=true", **RUSSIAN)).decode())
    assert rows[-1][head.index("номера")] == '="+79211110001, +79311110001"'
    assert rows[-2][head.index("список")] == "spring.csv"
    assert rows[-1][head.index("состояние")] == "новый"


async def test_a_record_tells_when_the_person_is_called_again_and_the_disposition_by_its_title(
    api: Api,
) -> None:
    at = NOW + timedelta(hours=2)
    said = Remark(CallId("c-0"), OperatorId("101"), NOW, "callback", at)
    await api.world.stores.ledger.remark([said])
    (plain, *_) = csv.DictReader(io.StringIO((await fetched(api, "/v1/cdrs.csv")).decode()))
    assert (plain["disposition"], plain["callback_at"]) == ("callback", "2026-02-03T12:00:00Z")
    head, first, *_ = excels((await fetched(api, "/v1/cdrs.csv?excel=true", **RUSSIAN)).decode())
    row = dict(zip(head, first, strict=True))
    assert (row["итог"], row["перезвон"]) == ("Перезвонить", "2026-02-03 15:00:00")
    assert row["направление"] == "исходящий"


async def test_what_was_taken_is_noted_with_its_rows_and_its_filter(api: Api) -> None:
    await fill(api)
    for path, table in TABLES.items():
        await fetched(api, joined(path, "format=xlsx"))
        noted: Taken = api.world.outside.taken[-1]
        assert (noted.table, noted.by, noted.origin, noted.whole) == (table, "supervisor", "127.0.0.1", True)
        assert noted.rows > 0
    assert api.world.outside.taken[0].asked == {}
    await fetched(api, "/v1/cdrs.csv?outcome=busy&campaign=1")
    assert api.world.outside.taken[-1].rows == 0
    assert api.world.outside.taken[-1].asked == {"outcome": "busy", "campaign": 1}


async def test_an_export_that_breaks_off_is_noted_as_far_as_it_came(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "EXPORT_PAGE", 1)
    search, asked = records.search, []

    async def fails(*args: Any) -> Any:
        asked.append(args)
        if len(asked) > 1:
            raise RuntimeError("the disk is gone")
        return await search(*args)

    monkeypatch.setattr(records, "search", fails)
    with pytest.raises(Exception):  # noqa: B017 whatever the client calls a body that ends too early
        await fetched(api, "/v1/cdrs.csv")
    (noted,) = api.world.outside.taken
    assert (noted.rows, noted.whole) == (1, False)


async def test_a_table_that_is_longer_than_a_sheet_goes_on_on_the_next(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SHEET_ROWS", 3)
    monkeypatch.setattr(exports, "PAGE", 2)
    book = await fetched(api, "/v1/campaigns/1/leads.csv?format=xlsx")
    first, second = rows_of(book), rows_of(book, 1)
    assert (len(first), len(second), first[0]) == (3, 2, second[0])


@pytest.mark.parametrize("path", TABLES)
@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_whole_tables_are_for_supervisors(api: Api, path: str, role: str) -> None:
    async with api[role].get(path) as refused:
        assert refused.status == 403
        assert "needs the role supervisor" in (await refused.json())["detail"]
    assert api.world.outside.taken == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "True"),
        (NOW + timedelta(microseconds=700), "2026-02-03T10:00:00.000700Z"),
        ({Outcome.BUSY: 2}, '{"busy": 2}'),
        ({}, ""),
        (("a", "b"), "a b"),
        (("+79161112233", "+442079460958"), "+79161112233 +442079460958"),
        (("+79161112233", "=1"), "'+79161112233 =1"),
        ("=1+1", "'=1+1"),
        (0.5, "0.5"),
    ],
)
def test_a_program_gets_plain_values(value: Any, text: str) -> None:
    assert exports.plain_cell(value) == text
