"""The simulator's customers as the lab's: lead k does at its n-th call what it does in the simulated day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import PhoneNumber
from dialer.lab import fate as lab
from dialer.sim import clock
from dialer.sim import fate as sim
from dialer.sim.callers import Callers, Person
from dialer.sim.scenario import Scenario

LEAST_CALLS, MOST_CALLS = 2, 8  # told of each number; who was busy is called again within minutes
LATE = lab.Rule("*", {lab.Does.BUSY: 1.0})  # whoever is called more often than that, or is on no list


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody on the list, and what comes of each call."""

    people: Sequence[Person]
    calls: Mapping[PhoneNumber, Sequence[sim.Fate]]

    def plan(self) -> lab.Plan:
        """As the lab's carrier plays it."""
        script = {
            number.removeprefix("+"): [_played(fate) for fate in fates]
            for number, fates in self.calls.items()
        }
        return lab.Plan(1, (LATE,), script)

    def fate(self, number: PhoneNumber, attempt_no: int) -> sim.Fate:
        """What comes of this call."""
        fates = self.calls[number]
        return fates[min(attempt_no, len(fates)) - 1]


def cast(scenario: Scenario, seed: int) -> Cast:
    """Drawn once; the same seed gives the simulator the same people. Raises BadValue."""
    if len(scenario.answers.points) > 1:
        raise BadValue(said("{name}: answers change with the hour, the lab's do not", name=scenario.name))
    return clock.run(_drawn(scenario, seed))


async def _drawn(scenario: Scenario, seed: int) -> Cast:
    callers = Callers(scenario, seed)
    return Cast(callers.list, {person.number: _fates(callers, person) for person in callers.list})


def _fates(callers: Callers, person: Person) -> Sequence[sim.Fate]:
    fates: list[sim.Fate] = []
    while len(fates) < LEAST_CALLS or (len(fates) < MOST_CALLS and fates[-1].does in sim.CAUSES):
        fates.append(callers.fate_of(person.number))
    return fates


def _played(fate: sim.Fate) -> lab.Fate:
    return lab.Fate(lab.Does(fate.does), fate.after_s, fate.talk_s, setup_s=fate.setup_s)
