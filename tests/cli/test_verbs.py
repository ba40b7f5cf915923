"""Every verb that works on the database, from the terminal to the row and back."""

from __future__ import annotations

import math
import sqlite3
import struct
import wave
from pathlib import Path

import pytest

from dialer.keeper.store import MARK
from tests.cli.conftest import Dialer


def tone(path: Path, seconds: float = 2.0) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (int(12000 * math.sin(n / 3)) for n in range(int(8000 * seconds)))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path


# --- campaigns --------------------------------------------------------------------------------------------


def test_a_campaign_keeps_what_was_set_and_nothing_else_changes(shop: Dialer) -> None:
    was = shop("campaign", "show", "demo", "--json").json
    paced = ("--ceiling", "2,5 %", "--best-first", "yes", "--tone", "no")
    args = ("--mode", "power", "--ratio", "1,5", *paced, "--schedule", "Mon-Fri 9:00-20:00", "--rest", "45m")
    assert shop("campaign", "set", "demo", *args, "--retry", "busy=5m,1h").code == 0
    now = shop("campaign", "show", "demo", "--json").json
    assert (now["mode"], now["ratio"], now["rest_s"], len(now["schedule"])) == ("power", 1.5, 2700.0, 5)
    assert (was["ceiling"], was["best_first"], was["tone"]) == (0.03, False, True)
    assert (now["ceiling"], now["best_first"], now["tone"]) == (0.025, True, False)
    assert "2.50%" in shop("campaign", "show", "demo").out
    assert now["retries"]["busy"] == {"delays_s": [300.0, 3600.0], "next_number": False}
    assert now["retries"]["no_answer"] == was["retries"]["no_answer"]
    assert now["operators"] == ["101", "102", "103"]


def test_a_campaign_starts_when_nothing_is_missing(shop: Dialer, tmp_path: Path) -> None:
    said = shop("campaign", "start", "demo")
    assert said.code == 1
    assert "no message" in said.err
    assert "`dialer campaign message demo FILE.wav`" in said.err
    assert shop("campaign", "message", "demo", tone(tmp_path / "m.wav")).code == 0
    started = shop("campaign", "start", "demo")
    assert "number that people see" not in started.err
    assert (started.code, "running" in started.out) == (0, True)
    assert "dialer run" in started.err  # nothing dials while the service does not run
    assert shop("campaign", "pause", "demo").code == 0
    assert shop("campaign", "start", "demo").code == 0
    told = shop("stop").out  # no web answers: the database has it, and an engine reads that
    assert ("paused: demo" in told, "within a second" in told) == (True, True)
    assert shop("stop", "--json").json["pushed"] is False
    assert "no campaign was running" in shop("stop", "--talks", "end").out
    assert "go-on" in shop("stop", "--talks", "later").err
    assert shop("campaign", "list", "--json").json[0]["status"] == "paused"
    assert shop("campaign", "stop", "demo").code == 0


def test_a_campaign_whose_trunk_shows_no_number_is_told_so_when_it_starts(
    shop: Dialer, tmp_path: Path
) -> None:
    shop("campaign", "message", "demo", tone(tmp_path / "m.wav"))
    shop("trunk", "add", "spare", "--host", "127.0.0.8")
    shop("campaign", "set", "demo", "--trunks", "main,spare")
    said = shop("campaign", "start", "demo")
    assert (said.code, "`dialer trunk set spare --caller-ids NUMBER`" in said.err) == (0, True)
    assert "trunk main" not in said.err
    shop("trunk", "set", "spare", "--caller-ids", "84951234568")
    assert "spare" not in shop("campaign", "start", "demo").err


