"""A file that every reader of CSV gives back as it was written."""

from __future__ import annotations

import csv
import io

import pytest

from dialer.domain.csvtext import as_csv

CELLS = ["", "a", "a,b;c", 'say "no"', '"', "two\nlines", "two\r\nlines", " space ", "+79161234567", "'=1"]


@pytest.mark.parametrize("separator", [",", ";"])
def test_what_is_written_is_read_back(separator: str) -> None:
    rows = [CELLS, CELLS[::-1]]
    text = as_csv(rows, separator)
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=separator)) == rows
