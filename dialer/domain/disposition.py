"""What an operator may say came of a call: each campaign has its own list of dispositions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol, cast

from dialer.domain.errors import BadField, BadValue
from dialer.domain.said import Said, said
from dialer.domain.types import Language

FIELD = "dispositions"  # of a campaign
CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")
DIGITS = "0123456789"
MOST, LONGEST_TITLE = 100, 100
LONGEST_S = 31_536_000.0  # a year


class Then(StrEnum):
    """What a disposition does to the lead."""

    CLOSE = "close"  # it is done
    CALLBACK = "callback"  # called again at the instant that was agreed
    RETRY = "retry"  # called again: `after`, or as after a call that nobody answered
    WRONG_NUMBER = "wrong_number"  # this number is never tried again, the next one is
    DNC_NUMBER = "dnc_number"  # out of the list, and this number goes on the do-not-call list
    DNC_PERSON = "dnc_person"  # the same with all numbers of the person
    NOTHING = "nothing"  # it stays as the attempt left it


BARS = frozenset({Then.DNC_NUMBER, Then.DNC_PERSON})


@dataclass(frozen=True, slots=True)
class Title:
    """What people read, in both languages or in one for both."""

    ru: str = ""
    en: str = ""

    def told(self, language: Language) -> str:
        """In this language; in the other one where there is no word in this."""
        return (self.ru or self.en) if language is Language.RU else (self.en or self.ru)


@dataclass(frozen=True, slots=True)
class Disposition:
    """One of them; records keep the code, so it stays when the title changes."""

    code: str
    title: Title
    key: str = ""  # the digit of a phone that says it
    then: Then = Then.NOTHING
    after: timedelta | None = None  # with RETRY


DEFAULT: tuple[Disposition, ...] = (
    Disposition("agreed", Title("Согласие", "Agreed"), "1", Then.CLOSE),
    Disposition("refused", Title("Отказ", "Refused"), "2", Then.CLOSE),
    Disposition("callback", Title("Перезвонить", "Call back"), "3", Then.CALLBACK),
    Disposition("wrong_number", Title("Неверный номер", "Wrong number"), "4", Then.WRONG_NUMBER),
    Disposition("no_contact", Title("Нужного человека нет", "The person was not there"), "5", Then.RETRY),
    Disposition("dnc", Title("Больше не звонить", "Do not call again"), "9", Then.DNC_NUMBER),
)


def known(dispositions: Sequence[Disposition], code: str) -> Disposition | None:
    """The one with this code; None for a code that an older list had, or that never was."""
    return next((one for one in dispositions if one.code == code), None)


def find(dispositions: Sequence[Disposition], code: str) -> Disposition:
    """The one with this code; BadValue says which there are."""
    if (found := known(dispositions, code)) is None:
        raise BadValue(
            said(
                "there is no disposition {disposition!r}: use one of {disposition2}",
                disposition=code,
                disposition2=", ".join(one.code for one in dispositions),
            )
        )
    return found


# --- what may be set ---------------------------------------------------------------------------------------


class Choosable(Protocol):
    """What operators choose by its title or its key."""

    @property
    def code(self) -> str: ...
    @property
    def title(self) -> Title: ...
    @property
    def key(self) -> str: ...


def check(dispositions: Sequence[Disposition]) -> None:
    """Raises BadField for the first that cannot be: dispositions/2/key is the key of the third."""
    check_list(FIELD, dispositions)
    for at, one in enumerate(dispositions):
        if one.after is None:
            continue
        place = f"{FIELD}/{at}/after_s"
        if one.then is not Then.RETRY:
            raise BadField(
                place, said("goes with {then} only, not with {other}", then="retry", other=one.then)
            )
        if not 0 <= one.after.total_seconds() <= LONGEST_S:
            raise BadField(place, said("is not from {least:,g} to {most:,g}", least=0, most=LONGEST_S))


def check_list(field: str, items: Sequence[Choosable], digits: str = DIGITS) -> None:
    """Raises BadField unless codes and keys stand once, and each has a title; keys are of `digits`."""
    if not 1 <= len(items) <= MOST:
        raise BadField(field, said("are not from {least} to {most} values", least=1, most=MOST))
    seen: dict[tuple[str, str], int] = {}
    for at, item in enumerate(items):
        place = f"{field}/{at}"
        if not CODE.fullmatch(item.code):
            raise BadField(
                f"{place}/code",
                said(
                    "{code!r} is no code: up to 32 small Latin letters, digits and _, such as agreed",
                    code=item.code[:40],
                ),
            )
        if flaw := _flaw_of(item.title):
            raise BadField(f"{place}/title", flaw)
        if item.key and (len(item.key) != 1 or item.key not in digits):
            raise BadField(
                f"{place}/key",
                said("{key!r} is no key: use one of {digits}", key=item.key[:40], digits=digits),
            )
        for name, value in (("code", item.code), ("key", item.key)):
            before = seen.setdefault((name, value), at) if value else at
            if before != at:
                raise BadField(
                    f"{place}/{name}",
                    said("{value} stands at {first} already", value=value, first=f"{field}/{before}"),
                )


def _flaw_of(title: Title) -> Said | None:
    if not (title.ru or title.en).strip():
        return said("is empty: say in Russian or English what people read")
    if max(len(title.ru), len(title.en)) > LONGEST_TITLE:
        return said("has more than {most} characters", most=LONGEST_TITLE)
    return None if (title.ru + title.en).isprintable() else said("has characters that cannot be printed")


# --- plain values: files, requests, answers ----------------------------------------------------------------


def plain(one: Disposition) -> dict[str, Any]:
    """As files and the API have it; `read` takes it back."""
    after = {} if one.after is None else {"after_s": one.after.total_seconds()}
    return {**plain_name(one), "then": one.then.value, **after}


def plain_name(one: Choosable) -> dict[str, Any]:
    """What every list has: code, title, key."""
    return {"code": one.code, "title": {"ru": one.title.ru, "en": one.title.en}, "key": one.key}


def read(entries: Any) -> tuple[Disposition, ...]:
    """The list that was written as plain values; BadField names the place of what is wrong."""
    found = []
    for place, entry in each(FIELD, entries, {"code", "title", "key", "then", "after_s"}):
        then, after_s = text(entry, "then", place, Then.NOTHING.value), entry.get("after_s")
        if then not in set(Then):
            raise BadField(
                f"{place}/then", said("{word!r} is none of {words}", word=then[:40], words=", ".join(Then))
            )
        if after_s is not None and (isinstance(after_s, bool) or not isinstance(after_s, int | float)):
            raise BadField(f"{place}/after_s", said("is not a number of seconds"))
        if after_s is not None and not 0 <= after_s <= LONGEST_S:
            raise BadField(
                f"{place}/after_s", said("is not from {least:,g} to {most:,g}", least=0, most=LONGEST_S)
            )
        after = None if after_s is None else timedelta(seconds=after_s)
        found.append(Disposition(*names(entry, place), Then(then), after))
    return tuple(found)


def each(field: str, entries: Any, fields: set[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries of a list with the place of each; BadField for what is no entry, or has other fields."""
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise BadField(field, said("is not a list"))
    found = []
    for at, entry in enumerate(entries):
        place = f"{field}/{at}"
        if not isinstance(entry, Mapping):
            raise BadField(place, said("is not a table of {fields}", fields=", ".join(sorted(fields))))
        if strange := sorted(set(map(str, entry)) - fields):
            raise BadField(
                f"{place}/{strange[0][:40]}",
                said("there is no such field: there are {fields}", fields=", ".join(sorted(fields))),
            )
        found.append((place, cast(Mapping[str, Any], entry)))
    return found


def names(entry: Mapping[str, Any], place: str) -> tuple[str, Title, str]:
    """Code, title and key of an entry; a title may be one text for both languages."""
    title = entry.get("title", "")
    if isinstance(title, Mapping) and set(title) <= {"ru", "en"}:
        told = Title(text(title, "ru", f"{place}/title"), text(title, "en", f"{place}/title"))
    elif isinstance(title, str):
        told = Title(title.strip(), title.strip())
    else:
        raise BadField(f"{place}/title", said("is neither a text nor a table of ru and en"))
    return text(entry, "code", place), told, text(entry, "key", place)


def text(entry: Mapping[str, Any], name: str, place: str, otherwise: str = "") -> str:
    """A field that is a text."""
    value = entry.get(name, otherwise)
    if not isinstance(value, str):
        raise BadField(f"{place}/{name}", said("is not a text: put it in quotes"))
    return value.strip()
