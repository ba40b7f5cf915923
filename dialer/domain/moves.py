"""How a call moves: one table of (state, event), and `step`, the only function that changes a call.

Every event that Asterisk can send has a row in every state, so late, repeated and disordered events are
harmless; an event of our own in a state where we cannot have sent it raises IllegalMove.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dialer.domain import call as c
from dialer.domain.call import Call, Effect, State, Timer
from dialer.domain.causes import outcome_of
from dialer.domain.errors import IllegalMove
from dialer.domain.types import Direction, EndedBy, Outcome

IN_TIME_S = 2.0  # an operator on the line within 2 s of the answer: 16 CFR 310.4(b)(4), Ofcom 2016
LAST_S = 10.0  # from our hang-up to Asterisk's word that the channel is gone

Result = tuple[Call, tuple[Effect, ...]]
Handler = Callable[[Call, Any], Result]


@dataclass(frozen=True, slots=True)
class Move:
    """What one event does in one state, and every state it may lead to."""

    do: Handler
    to: frozenset[State]


def step(call: Call, event: c.Event) -> Result:
    """The call after the event, and what must be done about it, in order."""
    move = TABLE.get((call.state, type(event)))
    if move is None:
        raise IllegalMove(f"a call that is {call.state} cannot take {type(event).__name__}")
    after, effects = move.do(call, event)
    if after.state not in move.to:
        raise IllegalMove(f"{type(event).__name__} led a call from {call.state} to {after.state}")
    return after, effects


def later(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


# --- the end ----------------------------------------------------------------------------------------------


def _stop_talk(call: Call, at: datetime) -> Call:
    """Add the bridged span that ends now to the air time."""
    if call.talk_since_at is None:
        return call
    span = max(0.0, (at - call.talk_since_at).total_seconds())
    return replace(call, talk_s=call.talk_s + span, talk_since_at=None)


def _let_go(call: Call) -> tuple[Effect, ...]:
    if call.operator is None:
        return ()
    return (c.Release(call.operator, talked=call.talked_with == call.operator),)


def _end(call: Call, at: datetime, outcome: Outcome, by: EndedBy) -> Result:
    ended = replace(
        _stop_talk(call, at),
        state=State.ENDED,
        end_at=at,
        outcome=outcome,
        ended_by=call.ended_by or by,
        operator=None,
    )
    return ended, (*_let_go(call), c.Close())


def _answered_outcome(call: Call, at: datetime) -> Outcome:
    """Of a call that was answered: connected, or why it was not."""
    if call.bereft:
        return Outcome.OPERATOR_LOST
    if call.bridge_at is not None:
        return Outcome.CONNECTED
    waited_s = (at - (call.answer_at or at)).total_seconds()
    by_us = call.ended_by is not None or call.message_at is not None or call.state is State.MESSAGE
    return Outcome.ABANDONED if by_us or waited_s >= IN_TIME_S else Outcome.HUNG_UP_EARLY


_UNANSWERED = {
    EndedBy.PACING: Outcome.GIVEN_UP,
    EndedBy.RING_TIME: Outcome.NO_ANSWER,
    EndedBy.SERVICE: Outcome.CANCELLED,
    EndedBy.SUPERVISOR: Outcome.CANCELLED,
    EndedBy.OPERATOR: Outcome.CANCELLED,
}


def _destroyed(call: Call, event: c.Destroyed) -> Result:
    call = replace(call, cause=event.cause, sip_code=event.sip_code or None)
    if call.answer_at is not None:
        by = EndedBy.SERVICE if call.state is State.MESSAGE else EndedBy.PERSON
        return _end(call, event.at, _answered_outcome(call, event.at), by)
    if call.ended_by in _UNANSWERED:
        return _end(call, event.at, _UNANSWERED[call.ended_by], EndedBy.SERVICE)
    by = EndedBy.PERSON if call.direction is Direction.IN else EndedBy.NETWORK
    return _end(call, event.at, outcome_of(event.cause, event.sip_code), by)


def _vanished(call: Call, event: c.Vanished) -> Result:
    """Nobody saw the end: say what is certain and mark the instant as a bound."""
    call = replace(call, estimated=True)
    if event.reborn:
        call = replace(call, reason="Asterisk stopped during the call", cause=38)
        talked = call.bridge_at is not None and not call.bereft
        return _end(call, event.at, Outcome.CONNECTED if talked else Outcome.NETWORK_FAILURE, EndedBy.NETWORK)
    if not event.seen:
        return _end(replace(call, reason="never dialled"), event.at, Outcome.NOT_DIALLED, EndedBy.SERVICE)
    if call.answer_at is not None:
        return _end(call, event.at, _answered_outcome(call, event.at), EndedBy.PERSON)
    outcome = _UNANSWERED.get(call.ended_by, Outcome.INTERRUPTED) if call.ended_by else Outcome.INTERRUPTED
    return _end(replace(call, reason="ended while nobody watched"), event.at, outcome, EndedBy.NETWORK)


def _hang_up(call: Call, at: datetime, by: EndedBy, reason: str = "") -> Result:
    """Ask Asterisk to end it; the record waits for Asterisk's word."""
    if call.hanging_up:
        return call, ()
    going = replace(call, hanging_up=True, ended_by=call.ended_by or by, reason=reason or call.reason)
    return going, (c.HangUp(), c.StartTimer(Timer.LAST, later(at, LAST_S)))


