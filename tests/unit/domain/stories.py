"""One call's usual ways into each state, an example of each event, and the rules of every single move."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from dialer.domain import call as c
from dialer.domain.call import Call, Effect, Rules, State, Timer
from dialer.domain.moves import step
from dialer.domain.operators import bridge_of
from dialer.domain.types import (
    Alerting,
    CallId,
    CampaignId,
    EndedBy,
    LeadId,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANN, BOB = OperatorId("101"), OperatorId("102")
RULES = Rules(ring_s=25, setup_s=40, give_up_s=1.5, return_s=12, talk_s=600, hold_s=60, message_s=30)
LEASED = Call(CallId("c-1"), CampaignId(1), LeadId(7), PhoneNumber("+79160000001"), TrunkId("main"), RULES)


def at(s: float) -> datetime:
    return T0 + timedelta(seconds=s)


def play(call: Call, *events: c.Event) -> tuple[Call, list[Effect]]:
    """The call after all of them, and what the last one asked for."""
    effects: tuple[Effect, ...] = ()
    for event in events:
        call, effects = step(call, event)
    return call, list(effects)


def entered(s: float, operator: OperatorId = ANN) -> c.EnteredBridge:
    return c.EnteredBridge(at(s), bridge_of(operator))


def left(s: float, operator: OperatorId = ANN) -> c.LeftBridge:
    return c.LeftBridge(at(s), bridge_of(operator))


def due(effects: list[Effect], timer: Timer) -> float:
    """Seconds from T0 at which this clock will ring."""
    (found,) = [e for e in effects if isinstance(e, c.StartTimer) and e.timer is timer]
    return (found.due_at - T0).total_seconds()


DIALLED = c.Dialled(at(0))
RINGS = c.Alerted(at(1), Alerting.RINGING)
ANSWERS = c.Answered(at(5))
ENTERS = c.EnteredApp(at(5.01))
TO_ANSWER = (DIALLED, RINGS, ANSWERS)
TO_APP = (*TO_ANSWER, ENTERS)
TO_RESERVED = (*TO_APP, c.Reserved(at(5.01), ANN))
TO_TALK = (*TO_RESERVED, entered(5.02))
TO_HELD_BACK = (*TO_APP, c.NobodyFree(at(5.01)))
TO_BEREFT = (*TO_TALK, c.OperatorLost(at(20), ANN))
TO_MESSAGE = (*TO_HELD_BACK, c.TimerFired(at(6.5), Timer.GIVE_UP))
WAYS: dict[State, tuple[c.Event, ...]] = {
    State.LEASED: (),
    State.ORIGINATING: (DIALLED,),
    State.RINGING: (DIALLED, RINGS),
    State.ANSWERED: TO_ANSWER,
    State.RESERVED: TO_RESERVED,
    State.BRIDGED: TO_TALK,
    State.HELD_BACK: TO_HELD_BACK,
    State.MESSAGE: TO_MESSAGE,
    State.ENDED: (*TO_TALK, c.Destroyed(at(60), 16)),
}
GONE = c.Destroyed(at(60), 16)
BEFORE_APP = (State.LEASED, State.ORIGINATING, State.RINGING, State.ANSWERED)


EXAMPLES: tuple[c.Event, ...] = (
    DIALLED,
    RINGS,
    c.Alerted(at(1), Alerting.PROGRESS),
    ANSWERS,
    ENTERS,
    c.LeftApp(at(6)),
    entered(6),
    entered(6, BOB),
    left(7),
    c.MessageStarted(at(7)),
    c.MessageEnded(at(9)),
    c.KeyPressed(at(9), "1"),
    c.HangupRequested(at(9), 16),
    c.HangupRequested(at(9), 32),
    c.Destroyed(at(10), 17, 486),
    c.Destroyed(at(10), 16),
    *(c.Vanished(at(10), reborn=reborn, seen=seen) for reborn in (False, True) for seen in (False, True)),
    c.OriginateRefused(at(1), "no"),
    c.TakenBack(at(1), "the disk is full"),
    c.OriginateUnknown(at(1), "?"),
    c.ConnectFailed(at(6), "gone"),
    c.ConnectFailed(at(6), "gone", ANN),
    c.NobodyFree(at(6)),
    c.OperatorFreed(at(6)),
    c.OperatorLost(at(6), ANN),
    c.OperatorLost(at(6), BOB),
    c.OperatorReturned(at(6), ANN),
    c.Reserved(at(6), ANN),
    c.Reserved(at(6), BOB),
    *(c.HangUpAsked(at(6), by) for by in (EndedBy.OPERATOR, EndedBy.SERVICE)),
    c.HoldAsked(at(6), on=True),
    c.HoldAsked(at(6), on=False),
    c.GivenUp(at(6)),
    *(c.TimerFired(at(7), timer) for timer in Timer),
)


def check_step(before: Call, event: c.Event, after: Call, effects: tuple[Effect, ...]) -> None:
    kinds = Counter(type(effect) for effect in effects)
    assert kinds[c.Close] == (after.state is State.ENDED and before.state is not State.ENDED)
    assert (after.outcome is not None) == (after.end_at is not None) == (after.state is State.ENDED)
    assert (after.talk_since_at is None) or after.state is State.BRIDGED
    assert after.state is not State.RESERVED or after.operator is not None or before.hanging_up
    if kinds[c.PlayMessage]:
        assert before.bereft or before.bridge_at is None or after.came_apart
        assert not before.hanging_up
    if kinds[c.Reserve]:
        assert not before.hanging_up
        assert after.in_app or before.state in BEFORE_APP
    if kinds[c.Connect]:
        assert after.in_app
    if after.outcome is Outcome.ABANDONED:
        assert before.bridge_at is None
    if after.outcome is Outcome.NOT_DIALLED:
        assert before.ring_at is None
        assert before.answer_at is None
    if before.operator is not None and after.operator != before.operator:
        assert kinds[c.Release] == 1
    if kinds[c.Release]:
        (released,) = [effect.operator for effect in effects if isinstance(effect, c.Release)]
        given = isinstance(event, c.Reserved) and released == event.operator
        assert released == before.operator or given
        assert after.operator != released
