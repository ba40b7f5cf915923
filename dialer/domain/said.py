"""A sentence that remembers what it was made of, so that it can be said again in another language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import reduce
from string import Formatter
from typing import Any, Protocol

Value = str | int | float  # what stands in a sentence; a str may be a Said itself


class Tongue(Protocol):
    """A language: its words, and how it writes numbers."""

    @property
    def group(self) -> str:
        """Between thousands."""

    @property
    def decimal(self) -> str:
        """Between a whole number and its parts."""

    @property
    def percent(self) -> str:
        """After a number."""

    def find(self, sentence: Said) -> str:
        """Its template in this language; the English one where there is no other."""


class Said(str):
    """The English sentence as an ordinary str, with its template and values; never changed once made.

    `plural` is the template for every number but one, `n` the number that decides; `context` tells equal
    words apart; a `full` sentence begins with a capital and ends with a full stop.
    """

    __slots__ = ("args", "context", "full", "n", "plural", "text")
    text: str
    args: Mapping[str, Value]
    plural: str
    n: int
    context: str
    full: bool

    def __new__(
        cls,
        text: str,
        args: Mapping[str, Value] | None = None,
        *,
        plural: str = "",
        n: int = 1,
        context: str = "",
        full: bool = False,
    ) -> Said:
        template = plural if plural and n != 1 else text
        english = template.format_map(args) if args else template
        self = super().__new__(cls, _capital(english) if full else english)
        self.text, self.plural, self.n = text, plural, n
        self.args = args or {}
        self.context, self.full = context, full
        return self

    def __getnewargs__(self) -> tuple[str]:
        """For copies: the attributes follow by themselves."""
        return (str(self),)


# --- made -------------------------------------------------------------------------------------------------


def said(text: str, /, **args: object) -> Said:
    """`text` with {names} in it, which `args` fill: what a translation is looked up by."""
    return Said(text, values(args))


def counted(one: str, many: str, n: int, /, **args: object) -> Said:
    """As `said`, in the form that the number {n} wants: English has two, other languages more."""
    return Said(one, {"n": n, **values(args)}, plural=many, n=n)


def values(args: Mapping[str, object]) -> dict[str, Value]:
    """Numbers and sentences stay what they are: a language writes them its own way."""
    return {
        name: value if isinstance(value, (str, int, float)) else "" if value is None else str(value)
        for name, value in args.items()
    }


def word(value: StrEnum, gap: str = " ") -> Said:
    """A word of ours, such as a state; translated as a word of its kind."""
    return Said(value.replace("_", gap), context=context_of(type(value)))


def titled(*names: str, context: str = "column") -> tuple[Said, ...]:
    """Headings of a table, which may be its keys as well."""
    return tuple(Said(name, context=context) for name in names)


def listed(parts: Iterable[str], gap: str = ", ") -> Said:
    """One after the other."""
    args = {f"p{place}": part for place, part in enumerate(parts)}
    return Said(gap.join(f"{{{name}}}" for name in args), args)


def either(parts: Iterable[str]) -> Said:
    """One of them, in words."""
    first, *others = parts
    return reduce(lambda one, other: said("{one} or {other}", one=one, other=other), others, listed([first]))


def said_by(error: BaseException) -> str:
    """What an error was raised with: a sentence with its template, where it has one."""
    return error.args[0] if error.args and isinstance(error.args[0], str) else str(error)


def full(sentence: str) -> Said:
    """With a capital and a full stop."""
    if isinstance(sentence, Said):
        was = sentence
        return Said(was.text, was.args, plural=was.plural, n=was.n, context=was.context, full=True)
    return Said("{sentence}", {"sentence": sentence}, full=True)


def context_of(kind: type[StrEnum]) -> str:
    """`call.State`: there are several kinds of the same name."""
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


# --- told -------------------------------------------------------------------------------------------------


def tell(sentence: str, tongue: Tongue) -> str:
    """The sentence in this language; a plain str stays as it is."""
    if not isinstance(sentence, Said):
        return sentence
    template = tongue.find(sentence)
    told = _Filler(tongue).vformat(template, (), sentence.args) if sentence.args else template
    return _capital(told) if sentence.full else told


class _Filler(Formatter):
    """Fills a template: what it holds is told in the same language."""

    def __init__(self, tongue: Tongue) -> None:
        self._tongue = tongue

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if isinstance(value, str):
            value = tell(value, self._tongue)
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> str:
        text = str(format(value, format_spec))
        return number(text, self._tongue) if isinstance(value, (int, float)) else text


def number(text: str, tongue: Tongue) -> str:
    """A number as Python writes it (`1,240.5`), as this language does."""
    return text.translate({ord(","): tongue.group, ord("."): tongue.decimal, ord("%"): tongue.percent})


# --- carried to another process ---------------------------------------------------------------------------


def plain(sentence: str) -> Any:
    """The sentence as JSON can carry it."""
    if not isinstance(sentence, Said):
        return sentence
    args = {name: plain(value) if isinstance(value, str) else value for name, value in sentence.args.items()}
    return {
        "text": sentence.text,
        "args": args,
        "plural": sentence.plural,
        "n": sentence.n,
        "context": sentence.context,
        "full": sentence.full,
    }


def heard(sentence: Any) -> str:
    """The sentence again, from what `plain` made of it."""
    if not isinstance(sentence, Mapping):
        return str(sentence)
    args = {name: heard(value) if isinstance(value, Mapping) else value
            for name, value in sentence["args"].items()}  # fmt: skip
    return Said(
        sentence["text"],
        args,
        plural=sentence["plural"],
        n=sentence["n"],
        context=sentence["context"],
        full=sentence["full"],
    )
