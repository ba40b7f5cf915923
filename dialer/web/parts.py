"""What the web is given by the composition root, and how a route gets at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import IO, Annotated, Protocol

from fastapi import Depends, Request

from dialer.domain.columns import ReadOptions
from dialer.domain.days import day_of
from dialer.domain.dialable import CheckNumber
from dialer.domain.export import Sheet, Taken
from dialer.domain.schedule import HolidayOf, ZoneOf
from dialer.domain.types import CellId, PhoneNumber
from dialer.office.imports import OpenList
from dialer.office.records import RecordingMeans
from dialer.ports.between import Clock, Desk, Notices, Shown
from dialer.ports.stores import Stores

MOST_REJECTS = 1000  # of a file, that an answer tells


@dataclass(frozen=True, slots=True)
class Reject:
    """One line of a file that is no lead."""

    line: int
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadEntries:
    """A file of numbers and prefixes that shall never be dialled."""

    entries: Mapping[str, datetime | None]  # each once, with the end that its row names; None: it names none
    rows: int
    refused: int  # of them
    duplicates: int
    rejects: Sequence[Reject] = ()  # the first of them
    mapping: Mapping[str, str] = field(default_factory=dict)


class ReadBarred(Protocol):
    async def __call__(self, file_name: str, file: IO[bytes], options: ReadOptions) -> ReadEntries:
        """BadValue when the file cannot be read."""


Speak = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Tools:
    """What other rooms do for the API; each raises the Mistakes of domain.errors."""

    upload: Callable[[str, IO[bytes]], OpenList]  # (name, file) of a list
    read_barred: ReadBarred
    keep_message: Callable[[str, bytes], Awaitable[float]]  # (name, WAV): checks, converts, gives seconds
    keep_secret: Callable[[str, str], Awaitable[str]]  # (name, secret): replaces, gives the path
    check_number: CheckNumber
    check_prefixes: Callable[[Sequence[str]], None]  # BadValue for a trunk's that leads nowhere
    holiday_of: HolidayOf
    check_calendar: Callable[[str], None]  # BadField for one whose holidays are not known
    dnc_entry: Callable[[str], str]  # as it is kept; BadValue for one that no number could match
    hash_pin: Callable[[str], Awaitable[str]]
    zones_of: Callable[[PhoneNumber], Sequence[str]]
    zone_of: ZoneOf
    new_token: Callable[[], tuple[str, str]]  # its text, and the hash to keep
    recordings: RecordingMeans
    workbook: Callable[[Sheet], Awaitable[IO[bytes]]]  # as a file that is nowhere else
    exported: Callable[[Taken], None]  # keeps in the log who took a table
    clock: Clock
    zone: tzinfo  # of the office: by whose clock a day begins
    speak: Callable[[str], Speak] = lambda accept: str  # Accept-Language -> what tells a sentence in it


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a route may use."""

    stores: Stores
    live: Shown
    desk: Desk
    notices: Notices
    tools: Tools
    shortest_ring_s: float
    cell: CellId

    def day(self, asked: str | None) -> date:
        """A day of the office: the one that is asked for, or today."""
        return date.fromisoformat(asked) if asked else day_of(self.tools.clock(), self.tools.zone)


def _parts(request: Request) -> Parts:
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


def speak_to(request: Request) -> Speak:
    """Sentences in the language that the client asks for; English where it asks for none that is known."""
    parts = getattr(request.app.state, "parts", None)
    accept = request.headers.get("accept-language", "")
    return parts.tools.speak(accept) if isinstance(parts, Parts) else str


Given = Annotated[Parts, Depends(_parts)]
Spoken = Annotated[Speak, Depends(speak_to)]
KEY, KEY_PATTERN = "Idempotency-Key", "^[ -~]{1,255}$"


async def _key(request: Request) -> str:
    """As `dialer.web.once` has let it through; every POST may bring one."""
    return request.headers.get(KEY, "")


Key = Annotated[str, Depends(_key)]
