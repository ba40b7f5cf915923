"""A day that can be seen: what was dialled, answered and talked, by operator and by campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from dialer.domain.cdr import Cdr
from dialer.domain.types import CampaignId, OperatorId, Outcome

AT_LEAST_S = 30.0  # a talk that is worth counting, unless somebody says otherwise
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Part:
    """What records of one operator, campaign and outcome add up to."""

    operator: OperatorId | None
    campaign: CampaignId
    outcome: Outcome
    calls: int
    live: int  # answered
    long: int  # talks of at least a given length
    talk_us: int  # whole microseconds: sums are exact in any order


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the day's table."""

    calls: int = 0
    live: int = 0
    long: int = 0
    talk_s: float = 0.0  # air time
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)  # those that occurred, in their own order


def parts_of(cdrs: Iterable[Cdr], at_least_s: float) -> list[Part]:
    """The twin of the fold in SQL."""
    calls: Counter[tuple[str, CampaignId, Outcome]] = Counter()
    live, long, talk_us = calls.copy(), calls.copy(), calls.copy()
    for cdr in cdrs:
        key = (cdr.operator or "", cdr.campaign, cdr.outcome)
        calls[key] += 1
        live[key] += cdr.answer_at is not None
        us = round(cdr.talk_s * 1e6)
        long[key] += us >= round(at_least_s * 1e6)
        talk_us[key] += us
    return [
        Part(OperatorId(key[0]) if key[0] else None, *key[1:], n, live[key], long[key], talk_us[key])
        for key, n in sorted(calls.items())
    ]


def lines_by(parts: Iterable[Part], key: Callable[[Part], K]) -> dict[K, Line]:
    """The day's table by whatever a part is asked for."""
    groups: dict[K, list[Part]] = {}
    for part in parts:
        groups.setdefault(key(part), []).append(part)
    return {name: line_of(its) for name, its in groups.items()}


def line_of(parts: Iterable[Part]) -> Line:
    """All of them in one line."""
    its = list(parts)
    outcomes: Counter[Outcome] = Counter()
    for part in its:
        outcomes[part.outcome] += part.calls
    return Line(
        calls=sum(part.calls for part in its),
        live=sum(part.live for part in its),
        long=sum(part.long for part in its),
        talk_s=sum(part.talk_us for part in its) / 1e6,
        outcomes={outcome: outcomes[outcome] for outcome in Outcome if outcomes[outcome]},
    )
