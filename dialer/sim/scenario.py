"""A day to simulate: who works, who is called, what stands between them. Defaults are PACING.md's."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import Mode
from dialer.worlds import Length, Shape, fixed, lognormal

NAMED = re.compile(r"([0-9]{1,4})_([0-9]{2})_([0-9]{2,4})")  # operators, answer %, talk in seconds
HOUR_S = 3600.0
AUTOMATIC = (Mode.PROGRESSIVE, Mode.POWER, Mode.PREDICTIVE)
RING_TIME_S = 28.0
REFUSAL = Length(Shape.EXPONENTIAL, 15.0)
# Whoever would answer does so before an unanswered call is given up: the share of answers is as it is named.
RINGING = Length(Shape.LOGNORMAL, 10.0, 0.45, least=2.0, most=RING_TIME_S - 0.5)


@dataclass(frozen=True, slots=True)
class Curve:
    """A share over the day: its steps by hours since the start, or the lines between them (drift)."""

    points: tuple[tuple[float, float], ...]
    is_line: bool = False

    def at(self, hour: float) -> float:
        """The share at this hour; before the first point and behind the last one nothing changes."""
        after = bisect_right(self.points, hour, key=lambda point: point[0])
        if after == 0:
            return self.points[0][1]
        from_h, share = self.points[after - 1]
        if after == len(self.points) or not self.is_line:
            return share
        to_h, next_share = self.points[after]
        return share + (next_share - share) * (hour - from_h) / (to_h - from_h)


@dataclass(frozen=True, slots=True)
class Talks:
    """Some refuse at once, the others talk; the mean is of both together."""

    mean_s: float = 150.0
    refusals: float = 0.25
    refusal_s: Length = REFUSAL
    sigma: float = 0.8

    @property
    def long_s(self) -> Length:
        """Of those who do not refuse at once."""
        refusing_s = self.refusals * self.refusal_s.mean_s
        return lognormal((self.mean_s - refusing_s) / (1 - self.refusals), self.sigma)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the list whose people differ from the others."""

    name: str
    share: float
    odds: float = 1.0  # of an answer, against the day's level
    prefix: str = "+7916"  # of their numbers: by it the dialer may tell them
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Leads:
    """The list. `spread` is what nobody sees: the sigma of each lead's own log-odds of an answer."""

    count: int = 0  # 0: more than the day can use up
    spread: float = 0.0
    again: float = 1.0  # odds of an answer after each attempt before, against the one before that
    segments: tuple[Segment, ...] = (Segment("everyone", 1.0),)


@dataclass(frozen=True, slots=True)
class Shift:
    """Operators who come and go together; hours since the start of the day. They share `lunch`."""

    operators: int
    from_h: float = 0.0
    until_h: float | None = None  # the end of the day
    lunch_at_h: float | None = None
    lunch_min: float = 30.0
    lunch_groups: int = 1  # one goes when the one before is back


@dataclass(frozen=True, slots=True)
class Breaks:
    """Rest: on average every so often, so long. None: nobody rests."""

    every_min: float = 45.0
    length_s: Length = field(default_factory=lambda: fixed(240.0))


@dataclass(frozen=True, slots=True)
class Dialing:
    """What is set for the campaign; `target` is the share of live answers that may be abandoned."""

    mode: Mode = Mode.PROGRESSIVE
    ratio: float = 1.5  # power
    target: float = 0.03
    ring_s: float = RING_TIME_S
    interval_s: float | None = None  # longest time between two decisions; None: as the service has it


@dataclass(frozen=True, slots=True)
class Line:
    """The trunk; 0: plenty."""

    lines: int = 0
    calls_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """The whole day. What a person does is drawn from (seed, lead, attempt), whoever dials and when."""

    name: str
    shifts: tuple[Shift, ...]
    answers: Curve
    hours: float = 8.0
    seed: int = 1
    busy: float = 0.06
    fails: float = 0.05
    setup_s: Length = field(default_factory=lambda: lognormal(1.8, 0.35))
    ring_s: Length = RINGING
    talks: Talks = Talks()
    wrap_up_s: Length = field(default_factory=lambda: lognormal(12.0, 0.6))
    breaks: Breaks | None = field(default_factory=Breaks)
    leads: Leads = Leads()
    dialing: Dialing = Dialing()
    line: Line = Line()

    @property
    def operators(self) -> int:
        """Everybody who works on this day."""
        return sum(shift.operators for shift in self.shifts)

    @property
    def leads_wanted(self) -> int:
        """As many as the list has, or as operators who never wait could be given, and a fifth more."""
        if self.leads.count:
            return self.leads.count
        lowest = min(share for _, share in self.answers.points)
        cycle_s = self.talks.mean_s + self.wrap_up_s.mean_s
        return 500 + int(1.2 * self.operators * self.hours * HOUR_S / cycle_s / max(lowest, 0.01))

    @property
    def lines_wanted(self) -> int:
        return self.line.lines or 100 + 30 * self.operators

    @property
    def calls_per_s_wanted(self) -> float:
        return self.line.calls_per_s or 20.0 + 2.0 * self.operators


def named(name: str) -> Scenario:
    """The world of PACING.md with this name; raises BadValue."""
    match = NAMED.fullmatch(name)
    if match is None:
        raise BadValue(
            said(
                "there is no scenario {name!r}: give a file, or operators_answer%_talk-seconds,"
                " such as 10_25_150",
                name=name,
            )
        )
    operators, percent, talk_s = (int(part) for part in match.groups())
    scenario = Scenario(
        name, (Shift(operators),), Curve(((0.0, percent / 100),)), talks=Talks(mean_s=float(talk_s))
    )
    if why := flaw_of(scenario):
        raise BadValue(said("the scenario {name} cannot be: {why}", name=name, why=why))
    return scenario


def flaw_of(scenario: Scenario) -> str:
    """What cannot be, in words; empty: all can."""
    highest = max(share for _, share in scenario.answers.points)
    if highest + scenario.busy + scenario.fails > 1:
        return said("more than all calls are answered, busy or fail")
    refusing_s = scenario.talks.refusals * scenario.talks.refusal_s.mean_s
    if scenario.talks.mean_s <= refusing_s:
        return said(
            "the refusals alone bring the mean talk to {refusing:g} s, {mean:g} s is too short",
            refusing=refusing_s,
            mean=scenario.talks.mean_s,
        )
    if not scenario.operators:
        return said("nobody works")
    return ""
