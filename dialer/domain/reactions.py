"""What each event does to a call: the handlers that the table in `moves` names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from dialer.domain import call as c
from dialer.domain.call import Call, Effect, State, Timer
from dialer.domain.causes import outcome_of
from dialer.domain.changed import changed
from dialer.domain.operators import bridge_of
from dialer.domain.types import Direction, EndedBy, Outcome

IN_TIME_S = 2.0  # an operator on the line within 2 s of the answer: 16 CFR 310.4(b)(4), Ofcom 2016
LAST_S = 10.0  # from our hang-up to Asterisk's word that the channel is gone
MOST_CONNECTS = 3  # failures to put the person through, then the message: no hot loop while the person waits

Result = tuple[Call, tuple[Effect, ...]]
Handler = Callable[[Call, Any], Result]


def later(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


def nothing(call: Call, event: c.Event) -> Result:
    """Changes nothing."""
    return call, ()


# --- the end ----------------------------------------------------------------------------------------------


def _stop_talk(call: Call, at: datetime) -> Call:
    """Add the bridged span that ends now to the air time."""
    if call.talk_since_at is None:
        return call
    span = max(0.0, (at - call.talk_since_at).total_seconds())
    return changed(call, talk_s=call.talk_s + span, talk_since_at=None)


def _let_go(call: Call) -> tuple[Effect, ...]:
    if call.operator is None:
        return ()
    return (c.Release(call.operator, talked=call.talked_with == call.operator),)


def _end(call: Call, at: datetime, outcome: Outcome, by: EndedBy) -> Result:
    """The record first, the operator after it: what he says of the call then finds its lead moved on."""
    ended = changed(
        _stop_talk(call, at),
        state=State.ENDED,
        end_at=at,
        outcome=outcome,
        ended_by=call.ended_by or by,
        operator=None,
    )
    return ended, (c.Close(), *_let_go(call))


def _answered_outcome(call: Call, at: datetime) -> Outcome:
    """Of a call that was answered: connected, or why it was not."""
    if call.bereft:
        return Outcome.OPERATOR_LOST
    if call.bridge_at is not None:
        return Outcome.CONNECTED
    if call.direction is Direction.IN:  # nobody was dialled, so nobody was abandoned in the sense of the law
        return Outcome.NO_ANSWER if call.ended_by or call.state is State.MESSAGE else Outcome.HUNG_UP_EARLY
    waited_s = (at - (call.answer_at or at)).total_seconds()
    by_us = call.ended_by is not None or call.message_at is not None or call.state is State.MESSAGE
    return Outcome.ABANDONED if by_us or waited_s >= IN_TIME_S else Outcome.HUNG_UP_EARLY


UNANSWERED = {
    EndedBy.PACING: Outcome.GIVEN_UP,
    EndedBy.RING_TIME: Outcome.NO_ANSWER,
    EndedBy.SERVICE: Outcome.CANCELLED,
    EndedBy.SUPERVISOR: Outcome.CANCELLED,
    EndedBy.OPERATOR: Outcome.CANCELLED,
}


def destroyed(call: Call, event: c.Destroyed) -> Result:
    """The end, as Asterisk says it: the outcome follows from how far the call came and who ended it."""
    call = changed(call, cause=event.cause, sip_code=event.sip_code or None)
    if call.answer_at is not None:
        by = EndedBy.SERVICE if call.state is State.MESSAGE else EndedBy.PERSON
        return _end(call, event.at, _answered_outcome(call, event.at), by)
    if call.ended_by in UNANSWERED:
        return _end(call, event.at, UNANSWERED[call.ended_by], EndedBy.SERVICE)
    by = EndedBy.PERSON if call.direction is Direction.IN else EndedBy.NETWORK
    return _end(call, event.at, outcome_of(event.cause, event.sip_code), by)


def vanished(call: Call, event: c.Vanished) -> Result:
    """Nobody saw the end: say what is certain and mark the instant as a bound."""
    call = changed(call, estimated=True)
    if event.reborn:
        call = changed(call, reason="Asterisk stopped during the call", cause=38)
        talked = call.bridge_at is not None and not call.bereft
        return _end(call, event.at, Outcome.CONNECTED if talked else Outcome.NETWORK_FAILURE, EndedBy.NETWORK)
    if call.answer_at is not None:
        return _end(call, event.at, _answered_outcome(call, event.at), EndedBy.PERSON)
    if not event.seen and call.ring_at is None:
        return never_dialled(call, event)
    outcome = UNANSWERED.get(call.ended_by, Outcome.INTERRUPTED) if call.ended_by else Outcome.INTERRUPTED
    return _end(changed(call, reason="ended while nobody watched"), event.at, outcome, EndedBy.NETWORK)


def broken(call: Call, event: c.Event, reason: str, *, is_over: bool) -> Result:
    """Closed by force, with what is certain."""
    outcome = Outcome.NOT_DIALLED
    if call.bridge_at is not None:
        outcome = Outcome.OPERATOR_LOST if call.bereft else Outcome.CONNECTED
    elif call.answer_at is not None:
        outcome = Outcome.ABANDONED if call.direction is Direction.OUT else Outcome.NO_ANSWER
    elif call.dialled_at is not None and not isinstance(event, c.OriginateRefused | c.TakenBack):
        outcome = Outcome.INTERRUPTED
    closed = changed(call, reason=reason, estimated=True)
    ended, effects = _end(closed, event.at, outcome, EndedBy.SERVICE)
    return ended, effects if is_over or call.dialled_at is None else (c.HangUp(), *effects)


def never_dialled(call: Call, event: c.Vanished) -> Result:
    """The request never reached the network: no attempt, the lead goes back."""
    return _end(changed(call, reason="never dialled"), event.at, Outcome.NOT_DIALLED, EndedBy.SERVICE)


def _hang_up(call: Call, at: datetime, by: EndedBy, reason: str = "") -> Result:
    """Ask Asterisk to end it; the record waits for Asterisk's word."""
    if call.hanging_up:
        return call, ()
    going = changed(call, hanging_up=True, ended_by=call.ended_by or by, reason=reason or call.reason)
    return going, (c.HangUp(), c.StartTimer(Timer.LAST, later(at, LAST_S)))


