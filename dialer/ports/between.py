"""What processes and the engine's parts tell each other: commands, live state, what was seen; clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from dialer.domain.call import Call, Event
from dialer.domain.cdr import Tally
from dialer.domain.kpi import Slot, Whose
from dialer.domain.operators import Operator, StateChange
from dialer.domain.types import (
    CallId,
    CellId,
)


@dataclass(frozen=True, slots=True)
class Command:
    """What the web, the AGI server or the command line asks of a cell.

    Verbs for operators: login, logout, ready, pause, outcomes, dispose, note, hang_up, hold, unhold, mute,
    unmute, keys.
    For campaigns: start, pause, stop, reload. For trunks and phones: push, test. For calls: hang_up.
    For the cell itself: decisions, faults.
    """

    verb: str
    target: str  # kind:id, such as operator:101, campaign:3, trunk:main, call:c-...
    args: Mapping[str, str] = field(default_factory=dict)
    key: str = ""  # idempotency: the same key is done once


class Desk(Protocol):
    """Where commands go and what they answer; raises the Mistakes of domain.errors."""

    async def do(self, command: Command) -> Mapping[str, Any]: ...


class Shown(Protocol):
    """Live state as it is read: the wallboard, the API, FastAGI."""

    async def calls(self) -> Sequence[Call]: ...
    async def operators(self) -> Sequence[Operator]: ...
    async def tallies(self, since_at: datetime, until_at: datetime) -> Mapping[Whose, Tally]:
        """By operator (or '') and campaign, over the quarters of an hour in UTC that begin in the span."""


class Showing(Protocol):
    """Live state as the engine writes it."""

    async def clear(self, cell: CellId) -> None:
        """At start: forget the calls and operators of this cell's last run."""

    async def put_call(self, cell: CellId, call: Call) -> None: ...
    async def drop_call(self, cell: CellId, call: CallId) -> None: ...
    async def put_operator(self, cell: CellId, operator: Operator) -> None: ...
    async def add(self, slot: Slot, delta: Tally, *, once: CallId) -> None:
        """Add to the sums of (operator or '', campaign, quarter of an hour); the same `once` counts once."""

    async def reset_tallies(self, since_at: datetime, until_at: datetime, sums: Mapping[Slot, Tally]) -> None:
        """Set the quarters that begin in the span to the fold over SQL; what was counted stays so."""


class Live(Shown, Showing, Protocol):
    """Live state for other processes and the wallboard: memory or Redis."""


class About(StrEnum):
    """What a notice tells of."""

    OPERATOR = "operator"
    CALL = "call"
    CAMPAIGN = "campaign"
    TRUNK = "trunk"
    GATE = "gate"  # what holds all dialing


@dataclass(frozen=True, slots=True)
class Notice:
    """How a thing is now, whole: a later notice of the same thing replaces it. Numbers follow one by one."""

    seq: int
    kind: str  # of About, or of a later version
    id: str
    body: Mapping[str, Any]  # plain values, as JSON has them


@dataclass(frozen=True, slots=True)
class News:
    """The notices that follow one that was read."""

    notices: Sequence[Notice]
    last: int  # ask for what follows this one
    gap: bool = False  # something in between is gone: load all anew, then put these on top


class Publishing(Protocol):
    """Where the engine puts notices."""

    def publish(self, kind: About, id_: str, body: Mapping[str, Any]) -> None:
        """Only puts it down; of too many the oldest are lost, which whoever reads too late sees as a gap."""


class Notices(Protocol):
    """Notices as they are read: memory, the engine's socket or Redis."""

    async def since(self, seq: int, *, wait_s: float = 0.0, limit: int = 500) -> News:
        """Those after this one, in order; waits for the first so long. Start with 0, which is a gap."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of /readyz."""

    name: str
    ok: bool
    detail: str = ""


class Observer(Protocol):
    """The one fan-out point of calls and operators: metrics, screens, statistics. Cheap, never raises."""

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None: ...
    def moved(self, change: StateChange, operator: Operator) -> None: ...


Clock = Callable[[], datetime]  # aware, UTC; ours never jumps by itself, so spans are measured by it
Follow = Callable[[], timedelta]  # the clock shows the machine's again; gives how far that one was set
