"""How a list wears down: its leads dialled at a floor's pace, coming back by the campaign's retry table."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from random import Random

from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead, moved_on, next_try
from dialer.domain.types import LeadStatus, Outcome
from dialer.sim.scenario import HOUR_S

DAY_S = 24 * HOUR_S
MOST_DAYS = 60  # a list that lasts longer is told as such
MOST_LEADS = 5_000  # of a longer list one lead stands for several
MARK_H = 0.25  # between two points of the course
SOME_DAY = datetime(2026, 3, 2, tzinfo=UTC)
OPEN = frozenset({LeadStatus.NEW, LeadStatus.RETRY, LeadStatus.LEASED})


@dataclass(frozen=True, slots=True)
class Entry:
    """A lead as the plan begins, and when it may be tried: seconds from the start of the first day."""

    lead: Lead
    due_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Odds:
    """What a dial comes to. `answers` by the number of the attempt; the last holds for all further ones."""

    answers: Sequence[float]
    abandoned: float  # of those who answer
    busy: float
    fails: float
    given_up: float  # of those who neither answer nor are busy

    def answer(self, attempt: int) -> float:
        """Of a lead's first, second ... attempt."""
        return self.answers[min(attempt, len(self.answers)) - 1]


@dataclass(frozen=True, slots=True)
class Pace:
    """What the floor spends: seconds of operators at work, for each dial and for each talk."""

    present: float  # operators, less those on a break
    idle_s: float  # for each dial
    cycle_s: float  # talk and wrap-up, for each talk


@dataclass(frozen=True, slots=True)
class Course:
    """What came of the list. Hours are working hours since the start; days are counted from 1."""

    dialing_h: float  # with somebody to dial
    first_pass_h: float | None  # everybody was tried once; None: not within MOST_DAYS
    ended_h: float | None  # nobody is left to try
    days: int | None
    dials: float
    talks: float
    abandoned: float
    first_day_talks: float
    first_day_dials: float
    points: tuple[tuple[float, float], ...]  # working hours, talks so far

    def hours_to(self, share: float) -> float:
        """Working hours until so much of all talks was made."""
        return next(
            (hours for hours, talks in self.points if talks >= share * self.talks), self.points[-1][0]
        )


