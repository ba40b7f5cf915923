"""The do-not-call list and the history of numbers in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import repeat
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import fitted, is_id
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import chunks, insert
from dialer.adapters.sql.tables import campaigns, cdrs, dnc, lead_numbers
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
from dialer.domain.types import CampaignId, Outcome, PhoneNumber
from dialer.ports.numbers import NumberHistory

_KEY = (dnc.c.entry, dnc.c.campaign, dnc.c.source)
_SEEN_AT = func.coalesce(dnc.c.seen_at, dnc.c.at)  # what the version before wrote has none
LONGEST = 16  # signs of a number, and so many entries may block it
AT_ONCE = 500  # numbers in one query: up to fifteen prefixes each


@fitted
class SqlNumbers:
    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def block(self, entry: Entry) -> None:
        async with self._database.write() as connection:
            await _put(connection, [replace(entry, entry=checked(entry.entry))])

    async def block_all(
        self,
        entries: Sequence[str],
        like: Entry,
        *,
        ends: Mapping[str, datetime] | None = None,
        replaces: bool = False,
        dry_run: bool = False,
    ) -> int:
        until = {checked(entry): (ends or {}).get(entry, like.until_at) for entry in entries}
        every = [replace(like, entry=entry, until_at=until[entry]) for entry in sorted(until)]  # in one order
        if dry_run:
            async with self._database.connection() as connection:
                return len(_renewed(every, await _known(connection, every, like), replaces=replaces)[0])
        async with self._database.write() as connection:
            known = await _known(connection, every, like)
            new, named = _renewed(every, known, replaces=replaces)
            await _put(connection, [*new, *named])
        return len(new)

    async def barring(self, number: PhoneNumber) -> Sequence[Entry]:
        entries, now = entries_of(number), self._clock()
        place = {entry: n for n, entry in enumerate(entries)}
        rows = await self._database.rows(select(dnc).where(dnc.c.entry.in_(entries)))
        found = [entry for entry in map(_entry, rows) if entry.bars(now)]
        return sorted(found, key=lambda one: (place[one.entry], *one.key))

    async def unblock(self, entry: str, *, campaign: CampaignId | None, source: str | None = None) -> bool:
        its = [dnc.c.entry == checked(entry), dnc.c.campaign == (campaign or EVERYWHERE)]
        if campaign and not is_id(campaign):
            return False
        if source is not None:
            its.append(dnc.c.source == source)
        async with self._database.write() as connection:
            return bool((await connection.execute(delete(dnc).where(*its))).rowcount)

    async def unblock_all(self, entries: Sequence[Entry]) -> int:
        alike: dict[tuple[int, str], list[Entry]] = defaultdict(list)
        for entry in entries:
            alike[entry.key[1:]].append(entry)
        count = 0
        async with self._database.write() as connection:
            for (campaign, source), its in sorted(alike.items()):
                seen_at = max(entry.seen_at or entry.at for entry in its)
                asked = (dnc.c.campaign == campaign, _source_is(source), seen_at >= _SEEN_AT)
                for some in chunks(sorted({entry.entry for entry in its})):
                    query = delete(dnc).where(dnc.c.entry.in_(some), *asked)
                    count += (await connection.execute(query)).rowcount
        return count

    async def blocked(self, listed: Listed) -> Sequence[Entry]:
        whose = listed.campaign
        if whose is not None and whose != EVERYWHERE and not is_id(whose):
            return []
        query = select(dnc).where(tuple_(*_KEY) > tuple_(*_values_of(listed.after)))
        if whose is not None:
            query = query.where(dnc.c.campaign == whose)
        if whose:
            query = query.where(text("campaign > 0"))  # what the index of campaigns holds
        if listed.source is not None:
            query = query.where(dnc.c.source == listed.source)
        if listed.seen_before_at is not None:
            query = query.where(listed.seen_before_at > _SEEN_AT)
        rows = await self._database.rows(query.order_by(*_KEY).limit(listed.limit))
        return [_entry(row) for row in rows]

    async def sources(self) -> Sequence[Source]:
        c, by = dnc.c, (dnc.c.source, dnc.c.campaign)
        expired = func.sum(case((c.until_at <= self._clock(), 1), else_=0)).label("expired")
        figures = (func.count().label("entries"), expired, func.max(c.seen_at).label("seen_at"))
        rows = await self._database.rows(select(*by, *figures).group_by(*by).order_by(*by))
        return [
            Source(
                row["source"], row["campaign"] or None, row["entries"], int(row["expired"]), row["seen_at"]
            )
            for row in rows
        ]

    async def person(self, number: PhoneNumber) -> Sequence[PhoneNumber]:
        own, other = lead_numbers.alias("own"), lead_numbers.alias("other")
        every = select(campaigns.c.id)  # the index of numbers begins with them
        its = (own.c.campaign.in_(every), own.c.number == number, own.c.extension == "")
        query = select(other.c.number).join(own, own.c.lead == other.c.lead)
        query = query.where(*its, other.c.extension == "", other.c.number != number)
        rows = await self._database.rows(query.distinct().order_by(other.c.number))
        return [PhoneNumber(row["number"]) for row in rows]

    async def history(
        self, numbers: Iterable[PhoneNumber], campaign: CampaignId
    ) -> Mapping[PhoneNumber, NumberHistory]:
        asked = dict.fromkeys(numbers)
        if len(asked) == 1 and len(entries_of(number := next(iter(asked)))) <= LONGEST:
            return {number: await self._history_of(number, campaign)}
        found: dict[PhoneNumber, NumberHistory] = {}
        for some in chunks(asked, AT_ONCE):
            entries = sorted({entry for number in some for entry in entries_of(number)})
            here = {"entries": entries, "campaigns": [EVERYWHERE, *([campaign] if is_id(campaign) else [])]}
            calls, blocks = await self._database.several((_LAST_CALLS, {"numbers": some}), (_BLOCKS, here))
            last = {row["number"]: (row["end_at"], row["outcome"]) for row in calls}
            why = _reasons(blocks, self._clock())
            for number in some:
                end_at, outcome = last.get(number, (None, ""))
                blocked = next((why[entry] for entry in entries_of(number) if entry in why), "")
                found[number] = NumberHistory(end_at, outcome, blocked)
        return found

    async def _history_of(self, number: PhoneNumber, campaign: CampaignId) -> NumberHistory:
        """The same of one number, as it is asked before nearly every dial: by statements of fixed length."""
        entries = entries_of(number)
        slots = {f"entry{n}": entry for n, entry in enumerate((*entries, *repeat(number, LONGEST))[:LONGEST])}
        calls, blocks = await self._database.several(
            (_LAST_CALL, {"number": number}),
            (_BLOCKS_OF_ONE, {**slots, "campaign": campaign if is_id(campaign) else EVERYWHERE}),
        )
        end_at, outcome = (calls[0]["end_at"], calls[0]["outcome"]) if calls else (None, "")
        why = _reasons(blocks, self._clock())
        return NumberHistory(end_at, outcome, next((why[entry] for entry in entries if entry in why), ""))


def _source_is(source: str) -> ColumnElement[bool]:
    """For look-ups by entry: without statistics PostgreSQL would go through all that the source has."""
    return dnc.c.source.concat("") == source


async def _known(connection: AsyncConnection, entries: Sequence[Entry], like: Entry) -> Mapping[str, Entry]:
    """What the source has said of these already, locked where the database locks rows."""
    found: dict[str, Entry] = {}
    its = (dnc.c.campaign == (like.campaign or EVERYWHERE), _source_is(like.source))
    for some in chunks(one.entry for one in entries):
        query = select(dnc).where(dnc.c.entry.in_(some), *its).order_by(dnc.c.entry).with_for_update()
        rows = (await connection.execute(query)).mappings()
        found.update((row["entry"], _entry(row)) for row in rows)
    return found


def _renewed(
    entries: Sequence[Entry], known: Mapping[str, Entry], *, replaces: bool
) -> tuple[list[Entry], list[Entry]]:
    """What did not bar before, and what did."""
    new: list[Entry] = []
    named: list[Entry] = []
    for one in entries:
        before = known.get(one.entry)
        after = renewed(before, one, replaces=replaces)
        (named if before is not None and before.bars(one.at) else new).append(after)
    return new, named


async def _put(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """In place of what was there; what its source has named later stays named later."""
    if not entries:
        return
    query = insert(connection, dnc)
    new = query.excluded
    later = case((new.seen_at > _SEEN_AT, new.seen_at), else_=_SEEN_AT)
    values = {name: new[name] for name in ("reason", "at", "by", "until_at")} | {"seen_at": later}
    upsert = query.on_conflict_do_update(index_elements=["entry", "campaign", "source"], set_=values)
    await connection.execute(upsert, [_row(entry) for entry in entries])


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.entry,
        "campaign": entry.campaign or EVERYWHERE,
        "source": entry.source,
        "reason": entry.reason,
        "at": entry.at,
        "by": entry.by,
        "until_at": entry.until_at,
        "seen_at": entry.seen_at or entry.at,
    }


def _entry(row: RowMapping) -> Entry:
    return Entry(
        row["entry"],
        row["campaign"] or None,
        row["reason"],
        row["at"],
        source=row["source"],
        by=row["by"],
        until_at=row["until_at"],
        seen_at=row["seen_at"] or row["at"],
    )


def _values_of(key: Key) -> list[BindParameter[Any]]:
    """With their types: PostgreSQL compares no text with a name."""
    return [literal(value, column.type) for value, column in zip(key, _KEY, strict=True)]


def _reasons(blocks: Iterable[RowMapping], now: datetime) -> dict[str, str]:
    """Why each entry blocks; everywhere before here."""
    why: dict[str, str] = {}
    for row in blocks:
        if row["until_at"] is None or now < row["until_at"]:
            reason = row["reason"] or row["source"]
            why.setdefault(row["entry"], why_blocked(row["entry"], row["campaign"] or None, reason))
    return why


def _last_calls() -> Select[Any]:
    """The last record of each number, over all campaigns, found in the index of numbers."""
    refused = Outcome.TRUNK_REFUSED.value  # says nothing of the number, and must not hide what does
    asked = and_(cdrs.c.number.in_(bindparam("numbers", expanding=True)), cdrs.c.outcome != refused)
    last = select(cdrs.c.number, func.max(cdrs.c.end_at).label("end_at")).where(asked)
    last_of = last.group_by(cdrs.c.number).subquery("last_of")
    same = and_(cdrs.c.number == last_of.c.number, cdrs.c.end_at == last_of.c.end_at, asked)
    return select(cdrs.c.number, cdrs.c.end_at, cdrs.c.outcome).join(last_of, same).order_by(cdrs.c.id)


def _last_call() -> Select[Any]:
    """The same of one number."""
    asked = (cdrs.c.number == bindparam("number"), cdrs.c.outcome != Outcome.TRUNK_REFUSED.value)
    latest = (cdrs.c.end_at.desc(), cdrs.c.id.desc())
    return select(cdrs.c.end_at, cdrs.c.outcome).where(*asked).order_by(*latest).limit(1)


def _blocks_of_one() -> Select[Any]:
    """As `_blocks`, of entries in so many slots; those that are left over hold the number once more."""
    slots = [bindparam(f"entry{n}", type_=dnc.c.entry.type) for n in range(LONGEST)]
    here = or_(dnc.c.campaign == EVERYWHERE, dnc.c.campaign == bindparam("campaign"))
    return select(dnc).where(dnc.c.entry.in_(slots), here).order_by(dnc.c.campaign, dnc.c.source)


def _blocks() -> Select[Any]:
    """Of all entries that could block these numbers, those that are there."""
    asked = dnc.c.entry.in_(bindparam("entries", expanding=True))
    here = dnc.c.campaign.in_(bindparam("campaigns", expanding=True))
    return select(dnc).where(asked, here).order_by(dnc.c.campaign, dnc.c.source)


# asked for every number that is dialled, and made once: to make them takes longer than to run them
_LAST_CALLS = _last_calls()
_BLOCKS = _blocks()
_LAST_CALL, _BLOCKS_OF_ONE = _last_call(), _blocks_of_one()
