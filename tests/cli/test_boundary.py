"""What people read when something goes wrong, and what never reaches them."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dialer.cli import main as entry
from dialer.cli import screen
from dialer.cli.config import mask, shown
from dialer.cli.log import mask as mask_line
from dialer.cli.run import is_in_lab
from dialer.domain.errors import Fatal, LinkDown, Missing


def run(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> Any:
    def fail() -> None:
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
    assert run(monkeypatch, ZeroDivisionError("division by zero")) == 1
    said = capsys.readouterr().err
    (report,) = tmp_path.iterdir()
    assert str(report) in said
    assert "Traceback" not in said
    assert "ZeroDivisionError" in report.read_text()


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
    ],
)
def test_a_password_in_an_address_is_not_shown(url: str, told: str) -> None:
    assert mask(url) == told


def test_plain_settings_are_shown_as_they_are() -> None:
    assert [shown(value) for value in (1, 0.25, True, None, "x", Path("var"))] == [
        1,
        0.25,
        True,
        None,
        "x",
        "var",
    ]


def test_no_whole_phone_number_reaches_a_log() -> None:
    line: MutableMapping[str, Any] = {
        "event": "called +79161234567 again",
        "call": "c-1a20943c577b1c6a8928d",
        "n": 7,
    }
    assert mask_line(None, "info", line) == {
        "event": "called +7********67 again",
        "call": "c-1a20943c577b1c6a8928d",
        "n": 7,
    }


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
