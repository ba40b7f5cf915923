"""A campaign: a list, a purpose, a mode, a schedule and rules; what it may dial now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from dialer.domain import law
from dialer.domain.errors import Mistake
from dialer.domain.numbers import dial_string
from dialer.domain.schedule import Window, ZoneOf, every_day, is_open, narrow
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CampaignId,
    CampaignStatus,
    Language,
    Mode,
    OperatorId,
    Outcome,
    PhoneNumber,
    Purpose,
    TrunkId,
)
from dialer.domain.verdict import PASSED, Gate, Verdict, refuse

if TYPE_CHECKING:  # a lead's next try asks its campaign
    from dialer.domain.lead import Lead

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
    longest_talk_s: float = 3600.0
    longest_hold_s: float = 300.0
    max_attempts: int = 10  # of one lead, all its numbers together
    rest: timedelta = timedelta(minutes=30)  # between two attempts at one number
    abandoned_rest: timedelta = timedelta(hours=72)  # after an abandoned call
    retries: Mapping[Outcome, Retry] = field(default_factory=lambda: dict(DEFAULT_RETRIES))
    cap: int = 0  # most calls in flight; 0: no cap of its own


# --- the moment of dialing --------------------------------------------------------------------------------


class History(Protocol):
    """What is known of a number over all campaigns; `dnc` says why it must not be called."""

    @property
    def last_end_at(self) -> datetime | None: ...
    @property
    def last_outcome(self) -> str: ...
    @property
    def dnc(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Try:
    campaign: Campaign
    lead: Lead
    number: PhoneNumber
    trunk: Trunk
    history: History
    now: datetime
    zone_of: ZoneOf
    pack: law.Pack


def may_dial(
    campaign: Campaign,
    lead: Lead,
    number: PhoneNumber,
    *,
    trunk: Trunk,
    history: History,
    now: datetime,
    zone_of: ZoneOf,
) -> Verdict:
    """Ask every gate in order; the first that is closed answers. Asked right before each request."""
    pack = law.choose(campaign.country, campaign.purpose)
    this = _Try(campaign, lead, number, trunk, history, now, zone_of, pack)
    return next((verdict for gate in _GATES if (verdict := gate(this))), PASSED)


def _status(this: _Try) -> Verdict | None:
    if this.campaign.status is CampaignStatus.RUNNING:
        return None
    return refuse(Gate.STATUS, "the campaign is {status}", status=this.campaign.status)


def _lawful(this: _Try) -> Verdict | None:
    rule = law.forbidding(this.pack, this.campaign.mode)
    return law.forbidden(this.campaign, rule) if rule else None


def _number(this: _Try) -> Verdict | None:
    try:
        dial_string(this.number, this.trunk)
    except Mistake as mistake:
        return refuse(Gate.NUMBER, "{problem}", problem=mistake, rule=mistake.id)
    return None


def _dnc(this: _Try) -> Verdict | None:
    if not this.history.dnc:
        return None
    return refuse(Gate.DNC, "the number is on the do-not-call list: {why}", why=this.history.dnc)


def _attempts(this: _Try) -> Verdict | None:
    if this.lead.attempts < this.campaign.max_attempts:
        return None
    return refuse(
        Gate.ATTEMPTS,
        "{made} attempts were made, {most} are allowed",
        made=this.lead.attempts,
        most=this.campaign.max_attempts,
        rule="campaign.max_attempts",
    )


def _hours(this: _Try) -> Verdict | None:
    rule = law.hours_of(this.pack)
    windows = _allowed(tuple(this.campaign.schedule), rule.windows) if rule else tuple(this.campaign.schedule)
    opening = is_open(windows, this.lead.zones, this.now, this.zone_of)
    if opening.open:
        return None
    return refuse(
        Gate.HOURS,
        "{why}",
        why=opening.why,
        opens_at=opening.opens_at,
        rule=f"campaign.schedule and {rule.id}" if rule else "campaign.schedule",
        version=rule.version if rule else "",
    )


@lru_cache(maxsize=256)
def _allowed(schedule: tuple[Window, ...], lawful: tuple[Window, ...]) -> tuple[Window, ...]:
    return narrow(schedule, lawful)


def _rest(this: _Try) -> Verdict | None:
    last_at, last = this.history.last_end_at, this.history.last_outcome
    if last_at is None:
        return None
    rests = [(this.campaign.rest, "campaign.rest", "")] if last in DISTURBING else []
    if last == Outcome.ABANDONED:
        rests.append((this.campaign.abandoned_rest, "campaign.abandoned_rest", ""))
    lawful = law.rests_of(this.pack, this.campaign.mode)
    rests += [(rule.rest, rule.id, rule.version) for rule in lawful if rule.outcome == last]
    rest, rule_id, version = max(rests, default=(timedelta(), "", ""))
    if this.now >= last_at + rest:
        return None
    return refuse(
        Gate.REST,
        "the last attempt at this number ended {ago} ago ({outcome}), it rests for {rest}",
        ago=_span(this.now - last_at),
        outcome=last.replace("_", " "),
        rest=_span(rest),
        opens_at=last_at + rest,
        rule=rule_id,
        version=version,
    )


_GATES: tuple[Callable[[_Try], Verdict | None], ...] = (
    _status,
    _lawful,
    _number,
    _dnc,
    _attempts,
    _hours,
    _rest,
)


def _span(span: timedelta) -> str:
    """`45 s`, `12 min`, `3 h`, `2 d`: whole units, rounded down."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
