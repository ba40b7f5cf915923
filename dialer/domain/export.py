"""Tables as they leave the house: rows for programs, and rows for people and their spreadsheets."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from dialer.domain.csvtext import PHONES, safe_cell
from dialer.domain.disposition import DEFAULT, Disposition, known
from dialer.domain.said import Said, said, titled, word
from dialer.domain.types import Language

PAGE = 200  # rows that are made at once: the loop is held for as long
(LANGUAGE,) = titled("en", context="language")  # a catalogue has its own code for it
SHEET_ROWS = 1_048_576  # of a spreadsheet, its header among them
# what a spreadsheet takes for a number, a date or a formula though it is the text of a number
_LIKE_NUMBER = re.compile(r"[0-9][0-9 .,:/%eE+-]*")


class Kind(StrEnum):
    """What stands in a column."""

    TEXT = "text"
    PHONE = "phone"
    WHOLE = "whole"
    SECONDS = "seconds"
    SHARE = "share"
    INSTANT = "instant"
    CAMPAIGN = "campaign"
    OPERATOR = "operator"
    DISPOSITION = "disposition"


_PHONES_OF = {"number", "numbers", "entry", "caller_id"}
_WHOLE = {"attempts", "attempt_no", "calls", "cause", "import_id", "lead", "live", "long", "number_index",
          "priority", "sip_code"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name, which programs know; people read it in their language."""

    name: Said
    kind: Kind
    inner: bool = False  # of no use to people


Shown = str | int | float | datetime | None  # an instant without a zone: by the office's clock
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the table: the language, the clock, the names."""

    speak: Callable[[str], str]
    zone: tzinfo
    campaigns: Mapping[int, str]
    operators: Mapping[str, str]
    dispositions: Mapping[int, Sequence[Disposition]] = field(default_factory=dict)  # by campaign

    def title(self, campaign: Any, code: str) -> str:
        """What people call a disposition; a code that no list has any more is told as it is."""
        found = known(self.dispositions.get(campaign, ()), code) or known(DEFAULT, code)
        return found.title.told(Language(self.speak(LANGUAGE))) if found else code

    @property
    def decimal(self) -> str:
        """What stands between a whole number and its parts."""
        return self.speak(Said("{value:.1f}", {"value": 0.5}))[1]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for people, page by page."""

    title: str
    headings: Sequence[str]
    kinds: Sequence[Kind]
    pages: AsyncIterator[Sequence[Sequence[Shown]]]


@dataclass(frozen=True, slots=True)
class Taken:
    """That somebody took a table out."""

    table: str
    by: str
    origin: str  # an address, or the user of the command line
    asked: Mapping[str, Any]  # what it was narrowed to
    rows: int
    whole: bool  # False: it broke off


def columns(names: Iterable[Said], *, inner: Iterable[str] = ()) -> tuple[Column, ...]:
    """Their kinds follow from their names."""
    hidden = set(inner)
    return tuple(Column(name, kind_of(str(name)), str(name) in hidden) for name in names)


def kind_of(name: str) -> Kind:
    if name in _PHONES_OF:
        return Kind.PHONE
    if name in _WHOLE:
        return Kind.WHOLE
    if name in ("campaign", "operator", "disposition"):
        return Kind(name)
    if name == "at" or name.endswith("_at"):
        return Kind.INSTANT
    if name.endswith("_s"):
        return Kind.SECONDS
    return Kind.SHARE if name == "occupancy" else Kind.TEXT


def for_people(row: Row, table: Sequence[Column], reader: Reader) -> list[Shown]:
    """The cells that people see: names, local times to the second, words of their language."""
    cells = list(zip(row, table, strict=True))
    campaign = next((value for value, one in cells if one.kind is Kind.CAMPAIGN), None)
    return [_shown(value, one.kind, reader, campaign) for value, one in cells if not one.inner]


def _shown(value: Any, kind: Kind, reader: Reader, campaign: Any) -> Shown:
    match value:
        case None:
            return None
        case bool():
            return reader.speak(said("yes") if value else said("no"))
        case StrEnum():
            return reader.speak(word(value))
        case datetime():
            return value.astimezone(reader.zone).replace(tzinfo=None, microsecond=0)
        case Mapping():
            return "; ".join(f"{_name(name, reader)}: {each}" for name, each in value.items())
        case tuple() | list() | set() | frozenset():
            return ", ".join(str(_shown(each, kind, reader, campaign)) for each in value)
        case _ if kind is Kind.CAMPAIGN:
            return reader.campaigns.get(value) or str(value)
        case _ if kind is Kind.OPERATOR:
            return " ".join(filter(None, (str(value), reader.operators.get(value))))
        case int() | float():
            return value
        case _ if kind is Kind.DISPOSITION:
            return reader.title(campaign, value)
        case _:
            return reader.speak(value)


def _name(name: Any, reader: Reader) -> str:
    return reader.speak(word(name)) if isinstance(name, StrEnum) else str(name)


def excel_cell(value: Shown, decimal: str) -> str:
    """As Excel takes it from a CSV file: dates for dates, numbers for numbers, the rest for text."""
    match value:
        case None:
            return ""
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case int():
            return str(value)
        case float():
            return f"{value:.4f}".rstrip("0").rstrip(".").replace(".", decimal)
        case _ if PHONES.fullmatch(value) or _LIKE_NUMBER.fullmatch(value):
            return f'="{value}"'  # our own formula: digits and nothing that could be called
        case _:
            return safe_cell(value)
