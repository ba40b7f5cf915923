"""What the keys of an operator's phone mean, and when a sequence of them counts.

A sequence means the same in every state. A state only says whether it is allowed, so that a key pressed a
moment too early or too late can do nothing else than what it says. A sequence belongs to the state in which
its first key was pressed: if the state changes before the last key, all of it is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

from dialer.domain.disposition import Disposition
from dialer.domain.operators import State
from dialer.domain.pauses import LOGOUT_DIGIT, READY_SIGN, PauseReason

INTER_DIGIT_S = 4.0  # the beginning of a sequence is forgotten after this pause
QUIET_S = 1.5  # keys without a meaning, and dropped ones: what follows them sooner is of no meaning either
# An operator needs this long to notice a state that did not begin by keys. An outcome that is begun sooner
# was meant for the talk, and keys that end a talk for the talk before.
SETTLE_S: Mapping[State, float] = MappingProxyType({State.WRAP_UP: 0.7, State.TALKING: 1.5})

END_TALK = "#*"  # two different keys: a key that a phone sends twice ends nothing
READY = f"*{READY_SIGN}"
LOGOUT = f"*{LOGOUT_DIGIT}"


@dataclass(frozen=True, slots=True)
class HangUpPerson:
    """End the talk; the operator's own leg stays up."""


@dataclass(frozen=True, slots=True)
class Dispose:
    """Write down what came of the call; a later one replaces it."""

    disposition: Disposition


@dataclass(frozen=True, slots=True)
class Ready:
    """Take the next call."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Take no call; asked for while reserved, it begins after that call."""

    reason: PauseReason


@dataclass(frozen=True, slots=True)
class Logout:
    """The shift is over, the leg may be hung up."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The keys mean nothing here."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The state has changed since the first of these keys: they do nothing, and the operator is told so."""


Action = HangUpPerson | Dispose | Ready | Pause | Logout
Answer = Action | Nothing | Dropped

Meanings = Mapping[str, Action]  # by the sequence of keys


@lru_cache(maxsize=128)
def meanings(dispositions: tuple[Disposition, ...], reasons: tuple[PauseReason, ...]) -> Meanings:
    """What the keys of an operator mean who works with these lists; what has no key is not among them."""
    return MappingProxyType(
        {
            END_TALK: HangUpPerson(),
            READY: Ready(),
            LOGOUT: Logout(),
            **{f"*{one.key}": Pause(one) for one in reasons if one.key},
            **{f"{one.key}#": Dispose(one) for one in dispositions if one.key},
        }
    )


_AT_WORK = frozenset({Ready, Pause, Logout})
ALLOWED: Mapping[State, frozenset[type[Action]]] = MappingProxyType(
    {
        State.OFFLINE: frozenset(),
        State.CONNECTING: frozenset(),
        State.READY: _AT_WORK,
        State.RESERVED: _AT_WORK,
        State.TALKING: frozenset({HangUpPerson}),
        State.WRAP_UP: _AT_WORK | {Dispose},
        State.PAUSED: _AT_WORK,
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """The keys that an operator is entering. Instants of keys are Asterisk's, all others are ours."""

    keys: str = ""  # so far; empty with an `until_at`: they mean nothing any more
    until_at: datetime | None = None  # a key up to this instant belongs to those before it
    last_at: datetime | None = None
    is_dropped: bool = False  # the state changed in the midst of them
    is_told: bool = False  # the operator has been told that they do nothing
    settles_at: datetime | None = None  # ours: the present state began by no key of his, a moment ago


def moved(entry: Entry, state: State, now: datetime, *, by_keys: bool = False) -> Entry:
    """The operator is in another state; `by_keys`: because his own keys asked for it."""
    settles_at = now + timedelta(seconds=0.0 if by_keys else SETTLE_S.get(state, 0.0))
    if entry.last_at is None:
        return Entry(settles_at=settles_at)
    until_at = entry.last_at + timedelta(seconds=INTER_DIGIT_S)
    return Entry(until_at=until_at, last_at=entry.last_at, is_dropped=True, settles_at=settles_at)


def press(
    entry: Entry, state: State, key: str, at: datetime, now: datetime, *, known: Meanings
) -> tuple[Entry, Answer | None]:
    """One more key, pressed `at` and heard `now`. None: nothing is to be done or said (yet)."""
    if entry.last_at is None or entry.until_at is None or at > entry.until_at:
        entry = Entry(settles_at=entry.settles_at)
    elif not entry.keys or at < entry.last_at:
        return _mute(entry, at, Dropped() if entry.is_dropped else Nothing())
    keys = entry.keys + key
    if len(key) == 1 and (action := known.get(keys)) is not None and type(action) in ALLOWED[state]:
        return Entry(settles_at=entry.settles_at), action
    if len(key) != 1 or not _may_begin(keys, state, known):
        return _mute(entry, at, Nothing())
    if key != "*" and entry.settles_at is not None and now < entry.settles_at:
        return _mute(entry, at, Dropped())
    until_at = at + timedelta(seconds=INTER_DIGIT_S)
    return Entry(keys, until_at, at, settles_at=entry.settles_at), None


def _may_begin(keys: str, state: State, known: Meanings) -> bool:
    """Whether a sequence that is allowed in this state begins with these keys."""
    return any(
        type(action) in ALLOWED[state] and sequence != keys and sequence.startswith(keys)
        for sequence, action in known.items()
    )


def _mute(entry: Entry, at: datetime, answer: Nothing | Dropped) -> tuple[Entry, Answer | None]:
    """These keys do nothing, nor does what follows them at once; it is said one time."""
    until_at = at + timedelta(seconds=QUIET_S)
    muted = replace(entry, keys="", until_at=until_at, last_at=at, is_told=True)
    return muted, None if entry.is_told else answer
