"""`dialer export`: tables as files, and the system's log knows who took them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from dialer.adapters import listening
from dialer.domain.export import Taken
from tests.cli.conftest import Dialer


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(listening.syslog, "syslog", lambda level, text: lines.append(text))
    return lines


@pytest.mark.parametrize("table", ["records", "leads", "dnc", "operators", "hours", "today"])
def test_every_table_is_written_and_told(shop: Dialer, tmp_path: Path, logged: list[str], table: str) -> None:
    shop("dnc", "add", "89161234567", "--reason", "asked")
    narrow = ("--campaign", "demo") if table == "leads" else ()
    path = tmp_path / "out.xlsx"
    assert "is in" in (told := shop("export", table, *narrow, "--xlsx", path)).out or "are in" in told.out
    assert path.stat().st_mode & 0o777 == 0o600
    head, *rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
    text = shop("export", table, *narrow, "--excel").out
    shown = list(csv.reader(text.removeprefix("\ufeff").splitlines(), delimiter=";"))
    assert (shown[0], len(shown) - 1) == (head, len(rows))
    assert len(logged) == 2
    assert all(f"table='{table}'" in line and "origin='cli:" in line for line in logged)
    assert f"rows={len(rows)}" in logged[0]


def test_what_a_table_does_not_know_is_refused(shop: Dialer, tmp_path: Path, logged: list[str]) -> None:
    assert "--source" in shop("export", "records", "--source", "x").err
    assert "--campaign NAME" in shop("export", "leads").err
    assert "--xlsx" in shop("export", "dnc", "--excel", "--xlsx", tmp_path / "x.xlsx").err
    assert "another place" in shop("export", "dnc", "--xlsx", tmp_path / "none" / "x.xlsx").err
    assert shop("export", "everything").code != 0


def test_a_log_line_has_no_whole_number(logged: list[str]) -> None:
    taken = Taken("records", "cli", "cli:anna", {"number": "+79161234567"}, rows=3, whole=True)
    listening.exported_by_hand(taken)
    listening.exported(taken)
    assert "+79161234567" not in logged[0]
    assert "table='records'" in logged[0]
