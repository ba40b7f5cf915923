"""What each event does to a call: the handlers that the table in `moves` names."""

from __future__ import annotations

from datetime import datetime

from dialer.domain import call as c
from dialer.domain.call import Call, State, Timer
from dialer.domain.changed import changed
from dialer.domain.endings import Result, end, later, let_go, stop_talk, vanished
from dialer.domain.operators import bridge_of
from dialer.domain.said import said
from dialer.domain.types import Alerting, EndedBy, Outcome

LAST_S = 10.0  # from our hang-up to Asterisk's word that the channel is gone
MOST_CONNECTS = 3  # failures to put the person through, then the message: no hot loop while the person waits


def nothing(call: Call, event: c.Event) -> Result:
    """Changes nothing."""
    return call, ()


# --- hanging up ------------------------------------------------------------------------------------------


def hang_up(call: Call, at: datetime, by: EndedBy, reason: str = "") -> Result:
    """Ask Asterisk to end it; the record waits for Asterisk's word."""
    if call.hanging_up:
        return call, ()
    going = changed(call, hanging_up=True, ended_by=call.ended_by or by, reason=reason or call.reason)
    return going, (c.HangUp(), c.StartTimer(Timer.LAST, later(at, LAST_S)))


def hang_up_asked(call: Call, event: c.HangUpAsked) -> Result:
    """Ask Asterisk to end it; the record waits for Asterisk's word."""
    return hang_up(call, event.at, event.by, event.reason)


def cancelled(call: Call, event: c.HangUpAsked) -> Result:
    """Taken back before it was dialled: no attempt."""
    return end(changed(call, reason=event.reason), event.at, Outcome.NOT_DIALLED, event.by)


def given_up(call: Call, event: c.GivenUp) -> Result:
    """Pacing ends the ringing; it never counts as the person's no-answer."""
    return hang_up(call, event.at, EndedBy.PACING)


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
    return end(changed(call, reason=event.reason), event.at, Outcome.NOT_DIALLED, EndedBy.SERVICE)


def taken_back(call: Call, event: c.TakenBack) -> Result:
    """Nothing was sent: no attempt, the lead goes back, and nobody learns anything of the trunk."""
    never = changed(call, reason=event.reason, dialled_at=None)
    return end(never, event.at, Outcome.NOT_DIALLED, EndedBy.SERVICE)


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
    """The first 180 after a 183 begins the ring time anew: until then an announcement was played."""
    if not (call.alerting is Alerting.PROGRESS and event.kind is Alerting.RINGING):
        return call, ()
    ringing = changed(call, ring_at=event.at, alerting=event.kind)
    if call.hanging_up:
        return ringing, ()
    return ringing, (c.StartTimer(Timer.RING, later(event.at, call.rules.ring_s)),)


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
            return hang_up(call, event.at, EndedBy.NETWORK, said("the network said nothing"))
        case Timer.LAST:
            return _last(call, event.at)
        case _:
            return call, ()


def ring_timer(call: Call, event: c.TimerFired) -> Result:
    """Rung long enough."""
    match event.timer:
        case Timer.RING:
            return hang_up(call, event.at, EndedBy.RING_TIME)
        case Timer.LAST:  # it may ring on and be answered: the record waits for Asterisk's word, or a sweep's
            return call, (c.HangUp(), c.StartTimer(Timer.LAST, later(event.at, LAST_S)))
        case _:
            return call, ()


def lost_before_answer(call: Call, event: c.OperatorLost) -> Result:
    """Another operator, if there is one; if not, the answer will ask again."""
    if call.operator != event.operator:
        return call, ()
    ask = () if call.hanging_up else (c.Reserve(),)
    return changed(call, operator=None), (*let_go(call), *ask)


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
        return to_message(call, event.at)
    return changed(call, state=State.HELD_BACK), ()


def freed(call: Call, event: c.OperatorFreed) -> Result:
    """Ask again, unless the call waits for its own operator's phone."""
    waits_for_one = call.bereft and call.operator is not None
    return (call, ()) if call.hanging_up or not call.in_app or waits_for_one else (call, (c.Reserve(),))


def to_message(call: Call, at: datetime) -> Result:
    """Give up: the PBX plays the campaign's message and hangs up."""
    music = (c.StopMusic(),) if call.bereft else ()
    gone = changed(call, state=State.MESSAGE, operator=None)
    last = c.StartTimer(Timer.LAST, later(at, call.rules.message_s))
    return gone, (*let_go(call), *music, c.PlayMessage(), last)


def no_operator_in_time(call: Call, event: c.TimerFired) -> Result:
    """1.5 s after the answer the message; after the music the next operator."""
    match event.timer:
        case Timer.GIVE_UP if not call.bereft and not call.hanging_up:
            return to_message(call, event.at)
        case Timer.RETURN if call.bereft and not call.hanging_up:
            return _next_operator(call, event.at)
        case Timer.LAST:
            return _last(call, event.at)
        case _:
            return call, ()


