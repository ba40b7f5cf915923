"""What pretend worlds share: lengths of time that are drawn, and how their files are read and refused."""

from __future__ import annotations

import math
import random
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from dialer.domain.errors import BadValue
from dialer.domain.said import said

LONGEST_S = 36_000.0


class Shape(StrEnum):
    """How a length of time is distributed."""

    FIXED = "fixed"  # a: the length
    UNIFORM = "uniform"  # a..b
    EXPONENTIAL = "exponential"  # a: the mean
    LOGNORMAL = "lognormal"  # a: the median, b: sigma of the logarithm


SHAPES = {Shape.UNIFORM: 2, Shape.EXPONENTIAL: 1, Shape.LOGNORMAL: 2}  # figures that each takes


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time in seconds, fixed or drawn; never outside least..most."""

    shape: Shape
    a: float
    b: float = 0.0
    least: float = 0.0
    most: float = 3600.0

    @property
    def mean_s(self) -> float:
        """The mean, as far as neither least nor most cuts much off."""
        match self.shape:
            case Shape.UNIFORM:
                return (self.a + self.b) / 2
            case Shape.LOGNORMAL:
                return self.a * math.exp(self.b * self.b / 2)
            case _:
                return self.a

    def draw(self, chance: random.Random) -> float:
        """One draw, in whole milliseconds."""
        match self.shape:
            case Shape.FIXED:
                length_s = self.a
            case Shape.UNIFORM:
                length_s = chance.uniform(self.a, self.b)
            case Shape.EXPONENTIAL:
                length_s = chance.expovariate(1 / self.a) if self.a else 0.0
            case Shape.LOGNORMAL:
                length_s = self.a * math.exp(self.b * chance.gauss(0, 1))
        return round(min(max(length_s, self.least), self.most), 3)


def fixed(length_s: float) -> Length:
    """A length that is always the same."""
    return Length(Shape.FIXED, length_s)


def lognormal(mean_s: float, sigma: float, *, most: float = LONGEST_S) -> Length:
    """By its mean, as people know it: the median lies exp(sigma²/2) below."""
    return Length(Shape.LOGNORMAL, mean_s * math.exp(-sigma * sigma / 2), sigma, most=most)


def is_number(value: object) -> bool:
    """A finite figure; TOML's true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def parse(path: Path) -> dict[str, Any]:
    """What a TOML file holds; raises BadValue naming the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        reason = getattr(failure, "strerror", None) or "it is not UTF-8 text"
        raise BadValue(
            said("the world file {path} cannot be read: {reason}", path=path, reason=reason)
        ) from failure
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        raise BadValue(said("{path} is not TOML: {failure}", path=path, failure=failure)) from failure


class Reader:
    """Turns parsed values into ours, and knows how to complain: file, key, value, what is allowed."""

    def __init__(self, file: str) -> None:
        self._file = file

    def length(self, value: Any, key: str, default: Length) -> Length:
        """Seconds, or a table such as `{lognormal = [10, 0.45], least = 2}`."""
        if value is None:
            return default
        if is_number(value):
            return fixed(self.seconds(value, key))
        if not isinstance(value, dict):
            raise self.bad(key, value, f"seconds, or a table with one of {', '.join(SHAPES)}")
        self.only(value, (*SHAPES, "least", "most"), key)
        shapes = [shape for shape in SHAPES if shape in value]
        if len(shapes) != 1:
            raise self.bad(key, ", ".join(value), f"exactly one of {', '.join(SHAPES)}")
        figures = value[shapes[0]] if isinstance(value[shapes[0]], list) else [value[shapes[0]]]
        if len(figures) != SHAPES[shapes[0]]:
            raise self.bad(f"{key}.{shapes[0]}", figures, f"{SHAPES[shapes[0]]} figure(s)")
        a, *b = (self.seconds(figure, f"{key}.{shapes[0]}") for figure in figures)
        least = self.seconds(value.get("least", 0), f"{key}.least")
        most = self.seconds(value.get("most", LONGEST_S), f"{key}.most")
        if least > most or (shapes[0] is Shape.UNIFORM and a > b[0]):
            raise self.bad(key, value, "the smaller figure first, and least not above most")
        return Length(shapes[0], a, b[0] if b else 0.0, least, most)

    def seconds(self, value: Any, key: str) -> float:
        """A length of time."""
        return self.figure(value, key, 0, LONGEST_S)

    def figure(self, value: Any, key: str, least: float, most: float) -> float:
        """A number within bounds, both included."""
        if not is_number(value) or not least <= value <= most:
            raise self.bad(key, value, f"a number from {least:g} to {most:g}")
        return float(value)

    def whole(self, value: Any, key: str, least: int, most: int) -> int:
        """A whole number within bounds, both included."""
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.bad(key, value, f"a whole number from {least} to {most}")
        return value

    def table(self, value: Any, key: str) -> Mapping[str, Any]:
        """A table of the file."""
        if not isinstance(value, dict):
            raise self.bad(key, value, "a table")
        return value

    def tables(self, value: Any, key: str) -> list[Mapping[str, Any]]:
        """Tables of one name, one after another."""
        if not isinstance(value, list):
            raise self.bad(key, value, f"a list of tables, each under [[{key}]]")
        return [self.table(one, f"{key} {index}") for index, one in enumerate(value, 1)]

    def only(self, data: Mapping[str, Any], known: Iterable[str], place: str) -> None:
        """Refuses what nobody reads: a key that is misspelt."""
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

    def bad(self, key: str, value: object, allowed: str) -> BadValue:
        """The refusal of a value, to be raised."""
        given = "nothing" if value is None else repr(value)[:80]
        return BadValue(f"{self._file}: {key} is {given}, allowed is {allowed}")
