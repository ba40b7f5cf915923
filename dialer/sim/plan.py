"""What a floor will make of a list: how long, how busy, how many abandoned, and what would change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from statistics import fmean
from typing import Any

from dialer.domain.campaign import Campaign
from dialer.domain.law import HIGHEST_CEILING
from dialer.domain.lead import Lead
from dialer.domain.pacing.budget import aim
from dialer.domain.pacing.policies import Policies
from dialer.domain.said import counted, said
from dialer.domain.types import CampaignId, LeadId, Mode, PhoneNumber
from dialer.sim.floor import ONE, START_AT, Floor, Tally
from dialer.sim.scenario import RINGING, Breaks, Curve, Dialing, Scenario, Shift, Talks
from dialer.sim.wear import Course, Entry, Odds, Pace, wear
from dialer.worlds import Length, lognormal

States = Mapping[str, Mapping[str, Any]]  # what pacing has learned
LARGEST_FLOOR, SMALLEST_FLOOR = 40, 10  # operators that are simulated; larger floors follow from them
MOST_DIALS = 8_000  # in one run, as far as its bounds allow
SPAN_OPERATOR_H = 10.0  # of work in one run, as far as its bounds allow
SHORTEST_H, SHORT_H, LONGEST_H = 0.15, 0.4, 3.0  # SHORT_H: where dials are few enough
TEACHING_H, LONGEST_TEACHING_H = 20.0, 4.0  # operator-hours that teach pacing before the runs begin
SETTLING_H = 0.1  # not counted: a floor that has just come is ready all at once
APART_S, IDLE_S = 1.0, 3.0  # between two decisions of predictive mode, at least and at most
SOON_S, SELDOM_S = 0.1, 60.0  # the same of the others: nothing but events moves them
BUSY_SHARE = 0.75  # of the time, in the hours before a run that begins in the middle of a day
BREAKS = Breaks()
PRESENT = 60 * BREAKS.every_min / (60 * BREAKS.every_min + BREAKS.length_s.mean_s)  # of the time logged in
SHORT_TALK_S = 40.0  # shorter ones are taken as they are, without refusals among them


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. Shares are between 0 and 1."""

    operators: int
    entries: Sequence[Entry]
    answers: tuple[float, ...]  # by attempt; the last holds for all further ones
    talk_s: float
    wrap_up_s: float = 12.0
    busy: float = 0.06
    fails: float = 0.05
    setup_s: float = 1.8
    ringing: Length = RINGING
    day_h: float = 8.0
    campaign: Campaign = field(default_factory=lambda: Campaign(CampaignId(1), "plan", ratio=2.0))
    more_operators: int = 2
    more_ceiling: float = 0.02

    @property
    def answer(self) -> float:
        """Of a dial, whatever its attempt: attempts weigh as leads come to them."""
        here, dials, answered = 1.0, 0.0, 0.0
        for share in (*self.answers, *self.answers[-1:] * 3):
            dials, answered, here = dials + here, answered + here * share, here * (1 - share)
        return answered / dials

    @property
    def cycle_s(self) -> float:
        """Of an operator, for each talk."""
        return self.talk_s + self.wrap_up_s


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to go about it."""

    mode: Mode
    operators: int
    ceiling: float
    ratio: float
    label: str

    def floor(self, asked: Question) -> int:
        """How many operators are simulated: enough for the rest to follow, few enough to be quick."""
        quick = int(MOST_DIALS / SHORT_H / _dials_per_hour(asked))
        return min(self.operators, max(SMALLEST_FLOOR, min(LARGEST_FLOOR, quick)))


@dataclass(frozen=True, slots=True)
class Run:
    """One seed of one variant."""

    occupancy: float  # with somebody to dial
    abandoned_share: float
    talks_per_hour: float  # of the whole floor
    course: Course


@dataclass(frozen=True, slots=True)
class Outcome:
    """A variant and its runs."""

    variant: Variant
    runs: tuple[Run, ...]

    def mean(self, of: Callable[[Run], float]) -> float:
        """Of the runs."""
        return fmean(of(run) for run in self.runs)

    def span(self, of: Callable[[Run], float]) -> tuple[float, float]:
        """Lowest and highest."""
        values = [of(run) for run in self.runs]
        return min(values), max(values)


def _dials_per_hour(asked: Question) -> float:
    """Of an operator who never waits."""
    return 3600.0 / asked.cycle_s / asked.answer


def fresh(leads: int) -> list[Entry]:
    """A list that nobody has called yet, one number for each lead."""
    return [Entry(Lead(LeadId(1), CampaignId(1), (PhoneNumber("+79160000001"),)))] * leads


def variants(asked: Question) -> list[Variant]:
    """The modes side by side, then what more operators and a higher ceiling would change."""
    n, ceiling, ratio = asked.operators, asked.campaign.ceiling, asked.campaign.ratio
    found = [
        Variant(Mode.PROGRESSIVE, n, ceiling, ratio, said("progressive")),
        Variant(Mode.POWER, n, ceiling, ratio, said("power, {ratio:g} lines", ratio=ratio)),
        Variant(Mode.PREDICTIVE, n, ceiling, ratio, said("predictive, ceiling {share:.1%}", share=ceiling)),
    ]
    if more := asked.more_operators:
        label = counted("predictive, {n} operator more", "predictive, {n} operators more", more)
        found.append(Variant(Mode.PREDICTIVE, n + more, ceiling, ratio, label))
    higher = min(HIGHEST_CEILING, ceiling + asked.more_ceiling)
    if higher > ceiling:
        label = said("predictive, ceiling {share:.1%}", share=higher)
        found.append(Variant(Mode.PREDICTIVE, n, higher, ratio, label))
    return found


# --- the floor --------------------------------------------------------------------------------------------


def world_of(asked: Question, variant: Variant) -> Scenario:
    """The floor of this variant, as `dialer simulate` would have it."""
    talks = Talks(asked.talk_s) if asked.talk_s >= SHORT_TALK_S else Talks(asked.talk_s, refusals=0.0)
    return Scenario(
        "plan",
        (Shift(variant.floor(asked)),),
        Curve(((0.0, asked.answer),)),
        busy=asked.busy,
        fails=asked.fails,
        setup_s=lognormal(asked.setup_s, 0.35),
        ring_s=replace(asked.ringing, most=asked.campaign.ring_s - 0.5),
        talks=talks,
        wrap_up_s=lognormal(asked.wrap_up_s, 0.6),
        breaks=BREAKS,
        dialing=Dialing(variant.mode, variant.ratio, variant.ceiling, asked.campaign.ring_s),
    )


def teach(asked: Question) -> States:
    """What pacing knows of such people after some hours: the runs begin with it, as a second day does."""
    variant = Variant(Mode.PROGRESSIVE, asked.operators, asked.campaign.ceiling, 1.0, "")
    world, policy = world_of(asked, variant), Policies()
    hours = min(LONGEST_TEACHING_H, TEACHING_H / world.operators)
    Floor(world, 0, policy, apart_s=SOON_S, idle_s=SELDOM_S).run(hours)
    return {"product": policy.states()["product"]}


@dataclass(frozen=True, slots=True)
class Work:
    """Some hours of one variant's floor, for whichever process simulates them."""

    world: Scenario
    learned: States
    hours: float
    seed: int
    earlier: tuple[int, int]  # answered and abandoned on this day before the run


