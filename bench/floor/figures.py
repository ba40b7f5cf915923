"""What both sides are judged by: one fold over records and state changes, the same for both."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from bench.figures import percentile
from dialer.domain import hours
from dialer.domain.cdr import Cdr
from dialer.domain.operators import State, StateChange
from dialer.domain.types import Outcome
from dialer.rehearsal import Rehearsed
from dialer.sim.clock import START_AT
from dialer.sim.scenario import HOUR_S, Scenario

LONGEST_CALL_S = 60.0  # from the request to the answer


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many of the calls under way at this instant were expected to be answered within so long."""

    at: datetime
    answers: float
    within_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """One side of the comparison: what was dialled and how operators fared between two instants."""

    cdrs: Sequence[Cdr]
    changes: Sequence[StateChange]
    since_at: datetime
    until_at: datetime
    forecasts: Sequence[Forecast] = ()

    def figures(self) -> dict[str, float | None]:
        """Every figure by its key; None where there was nothing to divide by."""
        return {key: figure(self) for key, (_, _, figure) in ROWS.items()}

    def outcomes(self) -> dict[str, int]:
        return dict(Counter(cdr.outcome.value for cdr in self.cdrs).most_common())

    def counted(self, outcome: Outcome) -> int:
        return sum(cdr.outcome is outcome for cdr in self.cdrs)

    @property
    def answered(self) -> int:
        return sum(cdr.answer_at is not None for cdr in self.cdrs)

    @property
    def talks(self) -> Sequence[Cdr]:
        return [cdr for cdr in self.cdrs if cdr.bridge_at is not None]

    def spent(self) -> Mapping[State, float]:
        """Seconds of all operators together by state; who never moved in the span stood as before it."""
        spent: defaultdict[State, float] = defaultdict(float)
        folded = hours.fold(self.changes, since_at=self.since_at, until_at=self.until_at)
        for worked in folded.values():
            for state, seconds in worked.items():
                spent[state] += seconds
        stood = {one.operator: one.became for one in self.changes if one.at < self.since_at}
        for operator in stood.keys() - folded.keys():
            spent[stood[operator]] += (self.until_at - self.since_at).total_seconds()
        return spent

    def idle_s(self) -> float:
        spent = self.spent()
        return hours.logged_in_s(spent) - spent[State.PAUSED] - spent[State.TALKING] - spent[State.WRAP_UP]

    def entered(self, state: State) -> int:
        """How often somebody came into this state."""
        return sum(c.became is state and self.since_at <= c.at < self.until_at for c in self.changes)


def rehearsed(scenario: Scenario, whole: Rehearsed) -> Seen:
    """The simulator's side."""
    forecasts = [
        Forecast(START_AT + timedelta(seconds=sample.at_s), seen.answers, seen.within_s)
        for sample in whole.watch.samples
        if (seen := sample.outlook) is not None
    ]
    until_at = START_AT + timedelta(hours=scenario.hours)
    return Seen(whole.cdrs, whole.watch.changes, START_AT, until_at, forecasts)


def forecast_of(decision: Mapping[str, Any]) -> Forecast | None:
    """Of answers, by one row of /v1/decisions; None: its mode foresees nothing."""
    said = decision["forecast"]
    if said is None:
        return None
    return Forecast(datetime.fromisoformat(decision["at"]), said["answers"], said["within_s"])


def answers_seen(forecast: Forecast, cdrs: Sequence[Cdr]) -> int:
    """What came of it: of the calls that were under way, those answered in time."""
    end_at = forecast.at + timedelta(seconds=forecast.within_s)
    return sum(
        cdr.dialled_at <= forecast.at < cdr.answer_at <= end_at for cdr in cdrs if cdr.answer_at is not None
    )


def _forecast(seen: Seen) -> float | None:
    """Answers expected over answers that came, of all forecasts that had time to come true."""
    cdrs = sorted((cdr for cdr in seen.cdrs if cdr.answer_at), key=lambda cdr: cdr.dialled_at)
    began = [cdr.dialled_at for cdr in cdrs]
    expected, came = 0.0, 0
    for one in seen.forecasts:
        if one.at + timedelta(seconds=one.within_s) > seen.until_at:
            continue
        first = bisect_right(began, one.at - timedelta(seconds=LONGEST_CALL_S))
        expected += one.answers
        came += answers_seen(one, cdrs[first : bisect_right(began, one.at)])
    return _ratio(expected, came)


def _waits_ms(share: float) -> Callable[[Seen], float | None]:
    return lambda seen: percentile([cdr.wait_s * 1000 for cdr in seen.cdrs if cdr.wait_s is not None], share)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _here_h(seen: Seen) -> float:
    spent = seen.spent()
    return (hours.logged_in_s(spent) - spent[State.PAUSED]) / HOUR_S


# key: title, form, how it is read
ROWS: Mapping[str, tuple[str, str, Callable[[Seen], float | None]]] = {
    "dials": ("dials", ",.0f", lambda s: len(s.cdrs)),
    "answered": ("answered live", ",.0f", lambda s: s.answered),
    "answered_share": ("answered, of dials", ".1%", lambda s: _ratio(s.answered, len(s.cdrs))),
    "abandoned": ("abandoned", ",.1f", lambda s: s.counted(Outcome.ABANDONED)),
    "abandoned_share": (
        "abandoned, of those answered",
        ".2%",
        lambda s: _ratio(s.counted(Outcome.ABANDONED), s.answered),
    ),
    "occupancy": ("occupancy", ".1%", lambda s: hours.occupancy(s.spent())),
    "idle_s_per_call": ("idle, s per talk", ".2f", lambda s: _ratio(s.idle_s(), len(s.talks))),
    "wait_p50_ms": ("answer to bridge, p50 ms", ",.1f", _waits_ms(0.5)),
    "wait_p99_ms": ("answer to bridge, p99 ms", ",.0f", _waits_ms(0.99)),
    "given_up": ("given up while ringing", ",.0f", lambda s: s.counted(Outcome.GIVEN_UP)),
    "dials_per_operator_hour": (
        "dials per operator-hour",
        ",.1f",
        lambda s: _ratio(len(s.cdrs), _here_h(s)),
    ),
    "setup_s": ("set-up, s (mean)", ".2f", lambda s: _mean(cdr.setup_s for cdr in s.cdrs)),
    "ring_s": (
        "ringing of those answered, s (mean)",
        ".2f",
        lambda s: _mean(cdr.ring_s for cdr in s.cdrs if cdr.answer_at is not None),
    ),
    "unanswered_s": (
        "ringing of no answer, s (mean)",
        ".2f",
        lambda s: _mean(cdr.ring_s for cdr in s.cdrs if cdr.outcome is Outcome.NO_ANSWER),
    ),
    "talk_s": ("talk, s (mean)", ".1f", lambda s: _mean(cdr.talk_s for cdr in s.talks)),
    "wrap_up_s": (
        "wrap-up, s (mean)",
        ".2f",
        lambda s: _ratio(s.spent()[State.WRAP_UP], s.entered(State.WRAP_UP)),
    ),
    "forecast": ("answers forecast / seen", ".3f", _forecast),
}