def _hang_up_asked(call: Call, event: c.HangUpAsked) -> Result:
    return _hang_up(call, event.at, event.by, event.reason)


def _cancelled(call: Call, event: c.HangUpAsked) -> Result:
    return _end(replace(call, reason=event.reason), event.at, Outcome.NOT_DIALLED, event.by)


def _given_up(call: Call, event: c.GivenUp) -> Result:
    return _hang_up(call, event.at, EndedBy.PACING)


def _last(call: Call, event: c.TimerFired) -> Result:
    """Asterisk never said that the channel is gone: close with what is known."""
    return _vanished(call, c.Vanished(event.at, reborn=False, seen=True))


# --- dialing and ringing ----------------------------------------------------------------------------------


def _dialled(call: Call, event: c.Dialled) -> Result:
    out = replace(call, state=State.ORIGINATING, dialled_at=event.at)
    return out, (c.Originate(), c.StartTimer(Timer.SETUP, later(event.at, call.rules.setup_s)))


def _refused(call: Call, event: c.OriginateRefused) -> Result:
    return _end(replace(call, reason=event.reason), event.at, Outcome.NOT_DIALLED, EndedBy.SERVICE)


def _unknown(call: Call, event: c.OriginateUnknown) -> Result:
    return replace(call, reason=event.reason), ()


def _alerted(call: Call, event: c.Alerted) -> Result:
    ringing = replace(call, state=State.RINGING, ring_at=event.at, alerting=event.kind)
    clocks = (c.StopTimer(Timer.SETUP), c.StartTimer(Timer.RING, later(event.at, call.rules.ring_s)))
    return ringing, (*clocks, c.Summon())


def _alerted_again(call: Call, event: c.Alerted) -> Result:
    """A 180 after a 183 says more; the ring time keeps its first instant."""
    return replace(call, alerting=min(call.alerting, event.kind)), ()


def _answered(call: Call, event: c.Answered) -> Result:
    up = replace(call, state=State.ANSWERED, answer_at=event.at)
    give_up = c.StartTimer(Timer.GIVE_UP, later(event.at, call.rules.give_up_s))
    return up, (c.StopTimer(Timer.SETUP), c.StopTimer(Timer.RING), give_up)


def _answered_in_app(call: Call, event: c.EnteredApp) -> Result:
    """The answer itself was not seen: the application's event proves it."""
    up, clocks = _answered(call, c.Answered(event.at))
    up, effects = _entered_app(up, event)
    return up, (*clocks, *effects)


def _entered_app(call: Call, event: c.EnteredApp) -> Result:
    ours = replace(call, in_app=True)
    return (ours, ()) if call.hanging_up else (ours, (c.Reserve(),))


def _rang_out(call: Call, event: c.TimerFired) -> Result:
    match event.timer:
        case Timer.RING | Timer.SETUP:
            return _hang_up(call, event.at, EndedBy.RING_TIME)
        case Timer.LAST:
            return _last(call, event)
        case _:
            return call, ()


