"""Every reason of pacing counts under one word."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType

import pytest

from dialer.domain.operators import State
from dialer.domain.pacing import brake, policies, power, predictive, progressive, supply
from dialer.domain.pacing.limits import OF_SENTENCE, Limit, limit_of
from dialer.domain.pacing.supply import tallied
from dialer.domain.said import counted, listed, said

PARTS = ("{n} leaving", "{n} {state}")  # of a reason
AROUND = ("0 lines: {why}.", "{n} line; then {why}.",
          "{why}; one call tries again in {s} s", "{why}; one call tries whether that is over",
          "{n} on its way is all that free operators carry at {ratio:g} lines each; {why}")  # fmt: skip

NO_LEAD, FULL = said("no lead is due"), said("trunk {trunk} has no free line", trunk="main")
RESTING = tallied({State.PAUSED: 2})


def sentences(module: ModuleType) -> set[str]:
    """The templates that a module speaks."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    spoken = [one for one in calls if isinstance(one.func, ast.Name) and one.func.id in ("said", "counted")]
    return {ast.literal_eval(one.args[0]) for one in spoken}


def test_every_sentence_of_pacing_has_its_word_and_no_word_is_left_over() -> None:
    spoken = set().union(*map(sentences, (brake, policies, power, predictive, progressive, supply)))
    assert spoken - {*PARTS, *AROUND} == set(OF_SENTENCE)


@pytest.mark.parametrize(
    ("reason", "limit"),
    [
        (NO_LEAD, Limit.LEADS),
        (said("0 lines: {why}.", why=said("nobody is ready ({figures})", figures=RESTING)), Limit.OPERATORS),
        (counted("{n} line; then {why}.", "{n} lines; then {why}.", 3, why=NO_LEAD), Limit.LEADS),
        (said("0 lines: {why}.", why=listed([FULL, FULL], "; ")), Limit.LINES),
        (said("0 lines: {why}.", why="the carrier is on holiday"), Limit.LINES),
    ],
)
def test_the_innermost_reason_counts(reason: str, limit: Limit) -> None:
    assert limit_of(reason) is limit
