"""Reads world.toml: what the numbers of the pretend world do. A mistake becomes one sentence."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.lab.fate import Does, Length, Plan, Rule, Shape, Voice, fixed

SAMPLE = Path(__file__).with_name("world.toml")
NUMBER = re.compile(r"[1-9][0-9]{1,14}\*?|\*")
TONE = re.compile(r"tone:([0-9]{2,4}(?:\.[0-9]+)?)")
HERTZ = (100, 3900)  # what a telephone line carries and a tone detector tells apart
LONGEST_S = 36_000.0
RULE_KEYS = ("number", "does", "shares", "ring_s", "talk_s", "voice")
KINDS = ("number", "speech", "silence")
SHAPES = {Shape.UNIFORM: 2, Shape.EXPONENTIAL: 1, Shape.LOGNORMAL: 2}  # figures that each takes


def read(path: Path) -> Plan:
    """The plan in a file; raises BadValue naming file, key, value and what is allowed."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        reason = getattr(failure, "strerror", None) or "it is not UTF-8 text"
        raise BadValue(
            said("the world file {path} cannot be read: {reason}", path=path, reason=reason)
        ) from failure
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        raise BadValue(said("{path} is not TOML: {failure}", path=path, failure=failure)) from failure
    return Reader(str(path)).plan(data)


class Reader:
    """Turns the parsed file into a plan, and knows how to complain."""

    def __init__(self, file: str) -> None:
        self._file = file

    def plan(self, data: Mapping[str, Any]) -> Plan:
        """The whole file."""
        self._only(data, ("seed", "everyone", "rule"), "the file")
        seed = data.get("seed", 1)
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**31:
            raise self._bad("seed", seed, "a whole number from 0 to 2147483647")
        everyone = data.get("everyone")
        if not isinstance(everyone, dict):
            raise self._bad("everyone", everyone, "a table: what numbers do that no rule names")
        self._only(everyone, RULE_KEYS[1:], "everyone")
        rules = data.get("rule", [])
        if not isinstance(rules, list):
            raise self._bad("rule", rules, "a list of tables, each under [[rule]]")
        read = [self._rule(rule, f"rule {index}") for index, rule in enumerate(rules, 1)]
        self._unique(read)
        return Plan(seed, (*read, self._rule({**everyone, "number": "*"}, "everyone")))

    def _rule(self, data: Any, place: str) -> Rule:
        if not isinstance(data, dict):
            raise self._bad(place, data, "a table")
        self._only(data, RULE_KEYS, place)
        number = data.get("number")
        if not isinstance(number, str) or not NUMBER.fullmatch(number):
            raise self._bad(
                f"{place}.number", number, 'digits without a plus, "79160000001", or a prefix, "7916*"'
            )
        return Rule(
            number,
            self._shares(data, place),
            self._length(data.get("ring_s"), f"{place}.ring_s", fixed(1.0)),
            self._length(data.get("talk_s"), f"{place}.talk_s", fixed(30.0)),
            self._voice(data.get("voice", "tone:620"), f"{place}.voice"),
        )

    def _shares(self, data: Mapping[str, Any], place: str) -> dict[Does, float]:
        if ("does" in data) == ("shares" in data):
            raise self._bad(place, ", ".join(data), 'either "does" or "shares"')
        if "does" in data:
            return {self._does(data["does"], f"{place}.does"): 1.0}
        shares, key = data["shares"], f"{place}.shares"
        if not isinstance(shares, dict) or not shares:
            raise self._bad(key, shares, "a table of behaviours and their shares")
        for name, share in shares.items():
            self._does(name, key)
            if not is_number(share) or share < 0:
                raise self._bad(f"{key}.{name}", share, "a number that is not negative")
        if not sum(shares.values()):
            raise self._bad(key, shares, "at least one share above 0")
        return {Does(name): float(share) for name, share in shares.items()}

    def _does(self, name: Any, key: str) -> Does:
        if name not in list(Does):
            raise self._bad(key, name, f"one of {', '.join(Does)}")
        return Does(name)

    def _length(self, value: Any, key: str, default: Length) -> Length:
        if value is None:
            return default
        if is_number(value):
            return fixed(self._seconds(value, key))
        if not isinstance(value, dict):
            raise self._bad(key, value, f"seconds, or a table with one of {', '.join(SHAPES)}")
        self._only(value, (*SHAPES, "least", "most"), key)
        shapes = [shape for shape in SHAPES if shape in value]
        if len(shapes) != 1:
            raise self._bad(key, ", ".join(value), f"exactly one of {', '.join(SHAPES)}")
        figures = value[shapes[0]] if isinstance(value[shapes[0]], list) else [value[shapes[0]]]
        if len(figures) != SHAPES[shapes[0]]:
            raise self._bad(f"{key}.{shapes[0]}", figures, f"{SHAPES[shapes[0]]} figure(s)")
        a, *b = (self._seconds(figure, f"{key}.{shapes[0]}") for figure in figures)
        least = self._seconds(value.get("least", 0), f"{key}.least")
        most = self._seconds(value.get("most", LONGEST_S), f"{key}.most")
        if least > most or (shapes[0] is Shape.UNIFORM and a > b[0]):
            raise self._bad(key, value, "the smaller figure first, and least not above most")
        return Length(shapes[0], a, b[0] if b else 0.0, least, most)

    def _seconds(self, value: Any, key: str) -> float:
        if not is_number(value) or not 0 <= value <= LONGEST_S:
            raise self._bad(key, value, f"a number from 0 to {LONGEST_S:g}")
        return float(value)

    def _voice(self, value: Any, key: str) -> Voice:
        allowed = f'"tone:620" ({HERTZ[0]} to {HERTZ[1]} Hz), {", ".join(KINDS)}'
        if value in KINDS:
            return Voice(value)
        match = TONE.fullmatch(value) if isinstance(value, str) else None
        if not match or not HERTZ[0] <= float(match[1]) <= HERTZ[1]:
            raise self._bad(key, value, allowed)
        return Voice("tone", float(match[1]))

    def _unique(self, rules: Iterable[Rule]) -> None:
        seen: set[str] = set()
        for rule in rules:
            if rule.number in seen or rule.number == "*":
                raise self._bad(
                    "rule.number", rule.number, "each number once, and a bare star only as everyone"
                )
            seen.add(rule.number)

    def _only(self, data: Mapping[str, Any], known: Iterable[str], place: str) -> None:
        for key in data:
            if key not in known:
                raise BadValue(
                    said(
                        "{file}: {place} has no key {key!r}; the keys are {known}",
                        file=self._file,
                        place=place,
                        key=key,
                        known=", ".join(known),
                    )
                )

    def _bad(self, key: str, value: object, allowed: str) -> BadValue:
        said = "nothing" if value is None else repr(value)[:80]
        return BadValue(f"{self._file}: {key} is {said}, allowed is {allowed}")


def is_number(value: object) -> bool:
    """A finite figure; TOML's true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
