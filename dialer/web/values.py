"""The values that requests may carry, each with its bounds; everything else is refused before it is used."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from dialer.domain import bounds, disposition
from dialer.domain.dialable import known_country
from dialer.domain.errors import BadValue

LARGEST_ID = 2**31 - 1
PRINTABLE = f"^{bounds.PRINTABLE}$"
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


def formed(bound: bounds.Text) -> StringConstraints:
    """The same form as the domain asks for."""
    return StringConstraints(pattern=f"^{bound.pattern}$")


def within(bound: bounds.Within) -> Any:
    """The same bounds as the domain has."""
    if bound.above:
        return Field(strict=True, gt=bound.least, le=bound.most)
    return Field(strict=True, ge=bound.least, le=bound.most)


Version = Annotated[
    Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID)] | None,
    Field(description="that you have seen: 409 with what differs where somebody has changed it since"),
]


class Body(BaseModel):
    """What a request may say: nothing that is not named here."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)


def _utc(value: datetime) -> datetime:
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside of the years 2000 to 2099") from None
    if not 2000 <= value.year <= 2099:
        raise ValueError("is outside of the years 2000 to 2099")
    return value


def _written(value: Any) -> Any:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("is not an instant as RFC 3339 writes it, such as 2026-02-03T10:00:00Z")
    return value


def _day(value: Any) -> str:
    sentence = "is not a day of this century, such as 2026-02-03"
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError(sentence)
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError(sentence) from None


def _country(code: str) -> str:
    try:
        return known_country(code)
    except BadValue as unknown:
        raise ValueError(unknown.sentence) from None


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("is no time zone, such as Europe/Moscow") from None
    return name


Utc = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    AfterValidator(_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-02-03T10:00:00Z"]}),
]
Day = Annotated[
    str,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-02-03"]}),
]
OneDay = Annotated[Day | None, Query(description="by the office's clock; today where it is not given")]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Zone = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_+/-]{1,64}$"),
    AfterValidator(_zone),
    Field(examples=["Europe/Moscow"]),
]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Seconds = Annotated[float, within(bounds.SPAN)]
Number = Annotated[str, formed(bounds.NUMBER), Field(examples=["+79161234567"])]
OperatorNumber = Annotated[str, formed(bounds.OPERATOR), Field(examples=["101"])]
Code = Annotated[str, StringConstraints(pattern=f"^{disposition.CODE.pattern}$"), Field(examples=["agreed"])]
Slug = Annotated[str, formed(bounds.SLUG), Field(examples=["main"])]
CallName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,80}$")]
Country = Annotated[str, formed(bounds.COUNTRY), AfterValidator(_country), Field(examples=["RU"])]
Line = Annotated[str, StringConstraints(pattern=PRINTABLE, max_length=200)]
Title = Annotated[str, StringConstraints(pattern=PRINTABLE, min_length=1, max_length=100)]
Reason = Annotated[str, StringConstraints(pattern=PRINTABLE, min_length=1, max_length=64)]
Note = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$", max_length=4000)]
Secret = Annotated[str, formed(bounds.SECRET), Field(examples=["8 signs or more"])]
