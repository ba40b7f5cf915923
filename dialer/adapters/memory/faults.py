"""A database in memory that fails in every way in which a real one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from dialer.domain.errors import StoreDamaged, StoreDown, StoreRefused
from dialer.ports.stores import Stores

READS = frozenset(
    {
        "all", "answers_by_hour", "barring", "blocked", "by_name", "cdr", "cdrs", "changes", "count", "depth",
        "find", "get", "held_back", "history", "imports", "known", "last_operator_of", "load",
        "next_due_at", "numbers_of", "person", "quarters", "remarked", "sources", "tallies",
    }
)  # fmt: skip


@dataclass
class Faults:
    """What the database does from now on; as it comes, all is well."""

    away: str = ""  # why nothing is answered
    read_only: str = ""  # why nothing is written: a fail-over, a full disk
    damaged: str = ""
    lost_answers: int = 0  # so many writes to come are done, and their answers are lost
    refuses: Callable[[str, Any], bool] = lambda verb, what: False  # a value, for good
    raises: Callable[[str, str], Exception | None] = lambda store, verb: None  # whatever else a request may

    def check(self, verb: str, what: Any) -> None:
        """Raises what the request raises before anything is done."""
        if self.away:
            raise StoreDown(f"the database is away: {self.away}")
        if self.damaged:
            raise StoreDamaged(f"the database is damaged: {self.damaged}")
        if verb not in READS:
            if self.read_only:
                raise StoreDown(f"the database failed: {self.read_only}")
            if self.refuses(verb, what):
                raise StoreRefused("the database refuses a value")

    def answer(self, verb: str) -> None:
        """Raises where the request was done and nobody hears of it."""
        if verb not in READS and self.lost_answers:
            self.lost_answers -= 1
            raise StoreDown("the database failed: the connection was closed in the middle of the operation")


class _Failing:
    """One store behind its faults."""

    def __init__(self, name: str, store: Any, faults: Faults) -> None:
        self._name = name
        self._store = store
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        request = getattr(self._store, name)
        if not callable(request):
            return request

        async def ask(*args: Any, **kwargs: Any) -> Any:
            self._faults.check(name, args[0] if args else None)
            if (trouble := self._faults.raises(self._name, name)) is not None:
                raise trouble
            answer = await request(*args, **kwargs)
            self._faults.answer(name)
            return answer

        return ask


def failing(stores: Stores, faults: Faults) -> Stores:
    """The same stores, as somebody sees them whose database has these faults."""
    return Stores(
        **{each.name: _Failing(each.name, getattr(stores, each.name), faults) for each in fields(stores)}
    )
