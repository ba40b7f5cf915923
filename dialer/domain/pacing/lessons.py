"""What dials taught about the people who were called, in the order in which they were made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.domain.clocks import shifted
from dialer.domain.pacing.odds import Odds
from dialer.domain.pacing.traits import Features
from dialer.domain.types import LeadId

LOST = timedelta(minutes=3)  # no call rings for so long: its end was not seen


@dataclass(slots=True)
class Attempt:
    """A dial whose end will teach something."""

    features: Features
    p: float
    dialled_at: datetime
    over: bool = False
    lesson: float | None = None  # as `Odds.learn` takes it


class Lessons:
    """The dials of one campaign, each with the chance that it had.

    Who answers does so after some ten seconds, who does not only when the ring time is over: learned in the
    order of their ends, a burst of dials would look like a good list first, and half a minute later like a
    bad one.
    """

    def __init__(self, odds: Odds) -> None:
        self.odds = odds
        # Of dials whose lesson is not learned yet, as they had them; a call without a lead has none.
        self.chances: dict[LeadId | None, float] = {}
        self._attempts: dict[LeadId, Attempt] = {}

    def begin(self, lead: LeadId, attempt: Attempt) -> None:
        """It goes out."""
        self._attempts.pop(lead, None)
        self._attempts[lead] = attempt
        self.chances[lead] = attempt.p

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before."""
        self._attempts = {lead: shifted(attempt, by) for lead, attempt in self._attempts.items()}

    def p(self, lead: LeadId | None) -> float:
        """The chance that a dial had; of one that nobody remembers: the campaign's rate."""
        return self.chances.get(lead, self.odds.level())

    def end(self, lead: LeadId, lesson: float | None, now: datetime) -> None:
        """Learned as soon as everything dialled before it is over, or has been under way for too long."""
        attempt = self._attempts.get(lead)
        if attempt is None:
            return
        attempt.over, attempt.lesson = True, lesson
        self._learn(now)

    def drop(self, lead: LeadId, now: datetime) -> None:
        """It taught nothing."""
        if self._attempts.pop(lead, None) is not None:
            del self.chances[lead]
            self._learn(now)

    def _learn(self, now: datetime) -> None:
        while self._attempts:
            first = next(iter(self._attempts))
            attempt = self._attempts[first]
            if attempt.over:
                self.odds.learn(attempt.features, attempt.lesson)
            elif now - attempt.dialled_at < LOST:
                return
            del self._attempts[first], self.chances[first]
