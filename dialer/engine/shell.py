"""What the engine's parts share: the ways out, and one order of events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo

from dialer.domain.dialable import CheckNumber
from dialer.domain.types import CellId
from dialer.engine.errands import Errands
from dialer.engine.guard import Guard
from dialer.engine.mailbox import Mailbox
from dialer.engine.timers import Timers
from dialer.ports.asterisk import Switch
from dialer.ports.between import Clock, Observer
from dialer.ports.journal import Journal


@dataclass(frozen=True, slots=True)
class Shell:
    """One per cell, made by the composition root."""

    cell: CellId
    switch: Switch
    journal: Journal
    observer: Observer
    clock: Clock
    zone: tzinfo  # by whose clock a day begins
    new_id: Callable[[], str]  # letters and digits, later ones sort behind earlier ones
    mailbox: Mailbox
    errands: Errands
    timers: Timers
    sound: Callable[[str], str]  # name of a sound of ours -> as Asterisk plays it
    check_number: CheckNumber
    linked: asyncio.Event  # Asterisk is there and has told us everything that happened meanwhile
    guard: Guard = field(default_factory=Guard)  # of what must not stop the rest
    spent: Callable[[], float] = lambda: 0.0  # seconds of the processor by this thread; none in virtual time