class _Kinds:
    """Leads that stand alike are one kind: what an outcome makes of a kind is found once."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._number: dict[object, int] = {}
        self.leads: list[Lead] = []
        self._moves: dict[tuple[int, Outcome], tuple[int | None, float]] = {}

    def of(self, lead: Lead) -> int:
        """The kind of this lead."""
        key = (len(lead.numbers), lead.number_index, lead.attempts, tuple(sorted(lead.tried.items())),
               tuple(number in lead.dead for number in lead.numbers), lead.last_outcome)  # fmt: skip
        if key not in self._number:
            self._number[key] = len(self.leads)
            self.leads.append(lead)
        return self._number[key]

    def after(self, kind: int, outcome: Outcome) -> tuple[int | None, float]:
        """What it is then, and after how many seconds it is tried again; None: never."""
        found = self._moves.get((kind, outcome))
        if found is None:
            lead = self.leads[kind]
            update = next_try(lead, self._campaign, outcome, SOME_DAY)
            if update.status not in OPEN or update.next_at is None:
                found = (None, 0.0)
            else:
                found = (self.of(moved_on(lead, update)), (update.next_at - SOME_DAY).total_seconds())
            self._moves[kind, outcome] = found
        return found


def wear(
    entries: Sequence[Entry], campaign: Campaign, odds: Odds, pace: Pace, *, day_h: float, seed: int
) -> Course:
    """The list dialled until nobody is left to try, through days of `day_h` hours; retries go first."""
    each = max(1, -(-len(entries) // MOST_LEADS))  # leads that one stands for
    some = entries[::each]
    share = len(entries) / len(some) if some else 1.0
    chance = Random(f"{seed}/list")  # noqa: S311 repeatable on purpose, guards nothing
    run = _Run(campaign, odds, replace(pace, present=pace.present / share), day_h, chance)
    run.work(some)
    return run.course(share)


class _Run:
    """One list under way: the clock, who is due, what came so far."""

    def __init__(self, campaign: Campaign, odds: Odds, pace: Pace, day_h: float, chance: Random) -> None:
        self._kinds, self._odds, self._pace = _Kinds(campaign), odds, pace
        self._day_s, self._chance = day_h * HOUR_S, chance
        self._at_s = 0.0  # by the calendar, from the start of the first day
        self._later: list[tuple[float, int, int]] = []
        self._order = count()
        self._spent_s = 0.0
        self._first_pass_h: float | None = None
        self._dials = self._talks = self._abandoned = 0
        self._first_day: tuple[int, int] | None = None  # dials and talks
        self._points: list[tuple[float, float]] = [(0.0, 0.0)]

    def work(self, entries: Iterable[Entry]) -> None:
        """Until nobody is left, or it has taken too long."""
        new: list[int] = []
        for entry in entries:
            kind = self._kinds.of(entry.lead)
            if entry.lead.attempts or entry.due_s > 0:
                heapq.heappush(self._later, (entry.due_s, next(self._order), kind))
            else:
                new.append(kind)
        new.reverse()
        while (new or self._later) and self._at_s < MOST_DAYS * DAY_S:
            if self._later and self._later[0][0] <= self._at_s:
                self._dial(heapq.heappop(self._later)[2])
            elif new:
                self._dial(new.pop())
                if not new:
                    self._first_pass_h = self.worked_h
            else:
                self._pass_to(self._later[0][0])
        if self._first_pass_h is None and not new:
            self._first_pass_h = 0.0

    @property
    def worked_h(self) -> float:
        """Working hours since the start."""
        days, rest_s = divmod(self._at_s, DAY_S)
        return (days * self._day_s + min(rest_s, self._day_s)) / HOUR_S

    def _pass_to(self, at_s: float) -> None:
        """Not before this instant, and not outside the day's hours."""
        self._at_s = max(self._at_s, at_s)
        days, rest_s = divmod(self._at_s, DAY_S)
        if rest_s >= self._day_s:
            self._at_s = (days + 1) * DAY_S
        if self._first_day is None and self._at_s >= DAY_S:
            self._first_day = (self._dials, self._talks)

    def _dial(self, kind: int) -> None:
        outcome = self._outcome(self._kinds.leads[kind].attempts + 1)
        self._dials += 1
        cost_s = self._pace.idle_s
        if outcome is Outcome.CONNECTED:
            self._talks += 1
            cost_s += self._pace.cycle_s
        self._abandoned += outcome is Outcome.ABANDONED
        became, delay_s = self._kinds.after(kind, outcome)
        if became is not None:
            heapq.heappush(self._later, (self._at_s + delay_s, next(self._order), became))
        took_s = cost_s / self._pace.present
        self._spent_s += took_s
        self._pass_to(self._at_s + took_s)
        if self.worked_h >= self._points[-1][0] + MARK_H:
            self._points.append((self.worked_h, self._talks))

    def _outcome(self, attempt: int) -> Outcome:
        odds, luck = self._odds, self._chance.random()
        if luck < (answers := odds.answer(attempt)):
            return Outcome.ABANDONED if luck < answers * odds.abandoned else Outcome.CONNECTED
        if luck >= 1 - odds.busy:
            return Outcome.BUSY
        if luck >= 1 - odds.busy - odds.fails:
            return Outcome.CONGESTION
        return Outcome.GIVEN_UP if self._chance.random() < odds.given_up else Outcome.NO_ANSWER

    def course(self, share: float) -> Course:
        """The whole list's, of which one lead in `share` was dialled."""
        is_over = not self._later and self._first_pass_h is not None
        first_dials, first_talks = self._first_day or (self._dials, self._talks)
        points = [*self._points, (self.worked_h, float(self._talks))]
        return Course(
            dialing_h=self._spent_s / HOUR_S,
            first_pass_h=self._first_pass_h,
            ended_h=self.worked_h if is_over else None,
            days=int(self._at_s // DAY_S) + 1 if is_over else None,
            dials=self._dials * share,
            talks=self._talks * share,
            abandoned=self._abandoned * share,
            first_day_talks=first_talks * share,
            first_day_dials=first_dials * share,
            points=tuple((hours, talks * share) for hours, talks in points),
        )
