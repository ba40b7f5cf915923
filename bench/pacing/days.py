"""Kinds of days beyond the published worlds: `10_25_150+lunch` is that world with lunch breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bench.pacing.world import DAY_S, Kind

HOUR_S = 3600.0


def steps(kind: Kind) -> Kind:
    """The answer rate jumps every two hours."""
    factors = (1.0, 0.4, 1.6, 1.0)
    return replace(kind, answer_at=lambda at_s: kind.answer * factors[min(int(at_s / (2 * HOUR_S)), 3)])


def drift(kind: Kind) -> Kind:
    """From a low morning to a high evening."""
    return replace(kind, answer_at=lambda at_s: kind.answer * (0.6 + 0.8 * at_s / DAY_S))


def lunch(kind: Kind) -> Kind:
    """Half of the team is away in the fifth hour, a tenth at other times."""
    return replace(kind, away=lambda at_s: 0.5 if 4 * HOUR_S <= at_s < 5 * HOUR_S else 0.1)


def bad_list(kind: Kind) -> Kind:
    """An hour in which hardly anybody answers."""
    rates = (kind.answer / 5, kind.answer)
    return replace(kind, answer_at=lambda at_s: rates[not 3 * HOUR_S <= at_s < 4 * HOUR_S])


def rush(kind: Kind) -> Kind:
    """Ten minutes of every hour twice as many answer."""
    return replace(kind, answer_at=lambda at_s: min(0.85, kind.answer * (2 if at_s % HOUR_S < 600 else 0.8)))


def shifts(kind: Kind) -> Kind:
    """The team comes in by halves, and four in ten leave two hours before the end."""
    early, late = max(1, kind.operators // 2), max(1, round(0.6 * kind.operators))

    def team_at(at_s: float) -> int:
        return early if at_s < HOUR_S else late if at_s >= 6 * HOUR_S else kind.operators

    return replace(kind, team_at=team_at)


KINDS: Mapping[str, Callable[[Kind], Kind]] = {
    "steps": steps,
    "drift": drift,
    "lunch": lunch,
    "bad-list": bad_list,
    "rush": rush,
    "shifts": shifts,
    "heavy-tail": lambda kind: replace(kind, talk_sigma=1.5),
    "detection": lambda kind: replace(kind, machine_errors=0.01),
    "few-lines": lambda kind: replace(kind, lines=round(1.5 * kind.operators)),
    "voicemail": lambda kind: replace(kind, voicemail=0.25),
    "late-answers": lambda kind: replace(kind, ring_median_s=16.0),
    "quick-network": lambda kind: replace(kind, setup_s=0.6, ring_median_s=6.0),
}


def kind_of(name: str, **more: object) -> Kind:
    """`operators_answer%_talk-seconds[_mix][+day]`."""
    world, _, day = name.partition("+")
    kind = Kind.named(world, **more)
    return KINDS[day](kind) if day else kind
