"""The gates of one number at one instant: may it be dialled now, and if not, why and until when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from dialer.domain import law
from dialer.domain.campaign import DISTURBING, Campaign
from dialer.domain.dialable import CheckNumber
from dialer.domain.errors import Mistake
from dialer.domain.lead import Lead
from dialer.domain.numbers import dial_string
from dialer.domain.said import Said, said, word
from dialer.domain.schedule import (
    BY_ZONE,
    OFFSETS,
    HolidayOf,
    Opening,
    Window,
    ZoneOf,
    but_holidays,
    is_open,
    narrow,
    no_holidays,
)
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignStatus, Outcome, PhoneNumber
from dialer.domain.verdict import PASSED, Gate, Verdict, refuse

AFTER_CALL = timedelta(seconds=60)  # a number that is in a call is looked at again so much later


class History(Protocol):
    """What is known of a number over all campaigns; `dnc` says why it must not be called."""

    @property
    def last_end_at(self) -> datetime | None: ...
    @property
    def last_outcome(self) -> str: ...
    @property
    def dnc(self) -> str: ...
    @property
    def in_call(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Try:
    """One number of a lead at the moment of dialing, and what its gates look at."""

    campaign: Campaign
    lead: Lead
    number: PhoneNumber
    trunk: Trunk
    history: History
    now: datetime
    zone_of: ZoneOf
    check_number: CheckNumber
    holiday_of: HolidayOf

    @property
    def pack(self) -> law.Pack:
        return law.choose(self.campaign.country, self.campaign.purpose)


def may_dial(
    campaign: Campaign,
    lead: Lead,
    trunk: Trunk,
    history: History,
    now: datetime,
    *,
    zone_of: ZoneOf,
    check_number: CheckNumber,
    holiday_of: HolidayOf = no_holidays,
) -> Verdict:
    """Ask every gate of the lead's present number in order; the first that is closed answers.

    Asked right before each request.
    """
    this = Try(campaign, lead, lead.number, trunk, history, now, zone_of, check_number, holiday_of)
    return next((verdict for gate in _GATES if (verdict := gate(this))), PASSED)


def every_verdict(this: Try) -> Mapping[Gate, Verdict]:
    """The closed gates, also those behind another closed one."""
    closed: dict[Gate, Verdict] = {}
    for gate in _GATES:
        if (verdict := gate(this)) and verdict.gate is not None:
            closed.setdefault(verdict.gate, verdict)
    return closed


def _status(this: Try) -> Verdict | None:
    if this.campaign.archived:
        return refuse(Gate.STATUS, "the campaign is archived")
    if this.campaign.status is CampaignStatus.RUNNING:
        return None
    return refuse(Gate.STATUS, "the campaign is {status}", status=word(this.campaign.status))


def _list(this: Try) -> Verdict | None:
    if this.lead.import_id not in this.campaign.paused_lists:
        return None
    return refuse(Gate.LIST, "list {list} is paused", list=this.lead.import_id)


def _lawful(this: Try) -> Verdict | None:
    rule = law.forbidding(this.pack, this.campaign.mode)
    return law.forbidden(this.campaign, rule) if rule else None


def _number(this: Try) -> Verdict | None:
    try:
        dial_string(this.number, this.trunk)
        this.check_number(this.number, (this.trunk,), this.campaign.country)
    except Mistake as mistake:
        return refuse(Gate.NUMBER, "{problem}", problem=mistake.sentence, rule=mistake.id)
    return None


def _dnc(this: Try) -> Verdict | None:
    if not this.history.dnc:
        return None
    return refuse(Gate.DNC, "the number is on the do-not-call list: {why}", why=this.history.dnc)


def _attempts(this: Try) -> Verdict | None:
    if this.lead.attempts < this.campaign.max_attempts or this.lead.promised_at is not None:
        return None
    return refuse(
        Gate.ATTEMPTS,
        "{made} attempts were made, {most} are allowed",
        made=this.lead.attempts,
        most=this.campaign.max_attempts,
        rule="campaign.max_attempts",
    )


def _hours(this: Try) -> Verdict | None:
    rule = law.hours_of(this.pack)
    opening = opening_of(this.campaign, this.lead.zones, this.now, this.zone_of, this.holiday_of)
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


def opening_of(
    campaign: Campaign,
    zones: Sequence[str],
    at: datetime,
    zone_of: ZoneOf,
    holiday_of: HolidayOf = no_holidays,
) -> Opening:
    """Whether the campaign's hours and the law's let somebody in these zones be called at that instant."""
    rule = law.hours_of(law.choose(campaign.country, campaign.purpose))
    schedule = tuple(campaign.schedule)
    windows = _allowed(schedule, rule.windows) if rule else schedule
    opening = is_open(windows, zones, at, zone_of)
    if not campaign.holidays:
        return opening

    def holiday_in(zone: str, day: date) -> str:
        is_by_country = campaign.holidays == BY_ZONE and zone.startswith(OFFSETS)
        return holiday_of(campaign.country if is_by_country else campaign.holidays, zone, day)

    return but_holidays(opening, windows, zones, at, zone_of=zone_of, holiday_in=holiday_in)


@lru_cache(maxsize=256)
def _allowed(schedule: tuple[Window, ...], lawful: tuple[Window, ...]) -> tuple[Window, ...]:
    return narrow(schedule, lawful)


def _in_call(this: Try) -> Verdict | None:
    if not this.history.in_call:
        return None
    return refuse(Gate.REST, "the number is in a call at this moment", opens_at=this.now + AFTER_CALL)


def _rest(this: Try) -> Verdict | None:
    last_at, last = this.history.last_end_at, this.history.last_outcome
    if last_at is None:
        return None
    is_own = last in DISTURBING and this.lead.promised_at is None  # who asks to be called is not disturbed
    rests = [(this.campaign.rest, "campaign.rest", "")] if is_own else []
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
        outcome=_outcome(last),
        rest=_span(rest),
        opens_at=last_at + rest,
        rule=rule_id,
        version=version,
    )


_GATES: tuple[Callable[[Try], Verdict | None], ...] = (
    _status,
    _list,
    _lawful,
    _number,
    _dnc,
    _attempts,
    _hours,
    _in_call,
    _rest,
)


def _outcome(name: str) -> str:
    return word(Outcome(name)) if name in set(Outcome) else name.replace("_", " ")


def _span(span: timedelta) -> Said:
    """`45 s`, `12 min`, `3 h`, `2 d`: whole units, rounded down."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return said("{n} s", n=seconds)
    if seconds < 2 * 3_600:
        return said("{n} min", n=seconds // 60)
    if seconds < 2 * 86_400:
        return said("{n} h", n=seconds // 3_600)
    return said("{n} d", n=seconds // 86_400)
