"""Order without locks: one event at a time, and what it raises waits its turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import structlog

log = structlog.get_logger()


class Mailbox:
    """Runs handlers one after another on the event loop.

    Handlers are synchronous: between two awaits nothing else runs, so the events of a call never overlap and
    a reservation is one indivisible act.  A handler may post; what it posts runs after it, in order, before
    `post` of the outermost handler returns.  Requests to Asterisk are never made here: they are errands, and
    their answers come back as events.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._busy = False
        self.failed = 0
        self.on_mistake: Callable[[str], None] = lambda part: None

    def post(self, handle: Callable[[], None]) -> None:
        self._waiting.append(handle)
        if not self._busy:
            self._empty()

    def _empty(self) -> None:
        self._busy = True
        try:
            while self._waiting:
                handle = self._waiting.popleft()
                try:
                    handle()
                except Exception:  # a boundary: one call that goes wrong must not stop all the others
                    self.failed += 1
                    log.exception("an event could not be handled")
                    self.on_mistake("events")
        finally:
            self._busy = False
