"""The one fan-out point: everybody sees what happened, in this order."""

from __future__ import annotations

from dialer.domain.call import Call, Event
from dialer.domain.operators import Operator, StateChange
from dialer.ports import Observer


class Observers:
    """Several as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        for observer in self._observers:
            observer.saw(before, event, after)

    def moved(self, change: StateChange, operator: Operator) -> None:
        for observer in self._observers:
            observer.moved(change, operator)
