"""Who of a list can be called now, later today, another day, or never, and why: what the gates say ahead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Generic, TypeVar

from dialer.domain.campaign import Campaign
from dialer.domain.dialable import CheckNumber
from dialer.domain.errors import Mistake
from dialer.domain.gates import History, may_dial
from dialer.domain.lead import FINAL, Lead, after_refusal, moved_on
from dialer.domain.numbers import carries, check_dialable, may_carry
from dialer.domain.said import Said, said
from dialer.domain.schedule import HolidayOf, ZoneOf, no_holidays
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignStatus, LeadStatus, PhoneNumber
from dialer.domain.verdict import Gate, Verdict

MOST_TURNS = 40  # gates of one lead that open one after the other; it has ten numbers at most
A_MOMENT = timedelta(seconds=1)  # as the pacer puts a lead off
T = TypeVar("T")


class When(StrEnum):
    """When a lead can be called."""

    NOW = "now"
    TODAY = "today"  # by the office's clock
    LATER = "later"
    NEVER = "never"  # as things are set now


class Why(StrEnum):
    """What keeps it from being called before."""

    IN_WORK = "in_work"  # leased: in a call, or the next one to be dialled
    RETRY = "retry"  # the time of its next try has not come
    HOURS = "hours"
    REST = "rest"
    BARRED = "barred"
    ZONE = "zone"
    NUMBER_TYPE = "number_type"
    NO_NUMBER = "no_number"  # none that may be dialled at all: an emergency number, a short one
    TRUNK = "trunk"
    NO_TRUNK = "no_trunk"
    ATTEMPTS = "attempts"
    RULE = "rule"  # of the law, or of the campaign
    PAUSED = "paused"  # its list is
    WORKED = "worked"  # done, exhausted or excluded


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Of one lead: the first instant at which all gates are open (None: never), and what was shut last."""

    at: datetime | None
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class ListOutlook:
    """Leads by when they can be called, and by why not before."""

    leads: int
    looked_at: int  # one by one
    is_estimate: bool  # a long list: the rest is counted in the proportions of those that were looked at
    when: Mapping[When, int]
    why: Mapping[tuple[When, Why], int]
    first_at: datetime | None  # when the first of those opens that cannot be called now


@dataclass(frozen=True, slots=True)
class Gates:
    """A campaign as if it were running, and what its gates need."""

    campaign: Campaign
    trunks: Sequence[Trunk]  # the campaign's own, in its order
    zone_of: ZoneOf
    check_number: CheckNumber
    holiday_of: HolidayOf = no_holidays

    def foresee(self, lead: Lead, known: Mapping[PhoneNumber, History], now: datetime) -> Foreseen:
        """Asks the gates as the pacer does, now and whenever the one that was shut opens."""
        if lead.status in FINAL:
            return Foreseen(None, Why.WORKED)
        if lead.status is LeadStatus.LEASED:
            return Foreseen(now, Why.IN_WORK)
        if lead.import_id in self.campaign.paused_lists:
            return Foreseen(None, Why.PAUSED)
        if not self.trunks:
            return Foreseen(None, Why.NO_TRUNK)
        running = replace(self.campaign, status=CampaignStatus.RUNNING, archived=False)
        at, why = now, None
        if lead.next_at is not None and lead.next_at > now:
            at, why = lead.next_at, Why.RETRY
        closed: Why | None = None  # why its first number never can be called
        for _ in range(MOST_TURNS):
            trunk, history = self._way(lead.number), known[lead.number]
            verdict = may_dial(
                running,
                lead,
                trunk,
                history,
                at,
                zone_of=self.zone_of,
                check_number=self.check_number,
                holiday_of=self.holiday_of,
            )
            if verdict.ok:
                break
            reason = self._reason(verdict, lead)
            update = after_refusal(lead, verdict, at)
            if update is not None and update.status not in FINAL and verdict.gate is not Gate.HOURS:
                lead, closed = moved_on(lead, update), closed or reason  # on to its next number
            elif update is not None or verdict.opens_at is None:
                return Foreseen(None, closed or reason)
            else:
                at, why = max(verdict.opens_at, at + A_MOMENT), reason
        return Foreseen(at, why)

    def _way(self, number: PhoneNumber) -> Trunk:
        """The first that may carry it, else the first: its gate says why not."""
        return next((one for one in self.trunks if may_carry(carries(one), number)), self.trunks[0])

    def _reason(self, verdict: Verdict, lead: Lead) -> Why:
        match verdict.gate:
            case Gate.HOURS:
                return Why.HOURS if lead.zones else Why.ZONE
            case Gate.NUMBER:
                return self._of_number(lead.number)
            case _:
                return _REASONS.get(verdict.gate, Why.RULE)

    def _of_number(self, number: PhoneNumber) -> Why:
        try:
            check_dialable(number)
        except Mistake:
            return Why.NO_NUMBER
        carried = any(may_carry(carries(one), number) for one in self.trunks)
        return Why.NUMBER_TYPE if carried else Why.TRUNK


