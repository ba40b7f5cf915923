"""The form of a journal: one entry per line, JSON behind a checksum."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zlib import crc32

from dialer.adapters.codec import encode
from dialer.domain.cdr import Closing, Remark, WrapUp
from dialer.domain.operators import StateChange
from dialer.domain.spending import SideCall

Fact = Closing | Remark | WrapUp | StateChange | SideCall


class Kind(StrEnum):
    """What a line tells; the word stands in the file."""

    HEAD = "head"  # begins a segment: the number of the next fact
    DIALING = "dialing"  # the number is about to be dialled
    CALL = "call"
    STEP = "step"  # what has changed of a call since its last line
    OPERATOR = "operator"
    MOVE = "move"  # what has changed of an operator since the last line
    BOOT = "boot"  # when Asterisk started
    CLOSING = "closing"
    REMARK = "remark"  # what an operator says of a call, before the wrap-up is over
    WRAP_UP = "wrap_up"
    CHANGE = "change"
    SIDE = "side"  # a call of no campaign
    BEGUN = "begun"  # a command with a key
    ANSWERED = "answered"
    TAKEN = "taken"  # the database has every fact up to this number


FACTS: dict[Kind, type[Fact]] = {
    Kind.CLOSING: Closing,
    Kind.REMARK: Remark,
    Kind.WRAP_UP: WrapUp,
    Kind.CHANGE: StateChange,
    Kind.SIDE: SideCall,
}
KIND_OF = {kind: name for name, kind in FACTS.items()}
RULES = "rules"  # of a call: told once, with the mark; they do not change, and are a third of what it is
_text = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what it tells, when it was written, the number of a fact, and the fact or state itself."""

    kind: Kind
    at: str
    n: int
    body: Any
    line: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """What a segment held, as far as it can be read."""

    entries: Sequence[Entry]
    damaged: Sequence[int]  # numbers of lines that were skipped, with good ones behind them
    torn_bytes: int  # at the end: the writer was stopped in mid-line
    good_bytes: int = 0  # up to the end of the last whole line


def entry(kind: Kind, at: datetime, body: Any, n: int = 0) -> Entry:
    """An entry and its line; the body is a dataclass or a plain value."""
    plain = body if body is None or isinstance(body, (str, dict)) else encode(body)
    stamp = at.isoformat()
    return Entry(kind, stamp, n, plain, line(kind, stamp, n, plain))


def line(kind: Kind, stamp: str, n: int, plain: Any) -> bytes:
    text = _text([kind, stamp, n, plain]).encode()
    return b"%08x %s\n" % (crc32(text), text)


def read(data: bytes) -> Read:
    """Every whole line; a last one without its end is torn, any other that is bad is damaged."""
    entries: list[Entry] = []
    damaged: list[int] = []
    good_end = position = torn = 0
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        position += len(line)
        found = _parsed(line)
        if found is None:
            if line.endswith(b"\n"):
                damaged.append(number)
            else:
                torn = len(line)
            continue
        entries.append(found)
        good_end = position
    return Read(entries, damaged, torn, good_end)


def _parsed(line: bytes) -> Entry | None:
    if not line.endswith(b"\n") or line[8:9] != b" ":
        return None
    text = line[9:-1]
    if line[:8] != b"%08x" % crc32(text):
        return None
    try:
        kind, at, n, body = json.loads(text)
        return Entry(Kind(kind), at, n, body, line)
    except ValueError:  # a kind that only a later version knows
        return None
