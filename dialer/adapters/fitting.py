"""What every store can keep: one check in front of memory, SQLite and PostgreSQL, so that all refuse alike.

PostgreSQL sets the bounds. Text loses what no database holds (zeros, halves of characters). What does not fit
otherwise is refused before anything has changed; what is only asked for is then not found.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr
from dialer.domain.cells import Holder
from dialer.domain.errors import StoreRefused
from dialer.domain.operators import StateChange
from dialer.domain.said import Said, said
from dialer.domain.types import CampaignId, LeadId
from dialer.ports.stores import CdrQuery, Records

T = TypeVar("T")
Fit = Callable[[Any, str], Any]  # of a value and its place: the value as it is kept

WHOLE, BIG = 2**31 - 1, 2**63 - 1  # the ends of PostgreSQL's integer and bigint
REAL = 1e12  # in microseconds it is a bigint still
KEY_BYTES = 500  # three of them in one index: PostgreSQL refuses rows of more than 2,704 bytes there
REASON_BYTES = 1000
DEEPEST = 50  # levels of JSON
EARLIEST_AT, LATEST_AT = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
LONGEST, LONGEST_S = timedelta(days=36_500), 1e9
WRITES = frozenset(
    {"add", "keep", "save", "take", "recorded", "block", "block_all"}
)  # whose own arguments are kept as keys
PAGE = 1000  # rows at once, whatever was asked for


def fitted(store: type[T]) -> type[T]:
    """Of a store: whatever its requests are given fits, or they raise StoreRefused."""
    for name, request in list(vars(store).items()):
        if inspect.iscoroutinefunction(request) and not name.startswith("_"):
            setattr(store, name, _fitting(request))
    return store


async def every_record(records: Records, query: CdrQuery) -> AsyncIterator[Sequence[Cdr]]:
    """All that the query asks for, page by page."""
    following = replace(query, limit=PAGE)
    while page := await records.cdrs(following):
        yield page
        following = replace(following, after=page[-1].id)


def is_id(number: int) -> bool:
    """Whether a number can be the id of a row."""
    return 0 < number <= BIG


def clean(value: str) -> str:
    """Without what a database cannot hold: zeros and halves of characters."""
    if value.isprintable() or ("\0" not in value and value.isascii()):
        return value  # zeros and halves cannot be printed
    return value.replace("\0", "\ufffd").encode(errors="replace").decode()


def _fitting(request: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(request)
    async def fits(self: Any, *args: Any, **kwargs: Any) -> Any:
        plan = _arguments(request)
        given = [fit(value, place) for (place, fit), value in zip(plan.items(), args, strict=False)]
        named = {place: plan[place](value, place) for place, value in kwargs.items()}
        return await request(self, *given, **named)

    return fits


# --- arguments: what no row can have is not found, so it is brought within the bounds ---


@cache
def _arguments(request: Callable[..., Any]) -> Mapping[str, Fit]:
    hints = get_type_hints(request)
    is_kept = request.__name__ in WRITES
    names = [name for name in inspect.signature(request).parameters if name != "self"]
    return {name: _argument(name, hints[name], is_kept=is_kept) for name in names}


def _argument(name: str, hint: Any, *, is_kept: bool) -> Fit:
    if (kind := _optional(hint)) is not None:
        return _maybe(_count if (name, kind) == ("limit", int) else _argument(name, kind, is_kept=is_kept))
    if hint is datetime:
        return _nearest
    if hint is float:
        return _seconds
    if hint is int:
        return _PLACES.get(name, _same)
    if hint == Iterable[LeadId]:
        return lambda value, place: [lead for lead in value if is_id(lead)]
    if isinstance(hint, NewType) and hint.__supertype__ is int:
        return _id if is_kept else _same
    return _fit(hint, _key if is_kept else _text)


def _nearest(value: datetime, place: str) -> datetime:
    _aware(value, place)
    return LATEST_AT if value > LATEST_AT else EARLIEST_AT if value < EARLIEST_AT else value


def _seconds(value: float, place: str) -> float:
    return max(-LONGEST_S, min(_real(value, place), LONGEST_S))


def _nearest_big(value: int, place: str) -> int:
    return max(-BIG, min(value, BIG))


def _count(value: int, place: str) -> int:
    return max(0, min(value, WHOLE))


def _page(value: int, place: str) -> int:
    return max(0, min(value, PAGE))


# --- what is kept ---


@cache
def _fit(hint: Any, text: Fit) -> Fit:
    """What fits a field of that type; `text`: how its texts do."""
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, NewType):
        return text if hint.__supertype__ is str else _id
    if (kind := _optional(hint)) is not None:
        return _maybe(_fit(kind, text))
    if origin is Iterable:
        each = _fit(args[0], text)
        return lambda value, place: (
            each(item, place) for item in value
        )  # a file of a million lines is one too
    if origin is AsyncIterable:
        return _later(_fit(args[0], text))
    if origin is tuple and args[-1] is not Ellipsis:
        fits = [_fit(arg, text) if arg is not int else _nearest_big for arg in args]
        return lambda value, place: tuple(fit(item, place) for fit, item in zip(fits, value, strict=True))
    if origin in (Sequence, tuple, frozenset):
        return _several(_fit(args[0], text))
    if origin in (Mapping, dict):
        return _pairs(_fit(args[0], text), _fit(args[1], text))
    if hint is Any:
        return _shallow
    if is_dataclass(hint):
        return _fields(cast(type, hint))
    return text if hint is str else _PLAIN.get(hint, _same)


def _optional(hint: Any) -> Any:
    """The kind of `kind | None`."""
    if get_origin(hint) not in (Union, UnionType):
        return None
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if len(kinds) == 1 else None


def _maybe(fit: Fit) -> Fit:
    return lambda value, place: None if value is None else fit(value, place)


def _later(fit: Fit) -> Fit:
    """Of things that come one after another."""

    async def each_fits(value: AsyncIterable[Any], place: str) -> AsyncIterator[Any]:
        async for item in value:
            yield fit(item, place)

    return each_fits


def _several(fit: Fit) -> Fit:
    def all_fit(value: Any, place: str) -> Any:
        if not value or (fit is _text and _are_plain(value)):
            return value
        items = [fit(item, place) for item in value]
        return items if isinstance(value, list) else type(value)(items)

    return all_fit


def _are_plain(texts: Iterable[Any]) -> bool:
    """Whether these are texts that every database holds; False: look at each of them."""
    try:
        return all(map(str.isprintable, texts))
    except TypeError:
        return False


def _pairs(of_name: Fit, of_item: Fit) -> Fit:
    are_texts = of_name is of_item is _text

    def all_fit(value: Any, place: str) -> Any:
        if not value or (are_texts and _are_plain(value) and _are_plain(value.values())):
            return value
        return {of_name(name, place): of_item(item, place) for name, item in value.items()}

    return all_fit


@cache
def _fields(kind: type) -> Fit:
    hints = get_type_hints(kind)
    plan = [
        (f.name, f"{kind.__name__}.{f.name}", _field(kind, f.name, hints[f.name]), f.default)
        for f in fields(kind)
    ]
    looked_at = [each for each in plan if each[2] is not _same]
    others = [each for each in looked_at if each[2] is not _text]
    texts = [each[0] for each in looked_at if each[2] is _text]
    texts_of = attrgetter(*texts) if len(texts) > 1 else None

    def all_fit(value: Any, place: str) -> Any:
        changed = {}
        for name, its_place, fit, default in (
            others if texts_of and _are_plain(texts_of(value)) else looked_at
        ):
            item = getattr(value, name)
            if item is default:
                continue
            kept = fit(item, its_place)
            if kept is not item and kept != item:
                changed[name] = kept
        return replace(value, **changed) if changed else value

    return all_fit


def _field(kind: type, name: str, hint: Any) -> Fit:
    if kind is CdrQuery:
        return _argument(name, hint, is_kept=False)
    if name == "id" and hint in (CampaignId, LeadId):
        return _same  # of a new thing the store gives it, of one that is not there it says so
    if hint is str:
        return _SHORT.get((kind, name), _text)
    if _optional(hint) is not None or get_origin(hint) is not None or isinstance(hint, NewType):
        return _fit(hint, _key if _is_keyed(hint) else _text)
    return _fit(hint, _text)


def _is_keyed(hint: Any) -> bool:
    """Whether its texts are ids, by which rows are found."""
    kinds = [hint, *get_args(hint)]
    return any(isinstance(kind, NewType) and kind.__supertype__ is str for kind in kinds)


def _same(value: Any, place: str) -> Any:
    return value


def _shallow(value: Any, place: str, left: int = DEEPEST) -> Any:
    """Of JSON; how deep its parsers can go differs from place to place."""
    if not left:
        raise _refused(place, said("it is nested deeper than {most} levels", most=DEEPEST))
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _shallow(each, place, left - 1)
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, place)
    return clean(value)


def _key(value: Any, place: str) -> str:
    kept = _text(value, place)
    if len(kept) * 4 > KEY_BYTES and len(kept.encode()) > KEY_BYTES:
        raise _refused(place, said("it is longer than {most} bytes", most=KEY_BYTES))
    return kept


def _reason(value: Any, place: str) -> str:
    """Cut and not refused: what it explains is to be kept."""
    kept = _text(value, place)
    return kept if len(kept) * 4 <= REASON_BYTES else kept.encode()[:REASON_BYTES].decode(errors="ignore")


def _whole(value: Any, place: str) -> int:
    if not isinstance(value, int):
        raise _wrong(value, place)
    if not -WHOLE <= value <= WHOLE:
        raise _beyond(value, place)
    return value


def _id(value: Any, place: str) -> int:
    if not isinstance(value, int):
        raise _wrong(value, place)
    if not -BIG <= value <= BIG:
        raise _beyond(value, place)
    return value


def _real(value: Any, place: str) -> float:
    if not isinstance(value, (int, float)):
        raise _wrong(value, place)
    if not math.isfinite(value) or abs(value) > REAL:
        raise _beyond(value, place)
    return value


def _instant(value: Any, place: str) -> datetime:
    _aware(value, place)
    if not EARLIEST_AT <= value <= LATEST_AT:
        raise _beyond(value, place)
    return cast(datetime, value)


def _aware(value: Any, place: str) -> None:
    if not isinstance(value, datetime):
        raise _wrong(value, place)
    if value.tzinfo is None:
        raise _refused(place, said("the instant {value} has no time zone: give it one (UTC)", value=value))


def _span(value: Any, place: str) -> timedelta:
    if not isinstance(value, timedelta):
        raise _wrong(value, place)
    if abs(value) > LONGEST:
        raise _beyond(value, place)
    return value


def _wrong(value: Any, place: str) -> StoreRefused:
    return _refused(place, said("a {kind} cannot stand there", kind=type(value).__name__))


def _beyond(value: Any, place: str) -> StoreRefused:
    return _refused(place, said("{value} is beyond what it can hold", value=f"{value}"[:40]))


def _refused(place: str, why: Said) -> StoreRefused:
    return StoreRefused(said("the database refuses a value: {place}: {why}", place=place, why=why))


_PLACES: Mapping[str, Fit] = {"after": _nearest_big, "limit": _page, "skip": _count, "n": _count}
_PLAIN: Mapping[Any, Fit] = {int: _whole, float: _real, datetime: _instant, timedelta: _span}
_SHORT: Mapping[tuple[type, str], Fit] = {
    (Campaign, "name"): _key,
    (Holder, "id"): _key,
    (StateChange, "reason"): _reason,
}
