"""What people read when something goes wrong, and what never reaches them."""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dialer.cli import main as entry
from dialer.cli import screen
from dialer.cli.config import mask, shown
from dialer.cli.life import is_in_lab
from dialer.domain.errors import Fatal, LinkDown, Missing


def run(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> Any:
    def fail(**_: object) -> None:
        raise failure

    monkeypatch.setattr(entry, "app", fail)
    with pytest.raises(SystemExit) as end:
        entry.main()
    return end.value.code


def test_an_error_of_ours_is_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, Missing("there is no trunk x")) == 1
    assert capsys.readouterr() == ("", "there is no trunk x\n")


def test_an_error_without_words_is_told_by_what_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, LinkDown()) == 1
    assert capsys.readouterr().err == "Asterisk is not connected.\n"


def test_among_errors_that_ended_together_ours_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ExceptionGroup("both", [ValueError("x"), ExceptionGroup("inner", [Fatal("the port is taken")])])
    assert run(monkeypatch, both) == 1
    assert capsys.readouterr().err == "the port is taken\n"


def test_a_mistake_of_the_dialer_is_a_sentence_and_a_file_to_send(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(entry.tempfile, "tempdir", str(tmp_path))
    failure = ZeroDivisionError("division by zero: redis://:geheim@host, +79161234567")
    assert run(monkeypatch, failure) == 1
    said = capsys.readouterr().err
    (report,) = tmp_path.iterdir()
    assert str(report) in said
    assert "Traceback" not in said
    written = report.read_text()
    assert "ZeroDivisionError" in written
    assert "geheim" not in written
    assert "1234567" not in written


def test_ctrl_c_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr() == ("", "")


def test_what_others_wrote_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen.print_table(("name",), [("\x1b[2Jevil\r\n[bold]x",)])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[bold]x" in out


def test_tables_in_a_pipe_are_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    screen.print_table(("имя", "text"), [("Анна", "x" * 300), ("Ян", "y")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "Анна  " + "x" * 300
    assert lines[2] == "Ян    y"


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    screen.print_table(("name",), [], empty="There is no trunk.")
    assert capsys.readouterr().out == "There is no trunk.\n"


def test_results_and_remarks_go_different_ways(capsys: pytest.CaptureFixture[str]) -> None:
    screen.say("result")
    screen.remark("remark")
    screen.complain("complaint")
    assert capsys.readouterr() == ("result\n", "remark\ncomplaint\n")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", ""),
        ("postgresql://user:geheim@db:5432/dialer", "postgresql://user:***@db:5432/dialer"),
        ("redis://:geheim@host:6379/0", "redis://:***@host:6379/0"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("postgresql://db/dialer?password=geheim", "postgresql://db/dialer"),
        ("geheim", "***"),
        ("postgresql+asyncpg://user:geheim@db/dialer", "postgresql+asyncpg://user:***@db/dialer"),
        ("postgresql://user@db/dialer", "postgresql://user@db/dialer"),
        ("postgresql://user:ge@heim@db/dialer", "postgresql://user:***@db/dialer"),
        ("postgresql://user:ge/heim@db/dialer", "postgresql://user:***@db/dialer"),
        ("postgresql://user:ge?heim#x@db/dialer", "postgresql://user:***@db/dialer"),
        ("postgresql://user:ge%40heim%2F@db/dialer", "postgresql://user:***@db/dialer"),
        ("postgresql://user%3Ageheim@db/dialer", "postgresql://user:***@db/dialer"),
        ("postgresql://u:geheim@a:5432,b:5433/dialer", "postgresql://u:***@a:5432,b:5433/dialer"),
        ("postgresql://u:geheim@a,v:geheim@b/dialer", "postgresql://u:***@b/dialer"),
        ("postgresql://u:geheim@/dialer?host=/run/pg", "postgresql://u:***@/dialer"),
        ("postgresql:///dialer?user=u&password=geheim@x", "postgresql://:***@x"),
        ("postgresql:///dialer?host=/run&password=geheim", "postgresql:///dialer"),
        ("postgresql://db/dialer%3Fpassword=geheim", "postgresql://db/dialer"),
        ("host=db password=geheim dbname=x", "***"),
        ("postgresql:user:geheim@db", "***"),
        ("geheim://x", "geheim://x"),
        ("redis://geheim@host:6379/0", "redis://:***@host:6379/0"),
        ("rediss://user:geheim@host:6379/0?ssl_cert_reqs=none", "rediss://user:***@host:6379/0"),
        ("redis://host:6379/0?password=geheim&db=1", "redis://host:6379/0"),
        ("redis://host:6379/0;password=geheim", "redis://host:6379/0"),
        ("unix://user:geheim@/run/redis.sock?db=0", "unix://user:***@/run/redis.sock"),
        ("unix:///run/redis.sock?password=geheim", "unix:///run/redis.sock"),
        ("redis+sentinel://:geheim@a:26379,b:26379/main", "redis+sentinel://:***@a:26379,b:26379/main"),
        (" redis://:geheim@host ", "redis://:***@host"),
        ("http://dialer:geheim@asterisk:8088/ari?api_key=a:geheim", "http://dialer:***@asterisk:8088/ari"),
    ],
)
def test_a_password_in_an_address_is_not_shown(url: str, told: str) -> None:
    assert mask(url) == told


def test_an_address_in_any_setting_is_shown_without_its_password() -> None:
    assert shown("http://dialer:geheim@127.0.0.1:8088/ari") == "http://dialer:***@127.0.0.1:8088/ari"
    assert shown("http://127.0.0.1:8088/ari") == "http://127.0.0.1:8088/ari"


def test_plain_settings_are_shown_as_they_are() -> None:
    assert [shown(value) for value in (1, 0.25, True, None, "x", Path("var"))] == [
        1,
        0.25,
        True,
        None,
        "x",
        "var",
    ]


def test_a_folder_is_in_a_lab_only_while_the_lab_lives(tmp_path: Path) -> None:

    lab = tmp_path / "obz-lab-x"
    (lab / "service").mkdir(parents=True)
    assert not is_in_lab(lab / "service")
    with (lab / "owner").open("wb") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        assert is_in_lab(lab / "service")
    assert not is_in_lab(lab / "service")
    assert not is_in_lab(tmp_path)


def test_a_terminal_gets_a_table_that_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(screen, "out", lambda: Console(width=40, force_terminal=True, color_system=None))
    screen.print_table(("name",), [("x" * 100,)])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 40
