"""How a call ends: by whose word, who ended it, and what that makes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from dialer.domain import call as c
from dialer.domain.call import Call, Effect, State
from dialer.domain.causes import BY_SIP, NO_MEDIA, NOTHING_AGREED, ender_of, outcome_of
from dialer.domain.changed import changed
from dialer.domain.said import said
from dialer.domain.types import Alerting, Direction, EndedBy, Outcome

IN_TIME_S = 2.0  # an operator on the line within 2 s of the answer: 16 CFR 310.4(b)(4), Ofcom 2016
MOST_REFUSALS = 3  # of one lead while its trunk carries other calls: then the number is what is refused
NO_SOUND = frozenset({406, 415, 488, 606})  # how Asterisk ends a call whose answer has nothing to listen to

OF_THE_NUMBER = frozenset({Outcome.MOVED, Outcome.UNALLOCATED})
TELLING = frozenset({Outcome.TRUNK_REFUSED, Outcome.NETWORK_FAILURE, Outcome.MOVED, Outcome.REJECTED})

Result = tuple[Call, tuple[Effect, ...]]
Handler = Callable[[Call, Any], Result]


def later(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


def stop_talk(call: Call, at: datetime) -> Call:
    """Add the bridged span that ends now to the air time."""
    if call.talk_since_at is None:
        return call
    span = max(0.0, (at - call.talk_since_at).total_seconds())
    return changed(call, talk_s=call.talk_s + span, talk_since_at=None)


def let_go(call: Call) -> tuple[Effect, ...]:
    if call.operator is None:
        return ()
    return (c.Release(call.operator, talked=call.talked_with == call.operator),)


def end(call: Call, at: datetime, outcome: Outcome, by: EndedBy) -> Result:
    """The record first, the operator after it: what he says of the call then finds its lead moved on."""
    ended = changed(
        stop_talk(call, at),
        state=State.ENDED,
        end_at=at,
        outcome=outcome,
        ended_by=call.ended_by or by,
        operator=None,
    )
    return ended, (c.Close(), *let_go(call))


def _answered_outcome(call: Call, at: datetime) -> Outcome:
    """Of a call that was answered: connected, or why it was not."""
    if call.bereft:
        return Outcome.OPERATOR_LOST
    if call.bridge_at is not None:
        return Outcome.CONNECTED
    if call.direction is Direction.IN:  # nobody was dialled, so nobody was abandoned in the sense of the law
        return Outcome.NO_ANSWER if call.ended_by or call.state is State.MESSAGE else Outcome.HUNG_UP_EARLY
    waited_s = (at - (call.answer_at or at)).total_seconds()
    left_alone = call.ended_by is not None or call.state is State.MESSAGE
    return Outcome.ABANDONED if left_alone or waited_s >= IN_TIME_S else Outcome.HUNG_UP_EARLY


UNANSWERED = {
    EndedBy.NETWORK: Outcome.NETWORK_FAILURE,  # it said nothing until the set-up time was over
    EndedBy.PACING: Outcome.GIVEN_UP,
    EndedBy.RING_TIME: Outcome.NO_ANSWER,
    EndedBy.SERVICE: Outcome.CANCELLED,
    EndedBy.SUPERVISOR: Outcome.CANCELLED,
    EndedBy.OPERATOR: Outcome.CANCELLED,
}


def destroyed(call: Call, event: c.Destroyed) -> Result:
    """The end, as Asterisk says it: the outcome follows from how far the call came and who ended it."""
    call = changed(call, cause=event.cause, sip_code=event.sip_code or None)
    if event.was_up and call.answer_at is None and call.direction is Direction.OUT:
        call = changed(call, answer_at=event.at)  # nobody saw the answer: this end proves it
    if call.answer_at is not None:
        call = _ended_answered(call, event)
        return end(call, event.at, _answered_outcome(call, event.at), EndedBy.PERSON)
    if call.ended_by in UNANSWERED and not _has_crossed(call, event):
        return end(call, event.at, UNANSWERED[call.ended_by], EndedBy.SERVICE)
    if call.direction is Direction.IN:
        return end(call, event.at, outcome_of(event.cause, event.sip_code), EndedBy.PERSON)
    call = changed(call, ended_by=None)
    outcome = _networks_word(call, event)
    said_so = event.words if outcome in TELLING else ""
    return end(changed(call, reason=call.reason or said_so), event.at, outcome, EndedBy.NETWORK)


def _has_crossed(call: Call, event: c.Destroyed) -> bool:
    """The network spoke before our end of the call reached it: nobody answers a CANCEL with these words."""
    return call.direction is Direction.OUT and BY_SIP.get(event.sip_code or 0) in OF_THE_NUMBER


def _ended_answered(call: Call, event: c.Destroyed) -> Call:
    """An end that we did not ask for: by the person, or by a network that failed one who had answered."""
    if call.ended_by is not None:
        return call
    if call.direction is Direction.IN and call.state is State.MESSAGE:
        return changed(call, ended_by=EndedBy.SERVICE)  # nothing says when that message is over
    if ender_of(event.cause, event.sip_code) is EndedBy.PERSON:
        return call
    if event.cause == NO_MEDIA:
        why = said("no sound came from the line")
    elif call.bridge_at is None and (event.sip_code in NO_SOUND or event.cause == NOTHING_AGREED):
        why = said("the answer brought no usable sound")
        call = changed(call, came_apart=True)
    else:
        why = said("the network ended the call")
    return changed(call, ended_by=EndedBy.NETWORK, reason=call.reason or why)


def _networks_word(call: Call, event: c.Destroyed) -> Outcome:
    """Of a call that nobody answered and that we did not end."""
    outcome = outcome_of(event.cause, event.sip_code, rang=call.alerting is Alerting.RINGING)
    if outcome is Outcome.TRUNK_REFUSED and call.refused_before >= MOST_REFUSALS - 1:
        return Outcome.REJECTED
    waited_s = (event.at - (call.dialled_at or event.at)).total_seconds()
    is_silence = (
        call.ring_at is None and waited_s >= call.rules.setup_s
    )  # Asterisk's own limit calls it a 480
    return Outcome.NETWORK_FAILURE if is_silence and outcome is Outcome.NO_ANSWER else outcome


def vanished(call: Call, event: c.Vanished) -> Result:
    """Nobody saw the end: say what is certain and mark the instant as a bound."""
    call = changed(call, estimated=True)
    if event.reborn:
        call = changed(call, reason="Asterisk stopped during the call", cause=38)
        talked = call.bridge_at is not None and not call.bereft
        return end(call, event.at, Outcome.CONNECTED if talked else Outcome.NETWORK_FAILURE, EndedBy.NETWORK)
    if call.answer_at is not None:
        return end(call, event.at, _answered_outcome(call, event.at), EndedBy.PERSON)
    if not event.seen and call.ring_at is None:
        return never_dialled(call, event)
    outcome = UNANSWERED.get(call.ended_by, Outcome.INTERRUPTED) if call.ended_by else Outcome.INTERRUPTED
    return end(changed(call, reason="ended while nobody watched"), event.at, outcome, EndedBy.NETWORK)


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
    ended, effects = end(closed, event.at, outcome, EndedBy.SERVICE)
    return ended, effects if is_over or call.dialled_at is None else (c.HangUp(), *effects)


def never_dialled(call: Call, event: c.Vanished) -> Result:
    """Asterisk has no trace of it, and keeps one of each request: no attempt, the lead goes back."""
    return end(changed(call, reason="never dialled"), event.at, Outcome.NOT_DIALLED, EndedBy.SERVICE)
