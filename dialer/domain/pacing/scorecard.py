"""Forecasts against what came: how many answered and came free, of those who were expected to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.domain.call import Call, Event
from dialer.domain.clocks import shifted
from dialer.domain.operators import Operator, State, StateChange
from dialer.domain.pacing.decision import Decision, Outlook, Snapshot
from dialer.domain.pacing.predictive import GRACE_S
from dialer.domain.types import CampaignId, OperatorId

LATE = timedelta(seconds=1.0)  # an event of the span may be heard so long after it
EXPECTED = (State.RESERVED, State.TALKING, State.WRAP_UP, State.PAUSED)  # to come free


@dataclass(frozen=True, slots=True)
class Score:
    """Sums over forecasts whose span is over; `off` is what each was off by, whichever way."""

    forecasts: int = 0
    answers_expected: float = 0.0
    answers_seen: float = 0.0
    answers_off: float = 0.0
    free_expected: float = 0.0
    free_seen: float = 0.0
    free_off: float = 0.0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.forecasts + other.forecasts,
            self.answers_expected + other.answers_expected,
            self.answers_seen + other.answers_seen,
            self.answers_off + other.answers_off,
            self.free_expected + other.free_expected,
            self.free_seen + other.free_seen,
            self.free_off + other.free_off,
        )

    @property
    def answers_calibration(self) -> float | None:
        """Seen of each one expected: 1 is true, less means that too many were expected."""
        return self.answers_seen / self.answers_expected if self.answers_expected else None

    @property
    def free_calibration(self) -> float | None:
        """As `answers_calibration`, of operators who come free."""
        return self.free_seen / self.free_expected if self.free_expected else None

    @property
    def answers_error(self) -> float | None:
        """Mean absolute error of a forecast, in answers."""
        return self.answers_off / self.forecasts if self.forecasts else None

    @property
    def free_error(self) -> float | None:
        """As `answers_error`, in operators."""
        return self.free_off / self.forecasts if self.forecasts else None


@dataclass(slots=True)
class _Open:
    """A forecast whose span is not over, and what came of it so far."""

    at: datetime
    outlook: Outlook
    waited_for: set[OperatorId]
    answers_until_at: datetime
    free_until_at: datetime
    answers: float = 0.0
    free: int = 0


class Scorecard:
    """Of each campaign one forecast at a time: the next begins when the last one's span is over.

    An answer counts when its call was on its way as the forecast was made, dials of that decision included;
    an operator when he was busy or away then, and as he becomes ready for the first time.
    """

    def __init__(self) -> None:
        self.scores: dict[CampaignId, Score] = {}  # since the start
        self._open: dict[CampaignId, _Open] = {}

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: a forecast spans what it did."""
        self._open = {campaign: shifted(one, by) for campaign, one in self._open.items()}

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        """An observer of calls."""
        if before is None or before.answer_at is not None or after.answer_at is None or not self._open:
            return
        begun_at = after.leased_at or after.dialled_at
        if before.operator is not None or begun_at is None:
            return
        for one in self._open.values():
            if begun_at <= one.at and after.answer_at <= one.answers_until_at:
                one.answers += one.outlook.shares.get(after.campaign, 0.0)

    def moved(self, change: StateChange, operator: Operator) -> None:
        """An observer of operators."""
        if change.became is not State.READY or change.was is State.READY:
            return
        for one in self._open.values():
            if change.operator in one.waited_for and change.at <= one.free_until_at:
                one.waited_for.discard(change.operator)
                one.free += 1

    def decided(self, snapshot: Snapshot, decision: Decision) -> Mapping[CampaignId, Score]:
        """Gives the forecasts that are over by now, each with its campaign."""
        over = {id_: _score(one) for id_, one in self._open.items() if snapshot.at > one.free_until_at + LATE}
        for id_, score in over.items():
            del self._open[id_]
            self.scores[id_] = self.scores.get(id_, Score()) + score
        for id_, outlook in decision.outlook.items():
            if id_ not in self._open and (outlook.lines or outlook.coming):
                self._open[id_] = _opened(id_, outlook, snapshot)
        return over


def _opened(campaign: CampaignId, outlook: Outlook, snapshot: Snapshot) -> _Open:
    team = next((one.operators for one in snapshot.campaigns if one.id == campaign), frozenset())
    waited_for = {
        view.id
        for view in snapshot.operators
        if view.id in team and view.state in EXPECTED and not view.leaving
    }
    span = timedelta(seconds=outlook.within_s)
    until_at = snapshot.at + span
    return _Open(snapshot.at, outlook, waited_for, until_at, until_at + timedelta(seconds=GRACE_S))


def _score(one: _Open) -> Score:
    expected = one.outlook
    return Score(
        forecasts=1,
        answers_expected=expected.answers,
        answers_seen=one.answers,
        answers_off=abs(expected.answers - one.answers),
        free_expected=expected.coming,
        free_seen=one.free,
        free_off=abs(expected.coming - one.free),
    )
