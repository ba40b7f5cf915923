"""The journal on local disk, and beside it the facts that the database refuses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from dialer.domain.call import Call
from dialer.domain.cdr import Closing
from dialer.domain.operators import Operator
from dialer.domain.types import CallId, LeadId
from dialer.ports.stores import Fact


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the journal still holds at start."""

    calls: Sequence[Call] = ()  # marked as dialling and not closed, in their last noted state
    operators: Sequence[Operator] = ()  # last noted
    facts: int = 0  # closed facts that the database has not taken
    booted_at: datetime | None = None  # of the Asterisk that those calls were on
    last_at: datetime | None = None  # what is in flight went on at this instant, as far as was heard
    answers: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)  # by key; None: begun only
    damages: Sequence[str] = ()  # what it should hold and cannot be read: numbers may have been dialled by it
    closings: Sequence[Closing] = ()  # of calls on which operators still work (`worked_on`)

    def end_of(self, call: CallId) -> Closing | None:
        return next((one for one in self.closings if one.call == call), None)


def worked_on(facts: Iterable[Fact], operators: Iterable[Operator]) -> tuple[Closing, ...]:
    """Of facts that the database has not taken, the ends of the calls that these operators still have."""
    calls = {operator.call for operator in operators}
    return tuple(fact for fact in facts if isinstance(fact, Closing) and fact.call in calls)


KEPT_ANSWERS = 1000  # to commands with a key: the oldest is forgotten first


class Marks(Protocol):
    """What `note*` and `closed` wrote survives the process, `dialing` the machine too.

    While the disk takes nothing, what they are told stays in memory and is written when it does again.
    """

    @property
    def trouble(self) -> str:
        """Why nothing can be written now, as a sentence; empty: all is well."""

    async def dialing(self, call: Call) -> None:
        """Returns when the mark is on disk; DiskTrouble: it is not, and the number must not be dialled."""

    def note(self, call: Call) -> None: ...
    def note_operator(self, operator: Operator) -> None: ...
    def note_boot(self, booted_at: datetime) -> None: ...
    def heard(self, at: datetime) -> None:
        """Asterisk was there and heard at this instant; only the newest is kept.

        Told once a second, and then a disk that failed is tried again.
        """

    def closed(self, fact: Fact) -> None: ...
    def begun(self, key: str) -> None:
        """A command with this key is about to be done; the newest thousand are kept."""

    def answered(self, key: str, answer: Mapping[str, Any] | None) -> None:
        """What came of it; None: it was refused, and may be asked again."""


class Backlog(Protocol):
    """What the journal holds and the database does not."""

    def recover(self) -> Recovered: ...
    def held_back(self) -> None:
        """The leads that what was lost may have dialled are held back: the damages are told no more."""

    async def pending(self, limit: int) -> tuple[int, Sequence[Fact]]:
        """The oldest facts not yet in the database, and the mark to confirm them with; waits for one."""

    def taken(self, mark: int) -> None: ...
    def depth(self) -> int: ...
    def leads(self) -> Collection[LeadId]:
        """Those of the facts that the database has not taken: it does not know yet where they stand."""


class Journal(Marks, Backlog, Protocol):
    """The journal on local disk, whole."""


@dataclass(frozen=True, slots=True)
class RefusedFact:
    """A fact that the database does not take, and its reason."""

    fact: Fact
    reason: str


class Refusals(Protocol):
    """Local disk, beside the journal: facts that the database refuses, kept until it takes them."""

    def keep(self, fact: Fact, reason: str) -> None:
        """On disk when it returns; DiskTrouble when it cannot be. The same fact is kept once."""

    def all(self) -> Sequence[RefusedFact]: ...
    def forget(self, facts: Iterable[Fact]) -> None:
        """The database has them now."""

    def give_up(self, facts: Iterable[Fact]) -> None:
        """A person has decided that they will be no records: kept elsewhere, told no more."""