def hang_up_asked(call: Call, event: c.HangUpAsked) -> Result:
    """Ask Asterisk to end it; the record waits for Asterisk's word."""
    return _hang_up(call, event.at, event.by, event.reason)


def cancelled(call: Call, event: c.HangUpAsked) -> Result:
    """Taken back before it was dialled: no attempt."""
    return _end(changed(call, reason=event.reason), event.at, Outcome.NOT_DIALLED, event.by)


def given_up(call: Call, event: c.GivenUp) -> Result:
    """Pacing ends the ringing; it never counts as the person's no-answer."""
    return _hang_up(call, event.at, EndedBy.PACING)


def _last(call: Call, at: datetime) -> Result:
    """Asterisk never said that the channel is gone: close with what is known."""
    return vanished(call, c.Vanished(at, reborn=False, seen=True))


# --- dialing and ringing ----------------------------------------------------------------------------------


def dialled(call: Call, event: c.Dialled) -> Result:
    """Mark, request, and a clock for a network that says nothing at all."""
    out = changed(call, state=State.ORIGINATING, dialled_at=event.at)
    return out, (c.Originate(), c.StartTimer(Timer.SETUP, later(event.at, call.rules.setup_s)))


def refused(call: Call, event: c.OriginateRefused) -> Result:
    """The request did not become a call: no attempt, the lead goes back."""
    return _end(changed(call, reason=event.reason), event.at, Outcome.NOT_DIALLED, EndedBy.SERVICE)


def taken_back(call: Call, event: c.TakenBack) -> Result:
    """Nothing was sent: no attempt, the lead goes back, and nobody learns anything of the trunk."""
    never = changed(call, reason=event.reason, dialled_at=None)
    return _end(never, event.at, Outcome.NOT_DIALLED, EndedBy.SERVICE)


def unknown(call: Call, event: c.OriginateUnknown) -> Result:
    """It may ring all the same: events, the set-up clock or reconciling will tell."""
    return changed(call, reason=event.reason), ()