def test_a_purpose_that_the_law_forbids_to_dial_automatically_does_not_start(
    shop: Dialer, tmp_path: Path
) -> None:
    shop("campaign", "message", "demo", tone(tmp_path / "m.wav"))
    shop("campaign", "set", "demo", "--purpose", "advertising")
    said = shop("campaign", "start", "demo")
    assert said.code == 1
    assert "38-FZ" in said.err
    assert shop("campaign", "list", "--json").json[0]["status"] == "draft"


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--ring-s", "5", "at least 15 s"),
        ("--ring-s", "soon", "not a length of time"),
        ("--ratio", "99", "not from 0.1 to 10"),
        ("--ceiling", "0.03", "not from 0.1% to 5.0%"),
        ("--ceiling", "5.1%", "not from 0.1% to 5.0%"),
        ("--ceiling", "three", "not a percentage, such as 3 or 2.5%"),
        ("--best-first", "1", "yes or no"),
        ("--mode", "fast", "progressive"),
        ("--operators", "101,999", "no operator 999"),
        ("--operators", "103-101", "101-110"),
        ("--trunks", "gone", "no trunk gone"),
        ("--schedule", "Mo 9-20", "write Mon, Tue, Wed"),
        ("--schedule", "Mon 25:00-26:00", "not a time of day"),
        ("--retry", "maybe=5m", "no outcome"),
        ("--caller-id", "12", "not a phone number"),
        ("--max-attempts", "1.5", "whole number"),
        ("--record", "perhaps", "yes or no"),
        ("--tone", "loud", "yes or no"),
        ("--rename", "", "say what to change"),
        ("--cap", "-1", "not from 0 to 100,000"),
    ],
)
def test_a_bad_value_is_told_by_its_option_and_changes_nothing(
    shop: Dialer, option: str, value: str, told: str
) -> None:
    was = shop("campaign", "show", "demo", "--json").json
    said = shop("campaign", "set", "demo", f"{option}={value}")
    assert said.code == 1
    assert told in said.err
    if value:
        assert option in said.err
    assert shop("campaign", "show", "demo", "--json").json == was


def test_a_campaign_that_is_not_there_is_told_with_those_that_are(shop: Dialer) -> None:
    said = shop("campaign", "show", "nix")
    assert said.code == 1
    assert "'demo'" in said.err


@pytest.mark.parametrize("content", [b"", b"no wav at all", b"RIFF\x00\x00\x00\x00WAVE"])
def test_what_is_no_sound_is_no_message(shop: Dialer, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    said = shop("campaign", "message", "demo", tmp_path / "bad.wav")
    assert said.code == 1
    assert "WAV" in said.err
    assert shop("campaign", "show", "demo", "--json").json["message"] == ""


# --- trunks, operators ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ("bad name", "--host", "sip.example.org"),
        ("x\nEvil", "--host", "sip.example.org"),
        ("101", "--host", "sip.example.org"),
        ("spare",),
        ("spare", "--host", "x;y"),
        ("spare", "--host", "a\r\nb"),
        ("spare", "--host", "h", "--port", "70000"),
        ("spare", "--host", "h", "--codecs", "mp3"),
        ("spare", "--host", "h", "--lines", "0"),
        ("spare", "--host", "h", "--user", "bob"),
        ("spare", "--host", "h", "--user", "bob", "--password-file", "/nowhere/secret"),
        ("spare", "--host", "h", "--register", "yes"),
        ("spare", "--host", "h", "--from-user", "a b"),
        ("spare", "--host", "h", "--number-format", "9"),
        ("spare", "--host", "h", "--caller-ids", "12"),
        ("spare", "--host", "h", "--prefixes", "7"),
        ("spare", "--host", "h", "--prefixes", "+7,+210"),
        ("spare", "--host", "h", "--prefixes", "+7600"),
        ("main", "--host", "h"),
    ],
)
def test_a_trunk_that_asterisk_would_not_take_is_not_added(shop: Dialer, args: tuple[str, ...]) -> None:
    said = shop("trunk", "add", *args)
    assert (said.code, len(said.err.strip()) > 10) == (1, True)
    assert [one["id"] for one in shop("trunk", "list", "--json").json] == ["main"]


def test_a_trunk_in_use_is_not_removed(shop: Dialer) -> None:
    said = shop("trunk", "remove", "main")
    assert said.code == 1
    assert "'demo'" in said.err
    shop("campaign", "set", "demo", "--trunks", "none")
    assert shop("trunk", "remove", "main").code == 0
    assert shop("trunk", "list", "--json").json == []