def _lost_before_answer(call: Call, event: c.OperatorLost) -> Result:
    if call.operator != event.operator:
        return call, ()
    return replace(call, operator=None), (c.Release(event.operator, talked=False), c.Reserve())


def _reserved_early(call: Call, event: c.Reserved) -> Result:
    return replace(call, operator=event.operator), ()


# --- from the answer to the talk --------------------------------------------------------------------------


def _reserved(call: Call, event: c.Reserved) -> Result:
    """An operator is there: put the two together."""
    if call.hanging_up:
        return call, (c.Release(event.operator, talked=False),)
    music = (c.StopMusic(),) if call.bereft else ()
    taken = replace(call, state=State.RESERVED, operator=event.operator)
    return taken, (*music, c.Connect(event.operator))


def _nobody_free(call: Call, event: c.NobodyFree) -> Result:
    if call.bereft and call.operator is None:
        return _message(call, event.at)
    return replace(call, state=State.HELD_BACK), ()


def _freed(call: Call, event: c.OperatorFreed) -> Result:
    waits_for_one = call.bereft and call.operator is not None
    return (call, ()) if call.hanging_up or waits_for_one else (call, (c.Reserve(),))


def _message(call: Call, at: datetime) -> Result:
    """Give up: the PBX plays the campaign's message and hangs up."""
    music = (c.StopMusic(),) if call.bereft else ()
    gone = replace(call, state=State.MESSAGE, operator=None)
    last = c.StartTimer(Timer.LAST, later(at, call.rules.message_s))
    return gone, (*_let_go(call), *music, c.PlayMessage(), last)


def _no_operator_in_time(call: Call, event: c.TimerFired) -> Result:
    match event.timer:
        case Timer.GIVE_UP if not call.bereft and not call.hanging_up:
            return _message(call, event.at)
        case Timer.RETURN if call.bereft:
            alone = replace(call, operator=None)
            return alone, (*_let_go(call), c.Reserve())
        case Timer.LAST:
            return _last(call, event)
        case _:
            return call, ()


def _message_started(call: Call, event: c.MessageStarted) -> Result:
    """The guard, or our own wish, has reached the message."""
    last = c.StartTimer(Timer.LAST, later(event.at, call.rules.message_s))
    gone = replace(call, state=State.MESSAGE, message_at=call.message_at or event.at, operator=None)
    return gone, (*_let_go(call), c.StopTimer(Timer.GIVE_UP), last)


def _entered_bridge(call: Call, event: c.EnteredBridge) -> Result:
    if call.operator is None:
        return call, ()
    talk = c.StartTimer(Timer.TALK, later(event.at, call.rules.talk_s))
    clocks = (c.StopTimer(Timer.GIVE_UP), c.StopTimer(Timer.RETURN), talk)
    together = replace(
        call,
        state=State.BRIDGED,
        bridge_at=call.bridge_at or event.at,
        talk_since_at=event.at,
        talked_with=call.operator,
        bereft=False,
    )
    return together, (c.StartTalk(call.operator), *clocks)


def _connect_failed(call: Call, event: c.ConnectFailed) -> Result:
    """Ask for another operator; if the person is gone, the end follows by itself."""
    alone = replace(call, state=State.HELD_BACK, operator=None, reason=event.reason)
    return alone, (*_let_go(call), c.Reserve())


def _lost_while_connecting(call: Call, event: c.OperatorLost) -> Result:
    if call.operator != event.operator:
        return call, ()
    alone = replace(call, state=State.HELD_BACK, operator=None)
    return alone, (*_let_go(call), c.Reserve())


# --- the talk ---------------------------------------------------------------------------------------------


def _bridged_again(call: Call, event: c.EnteredBridge) -> Result:
    """Back from hold; a repeated event changes nothing."""
    if call.talk_since_at is not None:
        return call, ()
    return replace(call, talk_since_at=event.at), ()


def _left_bridge(call: Call, event: c.LeftBridge) -> Result:
    return _stop_talk(call, event.at), ()


