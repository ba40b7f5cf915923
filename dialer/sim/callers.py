"""The people who are called: what each does at each attempt, the same under every policy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from dialer.domain.types import PhoneNumber
from dialer.sim.clock import hour
from dialer.sim.fate import Fate
from dialer.sim.scenario import Scenario, Segment


@dataclass(frozen=True, slots=True)
class Person:
    """Lead k of the list."""

    k: int
    number: PhoneNumber
    segment: Segment
    log_odds: float  # of an answer, against the day's level: of his segment and his own


def people(scenario: Scenario, seed: int) -> Iterator[Person]:
    """The list, in its order."""
    leads = scenario.leads
    edges = [segment.share for segment in leads.segments]
    for k in range(1, scenario.leads_wanted + 1):
        chance = drawing(seed, k, 0)
        (segment,) = chance.choices(leads.segments, edges)
        own = leads.spread * chance.gauss(0, 1)
        digits = 11 - len(segment.prefix.lstrip("+"))
        number = PhoneNumber(f"{segment.prefix}{k:0{digits}d}")
        yield Person(k, number, segment, own + math.log(segment.odds))


def drawing(seed: int, k: int, attempt: int) -> Random:
    """Chance of its own for every attempt at every lead: nobody else's draws move it."""
    return Random(f"{seed}/{k}/{attempt}")  # noqa: S311 repeatable on purpose, guards nothing


class Callers:
    """Knows everybody by number; asked once for each call that is dialled."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.list = tuple(people(scenario, seed))
        self._scenario = scenario
        self._seed = seed
        self._by_number = {person.number.removeprefix("+"): person for person in self.list}
        self._attempts: Counter[int] = Counter()

    def fate_of(self, number: str) -> Fate:
        """What this call comes to."""
        person = self._by_number[number.removeprefix("+")]
        self._attempts[person.k] += 1
        attempt = self._attempts[person.k]
        return drawn(self._scenario, drawing(self._seed, person.k, attempt), self._answer_p(person, attempt))

    def _answer_p(self, person: Person, attempt: int) -> float:
        level = self._scenario.answers.at(hour())
        log_odds = person.log_odds + (attempt - 1) * math.log(self._scenario.leads.again)
        if not log_odds or not 0 < level < 1:
            return level
        most = 1 - self._scenario.busy - self._scenario.fails
        return min(most, 1 / (1 + (1 - level) / level * math.exp(-log_odds)))


def drawn(world: Scenario, chance: Random, answer_p: float) -> Fate:
    """Everything is drawn, whatever comes of it: the same numbers lie in the same places."""
    talks = world.talks
    luck = chance.random()
    setup_s = world.setup_s.draw(chance)
    ring_s = world.ring_s.draw(chance)
    refuses = chance.random() < talks.refusals
    refusal_s, long_s = talks.refusal_s.draw(chance), talks.long_s.draw(chance)
    if luck < world.busy:
        does = "busy"
    elif luck < world.busy + world.fails:
        does = "congestion"
    else:
        does = "answer" if luck >= 1 - answer_p else "no_answer"
    return Fate(
        does,
        after_s=ring_s,
        talk_s=refusal_s if refuses else long_s,
        setup_s=setup_s,
        wrap_up_s=world.wrap_up_s.draw(chance),
    )