def test_a_range_of_operators_is_added_and_changed_at_once(shop: Dialer, home: Path) -> None:
    said = shop("operator", "add", "103-105,110", "--leg", "on_demand")
    assert said.code == 1
    assert "operator 103: there is an operator 103 already" in said.err
    assert "not done for 1 of 4 operators: 103" in said.err
    found = {one["id"]: one for one in shop("operator", "list", "--json").json}
    assert [found[one]["leg"] for one in ("103", "104", "105", "110")] == ["nailed_up", *["on_demand"] * 3]
    assert len({found[one]["sip_password_file"] for one in ("104", "105", "110")}) == 3
    assert [
        one["language"] for one in shop("operator", "set", "104-105", "--language", "en", "--json").json
    ] == [
        "en",
        "en",
    ]
    assert shop("operator", "remove", "104-105").code == 0
    found = {one["id"]: one for one in shop("operator", "list", "--json").json}
    assert [found[one]["enabled"] for one in ("104", "105", "110")] == [False, False, True]


def test_what_a_range_of_phones_registers_with_is_said_once(shop: Dialer, home: Path) -> None:
    said = shop("operator", "add", "111-122").out.splitlines()
    assert len(said) == 14  # a line for each, and two for all
    assert "the operator's number" in said[-2]
    assert said[-1].endswith(f"{home / 'secrets' / 'operator-111'} ... operator-122")
    assert (home / "secrets" / "operator-122").exists()
    assert "user 123," in shop("operator", "add", "123").out


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("add", "105-103"), "a range is written as 101-110"),
        (("add", "none"), "name an operator"),
        (("add",), "or a file of them: --from FILE"),
        (("set", "101-103", "--pin-file", "nowhere"), "nowhere"),
        (("login", "101-103", "--desk", "104"), "one phone is for one operator"),
        (("remove", "101,999"), "not done for 1 of 2 operators: 999"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_range_that_cannot_be_meant_is_told(shop: Dialer, asked: tuple[str, ...], told: str) -> None:
    said = shop("operator", *asked)
    assert (said.code, told in said.err) == (1, True), said.err


def test_operators_come_from_a_file(shop: Dialer, tmp_path: Path) -> None:
    file = tmp_path / "operators.csv"
    file.write_text(
        "Внутренний;ФИО;PIN;leg\n121;Анна Ким;4711;on_demand\n\n122;Борис;;\n", encoding="utf-8-sig"
    )
    assert shop("operator", "add", "--from", file, "--language", "en").code == 0
    found = {one["id"]: one for one in shop("operator", "list", "--json").json}
    assert [(found[one]["name"], found[one]["has_pin"], found[one]["leg"]) for one in ("121", "122")] == [
        ("Анна Ким", True, "on_demand"),
        ("Борис", False, "nailed_up"),
    ]
    assert {found[one]["language"] for one in ("121", "122")} == {"en"}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("name\nAnn\n", "row 1: there is no column id"),
        ("id,salary\n123,5\n", "'salary' is no column of operators"),
        ("id,pin\n123,4711\n124,12\n", "row 3: pin '12': a PIN has 4 to 12 digits"),
        ("id,leg\n123,sometimes\n", "row 2: leg 'sometimes'"),
        ("id\n123\n123\n", "row 3: 123 stands there twice"),
        ("id,name\n,Ann\n", "row 2: there is no id"),
        ("id\n", "0 operators"),
        ("", "row 1: there is no column id"),
    ],
)
def test_a_file_of_operators_with_a_flaw_adds_nobody(
    shop: Dialer, tmp_path: Path, rows: str, told: str
) -> None:
    file = tmp_path / "operators.csv"
    file.write_text(rows, encoding="utf-8")
    said = shop("operator", "add", "--from", file)
    assert (said.code, told in said.err) == (1, True), said.err
    assert len(shop("operator", "list", "--json").json) == 3


