"""Every key in every state does what docs/reference/keys.md says, and nothing else."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from dialer.domain.keys import (
    DISPOSITIONS,
    LOGOUT_KEY,
    PAUSE_REASONS,
    Dispose,
    HangUpPerson,
    Logout,
    Nothing,
    Pause,
    Ready,
    decide,
)
from dialer.domain.lead import Disposition
from dialer.domain.operators import State

KEYS = "0123456789*#ABCD"
WITH_STAR = (State.READY, State.RESERVED, State.WRAP_UP, State.PAUSED)
DOC = Path(__file__).parents[3] / "docs/reference/keys.md"


def expected_single(state: State, key: str) -> object:
    """The page's first table, said once more in another way."""
    if state is State.TALKING and key == "*":
        return HangUpPerson()
    if state in WITH_STAR and key == "*":
        return None
    if state in (State.WRAP_UP, State.PAUSED) and key == "#":
        return Ready()
    if state is State.WRAP_UP and key in DISPOSITIONS:
        return Dispose(DISPOSITIONS[key])
    return Nothing()


@pytest.mark.parametrize(("state", "key"), list(itertools.product(State, KEYS)))
def test_one_key(state, key):
    assert decide(state, "", key) == expected_single(state, key)


@pytest.mark.parametrize(("state", "key"), list(itertools.product(State, KEYS)))
def test_a_key_after_the_star(state, key):
    if state not in WITH_STAR:
        assert decide(state, "*", key) == Nothing()
    elif key == LOGOUT_KEY:
        assert decide(state, "*", key) == Logout()
    elif key in PAUSE_REASONS:
        assert decide(state, "*", key) == Pause(PAUSE_REASONS[key])
    else:
        assert decide(state, "*", key) == Nothing()


@pytest.mark.parametrize("so_far", ["**", "*1", "1", "#", "*12", "x", "*" * 50])
def test_keys_that_lead_nowhere_are_forgotten(so_far):
    assert {decide(state, so_far, key) for state in State for key in KEYS} == {Nothing()}


@pytest.mark.parametrize("key", ["", "**", "x", "\n", "１", "10"])
def test_what_is_no_key_does_nothing(key):
    assert {decide(state, so_far, key) for state in State for so_far in ("", "*")} == {Nothing()}


def test_a_second_star_after_the_end_of_a_talk_does_not_log_out_or_pause():
    assert decide(State.TALKING, "", "*") == HangUpPerson()
    assert decide(State.WRAP_UP, "", "*") is None
    assert decide(State.WRAP_UP, "*", "*") == Nothing()


def test_no_pause_is_hidden_by_the_logout_key():
    assert LOGOUT_KEY not in PAUSE_REASONS


def test_every_disposition_has_one_digit():
    assert sorted(DISPOSITIONS.values()) == sorted(Disposition)


@pytest.mark.parametrize(("heading", "table"), [("Pauses", PAUSE_REASONS), ("Dispositions", DISPOSITIONS)])
def test_the_page_lists_the_digits(heading, table):
    section = DOC.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    assert dict(re.findall(r"^\| (\d) \| (\w+) \|$", section, re.MULTILINE)) == dict(table)
