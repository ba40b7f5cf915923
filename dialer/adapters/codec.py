"""Frozen dataclasses to plain JSON values and back, by their type hints.

A field that is not there gets its default, so what the version before wrote can be read; of the defaults only
None is left out in writing, because another one may change with the version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from dialer.domain.errors import BadValue

T = TypeVar("T")
Convert = Callable[[Any], Any]


def encode(value: object) -> Any:
    """The plain value (dict, list, str, int, float, bool, None) of a dataclass."""
    return _encoder(cast(Any, type(value)))(value)


def changes(before: T, after: T) -> dict[str, Any]:
    """The plain values of those fields that are not the same any more; None stands for itself here.

    Of dataclasses without slots: their own dictionaries are compared, which takes half the time.
    """
    convert_of, was = _plan(cast(Any, type(after))), vars(before)
    return {
        name: convert_of[name](new)
        for name, new in vars(after).items()
        if (old := was[name]) is not new and old != new
    }


def decode(kind: type[T], plain: object) -> T:
    """The dataclass back again; BadValue names the field that is not as it should be."""
    return cast(T, _decoder(cast(Any, kind))(plain))


def loosen(value: object) -> Any:
    """Any answer as plain values, by what it is and not by hints; there is no way back."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: loosen(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(loosen(key)): loosen(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [loosen(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return _moment_out(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value if isinstance(value, (str, int, float, NoneType)) else str(value)


