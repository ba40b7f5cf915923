"""What a board is made of, as plain data: panels with their queries, words and colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dialer.domain.said import Said


class Kind(StrEnum):
    """Grafana's names for the ways to draw."""

    STAT = "stat"  # large figures, as they are now
    BARS = "bargauge"  # a bar each, as they are now
    LINES = "timeseries"
    TABLE = "table"
    TIMELINE = "state-timeline"


class Unit(StrEnum):
    """Grafana's names for the units that the boards use."""

    COUNT = "short"
    SECONDS = "s"
    CLOCK = "dthms"  # seconds as 1:23:45
    SHARE = "percentunit"  # 0 to 1
    PER_SECOND = "cps"
    REQUESTS = "reqps"
    BYTES = "bytes"


class Colour(StrEnum):
    """Few of Grafana's: green is well, orange wants a look, red wants a hand, the rest tells things apart."""

    GREEN = "green"
    ORANGE = "orange"
    RED = "red"
    BLUE = "blue"
    PURPLE = "purple"
    YELLOW = "yellow"
    GREY = "text"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL with Grafana's variables; the legend may name labels as {{label}}."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """From this value on the figure has this colour."""

    above: float | None  # None: from below
    colour: Colour


@dataclass(frozen=True, slots=True)
class Look:
    """How a value, or all of one name, is shown."""

    text: Said | None = None
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table: a label, or the value of the query in that place (`#0`)."""

    source: str
    title: Said
    unit: Unit | None = None
    decimals: int | None = None
    steps: Sequence[Step] = ()
    looks: Mapping[str, Look] = field(default_factory=dict)  # by value


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `about` says what it means and what to do; an Obzvon page that helps stands in it."""

    kind: Kind
    title: Said
    about: Said
    queries: Sequence[Query]
    unit: Unit = Unit.COUNT
    width: int = 12  # of 24
    height: int = 8
    decimals: int | None = None
    least: float | None = 0
    most: float | None = None
    steps: Sequence[Step] = ()
    looks: Mapping[str, Look] = field(default_factory=dict)  # of series, by name
    values: Mapping[str, Look] = field(default_factory=dict)  # words in place of figures
    columns: Sequence[Column] = ()
    stacked: bool = False
    bars: bool = False  # not lines
    leads_to: str = ""  # the board that says more


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: Said
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable: what the viewer may choose, from the metrics or from a list (`options`)."""

    name: str
    title: Said
    query: str = ""
    regex: str = ""
    options: Sequence[tuple[str, Said]] = ()  # value, text; the first is chosen


@dataclass(frozen=True, slots=True)
class Board:
    name: str
    title: Said
    about: Said
    choices: Sequence[Choice]
    rows: Sequence[Row]
    since: str = "now-3h"
    until: str = "now"
    refresh: str = "15s"

    def panels(self) -> Iterator[Panel]:
        """All, in order."""
        for row in self.rows:
            yield from row.panels
