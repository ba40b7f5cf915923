"""Cells, pages, instants and sounds of values: the small rules of the API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from dialer.domain.csvtext import safe_cell
from dialer.web.paging import cut, next_of
from dialer.web.values import Day, Utc

INSTANT: TypeAdapter[datetime] = TypeAdapter(Utc)
DAY: TypeAdapter[str] = TypeAdapter(Day)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1-1", "'+1-1"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r\n=1", "'\r\n=1"),
        ("+79161234567", "+79161234567"),
        ("+7916=cmd", "'+7916=cmd"),
        ("Иван", "Иван"),
        ("", ""),
        (None, ""),
        (-1.5, "-1.5"),
        (0, "0"),
        (True, "True"),
    ],
)
def test_a_cell_never_begins_a_formula(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


def test_pages_of_a_held_list_meet_without_gap_or_overlap() -> None:
    rows = list("hbgacfed")
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page, after = cut(rows, str, after=after, limit=3)
        seen += page
    assert seen == sorted(rows)


def test_only_a_full_page_has_a_successor() -> None:
    assert next_of([1, 2, 3], 3, lambda row: row) == "3"
    assert next_of([1, 2], 3, lambda row: row) is None
    assert next_of([], 3, lambda row: row) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-02-03T10:00:00Z", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("2026-02-03T13:00:00+03:00", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("2026-02-03t10:00:00.5z", datetime(2026, 2, 3, 10, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_an_instant_with_any_offset_becomes_utc(text: str, at: datetime) -> None:
    assert INSTANT.validate_python(text) == at
    assert INSTANT.validate_python(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-03", "2026-02-03T10:00:00", "2026-02-03T10:00Z", "1770112800", 1770112800, None,
     "1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
     "2026-13-01T00:00:00Z", "2026-02-03T10:00:00Z\n"],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        INSTANT.validate_python(text)


def test_a_day_is_a_day_of_the_calendar() -> None:
    assert DAY.validate_python("2028-02-29") == "2028-02-29"
    for wrong in ("2026-02-29", "2026-2-3", "1999-01-01", "2026-02-03T00:00:00Z", 20260203, "２０２６-02-03"):
        with pytest.raises(ValidationError):
            DAY.validate_python(wrong)
