"""How a call moves: one table of (state, event), and `step`, the only function that changes a call.

Every event that Asterisk can send has a row in every state, so late, repeated and disordered events are
harmless; an event of our own in a state where we cannot have sent it raises IllegalMove.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from dialer.domain import call as c
from dialer.domain import endings, joins
from dialer.domain import reactions as do
from dialer.domain.call import Call, Effect, State, Timer
from dialer.domain.endings import Handler, Result, later
from dialer.domain.errors import IllegalMove
from dialer.domain.types import EndedBy


@dataclass(frozen=True, slots=True)
class Move:
    """What one event does in one state, and every state it may lead to."""

    do: Handler
    to: frozenset[State]


def step(call: Call, event: c.Event) -> Result:
    """The call after the event, and what must be done about it, in order."""
    latest_at = call.latest_at
    if latest_at is not None and event.at < latest_at:  # clocks were set, or two clocks told of it
        event = replace(event, at=latest_at)
    move = TABLE.get((call.state, type(event)))
    if move is None:
        raise IllegalMove(f"a call that is {call.state} cannot take {type(event).__name__}")
    after, effects = move.do(call, event)
    if after.state not in move.to:
        raise IllegalMove(f"{type(event).__name__} led a call from {call.state} to {after.state}")
    return after, effects


MISTAKE = "a mistake of the dialer ended this call"


def rescue(call: Call, event: c.Event) -> Result:
    """After a step that raised: no call stays for ever because of a mistake of ours.

    A talk goes on as long as nothing ends it. Any other call is ended, by the table if it can, else here.
    """
    if call.state is State.ENDED:
        return call, ()
    is_over = isinstance(event, c.Destroyed | c.Vanished | c.OriginateRefused | c.TakenBack)
    if not is_over and not call.hanging_up:
        if call.state is State.BRIDGED and not isinstance(event, c.TimerFired | c.HangUpAsked):
            return call, ()
        with suppress(Exception):  # the same mistake again: it is closed below
            return step(call, c.HangUpAsked(event.at, EndedBy.SERVICE, MISTAKE))
    return endings.broken(call, event, MISTAKE, is_over=is_over)


ASKING = (State.ANSWERED, State.HELD_BACK)  # for an operator


def resume(call: Call, now: datetime) -> tuple[Effect, ...]:
    """For a call that is found alive after we were away: its clocks, and what was under way."""
    if call.hanging_up:
        return (c.HangUp(), c.StartTimer(Timer.LAST, later(now, do.LAST_S)))
    match call.state:
        case State.ORIGINATING:
            return (c.StartTimer(Timer.SETUP, later(call.dialled_at or now, call.rules.setup_s)),)
        case State.RINGING:
            return (c.StartTimer(Timer.RING, later(call.ring_at or now, call.rules.ring_s)),)
        case State.ANSWERED | State.HELD_BACK | State.RESERVED as state if not call.bereft:
            give_up = c.StartTimer(Timer.GIVE_UP, later(call.answer_at or now, call.rules.give_up_s))
            return (c.Reserve(), give_up) if state in ASKING and call.in_app else (give_up,)
        case State.HELD_BACK | State.RESERVED:
            return (c.StartTimer(Timer.RETURN, later(now, call.rules.return_s)),)
        case State.BRIDGED:
            talk = c.StartTimer(Timer.TALK, later(call.bridge_at or now, call.rules.talk_s))
            hold = c.StartTimer(Timer.HOLD, later(now, call.rules.hold_s))
            return (talk, hold) if call.on_hold else (talk,)
        case State.MESSAGE:
            return (c.StartTimer(Timer.LAST, later(now, call.rules.message_s)),)
        case _:
            return ()


# --- the table --------------------------------------------------------------------------------------------

_L, _O, _R, _A = State.LEASED, State.ORIGINATING, State.RINGING, State.ANSWERED
_V, _B, _H, _M, _E = State.RESERVED, State.BRIDGED, State.HELD_BACK, State.MESSAGE, State.ENDED

# What the handler may lead to besides staying: `""` = nowhere.
_NAMES = {"E": _E, "O": _O, "R": _R, "A": _A, "V": _V, "B": _B, "H": _H, "M": _M}

_Row = tuple[Handler, str]
_ENDS: Mapping[type[c.Event], _Row] = {
    c.Destroyed: (endings.destroyed, "E"),
    c.Vanished: (endings.vanished, "E"),
}
_UNDER_WAY: Mapping[type[c.Event], _Row] = {
    **_ENDS,
    c.OriginateUnknown: (do.unknown, ""),
    c.Answered: (do.answered, "A"),
    c.EnteredApp: (do.answered_in_app, "A"),
    c.MessageStarted: (do.message_started, "M"),
    c.HangUpAsked: (do.hang_up_asked, ""),
    c.GivenUp: (do.given_up, ""),
    c.OperatorLost: (do.lost_before_answer, ""),
    c.Reserved: (do.reserved_early, ""),
}

_ROWS: Mapping[State, Mapping[type[c.Event], _Row]] = {
    _L: {
        c.Dialled: (do.dialled, "O"),
        c.HangUpAsked: (do.cancelled, "E"),
        c.EnteredApp: (do.answered_in_app, "A"),  # a return call starts here
        c.OperatorLost: (do.lost_before_answer, ""),
        c.Reserved: (do.reserved_early, ""),
        c.Destroyed: (endings.destroyed, "E"),
        c.Vanished: (endings.never_dialled, "E"),
    },
    _O: {
        **_UNDER_WAY,
        c.OriginateRefused: (do.refused, "E"),
        c.TakenBack: (do.taken_back, "E"),
        c.Alerted: (do.alerted, "R"),
        c.TimerFired: (do.set_up_timer, "E"),
    },
    _R: {
        **_UNDER_WAY,
        c.Alerted: (do.alerted_again, ""),
        c.TimerFired: (do.ring_timer, ""),
    },
    _A: {
        **_ENDS,
        c.EnteredApp: (do.entered_app, ""),
        c.LeftApp: (do.left_app, ""),
        c.Reserved: (do.reserved, "V"),
        c.NobodyFree: (do.nobody_free, "H"),
        c.MessageStarted: (do.message_started, "M"),
        c.HangUpAsked: (do.hang_up_asked, ""),
        c.TimerFired: (do.no_operator_in_time, "ME"),
        c.OperatorLost: (do.lost_before_answer, ""),
    },
    _V: {
        **_ENDS,
        c.LeftApp: (do.left_app, ""),
        c.EnteredBridge: (do.entered_bridge, "B"),
        c.ConnectFailed: (do.connect_failed, "HM"),
        c.OperatorLost: (do.lost_while_connecting, "H"),
        c.MessageStarted: (do.message_started, "M"),
        c.HangUpAsked: (do.hang_up_asked, ""),
        c.TimerFired: (do.no_operator_in_time, "HME"),
        c.Reserved: (do.spare, ""),
    },
    _H: {
        **_ENDS,
        c.EnteredApp: (do.entered_app, ""),
        c.LeftApp: (do.left_app, ""),
        c.Reserved: (do.reserved, "V"),
        c.NobodyFree: (do.nobody_free, "M"),
        c.OperatorFreed: (do.freed, ""),
        c.OperatorReturned: (do.returned, "V"),
        c.OperatorLost: (do.not_coming_back, ""),
        c.MessageStarted: (do.message_started, "M"),
        c.HangUpAsked: (do.hang_up_asked, ""),
        c.TimerFired: (do.no_operator_in_time, "ME"),
        c.LeftBridge: (joins.left_bridge, ""),
    },
    _B: {
        **_ENDS,
        c.LeftApp: (do.left_app, ""),
        c.EnteredBridge: (do.bridged_again, ""),
        c.LeftBridge: (joins.left_bridge, ""),
        c.HangupRequested: (joins.leaving, ""),
        c.OperatorLost: (do.lost_in_talk, "H"),
        c.HoldAsked: (do.hold, ""),
        c.ConnectFailed: (do.reconnect_failed, ""),
        c.HangUpAsked: (do.hang_up_asked, ""),
        c.TimerFired: (joins.timer_in_talk, "ME"),
        c.MessageStarted: (do.message_started, "M"),
        c.Reserved: (do.spare, ""),
    },
    _M: {
        **_ENDS,
        c.EnteredApp: (do.message_at_last, ""),
        c.LeftApp: (do.left_app, ""),
        c.MessageStarted: (do.message_clock, ""),
        c.MessageEnded: (do.message_over, ""),
        c.HangUpAsked: (do.hang_up_asked, ""),
        c.TimerFired: (do.message_timer, "E"),
        c.Reserved: (do.spare, ""),
        c.LeftBridge: (joins.left_bridge, ""),
    },
    _E: {c.Reserved: (do.spare, "")},
}

# Asterisk may say these at any moment; where a row does not name them they change nothing.
FROM_ASTERISK: tuple[type[c.Event], ...] = (
    c.Alerted,
    c.Answered,
    c.EnteredApp,
    c.LeftApp,
    c.EnteredBridge,
    c.LeftBridge,
    c.MessageStarted,
    c.MessageEnded,
    c.KeyPressed,
    c.HangupRequested,
    c.Destroyed,
    c.Vanished,
)
# These cross with what Asterisk says, so they too may come too late.
CROSSING: tuple[type[c.Event], ...] = (
    c.OriginateRefused,
    c.TakenBack,
    c.OriginateUnknown,
    c.ConnectFailed,
    c.NobodyFree,
    c.OperatorFreed,
    c.OperatorLost,
    c.OperatorReturned,
    c.HangUpAsked,
    c.HoldAsked,
    c.GivenUp,
    c.TimerFired,
)


def _table() -> dict[tuple[State, type[c.Event]], Move]:
    table = {}
    for state in State:
        rows = _ROWS[state]
        for event in (*FROM_ASTERISK, *CROSSING, c.Dialled, c.Reserved):
            handler, names = rows.get(event, (do.nothing, ""))
            if event in rows or event in FROM_ASTERISK or event in CROSSING:
                table[state, event] = Move(handler, frozenset({state, *(_NAMES[n] for n in names)}))
    return table


TABLE = _table()