def alerted(call: Call, event: c.Alerted) -> Result:
    """The phone rings: the ring time begins, an on-demand operator is summoned."""
    ringing = changed(call, state=State.RINGING, ring_at=event.at, alerting=event.kind)
    if call.hanging_up:
        return ringing, (c.StopTimer(Timer.SETUP),)
    clocks = (c.StopTimer(Timer.SETUP), c.StartTimer(Timer.RING, later(event.at, call.rules.ring_s)))
    return ringing, (*clocks, c.Summon())


def alerted_again(call: Call, event: c.Alerted) -> Result:
    """A 180 after a 183 says more; the ring time keeps its first instant."""
    return changed(call, alerting=min(call.alerting, event.kind)), ()


def answered(call: Call, event: c.Answered) -> Result:
    """The line is open: from now on an operator must be there within the give-up time."""
    up = changed(call, state=State.ANSWERED, answer_at=event.at)
    stop = (c.StopTimer(Timer.SETUP), c.StopTimer(Timer.RING))
    if call.hanging_up:
        return up, stop
    return up, (*stop, c.StartTimer(Timer.GIVE_UP, later(event.at, call.rules.give_up_s)))


def answered_in_app(call: Call, event: c.EnteredApp) -> Result:
    """The answer itself was not seen: the application's event proves it."""
    up, clocks = answered(call, c.Answered(event.at))
    up, effects = entered_app(up, event)
    return up, (*clocks, *effects)


def entered_app(call: Call, event: c.EnteredApp) -> Result:
    """Ours to control: ask for an operator. A repeated event changes nothing."""
    if call.in_app:
        return call, ()
    ours = changed(call, in_app=True)
    return (ours, ()) if call.hanging_up else (ours, (c.Reserve(),))


def left_app(call: Call, event: c.LeftApp) -> Result:
    """The guard or a hang-up took it: no operator is asked for any more."""
    return changed(call, in_app=False), ()


def set_up_timer(call: Call, event: c.TimerFired) -> Result:
    """A network that says nothing at all is given up."""
    match event.timer:
        case Timer.SETUP:
            return _hang_up(call, event.at, EndedBy.RING_TIME, "the network said nothing")
        case Timer.LAST:
            return _last(call, event.at)
        case _:
            return call, ()


def ring_timer(call: Call, event: c.TimerFired) -> Result:
    """Rung long enough."""
    match event.timer:
        case Timer.RING:
            return _hang_up(call, event.at, EndedBy.RING_TIME)
        case Timer.LAST:  # it may ring on and be answered: the record waits for Asterisk's word, or a sweep's
            return call, (c.HangUp(), c.StartTimer(Timer.LAST, later(event.at, LAST_S)))
        case _:
            return call, ()


def lost_before_answer(call: Call, event: c.OperatorLost) -> Result:
    """Another operator, if there is one; if not, the answer will ask again."""
    if call.operator != event.operator:
        return call, ()
    ask = () if call.hanging_up else (c.Reserve(),)
    return changed(call, operator=None), (*_let_go(call), *ask)


def reserved_early(call: Call, event: c.Reserved) -> Result:
    """The operator waits for the answer; one whose phone must be rung is summoned, if it is time already."""
    if call.operator is not None or call.hanging_up:
        return spare(call, event)
    summon = (c.Summon(),) if call.state is State.RINGING else ()
    return changed(call, operator=event.operator), summon


# --- from the answer to the talk --------------------------------------------------------------------------


def reserved(call: Call, event: c.Reserved) -> Result:
    """An operator is there: put the two together, as soon as the channel is ours."""
    if call.operator not in (None, event.operator):
        return spare(call, event)
    if call.hanging_up:
        return spare(call, event)
    taken = changed(call, operator=event.operator)
    if not call.in_app:
        return taken, ()
    music = (c.StopMusic(),) if call.bereft else ()
    return changed(taken, state=State.RESERVED), (*music, c.Connect(event.operator))


def spare(call: Call, event: c.Reserved) -> Result:
    """An operator more than the call needs, or one who comes too late: ready again."""
    if call.operator == event.operator:
        return call, ()
    return call, (c.Release(event.operator, talked=False),)


def nobody_free(call: Call, event: c.NobodyFree) -> Result:
    """Held back until somebody is free; who has waited through the music already hears the message."""
    if call.hanging_up or not call.in_app:
        return call, ()
    if call.bereft and call.operator is None:
        return _message(call, event.at)
    return changed(call, state=State.HELD_BACK), ()


