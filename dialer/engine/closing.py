"""Ends shifts that last too long, or into the night: the operator is told, and logged out after the talk."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from dialer.domain import prompts, shifts
from dialer.domain.errors import Mistake
from dialer.domain.operators import Operator, State
from dialer.domain.types import OperatorId
from dialer.domain.workday import Workday, over
from dialer.engine.floor import Floor
from dialer.engine.shell import Shell

log = structlog.get_logger()

TOLD_S = 4.0  # the words are heard to their end before the leg goes


class Closing:
    """Looked at now and then; nobody is sent home twice."""

    def __init__(self, shell: Shell, floor: Floor, day: Workday) -> None:
        self._shell = shell
        self._floor = floor
        self._day = day
        self._told: dict[OperatorId, datetime | None] = {}  # and of which shift

    def look(self) -> None:
        now = self._shell.clock()
        for operator in self._floor.all():
            if reason := over(operator, self._day, now):
                self._shell.guard.run("end of a shift", self._end, operator, reason, now)

    def _end(self, operator: Operator, reason: str, now: datetime) -> None:
        match operator.state:
            case State.WRAP_UP:
                return  # the work on the card first
            case State.RESERVED | State.TALKING:
                self._after_the_talk(operator, reason, now)
            case _ if self._told.get(operator.id, now) != operator.shift_since_at:
                self._told[operator.id] = operator.shift_since_at
                self._now(operator, reason, now)
            case _:
                pass

    def _after_the_talk(self, operator: Operator, reason: str, now: datetime) -> None:
        if operator.then is State.OFFLINE:
            return
        self._floor.ask(operator.id, shifts.LogoutAsked(now, reason))
        if operator.state is State.TALKING:
            self._floor.say(operator.id, prompts.AFTER_THE_CALL, prompts.LOGGED_OUT)

    def _now(self, operator: Operator, reason: str, now: datetime) -> None:
        """No person is given to somebody who is about to be logged out."""
        log.info(f"the shift of operator {operator.id} is ended", operator=operator.id, reason=reason)
        try:
            self._floor.ask(operator.id, shifts.PauseAsked(now, reason))
        except Mistake as refusal:  # the phone is still being called
            log.debug("an operator could not be paused", operator=operator.id, reason=str(refusal))
        self._floor.say(operator.id, prompts.LOGGED_OUT)
        due_at = now + timedelta(seconds=TOLD_S)
        self._shell.timers.start(
            ("closing", operator.id),
            due_at,
            lambda: self._floor.tell(operator.id, shifts.LogoutAsked(due_at, reason)),
        )
