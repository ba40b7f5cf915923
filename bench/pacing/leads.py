"""A list whose leads differ: who answers when, what earlier attempts did to it, and how retries come back.

Lead k behaves alike under every policy: its nature and the luck of its attempt j are drawn from (seed, k, j).
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dialer.domain.campaign import DEFAULT_RETRIES, Campaign, Retry
from dialer.domain.lead import Lead, moved_on, next_try
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber

MONDAY_AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
CHUNK = 2048  # leads drawn at once
CHOICE = 1000  # candidates among which a policy may choose
LUCK = 16  # attempts of one lead that have luck of their own
BUSY, FAILED = 0.06, 0.05  # of all dials (PACING.md)
HOURS_AHEAD = (3, 4, 5)  # of UTC, in the three zones
ZONES = ("Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg")
MOBILE, LANDLINE, BUSINESS = range(3)
PREFIXES = (("+7916", "+7903", "+7926", "+7985"), ("+7495", "+7846", "+7343"), ("+7499", "+7812", "+7800"))
KINDS = (0.55, 0.2, 0.25)
SEGMENTS = 12

# Five points and weights of Gauss and Hermite: the individual effect takes these values of a unit normal, so
# that what can be known of it from earlier attempts is an exact sum.
NODES, WEIGHTS = (np.polynomial.hermite_e.hermegauss(5)[i] for i in (0, 1))
WEIGHTS = WEIGHTS / WEIGHTS.sum()

RETRIES = {
    **DEFAULT_RETRIES,
    Outcome.NO_ANSWER: Retry((timedelta(hours=2), timedelta(hours=3), *[timedelta(hours=24)] * 4)),
}


@dataclass(frozen=True)
class World:
    """What a list is like; logits unless said. `shift` is asked with the seconds since the day began."""

    mean_p: float  # answered live / dialled, over the day's first 8 hours, list order, without the shift
    seed: int = 0
    differ: float = 1.0  # 0: every lead is like every other
    segment: float = 0.65  # spread between segments
    kind: float = 0.35
    liking: float = 0.4  # of a segment for a part of the day (three hours)
    hour: float = 0.45  # of each kind's own curve over the day
    weekday: float = 0.2
    no_answer: float = -0.35  # for each of the first four
    same_time: float = -0.6  # the last attempt was at this time of day
    soon: float = -0.3  # less than four hours after it
    after_busy: float = 0.5
    individual: float = 0.7  # what no feature shows
    tried_before: float = 0.5  # of the list, on the days before
    start_at: datetime = MONDAY_AT
    shift: Callable[[float], float] | None = field(default=None, compare=False)


Nature = tuple[float, int, int, int, float]  # logit, kind, segment, hours ahead, what no feature shows


class Population:
    """Hands out the list in order, due retries first, and takes back what became of them."""

    def __init__(self, world: World, *, base: float | None = None) -> None:
        self.world = world
        self.campaign = Campaign(CampaignId(1), "mix", retries=RETRIES, rest=timedelta(), max_attempts=LUCK)
        self._draw_coefficients()
        self._retries: list[tuple[datetime, int, Lead]] = []
        self._due: deque[Lead] = deque()
        self._fresh: deque[Lead] = deque()
        self._nature: list[Nature] = []
        self._luck: list[NDArray[np.float64]] = []  # one matrix for each chunk
        self._belief: list[list[float]] = []  # of each lead: weight of each value of its individual effect
        self._logit: dict[int, float] = {}  # of the attempt under way
        self._points = [float(node) * world.individual * world.differ for node in NODES]
        self._base = balanced(world) if base is None else base

    def due(self, at: datetime, n: int = 1) -> Sequence[Lead]:
        """The next n leads of the list as it stands; `take` the one that is dialled."""
        while self._retries and self._retries[0][0] <= at:
            self._due.append(heapq.heappop(self._retries)[2])
        if n == 1 and self._due:
            return (self._due[0],)
        while len(self._due) + len(self._fresh) < n:
            self._draw_chunk()
        old = [self._due[i] for i in range(min(n, len(self._due)))]
        return old + [self._fresh[i] for i in range(n - len(old))]

    def take(self, lead: Lead) -> None:
        """It is dialled, and no candidate any more."""
        for queue in (self._due, self._fresh):
            for i, one in enumerate(queue):
                if one is lead:
                    del queue[i]
                    return
                if i == CHOICE:
                    break
        raise LookupError(lead.id)

    def chance(self, lead: Lead, at: datetime) -> float:
        """The true chance of a live answer, given all that can be seen of the lead and its history."""
        logit = self._logit_of(lead, at)
        belief = self._belief[lead.id]
        return math.fsum(w / (1 + math.exp(-logit - x)) for w, x in zip(belief, self._points, strict=True))

    def offset(self, lead: Lead) -> timedelta:
        """From UTC to the person's clock."""
        return timedelta(hours=self._nature[lead.id][3])

    def fate(self, lead: Lead, at: datetime) -> Outcome:
        """What comes of dialling it now and letting it ring: CONNECTED stands for a live answer."""
        logit = self._logit[lead.id] = self._logit_of(lead, at)
        p = 1 / (1 + math.exp(-logit - self._nature[lead.id][4]))
        luck, row, attempt = self._luck[lead.id // CHUNK], lead.id % CHUNK, lead.attempts % LUCK
        answer, other = luck.item(row, attempt, 0), luck.item(row, attempt, 1)
        if answer < p:
            return Outcome.CONNECTED
        if other * (1 - p) < BUSY:
            return Outcome.BUSY
        return Outcome.NETWORK_FAILURE if other * (1 - p) < BUSY + FAILED else Outcome.NO_ANSWER

    def result(self, lead: Lead, outcome: Outcome, at: datetime) -> None:
        """The attempt ended so at this instant; the lead comes back when the retry table says."""
        if outcome is Outcome.NO_ANSWER:
            logit = self._logit[lead.id]
            self._belief[lead.id] = posterior(self._belief[lead.id], self._points, logit)
        self._logit.pop(lead.id, None)
        after = moved_on(lead, next_try(lead, self.campaign, outcome, at))
        if after.status is LeadStatus.RETRY and after.next_at is not None:
            heapq.heappush(self._retries, (after.next_at, after.id, after))

    # --- what they are like ---

    def _logit_of(self, lead: Lead, at: datetime) -> float:
        own, kind, segment, ahead, _ = self._nature[lead.id]
        world, hour = self.world, (at.hour + ahead) % 24
        logit = self._base + own + self._hours[kind][hour] + self._weekdays[at.weekday()]
        logit += self._likings[segment][hour // 3]
        if world.shift:
            logit += world.shift((at - world.start_at).total_seconds())
        if lead.last_at is not None:
            logit += world.differ * self._history(lead, at, lead.last_at)
        return logit

    def _history(self, lead: Lead, at: datetime, last_at: datetime) -> float:
        world = self.world
        effect: float = world.no_answer * min(lead.tried.get(Outcome.NO_ANSWER, 0), 4)
        if lead.last_outcome is Outcome.BUSY:
            return effect + world.after_busy
        hours = (at - last_at).total_seconds() / 3600
        if hours < 4:
            effect += world.soon
        if abs((hours + 12) % 24 - 12) < 1.5:
            effect += world.same_time
        return effect

    def _draw_coefficients(self) -> None:
        world = self.world
        random = np.random.default_rng([world.seed, 1])
        scale = world.differ
        segments = random.normal(0, 1, SEGMENTS)
        self._segments = world.segment * scale * (segments - segments.mean()) / segments.std()
        self._likings: list[list[float]] = random.normal(0, world.liking * scale, (SEGMENTS, 8)).tolist()
        self._kinds = random.permutation([-1.2, 0.0, 1.2]) * world.kind * scale
        self._weekdays = [float(x) for x in random.normal(0, world.weekday * scale, 7)]
        hours = np.arange(24)
        evening = np.tanh((hours - 16) / 2)  # people who work are at home
        office = np.where((hours >= 10) & (hours < 13) | (hours >= 14) & (hours < 18), 1.0, -1.0)
        self._hours = [
            [float(x) for x in world.hour * scale * (curve + random.normal(0, 0.3, 24))]
            for curve in (0.7 * evening, evening, office)
        ]

    def _draw_chunk(self) -> None:
        world, first = self.world, len(self._nature)
        random = np.random.default_rng([world.seed, 2, first])
        kinds = random.choice(3, CHUNK, p=KINDS)
        segments = random.choice(SEGMENTS, CHUNK)
        zones = random.choice(3, CHUNK)
        own = self._segments[segments] + self._kinds[kinds]
        tried = np.where(random.random(CHUNK) < world.tried_before, random.geometric(0.55, CHUNK), 0).clip(
            0, 4
        )
        ago_h = 24 * random.integers(1, 4, CHUNK) - random.uniform(0, 10, CHUNK)
        names = random.integers(0, 3, CHUNK)
        # Those who did not answer before are not a fair sample of all: the more attempts, the less so.
        silent = (1 - 1 / (1 + np.exp(-self._base - own[:, None] - np.array(self._points)))) ** tried[:, None]
        belief = silent * WEIGHTS
        belief /= belief.sum(axis=1, keepdims=True)
        node = (belief.cumsum(axis=1) < random.random(CHUNK)[:, None]).sum(axis=1).clip(0, 4)
        self._luck.append(random.random((CHUNK, LUCK, 2)))
        self._belief += belief.tolist()
        points = np.array(self._points)[node].tolist()
        ahead = np.array(HOURS_AHEAD)[zones].tolist()
        self._nature += zip(own.tolist(), kinds.tolist(), segments.tolist(), ahead, points, strict=True)
        rows = zip(kinds, segments, zones, tried.tolist(), ago_h.tolist(), names, strict=True)
        for id_, row in enumerate(rows, first):
            self._fresh.append(self._lead(id_, *row))

    def _lead(
        self, id_: int, kind: int, segment: int, zone: int, tried: int, ago_h: float, name: int
    ) -> Lead:
        return Lead(
            LeadId(id_),
            self.campaign.id,
            (PhoneNumber(f"{PREFIXES[kind][name]}{id_:07}"),),
            status=LeadStatus.RETRY if tried else LeadStatus.NEW,
            attempts=tried,
            tried={Outcome.NO_ANSWER: tried} if tried else {},
            last_at=self.world.start_at - timedelta(hours=ago_h) if tried else None,
            last_outcome=Outcome.NO_ANSWER if tried else None,
            zones=(ZONES[zone],),
            extra={"segment": f"s{segment}", "contract": f"{id_:08}"},
            company="ООО" if kind == BUSINESS else "",
        )


def posterior(belief: Sequence[float], points: Sequence[float], logit: float) -> list[float]:
    """The individual effect after one more attempt that rang and was not answered (Bayes)."""
    rang_out = [max(1e-9, 1 - BUSY - FAILED - 1 / (1 + math.exp(-logit - x))) for x in points]
    weights = [w * one for w, one in zip(belief, rang_out, strict=True)]
    total = sum(weights)
    return [w / total for w in weights]


DIALS, HOURS, ROUNDS = 1500, 8, 4


@lru_cache(maxsize=256)
def balanced(world: World) -> float:
    """The base logit with which a day in list order has the named mean (Newton's steps on a coarse day)."""
    calm = replace(world, shift=None)
    base = math.log(world.mean_p / (1 - world.mean_p))
    for _ in range(ROUNDS):
        people, mean, slope = Population(calm, base=base), 0.0, 0.0
        for i in range(DIALS):
            at = world.start_at + timedelta(hours=HOURS * i / DIALS)
            lead = people.due(at)[0]
            people.take(lead)
            p = people.chance(lead, at)
            mean, slope = mean + p / DIALS, slope + p * (1 - p) / DIALS
            people.result(lead, people.fate(lead, at), at)
        base += (world.mean_p - mean) / slope
    return base
