"""The page about the command line is the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from dialer.cli.main import app
from tools.reference import REMOTE, cli_page, verbs

PAGE = Path(__file__).parents[2] / "docs/reference/cli.md"
COMMAND: Any = typer.main.get_command(app)
VERBS = dict(verbs(COMMAND))


def test_the_page_is_made_from_the_verbs_that_there_are() -> None:
    assert PAGE.read_text("utf-8") == cli_page(COMMAND), "make docs"


@pytest.mark.parametrize("path", VERBS)
def test_every_verb_and_every_option_says_what_it_is_for(path: str) -> None:
    verb = VERBS[path]
    assert verb.help.strip()[-1] == "."
    assert "\n" not in verb.help.strip()
    silent = [parameter.name for parameter in verb.params if not (parameter.help or "").strip()]
    assert silent == []


@pytest.mark.parametrize(
    "path", [path for path in VERBS if path.split()[-1] in ("list", "show", "explain", "check")]
)
def test_verbs_that_show_data_show_it_to_programs_too(path: str) -> None:
    assert "--json" in {option for parameter in VERBS[path].params for option in parameter.opts}


def test_the_verbs_that_need_the_running_service_are_marked() -> None:
    assert VERBS.keys() >= REMOTE
    assert "## dialer operator login *" in cli_page(COMMAND)
    assert "## dialer campaign start\n" in cli_page(COMMAND)
