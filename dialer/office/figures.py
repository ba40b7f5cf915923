"""Figures: live sums, sums of records, hours worked, the state ledger, how far down a list went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from dialer.domain import hours
from dialer.domain.access import Caller, Permission, demand, whose
from dialer.domain.cdr import Tally
from dialer.domain.days import span_of
from dialer.domain.depth import Depth
from dialer.domain.errors import BadField
from dialer.domain.kpi import Key
from dialer.domain.operators import State, StateChange
from dialer.domain.said import said
from dialer.domain.today import Line, line_of, lines_by
from dialer.domain.types import CampaignId, OperatorId
from dialer.ports.between import Shown
from dialer.ports.stores import Stores

LONGEST_SPAN = timedelta(days=92)


class _OfStates:
    """What follows from how long an operator was in each state."""

    __slots__ = ()
    states: Mapping[State, float]

    @property
    def logged_in_s(self) -> float:
        return hours.logged_in_s(self.states)

    @property
    def occupancy(self) -> float | None:
        return hours.occupancy(self.states)


@dataclass(frozen=True, slots=True)
class OperatorDay(_OfStates):
    """An operator's line of the day; operator None: calls that no operator had."""

    operator: OperatorId | None
    name: str
    line: Line
    states: Mapping[State, float]  # seconds
    worked_s: float


@dataclass(frozen=True, slots=True)
class CampaignDay:
    campaign: CampaignId
    name: str
    line: Line


@dataclass(frozen=True, slots=True)
class Today:
    """A day of the office, so far."""

    day: date
    since_at: datetime
    until_at: datetime
    at_least_s: float
    operators: Sequence[OperatorDay]  # those who called or were on the shift
    campaigns: Sequence[CampaignDay]
    total: Line


@dataclass(frozen=True, slots=True)
class Worked(_OfStates):
    """How long an operator was in each state."""

    operator: OperatorId
    name: str
    states: Mapping[State, float]  # seconds
    worked_s: float  # on the shift, less the pauses that do not count as time at work


async def today(
    day: date, who: Caller, stores: Stores, *, zone: tzinfo, at_least_s: float, now: datetime
) -> Today:
    """By operator and by campaign; an operator's token sees that operator's calls and hours."""
    own = whose(who, Permission.SEE_RECORDS)
    since_at, until_at = span_of(day, zone)
    found = await stores.records.parts(since_at, until_at, at_least_s)
    parts = [part for part in found if own in (None, part.operator)]
    end_at = max(since_at, min(until_at, now))
    worked = await stores.records.hours(own, since_at, end_at)
    at_work = await _at_work(worked, own, since_at, end_at, stores)
    there = {one: states for one, states in worked.items() if hours.logged_in_s(states)}
    names = {account.id: account.name for account in await stores.accounts.all()}
    titles = {campaign.id: campaign.name for campaign in await stores.campaigns.all()}
    theirs = lines_by(parts, lambda part: part.operator)
    ids = sorted(there.keys() | theirs.keys(), key=lambda one: (one is None, one or ""))
    return Today(
        day,
        since_at,
        until_at,
        at_least_s,
        [
            OperatorDay(
                one,
                names.get(one, "") if one else "",
                theirs.get(one, Line()),
                there.get(one, {}) if one else {},
                at_work.get(one, 0.0) if one else 0.0,
            )
            for one in ids
        ],
        [
            CampaignDay(one, titles.get(one, ""), line)
            for one, line in sorted(lines_by(parts, lambda part: part.campaign).items())
        ],
        line_of(parts),
    )


async def live_sums(
    day: date,
    who: Caller,
    live: Shown,
    *,
    zone: tzinfo,
    operator: OperatorId | None,
    campaign: CampaignId | None,
) -> Mapping[Key, Tally]:
    """Of a day of the zone; equal to the records when nothing is in flight."""
    operator = whose(who, Permission.SEE_RECORDS, operator)
    sums = await live.tallies(*span_of(day, zone))
    return {
        (*its, day.isoformat()): tally
        for its, tally in sums.items()
        if operator in (None, its[0]) and campaign in (None, its[1])
    }


async def recorded_sums(
    since_at: datetime, until_at: datetime, who: Caller, stores: Stores, *, zone: tzinfo
) -> Mapping[Key, Tally]:
    """The same sums folded from the records, for any span."""
    operator = whose(who, Permission.SEE_RECORDS)
    _check(since_at, until_at)
    sums = await stores.records.tallies(since_at, until_at, zone)
    return {key: tally for key, tally in sums.items() if operator in (None, key[0])}


async def hours_worked(
    since_at: datetime,
    until_at: datetime,
    who: Caller,
    stores: Stores,
    *,
    operator: OperatorId | None,
    now: datetime,
) -> Sequence[Worked]:
    """By operator; nobody has worked later than now."""
    operator = whose(who, Permission.SEE_RECORDS, operator)
    _check(since_at, until_at)
    end_at = max(since_at, min(until_at, now))
    worked = await stores.records.hours(operator, since_at, end_at)
    names = {account.id: account.name for account in await stores.accounts.all()}
    at_work = await _at_work(worked, operator, since_at, end_at, stores)
    return [Worked(one, names.get(one, ""), states, at_work[one]) for one, states in sorted(worked.items())]


async def _at_work(
    worked: Mapping[OperatorId, hours.Spent],
    operator: OperatorId | None,
    since_at: datetime,
    until_at: datetime,
    stores: Stores,
) -> Mapping[OperatorId, float]:
    """Seconds at work of everybody in `worked`: a pause counts where its reason does, as the list is now."""
    paused = await stores.records.paused(operator, since_at, until_at)
    counted = (await stores.pauses.get()).worked
    return {one: hours.worked_s(states, paused.get(one, {}), counted) for one, states in worked.items()}


async def changes(
    since_at: datetime,
    until_at: datetime,
    who: Caller,
    stores: Stores,
    *,
    operator: OperatorId | None,
    skip: int,
    limit: int,
) -> Sequence[StateChange]:
    """The ledger itself: who went from which state to which, and when."""
    operator = whose(who, Permission.SEE_RECORDS, operator)
    _check(since_at, until_at)
    return await stores.records.changes(operator, since_at, until_at, skip=skip, limit=limit)


async def depth(campaign: CampaignId, day: date, who: Caller, stores: Stores, *, zone: tzinfo) -> Depth:
    """How far down its list a campaign is, and how far down a day went."""
    demand(who, Permission.SEE_CAMPAIGNS)
    return await stores.records.depth(campaign, *span_of(day, zone))


def _check(since_at: datetime, until_at: datetime) -> None:
    if until_at <= since_at:
        raise BadField("until_at", said("it is not after since_at"))
    if until_at - since_at > LONGEST_SPAN:
        raise BadField("until_at", said("ask for at most {most} days at a time", most=LONGEST_SPAN.days))
