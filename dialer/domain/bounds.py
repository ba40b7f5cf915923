"""What may be set to what: the bounds of every field that people edit, and their check."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dialer.domain.campaign import Retry
from dialer.domain.dialable import COUNTRIES
from dialer.domain.errors import BadField
from dialer.domain.law import HEAVIEST, HIGHEST_CEILING, HIGHEST_RATIO, LOWEST_CEILING
from dialer.domain.said import Said, said
from dialer.domain.types import E164, NAME, OPERATOR_NUMBER

YEAR_S = 31_536_000
PRINTABLE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*"


@dataclass(frozen=True, slots=True)
class Within:
    """A number, or a span of time in seconds, from `least` to `most`; `above`: more than `least`."""

    least: float
    most: float
    above: bool = False

    def flaw(self, value: Any) -> Said | None:
        """What is wrong with a value; None: nothing."""
        number = value.total_seconds() if isinstance(value, timedelta) else value
        if self.above and not self.least < number <= self.most:
            return said("is not more than {least:,g} and at most {most:,g}", least=self.least, most=self.most)
        if not self.least <= number <= self.most:
            return said("is not from {least:,g} to {most:,g}", least=self.least, most=self.most)
        return None


@dataclass(frozen=True, slots=True)
class Text:
    """A text of this form and length."""

    pattern: str
    most: int
    least: int = 0
    form: str = ""  # in words, or as an example

    def flaw(self, value: Any) -> Said | None:
        """What is wrong with a value; None: nothing."""
        if not self.least <= len(value) <= self.most:
            return said("has not from {least} to {most} characters", least=self.least, most=self.most)
        if not re.fullmatch(self.pattern, value):
            return said("is not written as it must be, such as {form}", form=self.form)
        return None


class CountryCode(Text):
    """Two letters that a country has."""

    __slots__ = ()

    def flaw(self, value: Any) -> Said | None:
        if flaw := Text.flaw(self, value):
            return flaw
        return None if value in COUNTRIES else said("is {value!r}, and there is no such country", value=value)


@dataclass(frozen=True, slots=True)
class Each:
    """Several values, each within its own bound."""

    bound: Text | None
    most: int
    least: int = 0

    def flaw(self, values: Any) -> Said | None:
        """What is wrong with the values; None: nothing."""
        if not self.least <= len(values) <= self.most:
            return said("are not from {least} to {most} values", least=self.least, most=self.most)
        for value in sorted(values) if self.bound else ():
            if self.bound and (flaw := self.bound.flaw(value)):
                return said("{value!r} {flaw}", value=value[:40], flaw=flaw)
        return None


@dataclass(frozen=True, slots=True)
class Retries:
    """Delays after each outcome."""

    most: int
    delay: Within

    def flaw(self, table: Mapping[Any, Retry]) -> Said | None:
        """What is wrong with the table; None: nothing."""
        for outcome, retry in table.items():
            flaws: Iterable[Said | None] = map(self.delay.flaw, retry.delays)
            flaw = next(filter(None, flaws), None)
            if len(retry.delays) > self.most:
                flaw = said("are not from {least} to {most} values", least=0, most=self.most)
            if flaw:
                return said("{value!r} {flaw}", value=str(outcome), flaw=flaw)
        return None


Bounds = Mapping[str, Within | Text | Each | Retries]

LINE = Text(PRINTABLE, 200, form="Spring 2026")
TITLE = Text(PRINTABLE, 100, 1, form="Spring 2026")
COUNTRY = CountryCode("[A-Z]{2}", 2, 2, form="RU")
CALENDAR = Text("(zone|[A-Z]{2}(-[A-Z0-9]{1,4})?)?", 7, form="zone, RU or DE-BY")
SOUND = Text("([a-z0-9][a-z0-9-]{0,31})?", 32, form="campaign-1")
NUMBER = Text(E164.pattern, 16, form="+79161234567")
NUMBER_OR_NONE = Text(f"({E164.pattern})?", 16, form="+79161234567")
SLUG = Text(NAME.pattern, 32, 1, form="main")
OPERATOR = Text(OPERATOR_NUMBER.pattern, 6, 2, form="101")
SPAN = Within(0, YEAR_S)
TOKEN_NAME = Text("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", 64, 1, form="wallboard")
PIN = Text("[0-9]{4,12}", 12, 4, form="4711")
SECRET = Text(r"[\x21-\x7e]{8,128}", 128, 8, form="8 signs or more")
HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[\[\]0-9A-Fa-f:.]{2,60}"
SIP_NAME = Text("[A-Za-z0-9_.+-]{0,64}", 64, form="office-7")

CAMPAIGN: Bounds = {
    "name": TITLE,
    "country": COUNTRY,
    "ratio": Within(0.1, HIGHEST_RATIO),
    "priority": Within(-1000, 1000),
    "weight": Within(1, HEAVIEST),
    "operators": Each(OPERATOR, 10_000),
    "trunks": Each(SLUG, 50),
    "caller_id": NUMBER_OR_NONE,
    "schedule": Each(None, 100),
    "holidays": CALENDAR,
    "ring_s": Within(1, 300),
    "wrap_up_s": Within(0, 3600),
    "message": SOUND,
    "longest_talk_s": Within(10, 86_400),
    "longest_hold_s": Within(5, 86_400),
    "max_attempts": Within(1, 1000),
    "rest": SPAN,
    "abandoned_rest": SPAN,
    "retries": Retries(50, SPAN),
    "cap": Within(0, 100_000),
    "ceiling": Within(LOWEST_CEILING, HIGHEST_CEILING),
}

LEAD_PRIORITY = Within(-1000, 1000)
LEAD: Bounds = {
    "numbers": Each(NUMBER, 10, 1),
    "extensions": Each(NUMBER, 10),
    "zones": Each(Text("[A-Za-z0-9_+/-]*", 64, 1, form="Europe/Moscow"), 50),
    "name": LINE,
    "company": LINE,
    "inn": Text("([0-9]{10}|[0-9]{12})?", 12, form="7707083893"),
    "email": Text(r"([^\s@\x00-\x1f]{1,64}@[^\s@\x00-\x1f]{1,190})?", 255, form="anna@example.org"),
    "extra": Each(Text(PRINTABLE, 64, 1, form="city"), 50),
    "ref": LINE,
    "priority": LEAD_PRIORITY,
}

ACCOUNT: Bounds = {
    "id": OPERATOR,
    "name": TITLE,
    "number": NUMBER,
    "trunk": SLUG,
    "sip_password": SECRET,
    "pin": PIN,
}
TRUNK: Bounds = {
    "id": SLUG,
    "host": Text(HOST, 253, 1, form="sip.example.org"),
    "port": Within(1, 65_535),
    "user": SIP_NAME,
    "password": SECRET,
    "from_user": SIP_NAME,
    "codecs": Each(Text("[a-z0-9]{2,16}", 16, 2, form="alaw"), 10, 1),
    "caller_ids": Each(NUMBER, 1000),
    "lines": Within(1, 10_000),
    "calls_per_s": Within(0, 1000, above=True),
    "prefixes": Each(Text(r"\+[1-9][0-9]{0,14}", 16, 2, form="+7"), 1000, 1),
    "minutes_per_day": Within(0, 1e9),
    "money_per_day": Within(0, 1e9),
    "price": Within(0, 1e6),
    "price_per_call": Within(0, 1e6),
    "currency": Text(PRINTABLE, 10, form="RUB"),
}
TOKEN: Bounds = {"name": TOKEN_NAME}


def check(changes: Mapping[str, Any], bounds: Bounds) -> None:
    """Raises BadField for the first value that is out of its bounds; what is not set is no matter."""
    for field, value in changes.items():
        bound = bounds.get(field)
        if bound is not None and value is not None and (flaw := bound.flaw(value)):
            raise BadField(field, flaw)