def freed(call: Call, event: c.OperatorFreed) -> Result:
    """Ask again, unless the call waits for its own operator's phone."""
    waits_for_one = call.bereft and call.operator is not None
    return (call, ()) if call.hanging_up or not call.in_app or waits_for_one else (call, (c.Reserve(),))


def _message(call: Call, at: datetime) -> Result:
    """Give up: the PBX plays the campaign's message and hangs up."""
    music = (c.StopMusic(),) if call.bereft else ()
    gone = changed(call, state=State.MESSAGE, operator=None)
    last = c.StartTimer(Timer.LAST, later(at, call.rules.message_s))
    return gone, (*_let_go(call), *music, c.PlayMessage(), last)


def no_operator_in_time(call: Call, event: c.TimerFired) -> Result:
    """1.5 s after the answer the message; after the music the next operator."""
    match event.timer:
        case Timer.GIVE_UP if not call.bereft and not call.hanging_up:
            return _message(call, event.at)
        case Timer.RETURN if call.bereft and not call.hanging_up:
            return _next_operator(call, event.at)
        case Timer.LAST:
            return _last(call, event.at)
        case _:
            return call, ()


def _next_operator(call: Call, at: datetime) -> Result:
    """The lost operator is not back: whoever is ready, else the message."""
    if not call.in_app:
        return _hang_up(call, at, EndedBy.SERVICE, "the operator was lost")
    alone = changed(call, state=State.HELD_BACK, operator=None)
    again = c.StartTimer(Timer.RETURN, later(at, call.rules.return_s))
    return alone, (*_let_go(call), again, c.Reserve())


def message_started(call: Call, event: c.MessageStarted) -> Result:
    """The guard, or our own wish, has reached the message; it proves the answer, if that was not seen."""
    clocks = (c.StopTimer(Timer.SETUP), c.StopTimer(Timer.RING), c.StopTimer(Timer.GIVE_UP))
    last = () if call.hanging_up else (c.StartTimer(Timer.LAST, later(event.at, call.rules.message_s)),)
    gone = changed(
        _stop_talk(call, event.at),
        state=State.MESSAGE,
        answer_at=call.answer_at or event.at,
        message_at=call.message_at or event.at,
        operator=None,
    )
    return gone, (*_let_go(call), *clocks, *last)


def entered_bridge(call: Call, event: c.EnteredBridge) -> Result:
    """The two hear each other; a bridge of somebody else says nothing."""
    if call.operator is None or event.bridge != bridge_of(call.operator):
        return call, ()
    began_at = call.bridge_at or event.at
    talk = c.StartTimer(Timer.TALK, later(began_at, call.rules.talk_s))
    clocks = (c.StopTimer(Timer.GIVE_UP), c.StopTimer(Timer.RETURN), talk)
    together = changed(
        call,
        state=State.BRIDGED,
        bridge_at=began_at,
        talk_since_at=event.at,
        talked_with=call.operator,
        bereft=False,
        failed_connects=0,
    )
    return together, (c.StartTalk(call.operator), *clocks)


def connect_failed(call: Call, event: c.ConnectFailed) -> Result:
    """Ask for another operator; if the person is gone, the end follows by itself."""
    if event.operator not in (None, call.operator):
        return call, ()
    tries = call.failed_connects + 1
    alone = changed(call, state=State.HELD_BACK, operator=None, reason=event.reason, failed_connects=tries)
    if call.hanging_up or not call.in_app:
        return alone, _let_go(call)
    if tries >= MOST_CONNECTS:
        gone, effects = _message(alone, event.at)
        return gone, (*_let_go(call), *effects)
    return alone, (*_let_go(call), c.Reserve())


def lost_while_connecting(call: Call, event: c.OperatorLost) -> Result:
    """Another operator, if there is one in time."""
    if call.operator != event.operator:
        return call, ()
    ask = () if call.hanging_up or not call.in_app else (c.Reserve(),)
    return changed(call, state=State.HELD_BACK, operator=None), (*_let_go(call), *ask)


