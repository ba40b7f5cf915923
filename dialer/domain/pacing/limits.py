"""What kept a decision from dialling more, in one word: its reason is for people, this is for counting."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from dialer.domain.said import Said


class Limit(StrEnum):
    OPERATORS = "operators"  # nobody could take a further answer
    RISK = "risk"  # a further answer would find nobody too likely
    LEADS = "leads"  # none is due
    LINES = "lines"  # of the trunks, or their calls per second
    CAP = "cap"  # the campaign's own
    OFF = "off"  # not running, or operators dial themselves


OF_SENTENCE: Mapping[str, Limit] = {
    "the campaign has no operators": Limit.OPERATORS,
    "nobody is logged in (of {n} operator)": Limit.OPERATORS,
    "nobody is ready ({figures})": Limit.OPERATORS,
    "nobody's phone is up ({figures})": Limit.OPERATORS,
    "every free operator is taken or kept for calls on their way ({figures})": Limit.OPERATORS,
    "{ringing} ringing, {answers:.1f} answers expected in {s:.0f} s, {free:.1f} operators free,"
    " risk {risk:.1f} % at price {price:.1f} %, budget {budget:+.1f} calls": Limit.RISK,
    "the brake is on: {n} person in a row was abandoned though an operator was reserved": Limit.RISK,
    "the brake is on: {abandoned} of the last {answers} people who answered were abandoned, more than the"
    " ceiling allows in progressive mode": Limit.RISK,
    "no lead is due": Limit.LEADS,
    "no lead at hand fits a trunk that has a free line": Limit.LINES,
    "the campaign has no trunk": Limit.LINES,
    "trunk {trunk} does not exist": Limit.LINES,
    "trunk {trunk} is out of use": Limit.LINES,
    "trunk {trunk} has no free line": Limit.LINES,
    "trunk {trunk} has used up its calls per second": Limit.LINES,
    "the campaign's cap of {n} call in flight is reached": Limit.CAP,
    "the campaign is {status}": Limit.OFF,
    "in {mode} mode operators dial themselves": Limit.OFF,
}


def limit_of(reason: str) -> Limit:
    """Of a decision's sentence; a trunk may bring words of its own, all others are listed above."""
    inner = reason
    while isinstance(inner, Said):
        if inner.text in OF_SENTENCE:
            return OF_SENTENCE[inner.text]
        inner = _within(inner)
    return Limit.LINES


def _within(sentence: Said) -> str:
    """The reason within a sentence about lines, or the first of several."""
    found = sentence.args.get("why", sentence.args.get("p0", ""))
    return found if isinstance(found, str) else ""
