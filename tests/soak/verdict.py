"""What the carrier, the records and the people's own recordings say of a floor in trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import numpy as np

from dialer.domain.cdr import Cdr
from dialer.domain.operators import State, StateChange
from dialer.domain.types import LeadStatus, Outcome
from dialer.lab import tones
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab
from dialer.worlds import Length, fixed
from tests.pbx.office import Office
from tests.soak.witness import Life, Witness

STUCK_S = 20.0
SERVED_S = 2.0  # from an answer to the operator or the message
QUIET_S = 3.0  # what a person may hear nothing of, in a whole call
EQUAL_S = 0.5  # between a talk by its record and the same by the PBX's own events
STOPPED = "Asterisk stopped during the call"

# What the numbers do, and how many of a hundred do so.
FATES: dict[str, tuple[Does, Length, Length, int]] = {
    "7901": (Does.BUSY, fixed(0.1), fixed(0), 10),
    "7902": (Does.UNALLOCATED, fixed(0.1), fixed(0), 5),
    "7903": (Does.GONE_AT_ONCE, fixed(0.4), fixed(0), 10),
    "7904": (Does.RING_ENDS, fixed(6.0), fixed(0), 10),
    "7905": (Does.NO_ANSWER, fixed(0.1), fixed(0), 35),
    "7906": (Does.ANSWER, fixed(3.0), fixed(5.0), 20),
    "7907": (Does.ANSWER, fixed(1.5), fixed(9.0), 10),
}
PLAN = Plan(
    seed=5,
    rules=(
        *(Rule(f"{prefix}*", {does: 1}, ring, talk) for prefix, (does, ring, talk, _) in FATES.items()),
        Rule("*", {Does.NO_ANSWER: 1}),
    ),
)
OUTCOMES = {
    Does.BUSY: {Outcome.BUSY},
    Does.UNALLOCATED: {Outcome.UNALLOCATED},
    Does.GONE_AT_ONCE: {Outcome.HUNG_UP_EARLY, Outcome.ABANDONED, Outcome.CONNECTED},
    Does.RING_ENDS: {Outcome.NO_ANSWER, Outcome.GIVEN_UP},
    Does.NO_ANSWER: {Outcome.NO_ANSWER, Outcome.GIVEN_UP},
    Does.ANSWER: {Outcome.CONNECTED, Outcome.ABANDONED, Outcome.HUNG_UP_EARLY, Outcome.GIVEN_UP},
}
TAKEN_BACK = {Outcome.INTERRUPTED, Outcome.CANCELLED}

Trouble = Callable[[Office], Awaitable[None]]  # comes, and is over when it returns
Variables = MutableMapping[str, str]  # what the service is told
Opened = Callable[[Lab, Variables], AbstractAsyncContextManager[Trouble]]


@dataclass(frozen=True)
class Fault:
    """One kind of trouble. `open` may alter what the service is told, before it starts."""

    name: str
    open: Opened
    times: int = 10
    asterisk_ends: bool = False  # then calls end with it, and the carrier's people are left with a dead line
    logs: str = "nothing"  # the error that the service may log: it is its way to tell of the trouble
    up: int = 56  # calls before each trouble


@dataclass
class Story:
    """All that is known at the end, by the service and by the carrier."""

    fault: Fault
    lab: Lab
    witness: Witness
    calls: Counter[str] = field(default_factory=Counter)  # at the carrier, by number
    cdrs: list[Cdr] = field(default_factory=list)
    changes: Sequence[StateChange] = ()
    leads: dict[str, int] = field(default_factory=dict)
    at_work_after_s: list[float] = field(default_factory=list)
    up: list[int] = field(default_factory=list)  # calls, when the trouble came
    braked: list[str] = field(default_factory=list)  # why nothing was dialled any more


def tell(story: Story, times: int) -> None:
    records = Counter(its(cdr.number) for cdr in story.cdrs)
    lives = [life for life in story.witness.lives.values() if life.answer_s is not None]
    quiet = [life.stayed_s - heard_s(story.lab, number) for number, life in people_of(story)]
    print(
        f"\n{story.fault.name}: {times} times with {min(story.up)} to {max(story.up)} calls up;"
        f" carrier {story.calls.total()}, records {records.total()},"
        f" of no call {(records - story.calls).total()};"
        f" answered {len(lives)}, joins {story.witness.talks};"
        f" all at work again within {max(story.at_work_after_s):.1f} s;"
        f" longest answer to operator or message {max((life.waited_s for life in lives), default=0):.2f} s,"
        f" longest silence of a call {max(quiet, default=0):.1f} s;"
        f" {dict(Counter(str(cdr.outcome) for cdr in story.cdrs))}"
    )


def people_of(story: Story) -> list[tuple[str, Life]]:
    """Those who answer and stay, and were not cut off with Asterisk: by number, what the PBX saw of them."""
    return [
        (cdr.number, story.witness.lives[cdr.id])
        for cdr in story.cdrs
        if story.lab.world.fate(cdr.number).does is Does.ANSWER and cdr.reason != STOPPED
    ]


def its(number: str) -> str:
    return number.lstrip("+")


# --- what is wrong, in sentences


def faults_of(story: Story) -> list[str]:
    """Empty: every promise held."""
    wrong = [*of_the_count(story), *of_people(story), *of_outcomes(story), *of_operators(story)]
    return [*wrong, *story.witness.wrong]


def of_the_count(story: Story) -> list[str]:
    """Each call at the carrier has its one record, no number was called twice, no lead is forgotten."""
    records = Counter(its(cdr.number) for cdr in story.cdrs)
    wrong = [f"{number} was called {n} times" for number, n in story.calls.items() if n > 1]
    wrong += [f"{number} has {n} records" for number, n in records.items() if n > 1]
    wrong += [f"{number} was called and has no record" for number in story.calls - records]
    for cdr in story.cdrs:
        is_excused = story.fault.asterisk_ends and cdr.reason == STOPPED
        if its(cdr.number) not in story.calls and not is_excused:
            wrong.append(f"{cdr.number} was never called, its record says {cdr.outcome}: {cdr.reason}")
    if n := story.leads.get(LeadStatus.LEASED, 0):
        wrong.append(f"{n} leads are leased for ever")
    spent = sum(story.leads.values()) - story.leads.get(LeadStatus.NEW, 0)
    if spent != len(records):
        wrong.append(f"{spent} leads are spent, {len(records)} numbers have a record: {story.leads}")
    return wrong


def of_people(story: Story) -> list[str]:
    """Whoever answered had an operator or the message in time, and heard something all the while."""
    wrong = []
    for cdr in story.cdrs:
        life = story.witness.lives[cdr.id]
        if cdr.answer_at is not None and life.answer_s is None and cdr.reason != STOPPED:
            wrong.append(f"{cdr.number} has never answered, its record says {cdr.outcome}")
        if life.waited_s > SERVED_S:
            wrong.append(f"{cdr.number} waited {life.waited_s:.1f} s, {cdr.outcome}: {cdr.reason}")
    for number, life in people_of(story):
        if (quiet_s := life.stayed_s - heard_s(story.lab, number)) > QUIET_S:
            wrong.append(f"{number} heard nothing for {quiet_s:.1f} of {life.stayed_s:.1f} s")
    return wrong


def heard_s(lab: Lab, number: str) -> float:
    """For how long any sound reached this person, by his own recording."""
    path = lab.world.heard_by(number)
    if not path.exists():
        return 0.0
    samples, rate = tones.read(path)
    size = rate // 10
    pieces = samples[: len(samples) // size * size].reshape(-1, size)
    return float(np.count_nonzero(np.mean(pieces**2, axis=1) > tones.SILENT)) / 10


def of_outcomes(story: Story) -> list[str]:
    """What the number does is what the record says; a talk is as long as the person stayed."""
    wrong = []
    for cdr in story.cdrs:
        fate = story.lab.world.fate(cdr.number)
        may = OUTCOMES[fate.does] | TAKEN_BACK
        if cdr.outcome not in may and not (
            story.fault.asterisk_ends and cdr.outcome is Outcome.NETWORK_FAILURE
        ):
            wrong.append(f"{cdr.number} does {fate.does}, its record says {cdr.outcome}: {cdr.reason}")
        life = story.witness.lives[cdr.id]
        if cdr.reason == STOPPED:
            continue
        if abs(cdr.talk_s - life.talked_s) > EQUAL_S:
            wrong.append(f"{cdr.number} talked {life.talked_s:.1f} s, its record says {cdr.talk_s:.1f}")
        if fate.does is Does.ANSWER and cdr.outcome is Outcome.CONNECTED:
            short_s = fate.talk_s - life.talked_s
            if not -1.0 < short_s < SERVED_S + 0.5:
                wrong.append(f"{cdr.number} talked {life.talked_s:.1f} of {fate.talk_s:g} s, {cdr.ended_by}")
    return wrong


def of_operators(story: Story) -> list[str]:
    """Nobody was sent home, was kept from calls, or stood in a passing state for long."""
    wrong = [f"dialing was stopped: {why}" for why in story.braked]
    wrong += [
        f"{one.operator} was sent home: {one.reason}" for one in story.changes if one.became == State.OFFLINE
    ]
    wrong += [
        f"{operator} was {state} for {stayed_s:.0f} s"
        for (operator, state), stayed_s in story.witness.longest_passing_s.items()
        if stayed_s > STUCK_S
    ]
    return wrong
