"""What the reader makes of a drawn list: right, asked about, or wrong; counted by each of its traits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO
from unittest.mock import patch

from bench.lists.variants import Variant, Wanted
from dialer.adapters.files import lists
from dialer.adapters.files.lists import open_content
from dialer.adapters.files.reader import opened
from dialer.adapters.phones import reading
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.listing import Taken
from dialer.domain.tables import Facts, Row


class Came(StrEnum):
    """What came of a list."""

    RIGHT = "right"
    ASKED = "asked about"  # nothing was taken, and the sentence says what to name
    WRONG = "wrong"


@dataclass(frozen=True)
class Judgement:
    """Of one list."""

    variant: Variant
    came: Came
    why: str = ""


@dataclass
class Table:
    """Counts by trait and value."""

    lists: int = 0
    every: Counter[Came] = field(default_factory=Counter)
    by: dict[tuple[str, str], Counter[Came]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: list[Judgement] = field(default_factory=list)

    def add(self, one: Judgement) -> None:
        self.lists += 1
        self.every[one.came] += 1
        for trait in one.variant.traits.items():
            self.by[trait][one.came] += 1
        if one.came is Came.WRONG:
            self.wrong.append(one)

    def lines(self) -> Iterator[str]:
        """As Markdown."""
        yield f"| {self.lists:,} lists | {' | '.join(Came)} |"
        yield f"|---|{'---|' * len(Came)}"
        yield _line("all of them", self.every)
        for (trait, value), counts in sorted(self.by.items()):
            yield _line(f"{trait}: {_shown(value)}", counts)


def _line(name: str, counts: Mapping[Came, int]) -> str:
    return f"| {name} | {' | '.join(str(counts.get(came, 0)) for came in Came)} |"


def _shown(value: str) -> str:
    return value.replace("|", "\\|")


class InProcess:
    """The reader of files in this process: what it understands is the same, and nothing is started."""

    def __init__(
        self, name: str, file: IO[bytes], *, encoding: str = "", sheet: str = "", country: str = ""
    ) -> None:
        file.seek(0)
        options = {"encoding": encoding, "sheet": sheet, "country": country}
        self.facts: Facts
        self.facts, self._rows = opened(file.read(), options)

    def rows(self) -> Iterator[Row]:
        return self._rows


def judge_all(variants: Iterable[Variant]) -> Table:
    """Reads them one after the other."""
    table = Table()
    with patch.object(lists, "Outside", InProcess):
        for variant in variants:
            table.add(judge(variant))
    return table


def judge(variant: Variant) -> Judgement:
    """Whatever is not as it is meant is wrong, but for a question."""
    try:
        file = open_content(f"variant {variant.seed}", variant.content, reading("RU"))
        leads = list(file.leads(Taken()))
    except BadValue as question:
        return Judgement(variant, Came.ASKED, str(question))
    if variant.is_asked:
        return Judgement(variant, Came.WRONG, "taken without a question")
    if len(leads) != len(variant.wanted):
        return Judgement(variant, Came.WRONG, f"{len(leads)} leads, not {len(variant.wanted)}")
    for lead, wanted in zip(leads, variant.wanted, strict=True):
        if flaw := _flaw(lead, wanted):
            return Judgement(variant, Came.WRONG, flaw)
    counts = file.counts
    if (counts.refused, counts.duplicates) != (variant.refused, variant.duplicates):
        return Judgement(variant, Came.WRONG, f"refused and duplicates: {counts}")
    return Judgement(variant, Came.RIGHT)


def _flaw(lead: Lead, wanted: Wanted) -> str:
    if lead.numbers != wanted.numbers:
        return f"numbers {lead.numbers}, not {wanted.numbers}"
    if lead.extensions.get(lead.numbers[0], "") != wanted.extension:
        return f"extensions {dict(lead.extensions)}, not {wanted.extension}"
    for name in ("name", "company", "inn"):
        if (is_meant := getattr(wanted, name)) and getattr(lead, name) != is_meant:
            return f"{name} {getattr(lead, name)!r}, not {is_meant!r}"
    return ""
