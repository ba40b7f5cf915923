"""The one fan-out point: everybody sees what happened, in this order, and nobody can stop it."""

from __future__ import annotations

from dialer.domain.call import Call, Event
from dialer.domain.operators import Operator, StateChange
from dialer.engine.guard import Guard
from dialer.ports.between import Observer


class Observers:
    """Several as one. What one of them raises is counted under its name; the others see all the same."""

    def __init__(self, guard: Guard, *observers: Observer) -> None:
        self._guard = guard
        self._observers = [(f"observer {type(each).__name__}", each) for each in observers]

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        for name, observer in self._observers:
            self._guard.run(name, observer.saw, before, event, after)

    def moved(self, change: StateChange, operator: Operator) -> None:
        for name, observer in self._observers:
            self._guard.run(name, observer.moved, change, operator)