def observe(work: Work) -> Tally:
    """One run."""
    world, policy = work.world, Policies()
    policy.recall(work.learned, {(ONE, START_AT): work.earlier})
    is_foreseeing = world.dialing.mode is Mode.PREDICTIVE
    apart_s, idle_s = (APART_S, IDLE_S) if is_foreseeing else (SOON_S, SELDOM_S)
    floor = Floor(world, work.seed, policy, apart_s=apart_s, idle_s=idle_s)
    return floor.run(work.hours, warm_up_h=SETTLING_H)


def _earlier(asked: Question, variant: Variant) -> tuple[int, int]:
    """Half a day's answers, and nearly all of the calls that might be abandoned of them."""
    team = variant.floor(asked)
    answered = round(BUSY_SHARE * team * asked.day_h / 2 * 3600.0 / asked.cycle_s)
    return answered, max(0, int(aim(variant.ceiling, team) * answered - 0.3 * sqrt(team)))


def span_h(asked: Question, variant: Variant) -> float:
    """How long one run is: the fewer operators, the longer."""
    operators = variant.floor(asked)
    hours = min(LONGEST_H, max(SHORT_H, SPAN_OPERATOR_H / operators))
    return max(SHORTEST_H, min(hours, MOST_DIALS / operators / _dials_per_hour(asked)))


# --- the answer -------------------------------------------------------------------------------------------


def answer(
    asked: Question, runs: int, over: Callable[[Sequence[Work]], Iterable[Tally]] | None = None
) -> list[Outcome]:
    """Every variant in so many runs; `over` does the works, in order, in other processes perhaps.

    Every other run begins as a day does, with nothing to spend yet; the others in its middle.
    """
    learned, ways = teach(asked), variants(asked)
    works = [
        Work(
            world_of(asked, way),
            learned,
            span_h(asked, way),
            seed,
            _earlier(asked, way) if seed % 2 else (0, 0),
        )
        for way in ways
        for seed in range(runs)
    ]
    tallies = iter(over(works) if over is not None else map(observe, works))
    return [_outcome(asked, way, [next(tallies) for _ in range(runs)]) for way in ways]


def _outcome(asked: Question, variant: Variant, tallies: Sequence[Tally]) -> Outcome:
    return Outcome(variant, tuple(_run(asked, variant, seen, seed) for seed, seen in enumerate(tallies)))


def _abandoned(asked: Question, variant: Variant, seen: Tally) -> float:
    """Over a day. The budget lets no more than some calls pile up, so a day has hardly more than an hour."""
    if variant.mode is not Mode.PREDICTIVE or not seen.answered:
        return seen.abandoned_share
    aimed_at = aim(variant.ceiling, variant.operators)
    days = max(1.0, asked.day_h / seen.hours)
    return max(0.0, aimed_at + (seen.abandoned - aimed_at * seen.answered) / (seen.answered * days))


def _run(asked: Question, variant: Variant, seen: Tally, seed: int) -> Run:
    """The talks' lengths are known better than some hours can show: only the waiting is taken from them."""
    abandoned = _abandoned(asked, variant, seen)
    idle_s = (seen.present_s - seen.busy_s) / max(1, seen.connected)  # for each talk
    if variant.mode is Mode.PREDICTIVE:
        idle_s *= sqrt(
            variant.floor(asked) / variant.operators
        )  # what must be kept ready grows with the root
    present = variant.operators * PRESENT
    unanswered = seen.dials * (1 - asked.answer - asked.busy - asked.fails)
    given_up = min(1.0, seen.given_up / max(1.0, unanswered))
    odds = Odds(asked.answers, abandoned, asked.busy, asked.fails, given_up)
    pace = Pace(present, idle_s * asked.answer * (1 - abandoned), asked.cycle_s)
    return Run(
        asked.cycle_s / (asked.cycle_s + idle_s),
        abandoned,
        3600.0 * present / (asked.cycle_s + idle_s),
        wear(asked.entries, asked.campaign, odds, pace, day_h=asked.day_h, seed=seed),
    )
