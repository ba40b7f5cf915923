"""Options made from tables: one row per property of a campaign, a trunk or an operator."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Optional, TypeVar, get_type_hints

import typer

from dialer.cli.later import one_number
from dialer.domain.campaign import Retry
from dialer.domain.errors import BadField, BadValue
from dialer.domain.law import HIGHEST_CEILING, LOWEST_CEILING
from dialer.domain.said import listed, said, said_by
from dialer.domain.types import OperatorId, Outcome, PhoneNumber, TrunkId
from dialer.settings import Settings

E = TypeVar("E", bound=StrEnum)
Command = Callable[..., None]
Read = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Knob:
    """One option; `read` turns its text into the value of `field`, as the domain has it."""

    field: str
    metavar: str
    help: str
    read: Read = str
    option: str = ""  # where it is not called like the field
    many: bool = False  # may be given several times

    @property
    def flag(self) -> str:
        return f"--{(self.option or self.field).replace('_', '-')}"


def with_knobs(knobs: Sequence[Knob]) -> Callable[[Command], Command]:
    """Adds an option per knob; the function gets what was given as `given`, by field."""

    def wrap(function: Command) -> Command:
        hints = get_type_hints(function, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name])
            for name, parameter in inspect.signature(function).parameters.items()
            if name != "given"
        ]

        @functools.wraps(function)
        def command(**values: Any) -> None:
            texts = {knob.field: values.pop(_parameter(knob)) for knob in knobs}
            given = {knob.field: _read(knob, texts[knob.field]) for knob in knobs if texts[knob.field]}
            try:
                function(**values, given=given)
            except BadField as flaw:
                raise _told(flaw, knobs, texts) from None

        added = [_option(knob) for knob in knobs]
        vars(command)["__signature__"] = inspect.Signature([*own, *added])
        command.__annotations__ = {each.name: each.annotation for each in (*own, *added)}
        del vars(command)["__wrapped__"]
        return command

    return wrap


def _told(flaw: BadField, knobs: Sequence[Knob], texts: Mapping[str, Any]) -> BadValue:
    """By the name of the option, with what was typed; a field that is no option is told as it is."""
    field = flaw.field.partition("/")[0]
    for knob in knobs:
        if knob.field == field and texts[field]:
            text = str(texts[field])[:60]
            return BadValue(said("{flag} {text!r}: {flaw}.", flag=knob.flag, text=text, flaw=flaw.why))
        if knob.field == field:
            return BadValue(said("{flag}: {flaw}.", flag=knob.flag, flaw=flaw.why))
    return flaw


def _parameter(knob: Knob) -> str:
    return f"knob_{knob.field}"


def _option(knob: Knob) -> inspect.Parameter:
    kind: Any = list[str] if knob.many else Optional[str]  # noqa: UP045 read at run time by typer
    default = typer.Option([] if knob.many else None, knob.flag, metavar=knob.metavar, help=knob.help,
                           show_default=False)  # fmt: skip
    return inspect.Parameter(
        _parameter(knob), inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
    )


def _read(knob: Knob, text: Any) -> Any:
    try:
        return knob.read(text)
    except ValueError as flaw:
        told = said_by(flaw)
        raise BadValue(
            said("{flag} {text!r}: {flaw}.", flag=knob.flag, text=str(text)[:60], flaw=told)
        ) from None


# --- readers ----------------------------------------------------------------------------------------------

_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|min|h|d|)")
_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def whole(text: str) -> int:
    """`12`."""
    if not re.fullmatch(r"[+-]?[0-9]{1,12}", text.strip()):
        raise ValueError(said("is not a whole number"))
    return int(text)


def number(text: str) -> float:
    """`1.5`, `1,5`."""
    if not re.fullmatch(r"[+-]?[0-9]{1,12}([.,][0-9]{1,6})?", text.strip()):
        raise ValueError(said("is not a number"))
    return float(text.replace(",", "."))


def ceiling(text: str) -> float:
    """`3`, `2.5%`: percents, as a share."""
    try:
        share = round(number(text.strip().removesuffix("%").rstrip()) / 100, 8)
    except ValueError:
        raise ValueError(said("is not a percentage, such as 3 or 2.5%")) from None
    if not LOWEST_CEILING <= share <= HIGHEST_CEILING:
        bounds = {"least": LOWEST_CEILING, "most": HIGHEST_CEILING}
        raise ValueError(said("is not from {least:.1%} to {most:.1%}", **bounds))
    return share


def one_of(words: type[E]) -> Callable[[str], E]:
    """One of our own words."""

    def read(text: str) -> E:
        if text not in set(words):
            raise ValueError(said("is none of these: {words}", words=", ".join(words)))
        return words(text)

    return read


def length(text: str) -> timedelta:
    """As `span`, for what is kept as a length of time."""
    return timedelta(seconds=span(text))


def span(text: str) -> float:
    """Seconds of `45`, `30s`, `15m`, `2h`, `3d`."""
    if not (match := _SPAN.fullmatch(text.strip())):
        raise ValueError(said("is not a length of time, such as 45, 30s, 15m, 2h, 3d"))
    return float(match[1]) * _UNITS[match[2]]


def yes_or_no(text: str) -> bool:
    """`yes`, `no`."""
    if text not in ("yes", "no"):
        raise ValueError(said("say yes or no"))
    return text == "yes"


def items(text: str) -> list[str]:
    """`a,b c`; `none` for an empty list."""
    return [] if text.strip() == "none" else [item for item in re.split(r"[,\s]+", text) if item]


def trunks(text: str) -> tuple[TrunkId, ...]:
    """`main,spare`; `none` for no way out."""
    return tuple(map(TrunkId, items(text)))


def operators(text: str) -> frozenset[OperatorId]:
    """`101,105-109`; `none` for nobody."""
    found: set[str] = set()
    for item in items(text):
        first, dash, last = item.partition("-")
        if not dash:
            found.add(item)
            continue
        if not (first.isdecimal() and last.isdecimal() and len(first) == len(last) and first <= last):
            raise ValueError(said("a range is written as 101-110"))
        if int(last) - int(first) > 10_000:
            raise ValueError(said("a range has at most 10,000 operators"))
        found |= {str(each).zfill(len(first)) for each in range(int(first), int(last) + 1)}
    return frozenset(map(OperatorId, found))


def phone(flag: str, text: str, settings: Settings) -> PhoneNumber:
    """A number as people write it; without a country code it belongs to the country of the settings."""
    try:
        return one_number(text, settings.country)
    except BadValue as flaw:
        raise BadValue(listed([flag, flaw.sentence], " ")) from None


def retry(texts: Sequence[str]) -> dict[Outcome, Retry]:
    """`no_answer=2h,24h,next`: delays in turn; `next` goes on with the lead's next number first."""
    table: dict[Outcome, Retry] = {}
    for text in texts:
        outcome, _, rest = text.partition("=")
        if outcome not in set(Outcome):
            raise ValueError(
                said(
                    "there is no outcome {outcome!r}: take one of {outcomes}",
                    outcome=outcome,
                    outcomes=", ".join(Outcome),
                )
            )
        if not rest.strip():
            raise ValueError(said("say the delays: busy=5m,1h, or busy=never"))
        words = [word for word in items(rest) if word != "never"]
        delays = tuple(length(word) for word in words if word != "next")
        table[Outcome(outcome)] = Retry(delays, "next" in words)
    return table
