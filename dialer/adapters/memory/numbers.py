"""The do-not-call list and the history of numbers in dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

from dialer.adapters.fitting import fitted
from dialer.adapters.memory.ledger import MemoryLedger
from dialer.adapters.memory.lists import MemoryLeads
from dialer.domain.dnc import (
    EVERYWHERE,
    Entry,
    Key,
    Listed,
    Source,
    checked,
    entries_of,
    renewed,
    why_blocked,
)
from dialer.domain.types import CampaignId, PhoneNumber
from dialer.ports.numbers import NumberHistory


@fitted
class MemoryNumbers:
    def __init__(self, ledger: MemoryLedger, leads: MemoryLeads, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._leads = leads
        self._clock = clock
        self._rows: dict[str, dict[Key, Entry]] = {}  # by what is barred

    async def block(self, entry: Entry) -> None:
        self._put(replace(entry, entry=checked(entry.entry)))

    async def block_all(
        self,
        entries: Sequence[str],
        like: Entry,
        *,
        ends: Mapping[str, datetime] | None = None,
        replaces: bool = False,
        dry_run: bool = False,
    ) -> int:
        every = {
            checked(entry): replace(
                like, entry=checked(entry), until_at=(ends or {}).get(entry, like.until_at)
            )
            for entry in entries
        }
        known = {entry: self._rows.get(entry, {}).get(one.key) for entry, one in every.items()}
        for entry, one in every.items() if not dry_run else ():
            self._put(renewed(known[entry], one, replaces=replaces))
        return sum(before is None or not before.bars(like.at) for before in known.values())

    async def unblock(self, entry: str, *, campaign: CampaignId | None, source: str | None = None) -> bool:
        its = self._rows.get(checked(entry), {})
        gone = [
            key for key in its if key[1] == (campaign or EVERYWHERE) and (source is None or source == key[2])
        ]
        for key in gone:
            self._drop(key)
        return bool(gone)

    async def unblock_all(self, entries: Sequence[Entry]) -> int:
        count = 0
        for one in entries:
            now = self._rows.get(one.entry, {}).get(one.key)
            if now is not None and _seen_at(now) <= _seen_at(one):
                self._drop(one.key)
                count += 1
        return count

    async def barring(self, number: PhoneNumber) -> Sequence[Entry]:
        now = self._clock()
        every = (one for entry in entries_of(number) for _, one in sorted(self._rows.get(entry, {}).items()))
        return [one for one in every if one.bars(now)]

    async def blocked(self, listed: Listed) -> Sequence[Entry]:
        every = (one for its in self._rows.values() for one in its.values())
        found = sorted((one for one in every if _is_asked(one, listed)), key=lambda one: one.key)
        return found[: listed.limit]

    async def sources(self) -> Sequence[Source]:
        def of(one: Entry) -> tuple[str, int]:
            return one.source, one.campaign or EVERYWHERE

        now = self._clock()
        every = sorted((one for its in self._rows.values() for one in its.values()), key=of)
        found = []
        for (source, campaign), some in groupby(every, of):
            its = list(some)
            expired = sum(not one.bars(now) for one in its)
            seen_at = max(map(_seen_at, its))
            found.append(
                Source(source, CampaignId(campaign) if campaign else None, len(its), expired, seen_at)
            )
        return found

    async def person(self, number: PhoneNumber) -> Sequence[PhoneNumber]:
        return sorted(
            {
                other
                for lead in self._leads.every()
                if number in lead.numbers and number not in lead.extensions
                for other in lead.numbers
                if other != number and other not in lead.extensions
            }
        )

    async def history(
        self, numbers: Iterable[PhoneNumber], campaign: CampaignId
    ) -> Mapping[PhoneNumber, NumberHistory]:
        found = {}
        for number in numbers:
            last = self._ledger.last_of(number)
            found[number] = NumberHistory(
                last_end_at=last.end_at.astimezone(UTC) if last else None,
                last_outcome=last.outcome.value if last else "",
                dnc=self._why_blocked(number, campaign),
            )
        return found

    def _why_blocked(self, number: str, campaign: CampaignId) -> str:
        now = self._clock()
        for entry in entries_of(number):
            for (_, whose, source), one in sorted(self._rows.get(entry, {}).items()):
                if whose in (EVERYWHERE, campaign) and one.bars(now):
                    return why_blocked(entry, one.campaign, one.reason or source)
        return ""

    def _put(self, one: Entry) -> None:
        before = self._rows.get(one.entry, {}).get(one.key)
        seen_at = max(_seen_at(one), _seen_at(before)) if before else _seen_at(one)
        kept = replace(one, campaign=one.campaign or None, seen_at=seen_at)
        self._rows.setdefault(one.entry, {})[one.key] = kept

    def _drop(self, key: Key) -> None:
        its = self._rows[key[0]]
        del its[key]
        if not its:
            del self._rows[key[0]]


def _seen_at(entry: Entry) -> datetime:
    return entry.seen_at or entry.at


def _is_asked(one: Entry, listed: Listed) -> bool:
    return (
        one.key > listed.after
        and listed.campaign in (None, one.campaign or EVERYWHERE)
        and listed.source in (None, one.source)
        and (listed.seen_before_at is None or _seen_at(one) < listed.seen_before_at)
    )
