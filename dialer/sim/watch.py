"""Watches a simulated day: samples for the picture, and operators who are given away twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from dialer.domain.call import Call, Event, State
from dialer.domain.operators import Operator, StateChange
from dialer.domain.operators import State as At
from dialer.domain.pacing.decision import Decision, Outlook
from dialer.domain.pacing.scorecard import Score
from dialer.domain.types import CallId, CampaignId, OperatorId, Outcome

EARLY = 100  # answers before which a share says nothing


@dataclass(frozen=True, slots=True)
class Sample:
    """The floor at one instant; sums count from the start of the day."""

    at_s: float
    present: int  # logged in and not paused
    busy: int  # talking or in wrap-up
    ringing: int  # lines on their way to an answer
    lines: int  # all of them
    answered: int
    abandoned: int
    dialled: int
    given_up: int
    reason: str  # of the latest decision
    score: Score  # of the forecasts that are over
    outlook: Outlook | None = None  # its forecast


class Watch:
    """An observer of the cell; `decided` is told its decisions."""

    def __init__(self) -> None:
        self.changes: list[StateChange] = []
        self.samples: list[Sample] = []
        self.double_booked: list[tuple[OperatorId, CallId, CallId]] = []
        self.answered = self.abandoned = 0
        self.decisions = self.dialled = self.given_up = 0
        self.reason = ""
        self.score = Score()
        self.outlook: Outlook | None = None
        self.worst_share = 0.0  # abandoned of all answered so far, once there were EARLY of them
        self._calls: Counter[State] = Counter()
        self._at: dict[OperatorId, At] = {}
        self._held: dict[OperatorId, CallId] = {}

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        """One step of a call."""
        if before is None:
            return
        if before.operator != after.operator:
            self._change_hands(before, after)
        if before.state is not after.state:
            self._count(before, after)

    def _change_hands(self, before: Call, after: Call) -> None:
        if before.operator is not None and self._held.get(before.operator) == before.id:
            del self._held[before.operator]
        if after.operator is not None:
            held = self._held.setdefault(after.operator, after.id)
            if held != after.id:
                self.double_booked.append((after.operator, held, after.id))

    def _count(self, before: Call, after: Call) -> None:
        if before.state is not State.LEASED:
            self._calls[before.state] -= 1
        self.answered += before.answer_at is None and after.answer_at is not None
        if after.state is not State.ENDED:
            self._calls[after.state] += 1
            return
        self.abandoned += after.outcome is Outcome.ABANDONED
        if self.answered >= EARLY:
            self.worst_share = max(self.worst_share, self.abandoned / self.answered)

    def moved(self, change: StateChange, operator: Operator) -> None:
        """One step of an operator."""
        self.changes.append(change)
        self._at[change.operator] = change.became

    def decided(self, decision: Decision) -> None:
        """All that a decision carries is taken here, and nowhere else."""
        self.decisions += 1
        self.dialled += len(decision.dial)
        self.given_up += len(decision.give_up)
        self.reason = next(iter(decision.reason.values()), self.reason)
        self.outlook = next(iter(decision.outlook.values()), None)

    def scored(self, scores: Mapping[CampaignId, Score]) -> None:
        """Forecasts whose span is over."""
        self.score = sum(scores.values(), self.score)

    def sample(self, at_s: float) -> None:
        """How it stands at this instant."""
        states = Counter(self._at.values())
        self.samples.append(
            Sample(
                at_s,
                present=sum(states.values()) - states[At.OFFLINE] - states[At.PAUSED],
                busy=states[At.TALKING] + states[At.WRAP_UP],
                ringing=self._calls[State.ORIGINATING] + self._calls[State.RINGING],
                lines=sum(self._calls.values()),
                answered=self.answered,
                abandoned=self.abandoned,
                dialled=self.dialled,
                given_up=self.given_up,
                reason=self.reason,
                score=self.score,
                outlook=self.outlook,
            )
        )
