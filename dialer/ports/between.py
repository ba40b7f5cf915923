"""What processes and the engine's parts tell each other: commands, live state, what was seen; clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from dialer.domain.call import Call, Event
from dialer.domain.cdr import Tally
from dialer.domain.operators import Operator, StateChange
from dialer.domain.types import (
    CallId,
    CellId,
)


@dataclass(frozen=True, slots=True)
class Command:
    """What the web, the AGI server or the command line asks of a cell.

    Verbs for operators: login, logout, ready, pause, dispose, note, hang_up, hold, unhold, mute, unmute,
    keys.
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
    async def tallies(self, day: str) -> Mapping[tuple[str, int, str], Tally]: ...


class Showing(Protocol):
    """Live state as the engine writes it."""

    async def clear(self, cell: CellId) -> None:
        """At start: forget the calls and operators of this cell's last run."""

    async def put_call(self, cell: CellId, call: Call) -> None: ...
    async def drop_call(self, cell: CellId, call: CallId) -> None: ...
    async def put_operator(self, cell: CellId, operator: Operator) -> None: ...
    async def add(self, key: tuple[str, int, str], delta: Tally, *, once: CallId) -> None:
        """Add to the sums of (operator or '', campaign, day); the same `once` is counted once."""

    async def reset_tallies(self, day: str, sums: Mapping[tuple[str, int, str], Tally]) -> None:
        """Set a day's sums to the fold over SQL; drain the journal first: what was counted stays so."""


class Live(Shown, Showing, Protocol):
    """Live state for other processes and the wallboard: memory or Redis."""


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
