"""How an operator moves: one table of (state, event), and `step`, the only function that moves anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dialer.domain.changed import changed
from dialer.domain.errors import Conflict, IllegalMove
from dialer.domain.operators import NO_KEY, LegState, Operator, State
from dialer.domain.refusal import refusal
from dialer.domain.shifts import (
    HUNG_UP,
    LOGIN,
    MISSED,
    NO_ANSWER,
    NO_SOUND,
    NOT_CALLABLE,
    PHONE_CHANGED,
    PHONE_LOST,
    SWITCH_LOST,
    WRAP_UP_OVER,
    DropLeg,
    Effect,
    EndWrapUp,
    Event,
    LegDown,
    LegKindChanged,
    LegRings,
    LegUp,
    LoginAsked,
    LogoutAsked,
    PauseAsked,
    ReadyAsked,
    Released,
    ReservedFor,
    RingLater,
    RingLeg,
    StartWrapUp,
    SwitchLost,
    TalkBegan,
    TalkEnded,
    WrapUpRanOut,
)
from dialer.domain.types import LegKind

AGAIN_AFTER = timedelta(seconds=2)  # between two rings of a phone that was lost with Asterisk
AGAIN_FOR = timedelta(seconds=90)  # a phone that registers every minute has done so by then

Result = tuple[Operator, tuple[Effect, ...]]
Handler = Callable[[Operator, Any], Result]


@dataclass(frozen=True, slots=True)
class Move:
    do: Handler
    to: frozenset[State]


def step(operator: Operator, event: Event) -> Result:
    """The operator after the event, and what must be done; Conflict when the state does not allow it."""
    if isinstance(event, LegDown | LegUp) and event.channel != operator.channel:
        return operator, (DropLeg(event.channel),) if isinstance(event, LegUp) else ()
    move = TABLE.get((operator.state, type(event)))
    if move is None:
        if isinstance(event, LoginAsked | ReadyAsked | PauseAsked):
            raise Conflict(refusal(operator, is_login=isinstance(event, LoginAsked)))
        raise IllegalMove(f"an operator who is {operator.state} cannot take {type(event).__name__}")
    after, effects = move.do(operator, event)
    if after.state not in move.to:
        raise IllegalMove(f"{type(event).__name__} led an operator from {operator.state} to {after.state}")
    if operator.talked and not after.talked:  # here and nowhere else: written once, whichever way it ended
        return after, (EndWrapUp(operator), *effects)
    return after, effects


# --- moves ------------------------------------------------------------------------------------------------


def _go(operator: Operator, state: State, at: datetime, reason: str = "") -> Operator:
    ready_since = operator.ready_since_at
    keeps_place = operator.state is State.RESERVED and ready_since is not None
    if state is State.READY and not keeps_place:
        ready_since = at
    elif state not in (State.READY, State.RESERVED):
        ready_since = None
    return changed(operator, state=state, reason=reason, since_at=at, ready_since_at=ready_since)


def _drop(operator: Operator) -> tuple[Effect, ...]:
    return (DropLeg(operator.channel),) if operator.channel is not None else ()


def _without_leg(operator: Operator) -> Operator:
    return changed(operator, leg=LegState.DOWN, channel=None)


def _without_call(operator: Operator) -> Operator:
    return changed(
        operator,
        call=None,
        talked=False,
        then=None,
        then_reason="",
        back_to=None,
        wrap_until_at=None,
        disposition="",
        callback_at=None,
    )


def _leave(operator: Operator, at: datetime, reason: str) -> Result:
    """Off the shift: the leg goes with him."""
    gone = _without_leg(_without_call(_go(operator, State.OFFLINE, at, reason)))
    return changed(gone, desk="", shift_since_at=None), _drop(operator)


def _rest(operator: Operator) -> Result:
    """An on-demand phone is let go when its talk is over."""
    if operator.leg_kind is LegKind.ON_DEMAND:
        return _without_leg(operator), _drop(operator)
    return operator, ()


def _free(operator: Operator, at: datetime, *, ready: bool = True, reason: str = WRAP_UP_OVER) -> Result:
    """No call any more: what was asked for meanwhile begins, else ready (or paused)."""
    match operator.then:
        case State.OFFLINE:
            return _leave(operator, at, operator.then_reason)
        case State.PAUSED:
            return _without_call(_go(operator, State.PAUSED, at, operator.then_reason)), ()
        case _ if ready:
            return _without_call(_go(operator, State.READY, at)), ()
        case _:
            return _without_call(_go(operator, State.PAUSED, at, reason)), ()


def _login(operator: Operator, event: LoginAsked) -> Result:
    """A nailed-up phone is called now, another one for each call."""
    there = changed(operator, desk=event.desk, shift_since_at=event.at)
    if operator.leg_kind is LegKind.ON_DEMAND:
        return _go(there, State.PAUSED, event.at, LOGIN), ()
    return changed(_go(there, State.CONNECTING, event.at, LOGIN), back_to=State.PAUSED), (RingLeg(),)


def _logout(operator: Operator, event: LogoutAsked) -> Result:
    """The shift is over, the leg is hung up."""
    return _leave(operator, event.at, event.reason)


def _logout_later(operator: Operator, event: LogoutAsked) -> Result:
    """After the call and its wrap-up."""
    return changed(operator, then=State.OFFLINE, then_reason=event.reason), ()


def _ready(operator: Operator, event: ReadyAsked) -> Result:
    """Takes calls from now on; ends a wrap-up early, and takes back a pause that was to follow it."""
    return _free(changed(operator, then=None), event.at)


def _stay_on(operator: Operator, event: ReadyAsked) -> Result:
    """Ready, asked for in a call, takes back a pause or a log-out that was to follow."""
    return changed(operator, then=None, then_reason=""), ()


def _pause(operator: Operator, event: PauseAsked) -> Result:
    """Takes no calls; ends a wrap-up early, and lets an on-demand phone go."""
    resting, effects = _rest(operator)
    return _without_call(_go(resting, State.PAUSED, event.at, event.reason)), effects


def _pause_later(operator: Operator, event: PauseAsked) -> Result:
    """After the call and its wrap-up."""
    return changed(operator, then=State.PAUSED, then_reason=event.reason), ()


def _leg_rings(operator: Operator, event: LegRings) -> Result:
    """A leg that was there before it is let go."""
    old = () if operator.channel in (None, event.channel) else _drop(operator)
    return changed(operator, leg=LegState.RINGING, channel=event.channel), old


def _leg_up(operator: Operator, event: LegUp) -> Result:
    """The phone was picked up."""
    return changed(operator, leg=LegState.UP, channel=event.channel, unreachable=False), ()


def _leg_unwanted(operator: Operator, event: LegRings | LegUp) -> Result:
    """It rings, or came up, after he had left."""
    return operator, (DropLeg(event.channel),)


def _connected(operator: Operator, event: LegUp) -> Result:
    """The nailed-up leg is up: on with the shift, or with the call that waits for him."""
    up = changed(operator, leg=LegState.UP, channel=event.channel, unreachable=False)
    if operator.call is not None:
        return changed(_go(up, State.RESERVED, event.at), back_to=None), ()
    match operator.back_to:
        case State.READY:
            return changed(_go(up, State.READY, event.at), back_to=None), ()
        case _:
            return changed(_go(up, State.PAUSED, event.at, operator.reason), back_to=None), ()


def _not_connected(operator: Operator, event: LegDown) -> Result:
    """His phone did not answer; a call that waits for him is told, and lets him go."""
    again = (RingLater(event.at + AGAIN_AFTER),)
    is_hopeless = event.trouble in (NOT_CALLABLE, NO_KEY)
    if operator.call is not None:
        return _without_leg(operator), again if event.trouble and not is_hopeless else ()
    waits_since_at = operator.since_at or event.at
    if operator.reason != LOGIN and not is_hopeless and event.at - waits_since_at < AGAIN_FOR:
        return _without_leg(operator), again
    return _leave(_without_leg(operator), event.at, event.trouble or NO_ANSWER)


def _leg_lost(operator: Operator, event: LegDown) -> Result:
    """Between calls: a missed ring pauses him; a nailed-up leg that falls ends the shift."""
    down = _without_leg(operator)
    if operator.leg_kind is LegKind.NAILED_UP:
        was = NO_ANSWER if event.missed else PHONE_LOST
        return _leave(down, event.at, _why_lost(operator, event.trouble) or was)
    if operator.state is State.READY:
        return _go(down, State.PAUSED, event.at, _why_down(operator, event, HUNG_UP)), ()
    return down, ()


def _why_lost(operator: Operator, reason: str) -> str:
    """A phone that is silent towards Asterisk as well is gone, and not just mute."""
    return PHONE_LOST if reason == NO_SOUND and operator.unreachable else reason


def _why_down(operator: Operator, event: LegDown, was_up: str) -> str:
    return _why_lost(operator, event.trouble) or (MISSED if event.missed else was_up)


def _leg_lost_in_call(operator: Operator, event: LegDown) -> Result:
    """The call is told by the floor; until it lets him go he is connecting again."""
    why = _why_down(operator, event, PHONE_LOST)
    return _go(_without_leg(operator), State.CONNECTING, event.at, why), ()


def _switch_lost(operator: Operator, event: SwitchLost) -> Result:
    """Back to where he was, as soon as Asterisk is back; the calls end on their own."""
    was = operator.state
    back = State.PAUSED if was is State.PAUSED or operator.then is State.PAUSED else State.READY
    if operator.then is State.OFFLINE:
        return _leave(_without_leg(operator), event.at, operator.then_reason)
    reason = operator.then_reason or (operator.reason if was is State.PAUSED else SWITCH_LOST)
    lost = _without_call(_without_leg(operator))
    if operator.leg_kind is LegKind.ON_DEMAND:
        return _go(lost, back, event.at, reason if back is State.PAUSED else ""), ()
    return changed(_go(lost, State.CONNECTING, event.at, reason), back_to=back), ()


def _still_connecting(operator: Operator, event: SwitchLost) -> Result:
    """The phone is called anew when Asterisk is back; a talk that waited for it is over."""
    if operator.call is not None:
        return _switch_lost(operator, event)
    return changed(_without_leg(operator), back_to=operator.back_to or State.READY), ()


def _reserve(operator: Operator, event: ReservedFor) -> Result:
    """For this call and for no other."""
    return changed(_go(operator, State.RESERVED, event.at), call=event.call, campaign=event.campaign), ()


def _released(operator: Operator, event: Released) -> Result:
    """Ready again in the same place of the queue, or what was asked for meanwhile."""
    if event.missed and operator.leg_kind is LegKind.ON_DEMAND and operator.leg is LegState.RINGING:
        return _released_lost(operator, event)
    resting, rest = _rest(operator)
    free, effects = _free(resting, event.at)
    return free, (*rest, *effects)


def _released_lost(operator: Operator, event: Event) -> Result:
    """The call gave up waiting for his phone."""
    if operator.leg_kind is LegKind.ON_DEMAND and operator.then is State.OFFLINE:
        return _leave(operator, event.at, operator.then_reason)
    if operator.leg_kind is LegKind.ON_DEMAND:
        paused = _without_leg(_without_call(_go(operator, State.PAUSED, event.at, operator.reason or MISSED)))
        return paused, _drop(operator)
    return _leave(operator, event.at, NO_SOUND if operator.reason == NO_SOUND else PHONE_LOST)


def _talk(operator: Operator, event: TalkBegan) -> Result:
    """The two hear each other."""
    return changed(_go(operator, State.TALKING, event.at), talked=True), ()


def _talk_over(operator: Operator, event: TalkEnded) -> Result:
    """Wrap-up with its limit; without one, ready or what was asked for meanwhile."""
    resting, rest = _rest(operator)
    if event.wrap_up_s <= 0:
        free, effects = _free(resting, event.at, ready=event.ready_after)
        return free, (*rest, *effects)
    until = event.at + timedelta(seconds=event.wrap_up_s)
    wrapping = changed(_go(resting, State.WRAP_UP, event.at), wrap_until_at=until)
    return wrapping, (*rest, StartWrapUp(until))


def _talk_over_lost(operator: Operator, event: TalkEnded) -> Result:
    """The talk ended without his phone: one that is called for each talk need not be up for the wrap-up."""
    if operator.leg_kind is LegKind.ON_DEMAND:
        return _talk_over(operator, event)
    return _leave(operator, event.at, NO_SOUND if operator.reason == NO_SOUND else PHONE_LOST)


def _wrap_up_over(operator: Operator, event: WrapUpRanOut) -> Result:
    """What was asked for meanwhile begins, else ready (or paused, by campaign)."""
    return _free(operator, event.at, ready=event.ready_after)


def _other_kind(operator: Operator, event: LegKindChanged) -> Result:
    """In a call: the leg stays as it is until the call is over; one that it waits for is called now."""
    waits = operator.state is State.RESERVED and operator.leg is LegState.DOWN
    ring = (RingLeg(),) if waits and event.kind is LegKind.NAILED_UP else ()
    return changed(operator, leg_kind=event.kind), ring


def _other_leg(operator: Operator, event: LegKindChanged) -> Result:
    """Between calls: a leg for the shift is called now, one for each call is let go."""
    other = changed(operator, leg_kind=event.kind)
    if event.kind is LegKind.ON_DEMAND:
        return _without_leg(other), _drop(operator)
    ring = (RingLeg(),) if operator.leg is LegState.DOWN else ()
    if operator.state is State.READY and operator.leg is not LegState.UP:
        return changed(_go(other, State.CONNECTING, event.at, PHONE_CHANGED), back_to=State.READY), ring
    return other, ring


def _other_leg_at_once(operator: Operator, event: LegKindChanged) -> Result:
    """While his phone is called: one that is called for each call need not be up now."""
    other = changed(operator, leg_kind=event.kind)
    if event.kind is LegKind.NAILED_UP or operator.call is not None:
        return other, ()
    back = operator.back_to or State.PAUSED
    there = _go(_without_leg(other), back, event.at, operator.reason if back is State.PAUSED else "")
    return changed(there, back_to=None), _drop(operator)


def changes_nothing(operator: Operator, event: Event) -> Result:
    """Changes nothing."""
    return operator, ()


_S = State
_Row = tuple[Handler, tuple[State, ...]]
_ANYWHERE = (_S.CONNECTING, _S.READY, _S.PAUSED, _S.OFFLINE)
# The end of a call that crossed with what the operator, or the phone, did meanwhile.
_CALL_ENDS = (Released, TalkBegan, TalkEnded, WrapUpRanOut)
_LATE: Mapping[type[Event], _Row] = dict.fromkeys(_CALL_ENDS, (changes_nothing, ()))
_LEG: Mapping[type[Event], _Row] = {LegRings: (_leg_rings, ()), LegUp: (_leg_up, ())}
_IN_CALL: Mapping[type[Event], _Row] = {
    **_LATE,
    **_LEG,
    ReadyAsked: (_stay_on, ()),
    PauseAsked: (_pause_later, ()),
    LogoutAsked: (_logout_later, ()),
    LegDown: (_leg_lost_in_call, (_S.CONNECTING,)),
    SwitchLost: (_switch_lost, _ANYWHERE),
    LegKindChanged: (_other_kind, ()),
    Released: (_released, (_S.READY, _S.PAUSED, _S.OFFLINE)),
    TalkEnded: (_talk_over, (_S.WRAP_UP, _S.READY, _S.PAUSED, _S.OFFLINE)),
}
_ROWS: Mapping[State, Mapping[type[Event], _Row]] = {
    _S.OFFLINE: {
        **_LATE,
        LoginAsked: (_login, (_S.CONNECTING, _S.PAUSED)),
        LogoutAsked: (changes_nothing, ()),
        LegRings: (_leg_unwanted, ()),
        LegUp: (_leg_unwanted, ()),
        LegDown: (changes_nothing, ()),
        LegKindChanged: (_other_kind, ()),
        SwitchLost: (changes_nothing, ()),
    },
    _S.CONNECTING: {
        **_LATE,
        LogoutAsked: (_logout, (_S.OFFLINE,)),
        LegRings: (_leg_rings, ()),
        LegUp: (_connected, (_S.RESERVED, _S.READY, _S.PAUSED)),
        LegDown: (_not_connected, (_S.OFFLINE,)),
        LegKindChanged: (_other_leg_at_once, (_S.READY, _S.PAUSED)),
        SwitchLost: (_still_connecting, _ANYWHERE),
        Released: (_released_lost, (_S.OFFLINE, _S.PAUSED)),
        TalkEnded: (_talk_over_lost, (_S.OFFLINE, _S.PAUSED, _S.WRAP_UP, _S.READY)),
    },
    _S.READY: {
        **_LATE,
        **_LEG,
        ReadyAsked: (changes_nothing, ()),
        PauseAsked: (_pause, (_S.PAUSED,)),
        LogoutAsked: (_logout, (_S.OFFLINE,)),
        LegDown: (_leg_lost, (_S.OFFLINE, _S.PAUSED)),
        LegKindChanged: (_other_leg, (_S.CONNECTING,)),
        SwitchLost: (_switch_lost, (_S.CONNECTING,)),
        ReservedFor: (_reserve, (_S.RESERVED,)),
    },
    _S.RESERVED: {**_IN_CALL, TalkBegan: (_talk, (_S.TALKING,))},
    _S.TALKING: _IN_CALL,
    _S.WRAP_UP: {
        **_LATE,
        **_LEG,
        ReadyAsked: (_ready, (_S.READY,)),
        PauseAsked: (_pause, (_S.PAUSED,)),
        LogoutAsked: (_logout, (_S.OFFLINE,)),
        LegDown: (_leg_lost, (_S.OFFLINE,)),
        LegKindChanged: (_other_leg, ()),
        SwitchLost: (_switch_lost, _ANYWHERE),
        WrapUpRanOut: (_wrap_up_over, (_S.READY, _S.PAUSED, _S.OFFLINE)),
    },
    _S.PAUSED: {
        **_LATE,
        **_LEG,
        ReadyAsked: (_ready, (_S.READY,)),
        PauseAsked: (_pause, ()),
        LogoutAsked: (_logout, (_S.OFFLINE,)),
        LegDown: (_leg_lost, (_S.OFFLINE,)),
        LegKindChanged: (_other_leg, ()),
        SwitchLost: (_switch_lost, (_S.CONNECTING,)),
    },
}

TABLE: Mapping[tuple[State, type[Event]], Move] = {
    (state, event): Move(do, frozenset({state, *to}))
    for state, rows in _ROWS.items()
    for event, (do, to) in rows.items()
}
