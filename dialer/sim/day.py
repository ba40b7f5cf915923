"""What came of a simulated day: its figures, its course, and every promise that was broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from dialer.domain import hours
from dialer.domain.cdr import Cdr
from dialer.domain.operators import State
from dialer.domain.pacing.scorecard import Score
from dialer.domain.said import counted, said
from dialer.domain.types import Outcome
from dialer.sim.clock import START_AT
from dialer.sim.scenario import HOUR_S, Scenario
from dialer.sim.switch import PretendAsterisk
from dialer.sim.watch import Sample, Watch

TRUNK = "sim"


@dataclass(frozen=True, slots=True)
class Day:
    """One simulated day. Shares are between 0 and 1; None where there was nothing to divide by."""

    scenario: str
    mode: str
    seed: int
    attempts: int
    by_outcome: dict[str, int]
    answered_live: int
    connected: int
    abandoned: int
    abandoned_share: float | None
    worst_running_share: float  # over the day so far, once a hundred people had answered
    least_budget: float  # target x answered - abandoned, at its lowest minute
    occupancy: float | None
    idle_s_per_call: float | None
    dials_per_operator_hour: float | None
    decisions: int
    cpu_s: float
    pacing: str  # what it said last
    broken: tuple[str, ...]
    course: tuple[Sample, ...]
    score: Score  # of the forecasts


def day_of(
    scenario: Scenario,
    seed: int,
    cdrs: Sequence[Cdr],
    watch: Watch,
    switch: PretendAsterisk,
    *,
    failed: int,
    cpu_s: float,
) -> Day:
    """The figures of the whole day; calls that ran past its end are counted, the time after it is not."""
    until_at = START_AT + timedelta(hours=scenario.hours)
    spent: Counter[State] = Counter()
    for worked in hours.fold(watch.changes, since_at=START_AT, until_at=until_at).values():
        spent.update(worked)
    here_s = hours.logged_in_s(spent) - spent[State.PAUSED]
    idle_s = here_s - spent[State.TALKING] - spent[State.WRAP_UP]
    outcomes = Counter(cdr.outcome for cdr in cdrs)
    answered = sum(cdr.answer_at is not None for cdr in cdrs)
    connected = sum(cdr.bridge_at is not None for cdr in cdrs)
    abandoned = outcomes[Outcome.ABANDONED]
    return Day(
        scenario=scenario.name,
        mode=scenario.dialing.mode.value,
        seed=seed,
        attempts=len(cdrs),
        by_outcome={outcome.value: count for outcome, count in sorted(outcomes.items())},
        answered_live=answered,
        connected=connected,
        abandoned=abandoned,
        abandoned_share=_ratio(abandoned, answered),
        worst_running_share=watch.worst_share,
        least_budget=min((budget_of(scenario, sample) for sample in watch.samples), default=0.0),
        occupancy=hours.occupancy(spent),
        idle_s_per_call=_ratio(idle_s, connected),
        dials_per_operator_hour=_ratio(len(cdrs), here_s / HOUR_S),
        decisions=watch.decisions,
        cpu_s=cpu_s,
        pacing=watch.reason,
        broken=(*_broken(scenario, cdrs, watch, switch), *_failures(failed)),
        course=tuple(watch.samples),
        score=watch.score,
    )


def budget_of(scenario: Scenario, sample: Sample) -> float:
    """Calls that may still be abandoned: what the target allows less what was used."""
    return scenario.dialing.target * sample.answered - sample.abandoned


def _failures(failed: int) -> Iterator[str]:
    if failed:
        yield counted("the engine failed at {n} event", "the engine failed at {n} events", failed)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _broken(scenario: Scenario, cdrs: Sequence[Cdr], watch: Watch, switch: PretendAsterisk) -> Iterator[str]:
    """Promises that hold on every day, in any world."""
    attempts = Counter(str(channel) for _, _, channel in switch.dialled)
    records = Counter(str(cdr.id) for cdr in cdrs)
    if wrong := sum(((attempts - records) + (records - attempts)).values()):
        yield counted(
            "{n} attempt has no record of its own", "{n} attempts have no record of their own", wrong
        )
    if twice := len(watch.double_booked) + len(switch.double_booked):
        yield counted("{n} operator was given away twice", "{n} operators were given away twice", twice)
    if twice := len(switch.dialled_twice):
        yield counted(
            "{n} number was dialled while it was being called",
            "{n} numbers were dialled while they were being called",
            twice,
        )
    allowed = scenario.lines_wanted
    if (most := switch.carrier.most_lines[TRUNK]) > allowed:
        yield said("{most} lines were in use, {allowed} are allowed", most=most, allowed=allowed)
    allowed = max(1, int(scenario.calls_per_s_wanted))
    if (most := switch.carrier.most_calls[TRUNK]) > allowed:
        yield said("{most} calls began in one second, {allowed} are allowed", most=most, allowed=allowed)
