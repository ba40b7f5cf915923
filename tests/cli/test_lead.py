"""Leads from the terminal: sought, exported, and worked on many at once."""

from __future__ import annotations

import csv
import sqlite3
import time
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


def test_an_instant_behind_us_may_be_told_by_how_long_ago_it_was(listed: Dialer, home: Path) -> None:
    with sqlite3.connect(home / "obzvon.db") as db:
        for lead, ago_s in ((1, 30 * 60), (2, 90 * 60)):
            called = (int((time.time() - ago_s) * 1e6), lead)
            db.execute("UPDATE leads SET last_outcome = 'no_answer', last_at = ? WHERE id = ?", called)
    assert found(listed, "--last-before", "1h") == ["Smith John"]
    assert found(listed, "--last-since", "45m") == ["Иванов Пётр"]
    assert found(listed, "--last-since", "2h", "--last-before", "1d") == []
    assert "2026-02-03T10:00+03:00 or 1h" in listed("lead", "list", "demo", "--last-before", "soon").err
    assert listed("lead", "list", "demo", "--last-before", f"{'9' * 30}d").code == 1
    assert listed("cdr", "list", "--since", "3h", "--until", "5m").code == 0


def test_a_list_is_written_for_a_spreadsheet_and_for_nobody_else(listed: Dialer, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o644)
    assert "3 rows" in listed("lead", "export", "demo", "--to", path, "--excel").out
    assert path.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    assert [row["numbers"][2:-1] for row in rows] == ["+79161234567", "+79161234568", "+79161234569"]
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


def test_a_lead_is_corrected_and_what_cannot_be_is_named(listed: Dialer) -> None:
    lead = listed("lead", "list", "demo", "--search", "Smith", "--json").json[0]["id"]

    def told(*args: str) -> dict[str, Any]:
        done = listed("lead", "set", str(lead), *args, "--json")
        assert done.code == 0, done.err
        return dict(done.json)

    row = told(
        "--phone", "8 (921) 555-12-12#214", "--phone", "+79311234567", "--zone", "UTC+5", "--priority", "7"
    )
    assert (row["numbers"], row["extensions"]) == (["+79215551212", "+79311234567"], {"+79215551212": "214"})
    assert (row["zones"], row["priority"]) == (["Etc/GMT-5"], 7)
    row = told("--field", "name=Smith Jack", "--field", "city=Omsk", "--field", "floor=2")
    assert (row["name"], row["extra"]) == ("Smith Jack", {"city": "Omsk", "floor": "2"})
    assert told("--field", "floor=")["extra"] == {"city": "Omsk"}
    assert told("--next", "2036-03-05T12:00+03:00")["next_at"].startswith("2036-03-05T09:00")
    assert told("--next", "now")["status"] == "new"
    assert "lead 1 is changed" in listed("lead", "set", "1", "--field", "ref=crm-17").out

    for wrong, words in (
        ((), "say what to change"),
        (("--phone", "112"), "--phone"),
        (("--zone", "Mars"), "--zone"),
        (("--field", "name"), "NAME=VALUE"),
        (("--field", "inn=12"), "inn"),
        (("--priority", "1001"), "--priority"),
        (("--next", "soon"), "--next"),
        (("--phone", "8 (916) 123-45-67"), "one of these numbers"),
    ):
        assert words in listed("lead", "set", str(lead), *wrong).err, wrong
    assert "no lead 999" in listed("lead", "set", "999", "--priority", "1").err


def test_why_a_lead_is_not_called_is_asked_of_the_service(listed: Dialer) -> None:
    assert "the service does not run" in listed("lead", "why", "1").err


def test_one_list_of_a_campaign_is_paused_and_called_again(listed: Dialer) -> None:
    assert "list 1 is paused: 3 leads wait in it" in listed("import", "--pause", "1").out
    (row,) = listed("import", "--list", "--json").json
    assert (row["paused"], row["waiting"]) == (True, 3)
    assert listed("campaign", "show", "demo", "--json").json["leads"]["paused"] == 3
    assert "list 1 is called again" in listed("import", "--resume", "1").out
    assert listed("import", "--pause", "1", "--json").json["waiting"] == 3
    assert "there is no import 9" in listed("import", "--resume", "9").err


def test_a_campaign_is_copied_and_archived(listed: Dialer) -> None:
    assert listed("campaign", "set", "demo", "--cap", "5", "--holidays", "ru").code == 0
    made = listed("campaign", "copy", "demo", "autumn", "--json").json
    assert (made["status"], made["cap"], made["holidays"], made["operators"]) == ("draft", 5, "RU", [])
    assert "already" in listed("campaign", "copy", "demo", "autumn").err
    assert "in the archive" in listed("campaign", "archive", "autumn").out
    assert [row["name"] for row in listed("campaign", "list", "--json").json] == ["demo"]
    assert len(listed("campaign", "list", "--archived", "--json").json) == 2
    assert "unarchive" in listed("campaign", "start", "autumn").err
    assert listed("campaign", "unarchive", "autumn").code == 0
    assert len(listed("campaign", "list", "--json").json) == 2
    assert "--holidays" in listed("campaign", "set", "demo", "--holidays", "QQ").err
    assert "known are: none" in listed("campaign", "set", "demo", "--holidays", "RU-MOW").err
    assert listed("campaign", "set", "demo", "--holidays", "none", "--json").json["holidays"] == ""


def test_who_can_be_called_is_told_of_a_file_and_of_a_campaign(shop: Dialer, tmp_path: Path) -> None:
    path = tmp_path / "barred.csv"
    path.write_text("Телефон;ФИО\n+74950000001;А\n+74950000002;Б\n", encoding="utf-8")
    assert shop("dnc", "add", "+7495000000*").code == 0
    dry = shop("import", path, "--campaign", "demo", "--dry-run", "--json").json["outlook"]
    assert (dry["leads"], dry["never"]) == (2, 2)
    assert dry["reasons"] == [{"when": "never", "why": "barred", "leads": 2}]
    assert "of 2 leads 0 can be called now" in shop("import", path, "--campaign", "demo").out
    told = shop("campaign", "outlook", "demo")
    assert "on the do-not-call list  2" in told.out
    assert shop("campaign", "outlook", "demo", "--json").json == dry
    assert "no campaign 'nix'" in shop("campaign", "outlook", "nix").err
