"""Files of what shall never be dialled, whose rows may name an end of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest

from dialer.adapters.files.lists import open_content
from dialer.adapters.files.register import Register
from dialer.adapters.fitting import LATEST_AT
from dialer.adapters.phones import reading_of_barred
from dialer.domain.columns import ReadOptions
from dialer.domain.errors import BadValue
from dialer.domain.listing import Flaw, Kind

NOW = datetime(2026, 12, 1, tzinfo=UTC)
OFFICE = timezone(timedelta(hours=3))
ONE, TWO, THREE = "+79211234567", "+79311112233", "+7495*"


def register(text: str, **mapping: str) -> Register:
    opening = partial(open_content, "register.csv", text.encode(), reading_of_barred("RU"))
    return Register(opening, ReadOptions(mapping), zone=OFFICE, now=NOW)


def ends(text: str, **mapping: str) -> Mapping[str, datetime | None]:
    return register(text, **mapping).read()


@pytest.mark.parametrize(
    "header", ["until", "Until at", "expires", "Действует до", "Срок действия", "Дата окончания"]
)
def test_the_column_is_found_by_its_header_and_a_day_begins_by_the_clock_of_the_office(header: str) -> None:
    found = ends(f"phone;{header}\n{ONE};01.02.2027\n{TWO};\n{THREE};2027-02-01T10:00+00:00\n")
    assert found == {
        ONE: datetime(2027, 2, 1, tzinfo=OFFICE),
        TWO: None,
        THREE: datetime(2027, 2, 1, 10, tzinfo=UTC),
    }


@pytest.mark.parametrize("text", [f"phone;с\n{ONE};01.02.2027\n", f"phone;срок\n{ONE};30 дней\n{TWO};год\n"])
def test_a_column_that_promises_no_end_or_holds_no_days_is_none(text: str) -> None:
    assert set(ends(text).values()) == {None}


def test_the_column_can_be_named() -> None:
    text = f"phone;a\n{ONE};2027-02-01\n"
    assert ends(text, until="a") == ends(text, until="2") == {ONE: datetime(2027, 2, 1, tzinfo=OFFICE)}
    assert register(text, until="a").columns == {"phone": "phone", "a": "until"}
    for wrong in ("b", "phone"):
        with pytest.raises(BadValue):
            ends(text, until=wrong)


def test_a_row_with_a_wrong_end_is_refused_and_takes_no_number() -> None:
    flaws: list[Flaw] = []
    file = register(f"phone;until\n{ONE};завтра\n{ONE};2027-02-01\n{TWO};2020-01-01\nphone;until\n")
    assert file.read(flaws.extend) == {ONE: datetime(2027, 2, 1, tzinfo=OFFICE)}
    assert [(flaw.line, flaw.kind) for flaw in flaws] == [
        (2, Kind.REFUSED),
        (4, Kind.REFUSED),
        (5, Kind.SKIPPED),
    ]
    assert (file.counts.rows, file.counts.refused, file.counts.skipped) == (4, 2, 1)


def test_an_end_that_no_database_holds_is_the_last_that_it_can() -> None:
    assert ends(f"phone;until\n{ONE};9999-12-31\n") == {ONE: LATEST_AT}
