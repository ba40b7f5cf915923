"""What the keys of an operator's phone mean: one table for the leg in a talk and for the feature codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dialer.domain.lead import Disposition
from dialer.domain.operators import State

INTER_DIGIT_S = 4.0  # keys pressed so far are forgotten after this pause, and when the state changes

PAUSE_REASONS: Mapping[str, str] = MappingProxyType(
    {"1": "break", "2": "lunch", "3": "meeting", "4": "training", "5": "technical", "0": "other"}
)
DISPOSITIONS: Mapping[str, Disposition] = MappingProxyType(
    {
        "1": Disposition.AGREED,
        "2": Disposition.REFUSED,
        "3": Disposition.CALLBACK,
        "4": Disposition.WRONG_NUMBER,
        "5": Disposition.NO_CONTACT,
        "9": Disposition.DNC,
    }
)
LOGOUT_KEY = "9"  # after the star; no pause reason may use it


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

    reason: str


@dataclass(frozen=True, slots=True)
class Logout:
    """The shift is over, the leg may be hung up."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The keys mean nothing here: forget them."""


Action = HangUpPerson | Dispose | Ready | Pause | Logout | Nothing

_STARRED: Mapping[str, Action] = MappingProxyType(
    {LOGOUT_KEY: Logout()} | {digit: Pause(reason) for digit, reason in PAUSE_REASONS.items()}
)
_HASH_IS_READY: Mapping[str, Action] = MappingProxyType({"#": Ready()})
_DISPOSE: Mapping[str, Action] = MappingProxyType(
    {digit: Dispose(disposition) for digit, disposition in DISPOSITIONS.items()}
)

# per state: what one key does at once; `*` begins a command of two keys where it is not listed
SINGLE: Mapping[State, Mapping[str, Action]] = MappingProxyType(
    {
        State.OFFLINE: {},
        State.CONNECTING: {},
        State.READY: {},
        State.RESERVED: {},
        State.TALKING: {"*": HangUpPerson()},
        State.WRAP_UP: {**_DISPOSE, **_HASH_IS_READY},
        State.PAUSED: _HASH_IS_READY,
    }
)
STARRED: Mapping[State, Mapping[str, Action]] = MappingProxyType(
    {
        State.OFFLINE: {},
        State.CONNECTING: {},
        State.READY: _STARRED,
        State.RESERVED: _STARRED,
        State.TALKING: {},
        State.WRAP_UP: _STARRED,
        State.PAUSED: _STARRED,
    }
)


def decide(state: State, keys_so_far: str, digit: str) -> Action | None:
    """The action of this key after those; None: more keys are needed, keep them (see INTER_DIGIT_S)."""
    if keys_so_far == "":
        action = SINGLE[state].get(digit)
        if action is None and digit == "*" and STARRED[state]:
            return None
        return action or Nothing()
    if keys_so_far == "*":
        return STARRED[state].get(digit, Nothing())
    return Nothing()
