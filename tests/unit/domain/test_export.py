"""A cell for a person, and as Excel reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dialer.domain.export import Kind, Reader, columns, excel_cell, for_people, kind_of
from dialer.domain.said import titled
from dialer.domain.types import Outcome

AT = datetime(2026, 2, 3, 22, 30, 5, 700, tzinfo=UTC)
READER = Reader(str, ZoneInfo("Asia/Vladivostok"), {1: "spring"}, {"101": "Anna"})


def test_people_get_names_local_times_and_words() -> None:
    names = titled("campaign", "operator", "last_at", "numbers", "tried", "expired", "id", context="table")
    table = columns(names, inner=["id"])
    row = [1, "101", AT, ("+79161112233", "+79161112244"), {Outcome.NO_ANSWER: 2}, False, "c-1"]
    assert for_people(row, table, READER) == [
        "spring",
        "101 Anna",
        datetime(2026, 2, 4, 8, 30, 5),  # noqa: DTZ001 a spreadsheet knows no zones
        "+79161112233, +79161112244",
        "no answer: 2",
        "no",
    ]
    unknown = for_people([7, "999", None, (), {}, True, ""], table, READER)
    assert unknown == ["7", "999", None, "", "", "yes"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (12, "12"),
        (30.0, "30"),
        (0.0, "0"),
        (1234567.25, "1234567,25"),
        (0.00314159, "0,0031"),
        (datetime(2026, 2, 4, 8, 30, 5), "2026-02-04 08:30:05"),  # noqa: DTZ001
        ("+79161112233", '="+79161112233"'),
        ("+79161112233, +442079460958", '="+79161112233, +442079460958"'),
        ("+7********33", '="+7********33"'),
        ("+7495*", '="+7495*"'),
        ("+79161112233: 12; +442079460958: 4", '="+79161112233: 12; +442079460958: 4"'),
        ("+79161112233, +cmd", "'+79161112233, +cmd"),
        ("0123456789", '="0123456789"'),
        ("1-2", '="1-2"'),
        ("5%", '="5%"'),
        ("12:30", '="12:30"'),
        ("=2+5", "'=2+5"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-5+3", "'-5+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ('+7", "x', '\'+7", "x'),
        ("Анна", "Анна"),
    ],
)
def test_excel_takes_a_cell_for_what_it_is(value: Any, cell: str) -> None:
    assert excel_cell(value, ",") == cell


def test_the_kind_of_a_column_follows_from_its_name() -> None:
    named = {
        name: kind_of(name) for name in ("at", "until_at", "talk_s", "occupancy", "numbers", "note", "calls")
    }
    assert list(named.values()) == [
        Kind.INSTANT, Kind.INSTANT, Kind.SECONDS, Kind.SHARE, Kind.PHONE, Kind.TEXT, Kind.WHOLE,
    ]  # fmt: skip


@pytest.mark.parametrize(("told", "sign"), [("0.5", "."), ("0,5", ",")])
def test_a_reader_knows_the_sign_between_a_whole_number_and_its_parts(told: str, sign: str) -> None:
    assert Reader(lambda text: told, UTC, {}, {}).decimal == sign
