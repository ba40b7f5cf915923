"""Leads by what they have in common: read in pages of an index, changed in short transactions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import fitted, is_id
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.hidden import hidden, seen
from dialer.adapters.sql.insert import chunks
from dialer.adapters.sql.lists import ALONE, check_campaign
from dialer.adapters.sql.tables import lead_numbers, leads
from dialer.adapters.sql.troubles import Twin
from dialer.adapters.sql.whole import with_numbers
from dialer.adapters.sql.zonesets import codes_there, columns_of
from dialer.domain.choice import YE, YO, Choice, Sought, sought
from dialer.domain.errors import Conflict, Missing
from dialer.domain.lead import Lead
from dialer.domain.listwork import Change
from dialer.domain.said import said
from dialer.domain.types import CampaignId, LeadId, LeadStatus

WRITTEN = ("status", "number_index", "attempts", "tried", "dead", "next_at", "promised_at", "priority")
TOLD = ("zones", "name", "company", "inn", "email", "extra", "ref")
LEASED = LeadStatus.LEASED.value
UNICODE = "und-x-icu"  # the collation of PostgreSQL by which letters of every alphabet are small or large
GAP = "\n"  # no word has one


@fitted
class SqlChoices:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def chosen(self, choice: Choice, *, after: int = 0, limit: int = 100) -> Sequence[Lead]:
        if not is_id(choice.campaign):
            return []
        query = select(leads).where(leads.c.campaign == choice.campaign, leads.c.id > after)
        query = query.where(*_asked(choice, is_sqlite=self._database.is_sqlite))
        async with self._database.connection() as connection:
            query = query.where(*seen(await hidden(connection, choice.campaign)))
            rows = await connection.execute(query.order_by(leads.c.id).limit(limit))
            return await with_numbers(connection, rows.mappings().all())

    async def change(self, changes: Sequence[Change]) -> set[LeadId]:
        done: set[LeadId] = set()
        async with self._database.write() as connection:
            for (status, attempts, promised_at, _), its in _alike(changes).items():
                as_read = (leads.c.status == status, leads.c.status != LEASED, leads.c.attempts == attempts,
                           leads.c.promised_at.is_not_distinct_from(promised_at))  # fmt: skip
                values = _values(its[0])
                for some in chunks(one.before.id for one in its):
                    query = update(leads).where(leads.c.id.in_(some), *as_read).values(values)
                    done.update((await connection.execute(query.returning(leads.c.id))).scalars())
        return done

    async def edit(self, before: Lead, after: Lead) -> bool:
        try:
            async with self._database.write() as connection:
                if not self._database.is_sqlite and before.keys != after.keys:  # as `move` does
                    await connection.execute(ALONE, {"campaign": str(before.campaign)})
                query = select(leads).where(leads.c.id == before.id).with_for_update()
                rows = (await connection.execute(query)).mappings().all() if is_id(before.id) else []
                for now in await with_numbers(connection, rows):
                    if now != before or before.status is LeadStatus.LEASED:
                        return False
                    await _write_all(connection, before, after)
                    return True
        except Twin:
            raise Conflict(said("another lead of the campaign has one of these numbers already")) from None
        raise Missing(said("there is no lead {lead}", lead=before.id))

    async def remove(self, which: Sequence[LeadId]) -> set[LeadId]:
        done: set[LeadId] = set()
        async with self._database.write() as connection:
            for some in chunks(sorted(set(which))):
                query = delete(leads).where(leads.c.id.in_(some), leads.c.status != LEASED)
                done.update((await connection.execute(query.returning(leads.c.id))).scalars())
        return done

    async def move(self, which: Sequence[LeadId], campaign: CampaignId) -> set[LeadId]:
        done: set[LeadId] = set()
        async with self._database.write() as connection:
            if not self._database.is_sqlite:  # an import that brings the same numbers is waited for
                await connection.execute(ALONE, {"campaign": str(campaign)})
            await check_campaign(connection, campaign)
            for some in chunks(sorted(set(which))):
                movable = (leads.c.id.in_(some), leads.c.status != LEASED, ~_has_twin(campaign))
                query = update(leads).where(*movable).values(campaign=campaign)
                moved = (await connection.execute(query.returning(leads.c.id))).scalars().all()
                theirs = update(lead_numbers).where(lead_numbers.c.lead.in_(moved))
                await connection.execute(theirs.values(campaign=campaign))
                done.update(moved)
        return done


async def _write_all(connection: AsyncConnection, before: Lead, after: Lead) -> None:
    values = _values(Change(before, after)) | {name: _plain(name, getattr(after, name)) for name in TOLD}
    values |= columns_of(after.zones, await codes_there(connection, [after.zones]))
    await connection.execute(update(leads).where(leads.c.id == before.id).values(values))
    if before.keys == after.keys:
        return
    await connection.execute(delete(lead_numbers).where(lead_numbers.c.lead == before.id))
    rows = [
        {
            "lead": before.id,
            "position": position,
            "campaign": before.campaign,
            "number": number,
            "extension": after.extensions.get(number, ""),
        }
        for position, number in enumerate(after.numbers)
    ]
    await connection.execute(insert(lead_numbers), rows)


def _has_twin(campaign: CampaignId) -> ColumnElement[bool]:
    """Whether the campaign has one of the lead's numbers already; of one that is in it all of them are."""
    own, other = lead_numbers.alias("own"), lead_numbers.alias("other")
    same = (other.c.number == own.c.number, other.c.extension == own.c.extension)
    query = select(own.c.lead).where(own.c.lead == leads.c.id, other.c.campaign == campaign, *same)
    return query.correlate(leads).exists()


