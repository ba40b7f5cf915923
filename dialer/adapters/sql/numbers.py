"""The do-not-call list and the history of numbers in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any

from sqlalchemy import RowMapping, Select, and_, bindparam, delete, func, or_, select

from dialer.adapters.fitting import fitted, is_id
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.insert import chunks, insert
from dialer.adapters.sql.tables import cdrs, dnc
from dialer.domain.dnc import checked, entries_of, why_blocked
from dialer.domain.types import CampaignId, Outcome, PhoneNumber
from dialer.ports.stores import NumberHistory

EVERYWHERE = 0  # in place of a campaign
LONGEST = 16  # signs of a number, and so many entries may block it
AT_ONCE = 500  # numbers in one query: up to fifteen prefixes each


@fitted
class SqlNumbers:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def block(self, entry: str, *, campaign: CampaignId | None, reason: str, now: datetime) -> None:
        kept = checked(entry)
        values = {"entry": kept, "campaign": campaign or EVERYWHERE, "reason": reason, "at": now}
        async with self._database.write() as connection:
            query = insert(connection, dnc).values(values)
            again = {"reason": query.excluded.reason, "at": query.excluded.at}
            await connection.execute(
                query.on_conflict_do_update(index_elements=["entry", "campaign"], set_=again)
            )

    async def block_all(
        self, entries: Iterable[str], *, campaign: CampaignId | None, reason: str, now: datetime
    ) -> int:
        every = sorted({checked(entry) for entry in entries})  # in one order, as other lists are
        row = {"campaign": campaign or EVERYWHERE, "reason": reason, "at": now}
        new = 0
        async with self._database.write() as connection:
            query = insert(connection, dnc).on_conflict_do_nothing()
            for some in chunks(every, AT_ONCE):
                values = [{"entry": entry, **row} for entry in some]
                new += (await connection.execute(query.values(values))).rowcount
        return new

    async def barring(self, number: PhoneNumber) -> Sequence[Mapping[str, Any]]:
        entries = entries_of(number)
        query = select(dnc).where(dnc.c.entry.in_(entries))
        place = {entry: n for n, entry in enumerate(entries)}
        rows = await self._database.rows(query)
        return [
            {**row, "campaign": row["campaign"] or None}
            for row in sorted(rows, key=lambda row: (place[row["entry"]], row["campaign"]))
        ]

    async def unblock(self, entry: str, *, campaign: CampaignId | None) -> bool:
        its = (dnc.c.entry == checked(entry), dnc.c.campaign == (campaign or EVERYWHERE))
        if campaign and not is_id(campaign):
            return False
        async with self._database.write() as connection:
            return bool((await connection.execute(delete(dnc).where(*its))).rowcount)

    async def blocked(
        self,
        campaign: CampaignId | None = None,
        *,
        after: tuple[str, int] = ("", 0),
        limit: int | None = None,
    ) -> Sequence[Mapping[str, Any]]:
        if campaign is not None and not is_id(campaign):
            return []
        entry, whose = after
        query = select(dnc).where(
            or_(dnc.c.entry > entry, and_(dnc.c.entry == entry, dnc.c.campaign > whose))
        )
        if campaign is not None:
            query = query.where(dnc.c.campaign == campaign)
        rows = await self._database.rows(query.order_by(dnc.c.entry, dnc.c.campaign).limit(limit))
        return [{**row, "campaign": row["campaign"] or None} for row in rows]

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
            why = _reasons(blocks)
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
        why = _reasons(blocks)
        return NumberHistory(end_at, outcome, next((why[entry] for entry in entries if entry in why), ""))


def _reasons(blocks: Iterable[RowMapping]) -> dict[str, str]:
    """Why each entry blocks; everywhere before here."""
    why: dict[str, str] = {}
    for row in blocks:
        why.setdefault(row["entry"], why_blocked(row["entry"], row["campaign"] or None, row["reason"]))
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
    return select(dnc).where(dnc.c.entry.in_(slots), here).order_by(dnc.c.campaign)


def _blocks() -> Select[Any]:
    """Of all entries that could block these numbers, those that are there."""
    asked = dnc.c.entry.in_(bindparam("entries", expanding=True))
    here = dnc.c.campaign.in_(bindparam("campaigns", expanding=True))
    return select(dnc).where(asked, here).order_by(dnc.c.campaign)


# asked for every number that is dialled, and made once: to make them takes longer than to run them
_LAST_CALLS = _last_calls()
_BLOCKS = _blocks()
_LAST_CALL, _BLOCKS_OF_ONE = _last_call(), _blocks_of_one()