def test_operators_join_and_leave_a_campaign(shop: Dialer) -> None:
    assert shop("operator", "add", "104-106").code == 0
    args = ("--add-operators", "104-105", "--remove-operators", "102", "--json")
    assert shop("campaign", "set", "demo", *args).json["operators"] == ["101", "103", "104", "105"]
    assert "no operator 999" in shop("campaign", "set", "demo", "--add-operators", "999").err
    both = shop("campaign", "set", "demo", "--operators", "101", "--add-operators", "106")
    assert "--operators names all of them" in both.err


def test_an_operator_gets_a_password_file_that_nobody_else_can_read(shop: Dialer, home: Path) -> None:
    said = shop("operator", "add", "104", "--name", "Анна")
    path = home / "secrets" / "operator-104"
    assert str(path) in said.out
    assert path.stat().st_mode & 0o077 == 0
    assert path.read_text().strip() not in said.out
    assert shop("operator", "list", "--json").json[-1]["sip_password_file"] == str(path)


def test_a_pin_is_kept_as_a_hash_only(shop: Dialer, home: Path, tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("471147\n")
    assert shop("operator", "set", "101", "--pin-file", pin).code == 0
    assert shop("operator", "list", "--json").json[0]["has_pin"]
    assert b"471147" not in (home / "obzvon.db").read_bytes()
    pin.write_text("12ab\n")
    assert "4 to 12 digits" in shop("operator", "set", "101", "--pin-file", pin).err


def test_an_outside_phone_needs_a_number_and_a_trunk(shop: Dialer) -> None:
    assert "--number: an outside phone needs" in shop("operator", "add", "105", "--phone", "outside").err
    args = ("--phone", "outside", "--number", "8 916 123-45-67", "--trunk", "main")
    assert shop("operator", "add", "105", *args).code == 0
    assert shop("operator", "list", "--json").json[-1]["number"] == "+79161234567"


def test_an_operator_who_is_locked_out_by_wrong_pins_is_let_in_again(shop: Dialer, home: Path) -> None:
    assert "was not locked" in shop("operator", "unlock", "101").out
    with sqlite3.connect(home / "obzvon.db") as database:
        for key in ("operator:101", "phone:101", "operator:102"):
            database.execute("INSERT INTO pin_guesses (key, wrong, locks) VALUES (?, 3, 1)", [key])
    database.close()
    assert "may log in by phone again" in shop("operator", "unlock", "101").out
    with sqlite3.connect(home / "obzvon.db") as database:
        assert database.execute("SELECT key FROM pin_guesses").fetchall() == [("operator:102",)]
    database.close()
    missing = shop("operator", "unlock", "199")
    assert (missing.code, "199" in missing.err) == (1, True)


def test_a_removed_operator_leaves_every_campaign_and_may_not_log_in(shop: Dialer) -> None:
    assert shop("operator", "remove", "102").code == 0
    assert shop("campaign", "show", "demo", "--json").json["operators"] == ["101", "103"]
    found = {one["id"]: one for one in shop("operator", "list", "--json").json}
    assert (found["102"]["enabled"], found["102"]["has_pin"]) == (False, False)


@pytest.mark.parametrize("setting", ["DIALER_COUNTRY", "DIALER_COUNTRIES"])
def test_a_country_that_there_is_not_is_refused_by_name_wherever_it_is_said(
    shop: Dialer, tmp_path: Path, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "'UK'" in shop("campaign", "set", "demo", "--country", "UK").err
    path = csv(tmp_path / "list.csv", LIST)
    refused = shop("import", path, "--campaign", "demo", "--country", "UK")
    assert (refused.code, "'UK'" in refused.err) == (1, True)
    monkeypatch.setenv(setting, "UK")
    said = shop("config")
    assert (said.code, f"{setting} is 'UK'" in said.err, "ISO 3166" in said.err) == (1, True, True)
    monkeypatch.setenv(setting, "GB")
    assert shop("config").code == 0


# --- lists ------------------------------------------------------------------------------------------------


def csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


LIST = "ФИО;Телефон\nИван;8 916 123-45-67\nПётр;8 916 123-45-68\nхвост;12345\n"


def test_a_list_is_imported_shown_and_taken_back(shop: Dialer, tmp_path: Path) -> None:
    file = csv(tmp_path / "list.csv", LIST)
    said = shop("import", file, "--campaign", "demo")
    assert said.code == 0
    assert "2 leads" in said.out
    assert "+79161234567" in said.out
    rejects = (tmp_path / "list.rejects.csv").read_text("utf-8-sig")
    assert "12345" in rejects
    assert shop("campaign", "list", "--json").json[0]["leads"]["new"] == 2
    (entry,) = shop("import", "--list", "--json").json
    assert (entry["campaign"], entry["leads"]) == ("demo", 2)
    assert shop("import", "--undo", entry["id"]).code == 0
    assert shop("campaign", "list", "--json").json[0]["leads"]["new"] == 0


def test_an_empty_cell_is_empty_in_every_language(
    shop: Dialer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALER_LANGUAGE", "ru")
    said = shop("import", csv(tmp_path / "list.csv", LIST), "--campaign", "demo", "--dry-run")
    row = next(line for line in said.out.splitlines() if "+79161234567" in line)
    assert row.split()[:3] == ["2", "+79161234567", "Иван"]
    assert "Plural-Forms" not in said.out + said.err


def test_a_dry_run_counts_everything_and_changes_nothing(shop: Dialer, tmp_path: Path) -> None:
    said = shop("import", csv(tmp_path / "list.csv", LIST), "--campaign", "demo", "--dry-run", "--json").json
    assert (said["import_id"], said["leads"], said["refused"]) == (None, 2, 1)
    assert said["columns"] == {"ФИО": "name", "Телефон": "phone"}
    assert shop("campaign", "list", "--json").json[0]["leads"]["new"] == 0


@pytest.mark.parametrize("word", ["Кому=phone", "phone=Кому", "2=phone"])
def test_a_column_is_what_the_user_says(shop: Dialer, tmp_path: Path, word: str) -> None:
    file = csv(tmp_path / "list.csv", "Кто,Кому\nИван,89161234567\n")
    said = shop("import", file, "--campaign", "demo", "--map", word, "--json").json
    assert said["preview"][0]["numbers"] == ["+79161234567"]


def test_a_list_without_a_header_is_taken_as_such(shop: Dialer, tmp_path: Path) -> None:
    file = csv(tmp_path / "list.csv", "89161234567\n89161234568\n")
    assert shop("import", file, "--campaign", "demo", "--no-header", "--json").json["leads"] == 2


def test_numbers_belong_to_the_country_that_was_named(shop: Dialer, tmp_path: Path) -> None:
    file = csv(tmp_path / "list.csv", "name,phone\nAnn,020 7946 0018\n")
    said = shop("import", file, "--campaign", "demo", "--country", "gb", "--json").json
    assert said["preview"][0]["numbers"] == ["+442079460018"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        (b"", "empty"),
        (b"\x00\x01\x02\x03", "not text"),
        (b"a,b\n1,2\n", "phone"),
        (b"phone\n12\n34\n", "no row"),
        (b"PK\x03\x04broken", ""),
    ],
)
def test_a_bad_list_is_refused_whole(shop: Dialer, tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "bad.csv"
    if content is not None:
        file.write_bytes(content)
    said = shop("import", file, "--campaign", "demo")
    assert said.code == 1
    assert told in said.err
    assert shop("import", "--list", "--json").json == []


def test_import_without_a_campaign_says_how_it_is_written(shop: Dialer, tmp_path: Path) -> None:
    assert "--campaign NAME" in shop("import", csv(tmp_path / "list.csv", LIST)).err
    assert "no campaign 'nix'" in shop("import", tmp_path / "list.csv", "--campaign", "nix").err
    assert "COLUMN=FIELD" in shop("import", tmp_path / "list.csv", "--campaign", "demo", "--map", "x").err


# --- do-not-call, tokens, records -------------------------------------------------------------------------


def test_the_do_not_call_list_takes_numbers_as_people_write_them(shop: Dialer) -> None:
    assert shop("dnc", "add", "8 (916) 123-45-67", "--reason", "asked").code == 0
    assert shop("dnc", "add", "+7999*", "--campaign", "demo").code == 0
    rows = {row["entry"]: row for row in shop("dnc", "list", "--json").json}
    assert rows["+79161234567"]["reason"] == "asked"
    assert rows["+7999*"]["campaign"] == 1
    assert shop("dnc", "remove", "89161234567").code == 0
    assert shop("dnc", "remove", "89161234567").code == 1
    for bad in ("", "x", "112", "*", "+0*"):
        assert shop("dnc", "add", "--", bad).code == 1


def test_a_file_of_numbers_is_barred_at_once_and_each_number_says_why(shop: Dialer, tmp_path: Path) -> None:
    path = tmp_path / "asked.csv"
    path.write_text("имя;телефон\nАнна;8 (916) 123-45-67\nБорис;+44 20 7946 0958, 89161234568\nВера;нет\n")
    told = shop("dnc", "import", path, "--json").json
    assert (told["new"], told["rows"], told["refused"]) == (3, 3, 1)
    assert "нет" in Path(told["rejects"]).read_text("utf-8-sig")
    assert shop("dnc", "import", path, "--json").json["new"] == 0
    shop("dnc", "add", "+7916*", "--campaign", "demo", "--reason", "range")
    found = shop("dnc", "check", "8 916 123-45-67", "--json").json
    assert (found["number"], found["barred"]) == ("+79161234567", True)
    assert [(row["entry"], row["campaign"], row["reason"]) for row in found["by"]] == [
        ("+79161234567", None, "asked.csv"),
        ("+7916*", "demo", "range"),
    ]
    assert "every campaign" in shop("dnc", "check", "89161234567").out
    assert "every campaign" in shop("dnc", "check", "8", "(916)", "123-45-67").out
    assert "is not barred" in shop("dnc", "check", "+12125550123").out
    assert "prefix" in shop("dnc", "check", "+7916*").err
    missing = shop("dnc", "import", tmp_path / "none.csv")
    assert (missing.code, "none.csv" in missing.err) == (1, True)


def test_a_number_with_gaps_needs_no_quotes(shop: Dialer) -> None:
    assert "+79161234567 is never dialled" in shop("dnc", "add", "8", "(916)", "123-45-67").out
    assert "every campaign" in shop("dnc", "check", "8", "916", "123-45-67").out
    assert "may be dialled again" in shop("dnc", "remove", "8", "916", "1234567").out
    assert shop("dnc", "add", "+79161234567", "+79161234568").code == 1


def test_a_register_is_taken_from_a_file_renewed_and_taken_out(shop: Dialer, tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    path.write_text(
        "номер;примечание\n+7495*;город\n8 (921) 123-45-67;\n+79*8;опечатка\n+40*, +79311112233;\n"
    )
    tried = shop("dnc", "import", path, "--source", "register", "--dry-run", "--json").json
    assert (tried["new"], shop("dnc", "list", "--json").json) == (4, [])
    told = shop("dnc", "import", path, "--source", "register", "--until", "2090-01-01", "--json").json
    assert (told["entries"], told["new"], told["rows"], told["refused"]) == (4, 4, 4, 1)
    assert "+7916*" in Path(told["rejects"]).read_text("utf-8-sig"), "how a prefix is written"
    rows = {row["entry"]: row for row in shop("dnc", "list", "--source", "register", "--json").json}
    assert rows.keys() == {"+7495*", "+79211234567", "+40*", "+79311112233"}
    assert {(row["by"], row["expired"], row["until_at"][:7]) for row in rows.values()} == {
        ("cli", False, "2089-12")
    }
    assert "until 2089-12-31" in shop("dnc", "check", "+74951234567").out
    shop("dnc", "add", "89211234567", "--reason", "asked")
    path.write_text("номер\n+79311112233\n")
    assert "--source" in shop("dnc", "import", path, "--replace").err
    told = shop("dnc", "import", path, "--source", "register", "--replace", "--json").json
    assert (told["new"], told["removed"]) == (0, 3)
    assert [row["entry"] for row in shop("dnc", "list", "--json").json] == ["+79211234567", "+79311112233"]
    sources = {row["source"]: row["entries"] for row in shop("dnc", "sources", "--json").json}
    assert sources == {"": 1, "register": 1}
    assert "register" in shop("dnc", "sources").out
    assert "1 entry of register is taken out" in shop("dnc", "remove", "--source", "register").out
    assert shop("dnc", "remove", "--source", "register").code == 1
    for bad in (
        ("remove",),
        ("add", "89211234567", "--until", "soon"),
        ("add", "89211234567", "--until", "2020-01-01"),
    ):
        assert shop("dnc", *bad).code == 1


def test_the_other_numbers_of_a_person_are_barred_where_that_is_asked(shop: Dialer, tmp_path: Path) -> None:
    people = csv(tmp_path / "two.csv", "phone;name\n89161234567, 89211234567;Anna\n")
    assert shop("import", people, "--campaign", "demo").code == 0
    out = shop("dnc", "add", "8 921 123-45-67", "--with-person").out
    assert ("+79211234567 is never" in out, "+79161234567 is never" in out) == (True, True)
    assert shop("dnc", "check", "+79161234567", "--json").json["barred"]


def test_a_token_is_shown_once_and_works_until_it_is_revoked(shop: Dialer, home: Path) -> None:
    made = shop("token", "add", "me", "--role", "admin")
    text = made.out.strip()
    assert text.startswith("obz_")
    assert text not in shop("token", "list").out
    assert text.encode() not in (home / "obzvon.db").read_bytes()
    assert shop("token", "add", "me", "--role", "admin").code == 1
    assert shop("token", "revoke", "me").code == 0
    assert shop("token", "list", "--json").json[0]["revoked_at"] is not None
    for bad in (("a b", "admin"), ("x", "king"), ("x", "operator:x")):
        assert shop("token", "add", bad[0], "--role", bad[1]).code == 1


def test_records_are_listed_empty_and_bad_filters_are_told(shop: Dialer) -> None:
    assert shop("cdr", "list", "--json").json == []
    for bad in (("--outcome", "great"), ("--since", "monday"), ("--limit", "0"), ("--campaign", "nix")):
        assert shop("cdr", "list", *bad).code == 1


# --- what asks the running service ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ("operator", "login", "101"),
        ("operator", "logout", "101"),
        ("operator", "ready", "101"),
        ("operator", "pause", "101"),
        ("operator", "test", "101"),
        ("trunk", "push", "main"),
        ("trunk", "test", "main", "89161234567"),
        ("explain", "demo"),
        ("check",),
    ],
)
def test_without_the_service_one_sentence_says_how_to_start_it(shop: Dialer, args: tuple[str, ...]) -> None:
    said = shop(*args)
    assert said.code == 1
    assert "dialer run" in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_service_that_was_killed_is_told_the_same_way(shop: Dialer, home: Path) -> None:
    (home / "cli.token").write_text("http://127.0.0.1:1\nobz_nothing\n")
    assert "dialer run" in shop("operator", "login", "101").err
    (home / "cli.token").write_text("nonsense")
    assert "restart" in shop("operator", "login", "101").err


# --- the installation -------------------------------------------------------------------------------------


def test_settings_are_shown_with_their_source_and_without_secrets(
    dialer: Dialer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALER_DATABASE_URL", "postgresql://user:geheim@db/dialer")
    monkeypatch.setenv("DIALER_API_PROT", "1")
    said = dialer("config", "--json")
    rows = {row["name"]: row for row in said.json}
    assert rows["DIALER_DATABASE_URL"]["value"] == "postgresql://user:***@db/dialer"
    assert rows["DIALER_DATABASE_URL"]["source"] == "environment"
    assert rows["DIALER_API_PORT"]["source"] == "default"
    assert "geheim" not in said.out + said.err
    assert "DIALER_API_PORT?" in said.err


def test_every_wrong_setting_gets_its_own_sentence(dialer: Dialer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALER_ARI_PORT", "99999")
    monkeypatch.setenv("DIALER_LOG_LEVEL", "loud")
    monkeypatch.setenv("DIALER_ARI_PASSWORD_FILE", "/nowhere")
    said = dialer("campaign", "list")
    assert said.code == 1
    lines = said.err.strip().splitlines()
    assert len(lines) == 3
    assert any("DIALER_ARI_PORT is '99999'" in line and "65535" in line for line in lines)
    assert any("DIALER_LOG_LEVEL" in line and "debug or info" in line for line in lines)
    assert any("DIALER_ARI_PASSWORD_FILE" in line and "/nowhere" in line for line in lines)


@pytest.mark.parametrize(
    ("bind", "peers", "sentence"),
    [
        ("0.0.0.0", "", "DIALER_AGI_BIND 0.0.0.0 is beyond loopback and FastAGI knows no password: name the"),
        ("10.0.0.2", "10.0.0.5/24", "10.0.0.5/24 is neither an address nor a network"),
        ("10.0.0.2", "pbx.example", "pbx.example is neither an address nor a network"),
        ("10.0.0.2", "10.0.0.5, 0.0.0.0/0", "0.0.0.0/0 is everybody"),
    ],
)
def test_fastagi_beyond_loopback_wants_peers_by_name(
    dialer: Dialer, monkeypatch: pytest.MonkeyPatch, bind: str, peers: str, sentence: str
) -> None:
    monkeypatch.setenv("DIALER_AGI_BIND", bind)
    monkeypatch.setenv("DIALER_AGI_PEERS", peers)
    said = dialer("campaign", "list")
    assert (said.code, "DIALER_AGI_PEERS" in said.err) == (1, True)
    assert sentence in said.err
    monkeypatch.setenv("DIALER_AGI_PEERS", "10.0.0.5, 10.0.1.0/24")
    assert dialer("campaign", "list").code == 0


def test_the_database_is_checked_without_being_made(dialer: Dialer, home: Path) -> None:
    assert dialer("migrate", "--check").code == 0
    (home / "obzvon.db").unlink()
    said = dialer("migrate", "--check")
    assert (said.code, "dialer migrate" in said.err) == (1, True)
    assert not (home / "obzvon.db").exists()
    assert dialer("migrate").code == 0
    assert dialer("migrate", "--check").code == 0


def test_what_is_not_understood_ends_with_code_2(dialer: Dialer) -> None:
    for args in (("nonsense",), ("campaign", "nonsense"), ("trunk", "add"), ("token", "add", "x")):
        assert dialer(*args).code == 2


KEPT = "1 0 0"  # as the parent marks it: `run` does not become the parent in our place


def test_lab_settings_are_refused_outside_of_a_lab(dialer: Dialer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALER_LAB", "true")
    monkeypatch.setenv(MARK, KEPT)
    said = dialer("run")
    assert (said.code, "DIALER_LAB" in said.err) == (1, True)


def test_a_part_that_there_is_not_is_named_with_those_that_there_are(dialer: Dialer) -> None:
    said = dialer("run", "--only", "nonsense")
    assert (said.code, "engine" in said.err, "nonsense" in said.err) == (1, True, True)


def test_a_campaign_that_rings_too_shortly_keeps_the_service_from_starting(
    shop: Dialer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALER_LAB", "true")
    shop("campaign", "message", "demo", tone(tmp_path / "m.wav"))
    assert shop("campaign", "set", "demo", "--ring-s", "3").code == 0
    assert shop("campaign", "start", "demo").code == 0
    monkeypatch.delenv("DIALER_LAB")
    monkeypatch.setenv(MARK, KEPT)
    said = shop("run")
    assert (said.code, "--ring-s 15" in said.err) == (1, True)
