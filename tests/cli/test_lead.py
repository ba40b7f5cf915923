"""Leads from the terminal: sought, exported, and worked on many at once."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Dialer

LIST = """phone;name;company
8 (916) 123-45-67;Иванов Пётр;ООО Ромашка
8 (916) 123-45-68;Smith John;=cmd|' /C calc'!A0
8 (916) 123-45-69;Петрова Анна;ЗАО Пион
"""


@pytest.fixture
def listed(shop: Dialer, tmp_path: Path) -> Dialer:
    path = tmp_path / "list.csv"
    path.write_text(LIST, encoding="utf-8")
    assert shop("import", path, "--campaign", "demo").code == 0
    return shop


def found(shop: Dialer, *args: str) -> list[str]:
    return [lead["name"] for lead in shop("lead", "list", "demo", *args, "--json").json]


def work(shop: Dialer, *args: str) -> tuple[int, dict[str, Any]]:
    told = shop("lead", "work", *args, "--json").json
    return told["changed"], told["left_out"]


def test_a_lead_is_found_by_whatever_is_known_of_it(listed: Dialer) -> None:
    assert found(listed, "--search", "иванов ромашка") == ["Иванов Пётр"]
    assert found(listed, "--search", "123-45-68") == ["Smith John"]
    assert found(listed, "--status", "new", "--status", "done", "--attempts-most", "0") == [
        "Иванов Пётр",
        "Smith John",
        "Петрова Анна",
    ]
    assert found(listed, "--status", "new", "--limit", "1") == ["Иванов Пётр"]
    assert "Петрова" in listed("lead", "list", "demo", "--search", "анна").out
    assert "There is no such lead." in listed("lead", "list", "demo", "--outcome", "busy").out
    assert "no campaign 'nix'" in listed("lead", "list", "nix").err
    assert "--status" in listed("lead", "list", "demo", "--status", "asleep").err
    assert "--limit" in listed("lead", "list", "demo", "--limit", "0").err


def test_a_list_is_written_for_a_spreadsheet_and_for_nobody_else(listed: Dialer, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o644)
    assert "3 leads" in listed("lead", "export", "demo", "--to", path, "--excel").out
    assert path.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    assert [row["numbers"] for row in rows] == ["+79161234567", "+79161234568", "+79161234569"]
    assert rows[1]["company"] == "'=cmd|' /C calc'!A0"
    told = listed("lead", "export", "demo", "--search", "анна").out
    assert (told.count("\n"), "Петрова Анна" in told) == (2, True)
    assert "another place" in listed("lead", "export", "demo", "--to", tmp_path / "none" / "x.csv").err


def test_many_leads_are_worked_on_at_once_after_a_preview(listed: Dialer) -> None:
    assert "narrows nothing" in listed("lead", "work", "exclude", "demo").err
    assert "would be changed" in listed("lead", "work", "exclude", "demo", "--whole-list", "--dry-run").out
    assert found(listed, "--status", "excluded") == []
    assert work(listed, "exclude", "demo", "--search", "Smith") == (1, {})
    told = listed("lead", "work", "exclude", "demo", "--whole-list").out
    assert ("2 of 3 leads are changed" in told, "as it is 1" in told) == (True, True)
    assert work(listed, "requeue", "demo", "--whole-list") == (0, {"excluded": 3})
    assert work(listed, "include", "demo", "--status", "excluded") == (3, {})
    assert work(listed, "priority", "demo", "--whole-list", "--priority", "7") == (3, {})
    assert "which priority" in listed("lead", "work", "priority", "demo", "--whole-list").err
    assert "none of these" in listed("lead", "work", "dance", "demo", "--whole-list").err
    assert listed("campaign", "add", "other").code == 0
    assert work(listed, "move", "demo", "--search", "Smith", "--to", "other") == (1, {})
    assert work(listed, "delete", "demo", "--whole-list") == (2, {})
    assert found(listed) == []
    assert [lead["name"] for lead in listed("lead", "list", "other", "--json").json] == ["Smith John"]
