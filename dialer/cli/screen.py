"""What a verb prints: tables for people, JSON for programs; results on stdout, all the rest on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from datetime import date, datetime, tzinfo
from typing import Annotated, Any

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dialer.adapters.codec import loosen
from dialer.adapters.languages import speaker
from dialer.domain.days import told_at, told_day
from dialer.domain.said import Said, said
from dialer.domain.types import Language

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def out() -> Console:
    """Results."""
    return Console(highlight=False, soft_wrap=True)


def aside() -> Console:
    """Progress and remarks."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


_zone: ContextVar[tzinfo | None] = ContextVar("_zone", default=None)  # None: the machine's own
_voice: ContextVar[Callable[[str], str]] = ContextVar("_voice", default=str)


def show_times_in(zone: tzinfo | None) -> None:
    """From now on instants are told by this clock; None is the machine's own."""
    _zone.set(zone)


def speak(language: Language) -> None:
    """From now on everything is told in this language."""
    _voice.set(speaker(language))


def tell(sentence: str) -> str:
    """The sentence in the language of DIALER_LANGUAGE."""
    return _voice.get()(sentence)


def say(sentence: str) -> None:
    """A result in words."""
    out().print(Text(tell(sentence)))


def remark(sentence: str) -> None:
    """What is worth knowing, but not the result."""
    aside().print(Text(tell(sentence), style="dim" if sys.stderr.isatty() else ""))


def complain(sentence: str) -> None:
    """What went wrong."""
    aside().print(Text(tell(sentence), style="red" if sys.stderr.isatty() else ""))


def print_json(value: object) -> None:
    """Any value of ours as JSON, and nothing else."""
    print(json.dumps(loosen(value), ensure_ascii=False, indent=2))


def print_table(
    names: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = said("There are none.")
) -> None:
    """Rows below their names; what was written by people is shown as it is, never as markup."""
    names = [tell(name) for name in names]
    shown = [[cell(value) for value in row] for row in rows]
    if not shown:
        say(empty)
    elif sys.stdout.isatty():
        out().print(_table(names, shown))
    else:
        print(_plain([list(names), *shown] if any(names) else shown))


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(names))
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _plain(rows: Sequence[Sequence[str]]) -> str:
    """Whole lines, whatever their length: a pipe has no width."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(set_cell_size(*one) for one in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def cell(value: object) -> str:
    """A value as a table shows it."""
    match value:
        case None:
            return ""
        case bool():
            return tell(said("yes") if value else said("no"))
        case float():
            return tell(Said("{value:g}", {"value": value}))
        case datetime():
            return tell(told_at(value.astimezone(_zone.get()), seconds=True))
        case date():
            return tell(told_day(value))
        case str():
            return printable(tell(value))
        case set() | frozenset():
            return " ".join(sorted(map(str, value)))
        case tuple() | list():
            return " ".join(map(str, value))
        case _:
            return printable(str(value))


def clock(seconds: float) -> str:
    """`1:05:09`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def printable(text: str) -> str:
    """Without control characters: what a list or a carrier brought must not steer the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def print_pairs(pairs: Iterable[tuple[str, Any]]) -> None:
    """One thing, a line per property."""
    print_table(("", ""), pairs)