def to_json(plain: Any) -> str:
    """BadValue for what JSON cannot hold, such as NaN."""
    try:
        return json.dumps(plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as flaw:
        raise BadValue(f"{_short(plain)} is no JSON: {flaw}") from None


def through_json(plain: Any) -> Any:
    """The value as JSON gives it back, a copy; BadValue as `to_json`."""
    return json.loads(to_json(plain))


# --- out -------------------------------------------------------------------------------------------------


@cache
def _encoder(hint: Any) -> Convert:
    if isinstance(hint, NewType):
        return _encoder(hint.__supertype__)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _maybe(_encoder(_only(hint, args)))
    if origin in (tuple, frozenset):
        each = _encoder(args[0])
        inner: Convert = sorted if origin is frozenset else list
        return lambda value: inner(each(item) for item in value)
    if origin in (Mapping, dict):
        key, each = _encoder(args[0]), _encoder(args[1])
        return lambda value: {key(name): each(item) for name, item in value.items()}
    if is_dataclass(hint):
        return _fields_out(hint)
    if issubclass(hint, Enum):
        return attrgetter("_value_")
    return _PLAIN_OUT[hint]


def _fields_out(kind: Any) -> Convert:
    """Made for speed, as each step of each call is encoded: what is plain already is copied at once."""
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    plan = [(f.name, f.default is None, _encoder(hints[f.name])) for f in fields(kind)]
    changed = [(name, convert) for name, _, convert in plan if convert is not _same]
    dropped = [name for name, may_be_none, _ in plan if may_be_none]
    many = len(names) > 1  # or attrgetter gives no tuple
    values_of = attrgetter(*names) if many else lambda value: [getattr(value, name) for name in names]

    def out(value: Any) -> dict[str, Any]:
        plain = dict(zip(names, values_of(value), strict=True))
        for name in dropped:
            if plain[name] is None:
                del plain[name]
        for name, convert in changed:
            if name in plain:
                plain[name] = convert(plain[name])
        return plain

    return out


@cache
def _plan(kind: Any) -> dict[str, Convert]:
    hints = get_type_hints(kind)
    return {f.name: _encoder(hints[f.name]) for f in fields(kind)}


def _is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _maybe(convert: Convert) -> Convert:
    if convert is _same:
        return _same
    return lambda value: None if value is None else convert(value)


def _only(hint: Any, args: tuple[Any, ...]) -> Any:
    """The one kind of `kind | None`: a union of several could not be told apart on the way back."""
    kinds = [arg for arg in args if arg is not NoneType]
    if len(kinds) != 1:
        raise TypeError(f"{hint} has no plain form: only `kind | None` can be read back")
    return kinds[0]


def _moment_out(value: datetime) -> str:
    if value.tzinfo is None:
        raise BadValue(f"the instant {value} has no time zone: give it one (UTC)")
    return (value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat()


def _same(value: Any) -> Any:
    return value


_PLAIN_OUT: Mapping[Any, Convert] = {
    str: _same,
    int: _same,
    float: _same,
    bool: _same,
    datetime: _moment_out,
    time: lambda value: value.isoformat(),
    timedelta: lambda value: value.total_seconds(),
}


# --- in --------------------------------------------------------------------------------------------------


@cache
def _decoder(hint: Any) -> Convert:
    if isinstance(hint, NewType):
        return _decoder(hint.__supertype__)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _maybe(_decoder(_only(hint, args)))
    if origin in (tuple, frozenset):
        each = _decoder(args[0])
        return lambda plain: origin(each(item) for item in _expect(list, plain))
    if origin in (Mapping, dict):
        key, each = _decoder(args[0]), _decoder(args[1])
        return lambda plain: {key(name): each(item) for name, item in _expect(dict, plain).items()}
    if is_dataclass(hint):
        return _fields_in(hint)
    if issubclass(hint, Enum):
        return lambda plain: _choice(hint, plain)
    return _PLAIN_IN[hint]


def _fields_in(kind: Any) -> Convert:
    hints = get_type_hints(kind)
    plan = {f.name: _decoder(hints[f.name]) for f in fields(kind)}
    needed = [f.name for f in fields(kind) if _is_needed(f)]

    def back(plain: Any) -> Any:
        found = {}
        for name, item in _expect(dict, plain).items():
            if name in plan:  # what a later version added is not for us
                try:
                    found[name] = plan[name](item)
                except BadValue as bad:
                    raise BadValue(f"{kind.__name__}.{name}: {bad}") from None
        for name in needed:
            if name not in found:
                raise BadValue(f"{kind.__name__}.{name} is not there")
        return kind(**found)

    return back


def _expect(kind: type[T], plain: object) -> T:
    if not isinstance(plain, kind) or (isinstance(plain, bool) and kind is not bool):
        raise BadValue(f"{_short(plain)} is not a {kind.__name__}")
    return plain


def _short(plain: object) -> str:
    try:
        text = repr(plain)
    except (RecursionError, ValueError):  # too deep, or a number of thousands of digits
        return f"a {type(plain).__name__}"
    return text if len(text) <= 40 else text[:37] + "..."


def _choice(kind: type[Enum], plain: object) -> Enum:
    try:
        return kind(plain)
    except ValueError:
        raise BadValue(f"{_short(plain)} is none of {', '.join(str(each.value) for each in kind)}") from None


def _number(plain: object) -> float:
    if isinstance(plain, bool) or not isinstance(plain, (int, float)) or not math.isfinite(plain):
        raise BadValue(f"{_short(plain)} is not a number")
    return float(plain)


def _moment_in(plain: object) -> datetime:
    try:
        moment = datetime.fromisoformat(_expect(str, plain))
    except ValueError:
        raise BadValue(f"{_short(plain)} is not an instant, such as 2026-01-31T09:00:00+00:00") from None
    if moment.tzinfo is None:
        raise BadValue(f"the instant {plain} has no time zone: give it one (UTC)")
    return moment.astimezone(UTC)


def _time_in(plain: object) -> time:
    try:
        return time.fromisoformat(_expect(str, plain))
    except ValueError:
        raise BadValue(f"{_short(plain)} is not a time of day, such as 09:00") from None


def _span_in(plain: object) -> timedelta:
    try:
        return timedelta(seconds=_number(plain))
    except OverflowError:
        raise BadValue(f"{_short(plain)} seconds are too many") from None


_PLAIN_IN: Mapping[Any, Convert] = {
    str: lambda plain: _expect(str, plain),
    int: lambda plain: _expect(int, plain),
    float: _number,
    bool: lambda plain: _expect(bool, plain),
    datetime: _moment_in,
    time: _time_in,
    timedelta: _span_in,
}