def _asked(choice: Choice, *, is_sqlite: bool) -> list[ColumnElement[bool]]:
    c = leads.c
    found: list[ColumnElement[bool]] = []
    if choice.statuses:
        found.append(c.status.in_(sorted(choice.statuses)))
    if choice.outcomes:
        found.append(c.last_outcome.in_(sorted(choice.outcomes)))
    if choice.last_since_at is not None:
        found.append(c.last_at >= choice.last_since_at)
    if choice.last_before_at is not None:
        found.append(c.last_at < choice.last_before_at)
    if choice.attempts_least:
        found.append(c.attempts >= choice.attempts_least)
    if choice.attempts_most is not None:
        found.append(c.attempts <= choice.attempts_most)
    if choice.imports:
        found.append(c.import_id.in_(sorted(choice.imports)))
    if choice.leads:
        found.append(c.id.in_(sorted(choice.leads)))
    if choice.number:  # a range, not LIKE: it can use the index of numbers in both databases
        n = lead_numbers.c.number
        its = _numbers_of(choice).where(n >= choice.number, n < choice.number + "\U0010ffff")
        found.append(c.id.in_(its))
    if choice.search.strip():
        found.append(_sought(sought(choice.search), choice, is_sqlite=is_sqlite))
    return found


def _numbers_of(choice: Choice) -> Select[Any]:
    return select(lead_numbers.c.lead).where(lead_numbers.c.campaign == choice.campaign)


def _sought(what: Sought, choice: Choice, *, is_sqlite: bool) -> ColumnElement[bool]:
    c = leads.c
    if is_sqlite:  # the four are looked through once
        its = func.folded(c.name + GAP + c.company + GAP + c.ref + GAP + c.inn, type_=Text)
    else:
        whole = func.concat_ws(GAP, c.name, c.company, c.ref, c.inn, type_=Text)
        its = func.replace(func.lower(whole.collate(UNICODE)), YO, YE, type_=Text)
    every = and_(*(its.contains(word, autoescape=True) for word in what.words))
    if not what.digits:
        return every
    parts = or_(*(lead_numbers.c.number.contains(digits) for digits in what.digits))
    return or_(leads.c.id.in_(_numbers_of(choice).where(parts)), every)


def _alike(changes: Sequence[Change]) -> Mapping[tuple[str, int, datetime | None, str], list[Change]]:
    """Changes that one statement makes: the same columns get the same values."""
    found: dict[tuple[str, int, datetime | None, str], list[Change]] = defaultdict(list)
    for one in changes:
        was = one.before
        found[was.status.value, was.attempts, was.promised_at, repr(_values(one))].append(one)
    return found


def _values(change: Change) -> dict[str, Any]:
    """By column, what is not as it was."""
    before, after = change.before, change.after
    named = [name for name in WRITTEN if getattr(before, name) != getattr(after, name)]
    return {name: _plain(name, getattr(after, name)) for name in named}


def _plain(name: str, value: Any) -> Any:
    if name == "tried":
        return {outcome.value: times for outcome, times in value.items()}
    return list(value) if name in ("dead", "zones") else dict(value) if name == "extra" else value
