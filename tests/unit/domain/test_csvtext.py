"""A file that every reader of CSV gives back as it was written."""

from __future__ import annotations

import csv
import io

import pytest

from dialer.domain.csvtext import as_csv, safe_cell

CELLS = ["", "a", "a,b;c", 'say "no"', '"', "two\nlines", "two\r\nlines", " space ", "+79161234567", "'=1"]


@pytest.mark.parametrize("separator", [",", ";"])
def test_what_is_written_is_read_back(separator: str) -> None:
    rows = [CELLS, CELLS[::-1]]
    text = as_csv(rows, separator)
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=separator)) == rows


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", ""),
        (0, "0"),
        (-5, "-5"),
        (True, "True"),
        ("-5", "'-5"),
        *((f"{sign}cmd", f"'{sign}cmd") for sign in "=+-@\t\r\n"),
        ("a=1", "a=1"),
        ("+79161234567", "+79161234567"),
        ("+7*******67", "+7*******67"),
        ("+7916123456789012", "'+7916123456789012"),
        ("+79161234567 ext 2", "'+79161234567 ext 2"),
    ],
)
def test_a_spreadsheet_takes_no_text_for_a_formula_and_phone_numbers_and_figures_stay_what_they_are(
    value: object, cell: str
) -> None:
    assert safe_cell(value) == cell
