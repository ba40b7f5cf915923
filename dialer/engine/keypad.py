"""Keys that operators press on their legs: what comes of them, and what is said back to them alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol, assert_never

import structlog

from dialer.domain import keys, prompts, shifts
from dialer.domain.clocks import shifted
from dialer.domain.disposition import Disposition
from dialer.domain.errors import Mistake
from dialer.domain.operators import LegState, Operator, State
from dialer.domain.pauses import PauseReason
from dialer.domain.types import CallId, OperatorId
from dialer.engine.shell import Shell

log = structlog.get_logger()


class Hands(Protocol):
    """What the floor does for a key."""

    pauses: tuple[PauseReason, ...]

    def get(self, operator: OperatorId) -> Operator: ...
    def ask(self, operator: OperatorId, event: shifts.Event) -> Operator: ...
    def hang_up_person(self, operator: OperatorId) -> None: ...
    def meanings(self, operator: OperatorId) -> keys.Meanings: ...
    def dispose(self, operator: OperatorId, disposition: str) -> object: ...
    def say(self, operator: OperatorId, *words: str) -> None: ...


class Keypad:
    """One entry for each operator; nothing here raises."""

    def __init__(self, shell: Shell, hands: Hands) -> None:
        self._shell = shell
        self._hands = hands
        self._entries: dict[OperatorId, keys.Entry] = {}
        self._ended: dict[OperatorId, CallId | None] = {}  # the talk that an operator has ended by keys

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: what was begun is as old as it was."""
        self._entries = {operator: shifted(entry, by) for operator, entry in self._entries.items()}

    def moved(self, before: Operator, after: Operator) -> None:
        """The operator is in another state, or in it with another call: what was begun is dropped."""
        if (before.state, before.call) == (after.state, after.call):
            return
        by_keys = before.state is State.TALKING and self._ended.pop(after.id, None) == before.call
        entry = self._entries.get(after.id, keys.Entry())
        self._entries[after.id] = keys.moved(entry, after.state, self._shell.clock(), by_keys=by_keys)
        if by_keys:
            self._hands.say(after.id, *self._told(after))
        elif before.state is State.CONNECTING and before.reason == shifts.LOGIN and after.leg is LegState.UP:
            self._hands.say(after.id, prompts.LOGGED_IN, *self._told(after))

    def pressed(self, operator: OperatorId, key: str, at: datetime) -> None:
        known = self._hands.get(operator)
        entry = self._entries.get(operator, keys.Entry())
        its, now = self._hands.meanings(operator), self._shell.clock()
        self._entries[operator], answer = keys.press(entry, known.state, key, at, now, known=its)
        if answer is None:
            return
        try:
            words = self._do(known, answer, at)
        except Mistake as refusal:
            log.info("keys were refused", operator=operator, reason=str(refusal))
            words = (prompts.NOT_TAKEN, *self._told(known))
        if words:
            self._hands.say(operator, *words)

    def _do(self, known: Operator, answer: keys.Answer, at: datetime) -> tuple[str, ...]:
        """What is said of it."""
        match answer:
            case keys.HangUpPerson():
                self._ended[known.id] = known.call
                self._hands.hang_up_person(known.id)
                return ()  # said when the talk has ended
            case keys.Dispose(disposition):
                return self._dispose(known.id, disposition)
            case keys.Ready():
                return self._told(self._hands.ask(known.id, shifts.ReadyAsked(at)))
            case keys.Pause(reason):
                return self._told(self._hands.ask(known.id, shifts.PauseAsked(at, reason.code)))
            case keys.Logout():
                return self._told(self._hands.ask(known.id, shifts.LogoutAsked(at)))
            case keys.Dropped():
                log.info("keys came too late: the state has changed", operator=known.id, state=known.state)
                return (prompts.TOO_LATE,) + (() if _is_busy(known) else self._told(known))
            case keys.Nothing():
                return () if known.state is State.TALKING else (prompts.NOT_TAKEN, *self._told(known))
            case _:
                assert_never(answer)

    def _told(self, operator: Operator) -> tuple[str, ...]:
        return prompts.of_state(operator, self._hands.pauses)

    def _dispose(self, operator: OperatorId, disposition: Disposition) -> tuple[str, ...]:
        self._hands.dispose(operator, disposition.code)
        return prompts.of_outcome(disposition)


def _is_busy(operator: Operator) -> bool:
    """A person is being listened to: no word more than must be."""
    return operator.state in (State.RESERVED, State.TALKING)
