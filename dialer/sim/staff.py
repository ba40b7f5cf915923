"""The operators who work: they come, take calls, wrap up, rest, eat and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dialer.domain import shifts
from dialer.domain.operators import State, StateChange
from dialer.domain.types import CallId, OperatorId
from dialer.sim.callers import drawing
from dialer.sim.clock import now
from dialer.sim.scenario import HOUR_S, Scenario, Shift

Ask = Callable[[OperatorId, shifts.Event], object]
BREAK, LUNCH, OVER = "break", "lunch", "shift_over"


@dataclass(slots=True)
class _Hand:
    """One operator: what he wants to do as soon as no call keeps him."""

    id: OperatorId
    state: State = State.OFFLINE
    wants: str = ""  # BREAK, LUNCH or OVER
    rests_for_s: float = 0.0
    wrap_up_s: float = 0.0  # of the present talk
    clock: asyncio.TimerHandle | None = None  # to the next break; while away, to the return

    def set(self, seconds: float, do: Callable[..., None], *args: object) -> None:
        """One clock at a time."""
        if self.clock is not None:
            self.clock.cancel()
        self.clock = asyncio.get_running_loop().call_later(seconds, do, *args)


class Staff:
    """Plays everybody; asks the floor for what a person would press. It hears of their moves by `moved`."""

    def __init__(
        self, scenario: Scenario, seed: int, ask: Ask, wrap_up_of: Callable[[CallId], float]
    ) -> None:
        self._scenario = scenario
        self._ask = ask
        self._wrap_up_of = wrap_up_of
        self._hands = {id_: _Hand(id_) for id_ in operator_ids(scenario)}
        self._chance = {id_: drawing(seed, 0, int(id_)) for id_ in self._hands}

    def come(self) -> None:
        """The day begins: everybody's clock is set."""
        shifts_of = [shift for shift in self._scenario.shifts for _ in range(shift.operators)]
        groups = [n % shift.lunch_groups for shift in self._scenario.shifts for n in range(shift.operators)]
        for hand, shift, group in zip(self._hands.values(), shifts_of, groups, strict=True):
            self._plan(hand, shift, group)

    def _plan(self, hand: _Hand, shift: Shift, group: int) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(shift.from_h * HOUR_S, self._log_in, hand)
        if shift.until_h is not None and shift.until_h < self._scenario.hours:
            loop.call_later(shift.until_h * HOUR_S, self._want, hand, OVER, 0.0)
        if shift.lunch_at_h is not None:
            lunch_s = shift.lunch_min * 60
            loop.call_later(shift.lunch_at_h * HOUR_S + group * lunch_s, self._want, hand, LUNCH, lunch_s)

    def moved(self, change: StateChange) -> None:
        """What the floor did with one of them; answers come in a turn of their own."""
        if change.was is change.became and change.reason != shifts.LOGIN:
            return  # something else about the operator has changed
        hand = self._hands[change.operator]
        hand.state = change.became
        loop = asyncio.get_running_loop()
        match change.became:
            case State.PAUSED if change.reason == shifts.LOGIN:
                loop.call_soon(self._begin, hand)
            case State.READY if hand.wants:
                loop.call_soon(self._leave, hand)
            case State.TALKING if change.call is not None:
                hand.wrap_up_s = self._wrap_up_of(change.call)
            case State.WRAP_UP:
                loop.call_later(hand.wrap_up_s, self._finish, hand)
            case _:
                pass

    # --- what they do

    def _log_in(self, hand: _Hand) -> None:
        self._ask(hand.id, shifts.LoginAsked(now()))

    def _begin(self, hand: _Hand) -> None:
        """At work, or back; the next break is drawn now."""
        self._ask(hand.id, shifts.ReadyAsked(now()))
        if (breaks := self._scenario.breaks) is not None:
            chance = self._chance[hand.id]
            until_s, length_s = chance.expovariate(1 / (60 * breaks.every_min)), breaks.length_s.draw(chance)
            hand.set(until_s, self._want, hand, BREAK, length_s)

    def _want(self, hand: _Hand, what: str, for_s: float) -> None:
        """At once, or after the wrap-up of his call; the end of the shift outdoes all the rest."""
        if hand.wants != OVER and hand.state is not State.OFFLINE:
            hand.wants, hand.rests_for_s = what, for_s
        if hand.state in (State.READY, State.PAUSED):
            self._leave(hand)

    def _finish(self, hand: _Hand) -> None:
        """The card is done."""
        if hand.state is State.WRAP_UP and hand.wants:
            self._leave(hand)
        elif hand.state is State.WRAP_UP:
            self._ask(hand.id, shifts.ReadyAsked(now()))

    def _leave(self, hand: _Hand) -> None:
        if not hand.wants or hand.state not in (State.READY, State.WRAP_UP, State.PAUSED):
            return
        what, hand.wants = hand.wants, ""
        self._ask(hand.id, shifts.PauseAsked(now(), what))
        if what == OVER:
            if hand.clock is not None:
                hand.clock.cancel()
            self._ask(hand.id, shifts.LogoutAsked(now(), OVER))
        else:
            hand.set(hand.rests_for_s, self._begin, hand)


def operator_ids(scenario: Scenario) -> Sequence[OperatorId]:
    """101, 102 ...: as the switch knows their phones."""
    return [OperatorId(str(101 + n)) for n in range(scenario.operators)]