def not_coming_back(call: Call, event: c.OperatorLost) -> Result:
    """The phone of the operator that the call waits for does not answer: the next one."""
    if call.operator != event.operator:
        return call, ()
    if call.hanging_up:
        return changed(call, operator=None), _let_go(call)
    return _next_operator(call, event.at)


# --- the talk ---------------------------------------------------------------------------------------------


def bridged_again(call: Call, event: c.EnteredBridge) -> Result:
    """Back from hold; a repeated event changes nothing."""
    theirs = call.operator is None or event.bridge != bridge_of(call.operator)
    if call.talk_since_at is not None or call.on_hold or theirs:
        return call, ()
    return changed(call, talk_since_at=event.at), ()


def left_bridge(call: Call, event: c.LeftBridge) -> Result:
    """The air time stops; hold, the lost operator or the end is told by another event."""
    return _stop_talk(call, event.at), ()


def lost_in_talk(call: Call, event: c.OperatorLost) -> Result:
    """Music for the person while the operator's phone is rung once more."""
    if call.operator != event.operator or call.hanging_up or not call.in_app:
        return call, ()
    alone = changed(_stop_talk(call, event.at), state=State.HELD_BACK, bereft=True, on_hold=False)
    back = c.StartTimer(Timer.RETURN, later(event.at, call.rules.return_s))
    clocks = (back, c.StopTimer(Timer.TALK), c.StopTimer(Timer.HOLD))
    return alone, (c.StartMusic(event.operator), c.CallBackLeg(event.operator), *clocks)


def returned(call: Call, event: c.OperatorReturned) -> Result:
    """The operator's phone is up again: back together."""
    if call.operator != event.operator or call.hanging_up or not call.in_app:
        return call, ()
    return changed(call, state=State.RESERVED), (c.StopMusic(), c.Connect(event.operator))


def hold(call: Call, event: c.HoldAsked) -> Result:
    """Out of the bridge to the music, or back to the operator."""
    if event.on == call.on_hold or call.operator is None or call.hanging_up or not call.in_app:
        return call, ()
    if event.on:
        held = changed(_stop_talk(call, event.at), on_hold=True)
        limit = c.StartTimer(Timer.HOLD, later(event.at, call.rules.hold_s))
        return held, (c.StartMusic(call.operator), limit)
    back = changed(call, on_hold=False)
    return back, (c.StopTimer(Timer.HOLD), c.StopMusic(), c.Connect(call.operator))


def talk_timer(call: Call, event: c.TimerFired) -> Result:
    """The longest talk ends the call, the longest hold brings the person back to the operator."""
    match event.timer:
        case Timer.TALK:
            return _hang_up(call, event.at, EndedBy.LIMIT, "longest talk")
        case Timer.HOLD:
            return hold(call, c.HoldAsked(event.at, on=False))
        case Timer.LAST:
            return _last(call, event.at)
        case _:
            return call, ()


def reconnect_failed(call: Call, event: c.ConnectFailed) -> Result:
    """Not back from hold: nothing better than an honest end. A late word of a talk that goes on is none."""
    theirs = event.operator not in (None, call.operator)
    if theirs or call.on_hold or call.talk_since_at is not None:
        return call, ()
    return _hang_up(call, event.at, EndedBy.SERVICE, event.reason)


# --- the message ------------------------------------------------------------------------------------------


def message_timer(call: Call, event: c.TimerFired) -> Result:
    """A message that does not end is ended."""
    if event.timer is not Timer.LAST:
        return call, ()
    if call.hanging_up:
        return _last(call, event.at)
    return _hang_up(call, event.at, EndedBy.LIMIT, "the message did not end")


def message_clock(call: Call, event: c.MessageStarted) -> Result:
    """The message is heard from now on; its longest time counts anew."""
    if call.message_at is not None or call.hanging_up:
        return changed(call, message_at=call.message_at or event.at), ()
    last = c.StartTimer(Timer.LAST, later(event.at, call.rules.message_s))
    return changed(call, message_at=event.at), (last,)


def message_at_last(call: Call, event: c.EnteredApp) -> Result:
    """Ours only after we gave up: now the message can be asked for."""
    ours = changed(call, in_app=True)
    if call.in_app or call.hanging_up or call.message_at is not None:
        return ours, ()
    return ours, (c.PlayMessage(),)