_REASONS: Mapping[Gate | None, Why] = {
    Gate.DNC: Why.BARRED,
    Gate.ATTEMPTS: Why.ATTEMPTS,
    Gate.REST: Why.REST,
}


class Tally:
    """Leads as they are foreseen, counted one after the other."""

    def __init__(self, now: datetime, zone: tzinfo) -> None:
        self._now, self._zone = now, zone
        self._seen: Counter[tuple[When, Why | None]] = Counter()
        self._first_at: datetime | None = None
        self.looked_at = 0

    def add(self, one: Foreseen) -> None:
        """One lead more."""
        self.looked_at += 1
        self._seen[self._when(one.at), one.why] += 1
        if one.at is not None and one.at > self._now:
            self._first_at = min(one.at, self._first_at or one.at)

    def add_all(self, when: When, why: Why, leads: int) -> None:
        """Leads of which that is known without a look at each."""
        if leads:
            self._seen[when, why] += leads

    def join(self, part: Tally, leads: int) -> None:
        """So many leads, of which those in `part` were looked at."""
        self.looked_at += part.looked_at
        self._seen.update(scaled(part._seen, leads))
        if part._first_at is not None:
            self._first_at = min(part._first_at, self._first_at or part._first_at)

    def told(self, *, is_estimate: bool = False) -> ListOutlook:
        """All of them together."""
        when: Counter[When] = Counter(dict.fromkeys(When, 0))
        why: Counter[tuple[When, Why]] = Counter()
        for (at, reason), n in self._seen.items():
            when[at] += n
            if reason is not None:
                why[at, reason] += n
        leads = sum(when.values())
        return ListOutlook(leads, self.looked_at, is_estimate, when, why, self._first_at)

    def _when(self, at: datetime | None) -> When:
        if at is None:
            return When.NEVER
        if at <= self._now:
            return When.NOW
        is_today = at.astimezone(self._zone).date() == self._now.astimezone(self._zone).date()
        return When.TODAY if is_today else When.LATER


REASONS: Mapping[Why, Said] = {
    Why.IN_WORK: said("in a call, or the next to be dialled"),
    Why.RETRY: said("waiting for its next scheduled try"),
    Why.HOURS: said("outside calling hours"),
    Why.REST: said("the number rests after the last call"),
    Why.BARRED: said("on the do-not-call list"),
    Why.ZONE: said("the time zone is not known"),
    Why.NUMBER_TYPE: said("numbers of this type or country are closed"),
    Why.NO_NUMBER: said("no number that may be dialled at all"),
    Why.TRUNK: said("no trunk of the campaign may dial the number"),
    Why.NO_TRUNK: said("the campaign has no trunk"),
    Why.ATTEMPTS: said("no attempt is left"),
    Why.RULE: said("a rule of the law or of the campaign forbids it"),
    Why.PAUSED: said("in a list that is paused"),
    Why.WORKED: said("done, exhausted or excluded"),
}


def told(outlook: ListOutlook) -> Said:
    """All of it in a sentence."""
    n = outlook.when
    return said(
        "of {leads:,} leads {now:,} can be called now, {today:,} later today, {later:,} on another day,"
        " {never:,} never",
        leads=outlook.leads,
        now=n[When.NOW],
        today=n[When.TODAY],
        later=n[When.LATER],
        never=n[When.NEVER],
    )


def scaled(counts: Mapping[T, int], total: int) -> dict[T, int]:
    """The same proportions of another total; what is rounded away goes to the largest remainders."""
    seen = sum(counts.values())
    if not seen:
        return {}
    shares = {each: n * total / seen for each, n in counts.items()}
    whole = {each: int(share) for each, share in shares.items()}
    by_rest = sorted(shares, key=lambda each: whole[each] - shares[each])
    for each in by_rest[: total - sum(whole.values())]:
        whole[each] += 1
    return whole


class Thinned(Generic[T]):
    """Of a stream of unknown length some, evenly spread: where `most` are kept, every second of them goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._step = 1
        self.count = 0
        self.kept: list[T] = []

    def watch(self, stream: Iterable[T]) -> Iterator[T]:
        """The stream itself, as it passes by."""
        for each in stream:
            if self.count % self._step == 0:
                self.kept.append(each)
                if len(self.kept) > self._most:
                    self.kept = self.kept[::2]
                    self._step *= 2
            self.count += 1
            yield each
