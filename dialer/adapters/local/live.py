"""Live state in memory that processes beside the engine follow: the newest value of each thing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import structlog

from dialer.adapters.codec import decode, encode
from dialer.adapters.memory.live import MemoryLive, forget_old, tallies_of
from dialer.domain.call import Call
from dialer.domain.cdr import Tally
from dialer.domain.errors import BadValue, StoreDown
from dialer.domain.kpi import Slot, Whose, quarter_of
from dialer.domain.operators import Operator
from dialer.domain.types import CallId, CellId, OperatorId

log = structlog.get_logger()

CALL, OPERATOR, SUM = "call", "operator", "sum"
AT_ONCE = 200  # things in one message
Thing = tuple[Any, ...]  # its kind and its key
News = list[Any]  # kind, key ..., plain value or None


class Follower:
    """What one process beside has not been told yet; a thing that changes twice is told once."""

    def __init__(self, value_of: Callable[[Thing], Any]) -> None:
        self._value_of = value_of
        self._things: dict[Thing, None] = {}
        self.changed = asyncio.Event()

    def mark(self, things: Sequence[Thing]) -> None:
        self._things |= dict.fromkeys(things)
        self.changed.set()

    def take(self) -> list[News]:
        """The next of them, as plain values; empty: all was told."""
        first = list(islice(self._things, AT_ONCE))
        for thing in first:
            del self._things[thing]
        if not self._things:
            self.changed.clear()
        return [[*thing, plain] for thing in first for plain in self._told(thing)]

    def _told(self, thing: Thing) -> Sequence[Any]:
        """Its plain value; nothing when that cannot be had, and the others are told."""
        try:
            return [self._value_of(thing)]
        except Exception as flaw:  # the boundary: of this value alone
            log.error("a value cannot be shown", about=thing[0], exc_info=flaw)
            return []


class SharedLive(MemoryLive):
    """See dialer.ports.Live; written by the engine, followed by others."""

    def __init__(self) -> None:
        super().__init__()
        self._followers: list[Follower] = []

    @contextmanager
    def followed(self) -> Iterator[Follower]:
        """A follower that is to be told everything that is there, and what changes from now on."""
        follower = Follower(self._plain)
        follower.mark(self._everything())
        self._followers.append(follower)
        try:
            yield follower
        finally:
            self._followers.remove(follower)

    async def clear(self, cell: CellId) -> None:
        gone = [thing for thing in self._everything() if thing[0] in (CALL, OPERATOR) and thing[1] == cell]
        await super().clear(cell)
        self._mark(*gone)

    async def put_call(self, cell: CellId, call: Call) -> None:
        await super().put_call(cell, call)
        self._mark((CALL, cell, call.id))

    async def drop_call(self, cell: CellId, call: CallId) -> None:
        await super().drop_call(cell, call)
        self._mark((CALL, cell, call))

    async def put_operator(self, cell: CellId, operator: Operator) -> None:
        await super().put_operator(cell, operator)
        self._mark((OPERATOR, cell, operator.id))

    async def add(self, slot: Slot, delta: Tally, *, once: CallId) -> None:
        await super().add(slot, delta, once=once)
        self._mark(_sum(slot))

    async def reset_tallies(self, since_at: datetime, until_at: datetime, sums: Mapping[Slot, Tally]) -> None:
        before = self._sums_of(one for one in self._sums if since_at <= one < until_at)
        await super().reset_tallies(since_at, until_at, sums)
        self._mark(*before, *map(_sum, sums))

    def _mark(self, *things: Thing) -> None:
        for follower in self._followers:
            follower.mark(things)

    def _everything(self) -> list[Thing]:
        calls = [(CALL, *key) for key in self._calls]
        operators = [(OPERATOR, *key) for key in self._operators]
        return [*calls, *operators, *self._sums_of(self._sums)]

    def _sums_of(self, quarters: Iterable[datetime]) -> list[Thing]:
        return [_sum((*whose, quarter)) for quarter in quarters for whose in self._sums[quarter]]

    def _plain(self, thing: Thing) -> Any:
        kind, *key = thing
        value: object
        if kind == SUM:
            quarter, *whose = key
            value = self._sums.get(_quarter(quarter), {}).get(tuple(whose))
        else:
            value = (self._calls if kind == CALL else self._operators).get(tuple(key))
        return None if value is None else encode(value)


class FollowedLive:
    """See dialer.ports.Shown; what the engine shows, read beside it. `missing` is raised while it is away."""

    def __init__(self, missing: Callable[[], StoreDown]) -> None:
        self._missing = missing
        self.forget()

    def forget(self) -> None:
        """The engine is away: what it showed is old."""
        self.is_whole = False
        self._calls: dict[tuple[CellId, CallId], Call] = {}
        self._operators: dict[tuple[CellId, OperatorId], Operator] = {}
        self._sums: dict[datetime, dict[Whose, Tally]] = {}

    def apply(self, news: Sequence[News]) -> None:
        """One that cannot be read, of another version, is left out."""
        for each in news:
            try:
                self._apply(*each)
            except (BadValue, TypeError, ValueError) as bad:
                log.warning("what the engine shows cannot be read", why=str(bad)[:200])

    def _apply(self, kind: str, *rest: Any) -> None:
        *key, plain = rest
        match kind, *key:
            case "call", cell, call:
                _put(self._calls, (CellId(cell), CallId(call)), Call, plain)
            case "operator", cell, operator:
                _put(self._operators, (CellId(cell), OperatorId(operator)), Operator, plain)
            case "sum", quarter, who, campaign:
                sums = self._sums.setdefault(_quarter(quarter), {})
                _put(sums, (who, campaign), Tally, plain)
                if len(sums) == 1:
                    forget_old(self._sums)

    async def calls(self) -> Sequence[Call]:
        self._check()
        return list(self._calls.values())

    async def operators(self) -> Sequence[Operator]:
        self._check()
        return list(self._operators.values())

    async def tallies(self, since_at: datetime, until_at: datetime) -> Mapping[Whose, Tally]:
        self._check()
        return tallies_of(self._sums, since_at, until_at)

    def _check(self) -> None:
        if not self.is_whole:
            raise self._missing()


def _sum(slot: Slot) -> Thing:
    return (SUM, slot[2].isoformat(), *slot[:2])


def _quarter(text: str) -> datetime:
    """ValueError for what begins no quarter of an hour, such as the days of an older version."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or quarter_of(at) != at:
        raise ValueError(text)
    return at.astimezone(UTC)


def _put(where: dict[Any, Any], key: Any, kind: type[Any], plain: Any) -> None:
    if plain is None:
        where.pop(key, None)
    else:
        where[key] = decode(kind, plain)
