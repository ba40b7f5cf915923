"""Things that are set aside because something is wrong with them: why, and when they are tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a thing is set aside, and by the loop's clock when it is tried again."""

    reason: str
    pause_s: float
    again_at: float


class Aside:
    """By name. Each failure doubles the pause, so that what can heal heals by itself and costs little."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._faults: dict[str, Fault] = {}

    def put(self, name: str, reason: str) -> bool:
        """True when it was not aside for this reason already: time for a line in the log."""
        before = self._faults.get(name)
        pause_s = FIRST_PAUSE_S if before is None else min(2 * before.pause_s, LONGEST_PAUSE_S)
        self._faults[name] = Fault(reason, pause_s, self._clock() + pause_s)
        return before is None or before.reason != reason

    def take(self, name: str) -> bool:
        """It is well again, or was changed; True when it was aside."""
        return self._faults.pop(name, None) is not None

    def keep(self, names: Iterable[str]) -> None:
        """Forget what is no more."""
        for gone in self._faults.keys() - set(names):
            del self._faults[gone]

    def is_due(self, name: str) -> bool:
        """Whether it may be tried now."""
        fault = self._faults.get(name)
        return fault is None or self._clock() >= fault.again_at

    def reasons(self) -> Mapping[str, str]:
        return {name: fault.reason for name, fault in self._faults.items()}
