"""One call with a pretend Asterisk and floor, in any order of events: what no order may break."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialer.domain import call as c
from dialer.domain.call import Call, Effect, State, Timer
from dialer.domain.moves import step
from dialer.domain.operators import bridge_of
from dialer.domain.types import (
    Alerting,
    EndedBy,
    OperatorId,
    Outcome,
)
from tests.unit.domain.stories import (
    ANN,
    BOB,
    DIALLED,
    EXAMPLES,
    LEASED,
    RULES,
    T0,
    at,
    check_step,
    entered,
    left,
    play,
)


class World:
    """One call with a pretend Asterisk and floor: whatever they do, in an order that hypothesis chooses."""

    def __init__(self, *, progressive: bool) -> None:
        self.now = 0.0
        self.call = LEASED
        self.line = "none"  # sent ringing up app message gone
        self.bridge: OperatorId | None = None
        self.is_guarded = True  # until it is connected: both requests are served in one breath
        self.heard: list[c.Event] = []  # sent by Asterisk, not yet received
        self.requests: list[Effect] = []
        self.timers: dict[Timer, float] = {}
        self.free = {ANN, BOB}
        self.holds: OperatorId | None = None
        self.leg_up = True
        self.ring_back = False
        self.given = self.released = self.closes = self.messages = 0
        self.talk_s = 0.0
        self.since: float | None = None
        self.own: list[c.Event] = []
        if progressive:
            self.give(ANN)
            self.tell(c.Reserved(at(0), ANN))

    # --- the floor

    def give(self, operator: OperatorId) -> None:
        assert self.holds is None
        self.free.remove(operator)
        self.holds, self.leg_up = operator, True
        self.given += 1

    def reserve(self) -> c.Event:
        if self.holds is None and self.free:
            self.give(min(self.free))
        if self.holds is None or not self.leg_up:
            return c.NobodyFree(at(self.now))
        return c.Reserved(at(self.now), self.holds)

    # --- the call

    def tell(self, event: c.Event) -> None:
        """As the mailbox does: what a handler asks for is answered before anything else happens."""
        self.own.append(event)
        while self.own:
            self._handle(self.own.pop(0))

    def _handle(self, event: c.Event) -> None:
        before = self.call
        self.call, effects = step(before, event)
        s = (event.at - T0).total_seconds()
        self._air_time(before, event, s)
        check_step(before, event, self.call, effects)
        for effect in effects:
            self._perform(effect, before)

    def _air_time(self, before: Call, event: c.Event, s: float) -> None:
        """By what the events say, without looking at the call."""
        match event:
            case c.EnteredBridge(bridge=bridge) if self.holds and bridge == bridge_of(self.holds):
                together = before.state in (State.RESERVED, State.BRIDGED) and not before.on_hold
                if self.since is None and together:
                    self.since = s
            case c.LeftBridge() | c.Destroyed() | c.MessageStarted() | c.Vanished():
                self._stop(s)
            case _ if self.call.on_hold or self.call.bereft or self.call.state is State.ENDED:
                self._stop(s)

    def _stop(self, s: float) -> None:
        if self.since is not None:
            self.talk_s += max(0.0, s - self.since)
            self.since = None

    def _perform(self, effect: Effect, before: Call) -> None:
        match effect:
            case c.Reserve():
                self.own.append(self.reserve())
            case c.Release(operator, _):
                assert self.holds == operator, "released once, by the call that has the operator"
                self.holds = None
                self.free.add(operator)
                self.released += 1
                self.own.append(c.OperatorFreed(at(self.now)))
            case c.StartTimer(timer, due_at):
                self.timers[timer] = (due_at - T0).total_seconds()
            case c.StopTimer(timer):
                self.timers.pop(timer, None)
            case c.Close():
                self.closes += 1
                self.timers.clear()
            case c.CallBackLeg():
                self.ring_back = True
            case c.StartTalk() | c.Summon():
                pass
            case c.HangUp():
                self._check_ring_time(before)
                self.requests.append(effect)
            case c.PlayMessage():
                self.messages += 1
                self.requests.append(effect)
            case _:
                self.requests.append(effect)

    def _check_ring_time(self, before: Call) -> None:
        if self.call.ended_by is EndedBy.RING_TIME and not before.hanging_up:  # asked again: it rang too late
            assert before.ring_at is not None
            assert (at(self.now) - before.ring_at).total_seconds() >= RULES.ring_s
        if self.call.ended_by is EndedBy.NETWORK and not before.hanging_up:
            assert before.ring_at is None
            assert before.dialled_at is not None
            assert (at(self.now) - before.dialled_at).total_seconds() >= RULES.setup_s

    # --- Asterisk

    def says(self, *events: c.Event) -> None:
        self.heard.extend(events)

    def leave_bridge(self) -> None:
        if self.bridge is not None:
            self.says(left(self.now, self.bridge))
            self.bridge = None

    def hang_up(self, *, asked: bool) -> None:
        if self.line in ("none", "gone"):
            return
        self.says(c.HangupRequested(at(self.now), 32 if asked else 16))
        self.leave_bridge()
        if self.line == "app":
            self.says(c.LeftApp(at(self.now)))
        self.line = "gone"
        self.says(c.Destroyed(at(self.now), 16))

    def to_message(self) -> None:
        self.leave_bridge()
        self.line = "message"
        self.says(c.LeftApp(at(self.now)), c.MessageStarted(at(self.now)))

    def serve(self) -> None:
        """The oldest request."""
        match self.requests.pop(0):
            case c.Originate():
                self.line = "sent"
            case c.HangUp():
                self.hang_up(asked=True)
            case c.PlayMessage() if self.line == "app":
                self.to_message()
            case c.StartMusic() if self.line == "app":
                self.leave_bridge()
            case c.Connect(operator) if self.line == "app" and (operator != self.holds or self.leg_up):
                self.leave_bridge()
                self.bridge, self.is_guarded = operator, False
                self.says(entered(self.now, operator))
            case c.Connect(operator):
                self.tell(c.ConnectFailed(at(self.now), "it is gone", operator))
            case _:
                pass

    # --- what may happen now

    def choices(self) -> list[str]:
        found = ["wait", "tick"]
        if self.heard:
            found += ["hear", "hear", "hear twice"]
        if self.requests:
            found += ["serve", "serve", "serve"]
        if self.call.state is State.LEASED:
            found += ["dial"]
        found += {
            "sent": ["rings", "answers", "busy", "unknown"],
            "ringing": ["rings", "answers", "busy", "give up"],
            "up": ["enters", "person hangs up"],
            "app": ["guard", "person hangs up", "hold", "unhold", "unhold", "lose operator", "lose operator"],
            "message": ["person hangs up"],
        }.get(self.line, [])
        if self.ring_back:
            found += ["operator returns", "operator returns", "operator misses"]
        return 3 * found + ["supervisor", "freed", "stranger lost"]

    def do(self, choice: str) -> None:
        now = at(self.now)
        match choice:
            case "wait":
                self.now += 0.4
            case "tick":
                self.tick()
            case "hear":
                self.tell(self.heard.pop(0))
            case "hear twice":
                self.tell(self.heard[0])
                self.tell(self.heard.pop(0))
            case "serve":
                self.serve()
            case "dial":
                self.tell(c.Dialled(now))
            case "rings":
                self.line = "ringing"
                self.says(c.Alerted(now, Alerting.RINGING))
            case "answers":
                self.line = "up"
                self.says(c.Answered(now))
            case "busy":
                self.line = "gone"
                self.says(c.Destroyed(now, 17, 486))
            case "unknown":
                self.tell(c.OriginateUnknown(now, "timed out"))
            case "give up":
                self.tell(c.GivenUp(now))
            case "enters":
                self.line = "app"
                self.says(c.EnteredApp(now))
            case "person hangs up":
                self.hang_up(asked=False)
            case "guard" if self.is_guarded:
                self.to_message()
            case "hold" | "unhold":
                self.tell(c.HoldAsked(now, on=choice == "hold"))
            case "lose operator" | "operator misses" if self.holds is not None:
                self.leg_up = self.ring_back = False
                self.tell(c.OperatorLost(now, self.holds))
            case "operator returns" if self.holds is not None and self.call.bereft:
                self.leg_up, self.ring_back = True, False
                self.tell(c.OperatorReturned(now, self.holds))
            case "supervisor":
                self.tell(c.HangUpAsked(now, EndedBy.SUPERVISOR))
            case "freed":
                self.tell(c.OperatorFreed(now))
            case "stranger lost":
                self.tell(c.OperatorLost(now, OperatorId("999")))

    def tick(self) -> None:
        """The next clock rings."""
        if self.timers:
            timer = min(self.timers, key=lambda one: self.timers[one])
            if timer is Timer.APART and self.heard and not isinstance(self.heard[0], c.Destroyed):
                self.tell(
                    self.heard.pop(0)
                )  # what comes in one breath is read in one; an end may take longer
                return
            self.now = max(self.now, self.timers.pop(timer))
            self.tell(c.TimerFired(at(self.now), timer))

    def finish(self) -> None:
        """Nobody does anything more of their own will: requests, events and clocks alone must end it."""
        for _ in range(100):
            if self.call.state in (State.ENDED, State.LEASED):
                return
            if self.requests:
                self.serve()
            elif self.heard:
                self.tell(self.heard.pop(0))
            else:
                assert self.timers, f"a call that is {self.call.state} waits for nothing"
                self.tick()
        raise AssertionError(f"no end: {self.call}")


# The way to a talk; a story may leave it anywhere.
USUAL = ("dial", "serve", "rings", "hear", "answers", "hear", "enters", "hear", "serve", "hear")


@settings(max_examples=100, deadline=None)
@given(st.booleans(), st.integers(0, len(USUAL)), st.lists(st.integers(0, 2**10), max_size=30))
@example(False, 10, [0, 693, 2, 38, 1])  # a short talk whose end is told late did not come apart
@example(False, 9, [0, 29, 2, 2, 1])  # who is connected is out of the guard's reach, told of it or not
@example(False, 9, [0, 61, 2, 14, 26, 1])  # out of one bridge and into the next
def test_whatever_happens_in_whatever_order_each_call_ends_once_and_keeps_its_promises(
    progressive: bool, usual: int, picks: list[int]
) -> None:
    world = World(progressive=progressive)
    for choice in USUAL[:usual]:
        world.do(choice)
    for pick in picks:
        choices = world.choices()
        world.do(choices[pick % len(choices)])
        if world.call.state is State.ENDED:
            break
    world.finish()
    call = world.call
    if call.state is State.LEASED:
        return
    assert world.closes == 1
    assert call.outcome is not None
    assert world.given == world.released
    assert world.holds is None
    assert world.messages <= 2  # asked for again when the channel came late
    assert call.talk_s == pytest.approx(world.talk_s)
    assert (call.bridge_at is not None) == (call.outcome in (Outcome.CONNECTED, Outcome.OPERATOR_LOST))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(EXAMPLES), st.floats(0, 100)), max_size=30))
def test_no_sequence_of_events_raises_closes_twice_or_counts_negative_air_time(
    story: list[tuple[c.Event, float]],
) -> None:
    call, closes = play(LEASED, DIALLED)[0], 0
    for event, s in story:
        if not isinstance(event, c.Dialled):
            call, effects = step(call, replace(event, at=at(s)))
            closes += sum(isinstance(effect, c.Close) for effect in effects)
            assert call.talk_s >= 0
    assert closes == (call.state is State.ENDED)
    assert (call.outcome is not None) == (call.state is State.ENDED)
