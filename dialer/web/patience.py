"""Whoever sends wrong tokens waits for the answer, longer each time; right ones never wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FREE = 3  # wrong ones in a row: somebody has mistyped
FIRST_S = 0.25
LONGEST_S = 5.0
QUEUE_S = 15.0  # whoever has so many wrong ones waiting is told to come back
FORGOTTEN_AFTER_S = 900.0
MOST_SOURCES = 10_000


@dataclass(slots=True)
class _Source:
    wrong: int = 0
    next_at_s: float = 0.0  # wrong tokens of one address are answered one after another
    last_at_s: float = 0.0


class Patience:
    """Counts wrong tokens by address. Nothing here waits: it says for how long."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._sources: dict[str, _Source] = {}

    def wrong(self, source: str) -> float | None:
        """Seconds to wait before the answer; None: too many wait already."""
        now_s = self._now_s()
        known = self._sources.pop(source, None)
        if known is None or now_s - known.last_at_s > FORGOTTEN_AFTER_S:
            known = _Source()
        self._sources[source] = known  # the newest stands last
        if len(self._sources) > MOST_SOURCES:
            del self._sources[next(iter(self._sources))]
        known.last_at_s = now_s
        waits_s = max(0.0, known.next_at_s - now_s)
        if waits_s > QUEUE_S:
            return None
        known.wrong += 1
        if known.wrong <= FREE:
            return waits_s
        known.next_at_s = now_s + waits_s + min(LONGEST_S, FIRST_S * 2 ** min(10, known.wrong - FREE - 1))
        return known.next_at_s - now_s