def _lost_in_talk(call: Call, event: c.OperatorLost) -> Result:
    """Music for the person while the operator's phone is rung once more."""
    if call.operator != event.operator or call.hanging_up:
        return call, ()
    alone = replace(_stop_talk(call, event.at), state=State.HELD_BACK, bereft=True, on_hold=False)
    back = c.StartTimer(Timer.RETURN, later(event.at, call.rules.return_s))
    return alone, (c.StartMusic(event.operator), c.CallBackLeg(event.operator), back, c.StopTimer(Timer.TALK))


def _returned(call: Call, event: c.OperatorReturned) -> Result:
    if call.operator != event.operator or call.hanging_up:
        return call, ()
    return replace(call, state=State.RESERVED), (c.StopMusic(), c.Connect(event.operator))


def _hold(call: Call, event: c.HoldAsked) -> Result:
    if event.on == call.on_hold or call.operator is None or call.hanging_up:
        return call, ()
    if event.on:
        held = replace(_stop_talk(call, event.at), on_hold=True)
        limit = c.StartTimer(Timer.HOLD, later(event.at, call.rules.hold_s))
        return held, (c.StartMusic(call.operator), limit)
    back = replace(call, on_hold=False)
    return back, (c.StopTimer(Timer.HOLD), c.StopMusic(), c.Connect(call.operator))


def _talk_timer(call: Call, event: c.TimerFired) -> Result:
    match event.timer:
        case Timer.TALK:
            return _hang_up(call, event.at, EndedBy.LIMIT, "longest talk")
        case Timer.HOLD:
            return _hold(call, c.HoldAsked(event.at, on=False))
        case Timer.LAST:
            return _last(call, event)
        case _:
            return call, ()


def _reconnect_failed(call: Call, event: c.ConnectFailed) -> Result:
    """Not back from hold: nothing better than an honest end."""
    return _hang_up(call, event.at, EndedBy.SERVICE, event.reason)


# --- the message ------------------------------------------------------------------------------------------


def _message_timer(call: Call, event: c.TimerFired) -> Result:
    if event.timer is not Timer.LAST:
        return call, ()
    if call.hanging_up:
        return _last(call, event)
    return _hang_up(call, event.at, EndedBy.LIMIT, "the message did not end")


def _message_clock(call: Call, event: c.MessageStarted) -> Result:
    last = c.StartTimer(Timer.LAST, later(event.at, call.rules.message_s))
    return replace(call, message_at=call.message_at or event.at), (last,)


def _too_late(call: Call, event: c.Reserved) -> Result:
    """The operator came when the call had moved on: ready again."""
    return call, (c.Release(event.operator, talked=False),)


def _nothing(call: Call, event: c.Event) -> Result:
    return call, ()


def resume(call: Call, now: datetime) -> tuple[Effect, ...]:
    """What must be done for a call that is found alive after we were away: its clocks, and what was under way."""
    if call.hanging_up:
        return (c.HangUp(), c.StartTimer(Timer.LAST, later(now, LAST_S)))
    match call.state:
        case State.ORIGINATING:
            return (c.StartTimer(Timer.SETUP, later(call.dialled_at or now, call.rules.setup_s)),)
        case State.RINGING:
            return (c.StartTimer(Timer.RING, later(call.ring_at or now, call.rules.ring_s)),)
        case State.ANSWERED | State.HELD_BACK if not call.bereft:
            give_up = c.StartTimer(Timer.GIVE_UP, later(call.answer_at or now, call.rules.give_up_s))
            return (c.Reserve(), give_up) if call.in_app else (give_up,)
        case State.HELD_BACK:
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

