"""What a campaign's own records say of its people and its talks: the figures that a plan needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import exp, log
from statistics import fmean, pstdev

from dialer.domain.cdr import Cdr
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import Direction, Outcome
from dialer.sim.scenario import RINGING
from dialer.worlds import Length, Shape

ENOUGH = 200  # dials that a plan may rest on
ENOUGH_TALKS = 10
ATTEMPTS = 4  # told apart; all further ones are like the last
PRIOR = 30.0  # dials at the mean rate, for attempts that were hardly ever made
NOBODY = frozenset(
    {
        Outcome.CONGESTION,
        Outcome.NETWORK_FAILURE,
        Outcome.UNALLOCATED,
        Outcome.REJECTED,
        Outcome.MOVED,
        Outcome.TRUNK_REFUSED,
        Outcome.CANCELLED,
    }
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares of dials between 0 and 1; times in seconds. None: the records do not say."""

    dials: int
    answers: tuple[float, ...]  # by attempt
    attempts_per_contact: float
    busy: float
    fails: float
    talk_s: float
    wrap_up_s: float | None
    setup_s: float | None
    ringing: Length | None  # of those who answer


@dataclass(slots=True)
class History:
    """Sums over records; takes any number of them, of outgoing calls alone."""

    dials: list[int] = field(default_factory=lambda: [0] * ATTEMPTS)
    answered: list[int] = field(default_factory=lambda: [0] * ATTEMPTS)
    busy: int = 0
    fails: int = 0
    talks_s: list[float] = field(default_factory=list)
    wraps_s: list[float] = field(default_factory=list)
    setups_s: list[float] = field(default_factory=list)
    rings_s: list[float] = field(default_factory=list)

    def take(self, cdrs: Iterable[Cdr]) -> None:
        """Count these in."""
        for cdr in cdrs:
            if cdr.direction is not Direction.OUT or cdr.outcome is Outcome.NOT_DIALLED:
                continue
            at = min(max(cdr.attempt_no, 1), ATTEMPTS) - 1
            self.dials[at] += 1
            self.busy += cdr.outcome is Outcome.BUSY
            self.fails += cdr.outcome in NOBODY
            if cdr.setup_s:
                self.setups_s.append(cdr.setup_s)
            if cdr.answer_at is None:
                continue
            self.answered[at] += 1
            if cdr.ring_s:
                self.rings_s.append(cdr.ring_s)
            if cdr.bridge_at is not None:
                self.talks_s.append(cdr.talk_s)
            if cdr.wrap_up_s is not None:
                self.wraps_s.append(cdr.wrap_up_s)

    def figures(self, name: str) -> Figures:
        """Of the campaign of this name; BadValue where too little was dialled to say anything."""
        dials, talks = sum(self.dials), len(self.talks_s)
        if dials < ENOUGH or talks < ENOUGH_TALKS:
            why = said(
                "campaign {name!r} has {dials} dials and {talks} talks in its records, a plan needs {enough}"
                " and {enough_talks}: say --answer and --talk",
                name=name,
                dials=dials,
                talks=talks,
                enough=ENOUGH,
                enough_talks=ENOUGH_TALKS,
            )
            raise BadValue(why)
        level = sum(self.answered) / dials
        return Figures(
            dials=dials,
            answers=tuple(
                (came + PRIOR * level) / (tried + PRIOR)
                for came, tried in zip(self.answered, self.dials, strict=True)
            ),
            attempts_per_contact=dials / talks,
            busy=self.busy / dials,
            fails=self.fails / dials,
            talk_s=fmean(self.talks_s),
            wrap_up_s=fmean(self.wraps_s) if self.wraps_s else None,
            setup_s=fmean(self.setups_s) if self.setups_s else None,
            ringing=self._ringing(),
        )

    def _ringing(self) -> Length | None:
        if len(self.rings_s) < ENOUGH_TALKS:
            return None
        logs = [log(max(ring_s, 0.5)) for ring_s in self.rings_s]
        spread = max(0.05, pstdev(logs))
        return Length(Shape.LOGNORMAL, exp(fmean(logs)), spread, least=0.5, most=RINGING.most)
