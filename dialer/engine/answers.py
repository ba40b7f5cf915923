"""Each command with a key is done once: what was answered outlives the engine, in the journal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from dialer.domain.errors import Conflict
from dialer.domain.said import said
from dialer.ports.journal import KEPT_ANSWERS, Marks

Answer = Mapping[str, Any]


class Answers:
    """Written down before the deed and after it: a crash in between never leads to a second deed."""

    def __init__(self, journal: Marks) -> None:
        self._journal = journal
        self._known: dict[str, Answer | None] = {}  # the oldest first; None: begun

    def restore(self, known: Mapping[str, Answer | None]) -> None:
        self._known = dict(known)

    async def once(self, key: str, do: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer, now or as it was; Conflict while it is being done, or when a restart cut it short."""
        if not key:
            return await do()
        if key in self._known:
            return _answer(self._known[key])
        self._keep(key, None)
        self._journal.begun(key)
        try:
            answer = await do()
        except Exception:  # it was refused: asked again it may succeed
            self._known.pop(key, None)
            self._journal.answered(key, None)
            raise
        self._keep(key, answer)
        self._journal.answered(key, answer)
        return answer

    def _keep(self, key: str, answer: Answer | None) -> None:
        self._known.pop(key, None)
        self._known[key] = answer
        if len(self._known) > KEPT_ANSWERS:
            del self._known[next(iter(self._known))]


def _answer(known: Answer | None) -> Answer:
    if known is None:
        raise Conflict(
            said(
                "this command was begun and has not ended, or a restart came in between: look whether it"
                " is done, and ask with a new key if it is not"
            )
        )
    return known