_ROWS: Mapping[State, Mapping[type[c.Event], tuple[Handler, str]]] = {
    _L: {
        c.Dialled: (_dialled, "O"),
        c.HangUpAsked: (_cancelled, "E"),
        c.EnteredApp: (_answered_in_app, "A"),  # a return call starts here
        c.OperatorLost: (_lost_before_answer, ""),
        c.Reserved: (_reserved_early, ""),
        c.Destroyed: (_destroyed, "E"),
        c.Vanished: (_vanished, "E"),
    },
    _O: {
        c.OriginateRefused: (_refused, "E"),
        c.OriginateUnknown: (_unknown, ""),
        c.Alerted: (_alerted, "R"),
        c.Answered: (_answered, "A"),
        c.EnteredApp: (_answered_in_app, "A"),
        c.MessageStarted: (_message_started, "M"),
        c.Destroyed: (_destroyed, "E"),
        c.Vanished: (_vanished, "E"),
        c.HangUpAsked: (_hang_up_asked, ""),
        c.GivenUp: (_given_up, ""),
        c.TimerFired: (_rang_out, "E"),
        c.OperatorLost: (_lost_before_answer, ""),
        c.Reserved: (_reserved_early, ""),
    },
    _R: {
        c.OriginateUnknown: (_unknown, ""),
        c.Alerted: (_alerted_again, ""),
        c.Answered: (_answered, "A"),
        c.EnteredApp: (_answered_in_app, "A"),
        c.MessageStarted: (_message_started, "M"),
        c.Destroyed: (_destroyed, "E"),
        c.Vanished: (_vanished, "E"),
        c.HangUpAsked: (_hang_up_asked, ""),
        c.GivenUp: (_given_up, ""),
        c.TimerFired: (_rang_out, "E"),
        c.OperatorLost: (_lost_before_answer, ""),
        c.Reserved: (_reserved_early, ""),
    },
    _A: {
        c.EnteredApp: (_entered_app, ""),
        c.Reserved: (_reserved, "V"),
        c.NobodyFree: (_nobody_free, "HM"),
        c.MessageStarted: (_message_started, "M"),
        c.Destroyed: (_destroyed, "E"),
        c.Vanished: (_vanished, "E"),
        c.HangUpAsked: (_hang_up_asked, ""),
        c.TimerFired: (_rang_out, "E"),
        c.OperatorLost: (_lost_before_answer, ""),
    },
    _V: {
        c.EnteredBridge: (_entered_bridge, "B"),
        c.ConnectFailed: (_connect_failed, "H"),
        c.OperatorLost: (_lost_while_connecting, "H"),
        c.MessageStarted: (_message_started, "M"),
        c.Destroyed: (_destroyed, "E"),
        c.Vanished: (_vanished, "E"),
        c.HangUpAsked: (_hang_up_asked, ""),
        c.TimerFired: (_no_operator_in_time, "ME"),
    },
    _H: {
        c.Reserved: (_reserved, "V"),
        c.NobodyFree: (_nobody_free, "M"),
        c.OperatorFreed: (_freed, ""),
        c.OperatorReturned: (_returned, "V"),
        c.OperatorLost: (_nothing, ""),
        c.MessageStarted: (_message_started, "M"),
        c.Destroyed: (_destroyed, "E"),
        c.Vanished: (_vanished, "E"),
        c.HangUpAsked: (_hang_up_asked, ""),
        c.TimerFired: (_no_operator_in_time, "ME"),
        c.LeftBridge: (_left_bridge, ""),
    },
    _B: {
        c.EnteredBridge: (_bridged_again, ""),
        c.LeftBridge: (_left_bridge, ""),
        c.OperatorLost: (_lost_in_talk, "H"),
        c.HoldAsked: (_hold, ""),
        c.ConnectFailed: (_reconnect_failed, ""),
        c.Destroyed: (_destroyed, "E"),
        c.Vanished: (_vanished, "E"),
        c.HangUpAsked: (_hang_up_asked, ""),
        c.TimerFired: (_talk_timer, "E"),
        c.MessageStarted: (_message_started, "M"),
    },
    _M: {
        c.MessageStarted: (_message_clock, ""),
        c.Destroyed: (_destroyed, "E"),
        c.Vanished: (_vanished, "E"),
        c.HangUpAsked: (_hang_up_asked, ""),
        c.TimerFired: (_message_timer, "E"),
        c.Reserved: (_too_late, ""),
        c.LeftBridge: (_left_bridge, ""),
    },
    _E: {c.Reserved: (_too_late, "")},
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
            do, names = rows.get(event, (_nothing, ""))
            if event in rows or event in FROM_ASTERISK or event in CROSSING:
                table[state, event] = Move(do, frozenset({state, *(_NAMES[n] for n in names)}))
    return table


TABLE = _table()
