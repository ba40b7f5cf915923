"""Reads world.toml: what the numbers of the pretend world do. A mistake becomes one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dialer.lab.fate import Does, Plan, Rule, Voice
from dialer.worlds import Reader, fixed, is_number, parse

SAMPLE = Path(__file__).with_name("world.toml")
NUMBER = re.compile(r"[1-9][0-9]{1,14}\*?|\*")
TONE = re.compile(r"tone:([0-9]{2,4}(?:\.[0-9]+)?)")
HERTZ = (100, 3900)  # what a telephone line carries and a tone detector tells apart
RULE_KEYS = ("number", "does", "shares", "ring_s", "talk_s", "voice")
KINDS = ("number", "speech", "silence")


def read(path: Path) -> Plan:
    """The plan in a file; raises BadValue naming file, key, value and what is allowed."""
    return PlanReader(str(path)).plan(parse(path))


class PlanReader(Reader):
    """The keys of world.toml."""

    def plan(self, data: Mapping[str, Any]) -> Plan:
        """The whole file."""
        self.only(data, ("seed", "everyone", "rule"), "the file")
        seed = self.whole(data.get("seed", 1), "seed", 0, 2**31 - 1)
        everyone = data.get("everyone")
        if not isinstance(everyone, dict):
            raise self.bad("everyone", everyone, "a table: what numbers do that no rule names")
        self.only(everyone, RULE_KEYS[1:], "everyone")
        rules = self.tables(data.get("rule", []), "rule")
        read = [self._rule(rule, f"rule {index}") for index, rule in enumerate(rules, 1)]
        self._unique(read)
        return Plan(seed, (*read, self._rule({**everyone, "number": "*"}, "everyone")))

    def _rule(self, data: Mapping[str, Any], place: str) -> Rule:
        self.only(data, RULE_KEYS, place)
        number = data.get("number")
        if not isinstance(number, str) or not NUMBER.fullmatch(number):
            raise self.bad(
                f"{place}.number", number, 'digits without a plus, "79160000001", or a prefix, "7916*"'
            )
        return Rule(
            number,
            self._shares(data, place),
            self.length(data.get("ring_s"), f"{place}.ring_s", fixed(1.0)),
            self.length(data.get("talk_s"), f"{place}.talk_s", fixed(30.0)),
            self._voice(data.get("voice", "tone:620"), f"{place}.voice"),
        )

    def _shares(self, data: Mapping[str, Any], place: str) -> dict[Does, float]:
        if ("does" in data) == ("shares" in data):
            raise self.bad(place, ", ".join(data), 'either "does" or "shares"')
        if "does" in data:
            return {self._does(data["does"], f"{place}.does"): 1.0}
        shares, key = data["shares"], f"{place}.shares"
        if not isinstance(shares, dict) or not shares:
            raise self.bad(key, shares, "a table of behaviours and their shares")
        for name, share in shares.items():
            self._does(name, key)
            if not is_number(share) or share < 0:
                raise self.bad(f"{key}.{name}", share, "a number that is not negative")
        if not sum(shares.values()):
            raise self.bad(key, shares, "at least one share above 0")
        return {Does(name): float(share) for name, share in shares.items()}

    def _does(self, name: Any, key: str) -> Does:
        if name not in list(Does):
            raise self.bad(key, name, f"one of {', '.join(Does)}")
        return Does(name)

    def _voice(self, value: Any, key: str) -> Voice:
        allowed = f'"tone:620" ({HERTZ[0]} to {HERTZ[1]} Hz), {", ".join(KINDS)}'
        if value in KINDS:
            return Voice(value)
        match = TONE.fullmatch(value) if isinstance(value, str) else None
        if not match or not HERTZ[0] <= float(match[1]) <= HERTZ[1]:
            raise self.bad(key, value, allowed)
        return Voice("tone", float(match[1]))

    def _unique(self, rules: Iterable[Rule]) -> None:
        seen: set[str] = set()
        for rule in rules:
            if rule.number in seen or rule.number == "*":
                raise self.bad(
                    "rule.number", rule.number, "each number once, and a bare star only as everyone"
                )
            seen.add(rule.number)
