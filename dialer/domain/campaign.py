"""A campaign: a list, a purpose, a mode, a schedule and rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import time, timedelta
from typing import Any

from dialer.domain import disposition
from dialer.domain.disposition import Disposition
from dialer.domain.editions import OWN, UNKEPT, Edition
from dialer.domain.schedule import Window, every_day
from dialer.domain.types import (
    CampaignId,
    CampaignStatus,
    Language,
    Mode,
    OperatorId,
    Outcome,
    Purpose,
    TrunkId,
)

# Outcomes in which the person's phone rang, or may have: the number rests afterwards.
DISTURBING = frozenset(
    {
        Outcome.CONNECTED,
        Outcome.ABANDONED,
        Outcome.OPERATOR_LOST,
        Outcome.HUNG_UP_EARLY,
        Outcome.NO_ANSWER,
        Outcome.GIVEN_UP,
        Outcome.REJECTED,
        Outcome.INTERRUPTED,
    }
)


SPANS = frozenset({"rest", "abandoned_rest"})  # of a campaign


@dataclass(frozen=True, slots=True)
class Retry:
    """After this outcome: try again after each delay in turn; when they are used up, stop."""

    delays: tuple[timedelta, ...]
    next_number: bool = False  # go on with the lead's next number, if it has one


DEFAULT_RETRIES: Mapping[Outcome, Retry] = {
    Outcome.BUSY: Retry((timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))),
    Outcome.NO_ANSWER: Retry(
        (timedelta(hours=2), timedelta(hours=24), timedelta(hours=48)), next_number=True
    ),
    Outcome.GIVEN_UP: Retry((timedelta(minutes=30), timedelta(hours=2), timedelta(hours=24))),
    Outcome.ABANDONED: Retry((timedelta(hours=72),)),
    Outcome.OPERATOR_LOST: Retry((timedelta(minutes=10), timedelta(hours=2))),
    Outcome.HUNG_UP_EARLY: Retry((timedelta(hours=4),)),
    Outcome.CONGESTION: Retry((timedelta(minutes=5),) * 5),
    Outcome.NETWORK_FAILURE: Retry((timedelta(minutes=5),) * 5),
    Outcome.REJECTED: Retry((timedelta(hours=24),), next_number=True),
    Outcome.MOVED: Retry((timedelta(hours=24),), next_number=True),
    Outcome.UNALLOCATED: Retry((), next_number=True),
    Outcome.CANCELLED: Retry((timedelta(minutes=1),) * 20),
    Outcome.INTERRUPTED: Retry((timedelta(hours=1),) * 3),
}


@dataclass(frozen=True, slots=True)
class Campaign:
    """Everything that is set for a campaign; times of a call in seconds."""

    id: CampaignId
    name: str
    purpose: Purpose = Purpose.SERVICE
    country: str = "RU"  # ISO 3166-1 alpha-2; with the purpose it chooses the rule pack
    mode: Mode = Mode.PROGRESSIVE
    status: CampaignStatus = CampaignStatus.DRAFT
    ratio: float = 1.0  # power: lines per free operator
    priority: int = 0  # higher dials first when operators are shared
    weight: int = 1  # of campaigns of one priority: their calls in flight are kept in this proportion
    operators: frozenset[OperatorId] = frozenset()
    trunks: tuple[TrunkId, ...] = ()  # in order of preference
    caller_id: str = ""  # E.164; empty: the trunk's own
    schedule: tuple[Window, ...] = every_day(time(9), time(20))
    ring_s: float = 25.0  # counted from the first 180 or 183
    wrap_up_s: float = 30.0
    after_wrap_up_ready: bool = True  # else paused
    message: str = ""  # sound of the safe-harbour message: a name below the sounds folder, without suffix
    language: Language = Language.RU
    record: bool = False
    tone: bool = True  # the operator hears a short one before each person
    shows_person: bool = True  # the operator's phone shows name and number of who is on the line
    longest_talk_s: float = 3600.0
    longest_hold_s: float = 300.0
    max_attempts: int = 10  # of one lead, all its numbers together
    rest: timedelta = timedelta(minutes=30)  # between two attempts at one number
    abandoned_rest: timedelta = timedelta(hours=72)  # after an abandoned call
    retries: Mapping[Outcome, Retry] = field(default_factory=lambda: dict(DEFAULT_RETRIES))
    cap: int = 0  # most calls in flight; 0: no cap of its own
    ceiling: float = 0.03  # predictive: most abandoned calls, as a share of live answers
    dnc_whole_lead: bool = False  # "never again" bars the lead's other numbers, too
    best_first: bool = False  # predictive: the likeliest of the leads at hand first
    dispositions: tuple[Disposition, ...] = disposition.DEFAULT
    holidays: str = ""  # no calls on public holidays: `zone`, RU, DE-BY; empty: holidays are days like others
    paused_lists: frozenset[int] = frozenset()  # imports whose leads are not called
    archived: bool = False  # kept, shown only where it is asked for, never dialled
    edition: Edition = field(default=UNKEPT, compare=False)


def plain(campaign: Campaign) -> dict[str, Any]:
    """The campaign for programs, as the API and `--json` show it; lengths of time in seconds."""
    told = {
        each.name: value.total_seconds() if each.name in SPANS else value
        for each in fields(campaign)
        if each.name != OWN
        for value in (getattr(campaign, each.name),)
    } | {
        "version": campaign.edition.version,
        "operators": sorted(campaign.operators),
        "trunks": list(campaign.trunks),
        "paused_lists": sorted(campaign.paused_lists),
        "schedule": [
            {"weekday": one.weekday, "start": f"{one.start:%H:%M}", "end": f"{one.end:%H:%M}"}
            for one in campaign.schedule
        ],
        "retries": {
            outcome: {
                "delays_s": [delay.total_seconds() for delay in retry.delays],
                "next_number": retry.next_number,
            }
            for outcome, retry in campaign.retries.items()
        },
        "dispositions": [disposition.plain(one) for one in campaign.dispositions],
    }
    return {
        {"rest": "rest_s", "abandoned_rest": "abandoned_rest_s"}.get(name, name): told[name] for name in told
    }