def _next_operator(call: Call, at: datetime) -> Result:
    """The lost operator is not back: whoever is ready, else the message."""
    if not call.in_app:
        return hang_up(call, at, EndedBy.SERVICE, "the operator was lost")
    alone = changed(call, state=State.HELD_BACK, operator=None)
    again = c.StartTimer(Timer.RETURN, later(at, call.rules.return_s))
    return alone, (*let_go(call), again, c.Reserve())


def message_started(call: Call, event: c.MessageStarted) -> Result:
    """The guard, or our own wish, has reached the message; it proves the answer, if that was not seen."""
    clocks = (c.StopTimer(Timer.SETUP), c.StopTimer(Timer.RING), c.StopTimer(Timer.GIVE_UP))
    last = () if call.hanging_up else (c.StartTimer(Timer.LAST, later(event.at, call.rules.message_s)),)
    gone = changed(
        stop_talk(call, event.at),
        state=State.MESSAGE,
        answer_at=call.answer_at or event.at,
        message_at=call.message_at or event.at,
        operator=None,
    )
    return gone, (*let_go(call), *clocks, *last)


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
        return alone, let_go(call)
    if tries >= MOST_CONNECTS:
        gone, effects = to_message(alone, event.at)
        return gone, (*let_go(call), *effects)
    return alone, (*let_go(call), c.Reserve())


def lost_while_connecting(call: Call, event: c.OperatorLost) -> Result:
    """Another operator, if there is one in time."""
    if call.operator != event.operator:
        return call, ()
    ask = () if call.hanging_up or not call.in_app else (c.Reserve(),)
    return changed(call, state=State.HELD_BACK, operator=None), (*let_go(call), *ask)


def not_coming_back(call: Call, event: c.OperatorLost) -> Result:
    """The phone of the operator that the call waits for does not answer: the next one."""
    if call.operator != event.operator:
        return call, ()
    if call.hanging_up:
        return changed(call, operator=None), let_go(call)
    return _next_operator(call, event.at)


# --- the talk ---------------------------------------------------------------------------------------------


def bridged_again(call: Call, event: c.EnteredBridge) -> Result:
    """Back from hold; a repeated event changes nothing."""
    theirs = call.operator is None or event.bridge != bridge_of(call.operator)
    if call.talk_since_at is not None or call.on_hold or theirs:
        return call, ()
    return changed(call, talk_since_at=event.at), ()


def lost_in_talk(call: Call, event: c.OperatorLost) -> Result:
    """Music for the person while the operator's phone is rung once more."""
    if call.operator != event.operator or call.hanging_up or not call.in_app:
        return call, ()
    alone = changed(stop_talk(call, event.at), state=State.HELD_BACK, bereft=True, on_hold=False)
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
        held = changed(stop_talk(call, event.at), on_hold=True)
        limit = c.StartTimer(Timer.HOLD, later(event.at, call.rules.hold_s))
        return held, (c.StartMusic(call.operator), limit)
    back = changed(call, on_hold=False)
    return back, (c.StopTimer(Timer.HOLD), c.StopMusic(), c.Connect(call.operator))


def talk_timer(call: Call, event: c.TimerFired) -> Result:
    """The longest talk ends the call, the longest hold brings the person back to the operator."""
    match event.timer:
        case Timer.TALK:
            return hang_up(call, event.at, EndedBy.LIMIT, "longest talk")
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
    return hang_up(call, event.at, EndedBy.SERVICE, event.reason)


# --- the message ------------------------------------------------------------------------------------------


def message_timer(call: Call, event: c.TimerFired) -> Result:
    """A message that does not end is ended."""
    if event.timer is not Timer.LAST:
        return call, ()
    if call.hanging_up:
        return _last(call, event.at)
    return hang_up(call, event.at, EndedBy.LIMIT, "the message did not end")


def message_clock(call: Call, event: c.MessageStarted) -> Result:
    """The message is heard from now on; its longest time counts anew."""
    if call.message_at is not None or call.hanging_up:
        return changed(call, message_at=call.message_at or event.at), ()
    last = c.StartTimer(Timer.LAST, later(event.at, call.rules.message_s))
    return changed(call, message_at=event.at), (last,)


def message_over(call: Call, event: c.MessageEnded) -> Result:
    """Heard to its end: who hangs up now is the PBX."""
    return (call, ()) if call.ended_by else (changed(call, ended_by=EndedBy.SERVICE), ())


def message_at_last(call: Call, event: c.EnteredApp) -> Result:
    """Ours only after we gave up: now the message can be asked for."""
    ours = changed(call, in_app=True)
    if call.in_app or call.hanging_up or call.message_at is not None:
        return ours, ()
    return ours, (c.PlayMessage(),)
