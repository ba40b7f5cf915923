"""The reference pages of calls, operators and outcomes are what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialer.domain import call, operators, shifts
from dialer.domain.moves import TABLE
from dialer.domain.types import Outcome
from tools.drawing import MEANING, PAGES, diagram, words

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (REFERENCE / name).read_text("utf-8") == PAGES[name](), "make docs"


@pytest.mark.parametrize("name", PAGES)
def test_every_row_says_something(name: str) -> None:
    rows = [line for line in PAGES[name]().splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if any(not cell.strip() for cell in row.strip("|").split("|"))] == []


def test_every_state_and_every_outcome_has_its_place() -> None:
    assert all(f"\n## {state}\n" in PAGES["calls.md"]() for state in call.State)
    assert all(f"\n## {state}\n" in PAGES["operators.md"]() for state in operators.State)
    assert set(MEANING) == set(Outcome)


def test_an_arrow_stands_for_every_pair_of_states_and_no_other() -> None:
    drawn = {line.split(":")[0].strip() for line in diagram(TABLE, call.State.LEASED) if "-->" in line}
    led = {f"{state} --> {to}" for (state, _), move in TABLE.items() for to in move.to - {state}}
    assert drawn == led | {"[*] --> leased"}


def test_names_of_events_are_words() -> None:
    assert words(call.EnteredBridge) == "entered bridge"
    assert words(shifts.WrapUpRanOut) == "wrap up ran out"
