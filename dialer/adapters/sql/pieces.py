"""Imports on SQLite, which has one writer: in pieces that hold it for a moment, hidden until all are in."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import is_id
from dialer.adapters.sql.cells import clock_now, later
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.hidden import COMING, GOING, HERE, REVISING, Spans, grown, is_hidden, spans_of
from dialer.adapters.sql.insert import chunks
from dialer.adapters.sql.revise import forget, keep, kept, leased_among, revise, why_it_stays
from dialer.adapters.sql.tables import imports, lead_numbers, leads
from dialer.adapters.sql.zonesets import codes_for
from dialer.domain.errors import Conflict, Missing, StoreDown
from dialer.domain.intake import Arrived, Batch, Revision
from dialer.domain.lead import Lead
from dialer.domain.said import said
from dialer.domain.types import LeadStatus, PhoneNumber

T = TypeVar("T")
HOLD_S = 0.015  # for which a piece should hold the writer; others wait for 50 ms at the most
FIRST, LEAST, MOST = 100, 10, 1_000  # rows of a piece
LIVE_S = 90.0  # an import of which nothing is heard for so long is given up: its reader may be silent for 60
WAIT_S = 0.1

Ready = tuple[tuple[Any, ...], list[tuple[int, PhoneNumber, str]]]  # a lead and its numbers, as columns
OF_FILE = ("priority", "zones", "zone_set", "name", "company", "inn", "email", "extra", "ref")
# own column names only, every value is bound
INTO_LEADS = (
    "INSERT INTO leads (id, campaign, import_id, number_index, status, attempts, tried, dead,"
    f" {', '.join(OF_FILE)})"
)
ONE_LEAD = f"(?, ?, ?, 0, 'new', 0, '{{}}', '[]', {', '.join('?' * len(OF_FILE))})"
INTO_NUMBERS = "INSERT INTO lead_numbers (lead, position, campaign, number, extension)"
AT_ONCE = 40  # rows of one statement: forty by one statement take half the time of forty statements
LEAVE_OUT = text(
    "DELETE FROM leads WHERE id BETWEEN :first AND :last"
    " AND NOT EXISTS (SELECT 1 FROM lead_numbers WHERE lead_numbers.lead = leads.id)"
)
# the highest id ever given: that of an undone lead is not given again
LAST_ID = text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'leads'")
BETWEEN = text("SELECT 1 FROM leads WHERE campaign = :campaign AND id > :after AND id < :before LIMIT 1")
FREE = (leads.c.attempts == 0, leads.c.status != LeadStatus.LEASED.value)


class _Twin(Exception):
    """One of the numbers belongs to a lead of an import that is not through: it may still be taken back."""


class Pace:
    """How many rows a piece may have on this machine, at this moment."""

    def __init__(self) -> None:
        self.rows = FIRST
        self._free_at_s = 0.0

    @asynccontextmanager
    async def piece(self, database: Database, connection: AsyncConnection, rows: int) -> AsyncIterator[None]:
        """A transaction that writes so many rows; others had their turn since the last one."""
        await self._wait()
        async with database.writing(connection):
            began = time.perf_counter()
            yield
        self._learn(rows, time.perf_counter() - began)

    async def put(self, database: Database, rows: int, work: Callable[[Connection], T]) -> T:
        """The same of a work that one thread does from its begin to its commit."""
        await self._wait()
        found, took_s = await database.in_one_go(work)
        self._learn(rows, took_s)
        return found

    async def _wait(self) -> None:
        await asyncio.sleep(self._free_at_s - time.perf_counter())

    def _learn(self, rows: int, took_s: float) -> None:
        """What is read and made ready meanwhile is as good for others as a pause."""
        self._free_at_s = time.perf_counter() + min(took_s, HOLD_S)
        fitting = max(rows, 1) * HOLD_S / max(took_s, 1e-6)
        self.rows = int(max(LEAST, min(MOST, fitting, 2 * self.rows)))


async def take(
    database: Database,
    connection: AsyncConnection,
    entry: Mapping[str, Any],
    batches: AsyncIterator[Batch],
    *,
    keeps_empty: bool,
) -> Arrived:
    """A list of one piece is there at once; others are hidden until the last piece is in."""
    pace = Pace()
    pieces = _pieces(batches, pace)
    first, second = await anext(pieces, None), await anext(pieces, None)
    if first is None:
        if not keeps_empty:
            return Arrived()
        first = Batch()
    if second is None and not first.revisions:
        return await _put_whole(database, connection, entry, first.new, pace)
    arrival = _Arrival(database, connection, entry, pace)
    await arrival.begin()
    try:
        for one in (first, second):
            if one is not None:
                await arrival.put(one)
        async for one in pieces:
            await arrival.put(one)
        return await arrival.finish()
    except Exception:
        with suppress(StoreDown):
            if await arrival.give_up():  # one that is seen already is finished by the next import
                await _clear(database, connection, arrival.id, pace)
        raise
    except BaseException:  # whoever is in a hurry: the next import clears
        with suppress(StoreDown):
            await arrival.give_up()
        raise


async def _pieces(batches: AsyncIterator[Batch], pace: Pace) -> AsyncIterator[Batch]:
    """As long as the pace has it when each is made."""
    async for batch in batches:
        new, revisions = list(batch.new), list(batch.revisions)
        while new or revisions:
            n = pace.rows
            some, more = new[:n], revisions[: max(0, n - len(new[:n]))]
            del new[: len(some)], revisions[: len(more)]
            yield Batch(some, more)


async def _put_whole(
    database: Database,
    connection: AsyncConnection,
    entry: Mapping[str, Any],
    new: Sequence[Lead],
    pace: Pace,
) -> Arrived:
    """In one transaction; an import under way that has one of the numbers is waited for."""
    rows = await _ready(database, connection, new)

    def whole(connection: Connection) -> Arrived:
        import_id = int(connection.execute(_entering(entry, HERE)).scalar_one())
        first, last, count = _put(connection, entry["campaign"], import_id, rows, minds=True)
        values = {"leads": count, "hidden": [(first, last)]}
        connection.execute(update(imports).where(imports.c.id == import_id).values(values))
        return Arrived(import_id, count)

    while True:
        await clear_left(database, connection, entry["campaign"], pace)
        try:
            return await pace.put(database, len(rows), whole)
        except _Twin:
            await asyncio.sleep(WAIT_S)


class _Arrival:
    """An import of several pieces."""

    def __init__(
        self, database: Database, connection: AsyncConnection, entry: Mapping[str, Any], pace: Pace
    ) -> None:
        self._database, self._connection, self._entry, self._pace = database, connection, entry, pace
        self._campaign = entry["campaign"]
        self._spans: Spans = ()
        self._leads = self._changes = 0
        self.id = 0

    async def begin(self) -> None:
        """One at a time into a campaign: of two with the same numbers the second sees what the first has."""
        while not self.id:
            await clear_left(self._database, self._connection, self._campaign, self._pace)
            async with self._database.writing(self._connection):
                if not (await self._connection.execute(_under_way(self._campaign))).first():
                    entering = _entering(self._entry, COMING, until_at=self._later)
                    self.id = int((await self._connection.execute(entering)).scalar_one())
            if not self.id:
                await asyncio.sleep(WAIT_S)

    async def put(self, piece: Batch) -> None:
        rows = await _ready(self._database, self._connection, piece.new)
        put = partial(self._put, rows, piece.revisions)
        n = len(rows) + len(piece.revisions)
        self._spans, self._leads = await self._pace.put(self._database, n, put)
        self._changes += len(piece.revisions)

    async def finish(self) -> Arrived:
        """From here on it is seen; what it makes of other leads follows."""
        stage = REVISING if self._changes else HERE
        await self._pace.put(self._database, 1, lambda connection: self._be(connection, stage))
        if self._changes:
            await _revise(self._database, self._connection, self.id, self._pace)
        return Arrived(self.id, self._leads, self._changes)

    async def give_up(self) -> bool:
        """Nothing more is heard of it from now on; False: all of it is in and seen already."""
        async with self._database.writing(self._connection):
            its = (imports.c.id == self.id, imports.c.stage == COMING)
            long_ago = later(self._database, -1.0)
            query = update(imports).where(*its).values(until_at=long_ago)
            return bool((await self._connection.execute(query)).rowcount)

    def _put(
        self, rows: Sequence[Ready], revisions: Sequence[Revision], connection: Connection
    ) -> tuple[Spans, int]:
        """Where its leads lie, and how many there are, once it is committed."""
        self._be(connection, COMING)  # others may have cleared it away, and its row with it
        spans, leads_ = self._spans, self._leads
        if rows:
            first, last, count = _put(connection, self._campaign, self.id, rows)
            spans = grown(spans, first, last, joins=self._joins(connection, first))
            leads_ += count
        keep(connection, self.id, self._changes, revisions)
        self._be(connection, COMING, leads=leads_, hidden=spans)
        return spans, leads_

    def _joins(self, connection: Connection, first: int) -> bool:
        """Whether nobody else has put leads into the campaign since the last piece."""
        last = self._spans[-1][1] if self._spans else first
        given = {"campaign": self._campaign, "after": last, "before": first}
        return first <= last + 1 or not connection.execute(BETWEEN, given).first()

    def _be(self, connection: Connection, stage: str, **values: Any) -> None:
        """Raises Conflict where others have given it up meanwhile."""
        until_at = None if stage == HERE else self._later
        its = update(imports).where(imports.c.id == self.id, imports.c.stage == COMING)
        done = connection.execute(its.values(stage=stage, until_at=until_at, **values))
        if not done.rowcount:
            raise Conflict(
                said(
                    "the import of {file} was given up, for nothing was heard of it for {seconds:.0f} s:"
                    " import it again",
                    file=self._entry["file_name"],
                    seconds=LIVE_S,
                )
            )

    @property
    def _later(self) -> Any:
        return later(self._database, LIVE_S)


# --- taking back ------------------------------------------------------------------------------------------


async def undo(database: Database, import_id: int) -> int:
    """Hidden first, so that nobody is called meanwhile; gives how many leads are gone."""
    pace = Pace()
    async with database.connection() as connection:
        await _hide(database, connection, import_id)
        if (why := await _why_it_stays(database, import_id)) is not None:
            async with database.writing(connection):
                await _renew(database, connection, import_id, HERE)
            raise why
        return await _go(database, connection, import_id, pace)


async def _hide(database: Database, connection: AsyncConnection, import_id: int) -> None:
    """Missing for one that is not there, or not yet; Conflict where somebody else works on it."""
    async with database.writing(connection):
        is_over = (imports.c.until_at < clock_now(is_sqlite=True)).label("is_over")
        query = select(imports.c.stage, imports.c.hidden, is_over).where(imports.c.id == import_id)
        row = (await connection.execute(query)).first() if is_id(import_id) else None
        if row is None or row.stage == COMING:
            raise Missing(said("there is no import {import_id}", import_id=import_id))
        if row.stage != HERE and not row.is_over:
            raise Conflict(
                said("import {import_id} is under way: wait until it is through", import_id=import_id)
            )
        spans = row.hidden
        if not spans:  # of an older version
            ends = select(func.min(leads.c.id), func.max(leads.c.id)).where(leads.c.import_id == import_id)
            first, last = (await connection.execute(ends)).one()
            spans = [(first, last)] if first else []
        await _renew(database, connection, import_id, GOING, hidden=spans)


async def _why_it_stays(database: Database, import_id: int) -> Conflict | None:
    its = leads.c.import_id == import_id
    busy = (
        select(leads.c.attempts).where(its, ~(FREE[0] & FREE[1])).order_by(leads.c.attempts.desc()).limit(1)
    )
    if (row := await database.row(busy)) is not None:
        return why_it_stays(import_id, was_dialled=row["attempts"] > 0)
    is_leased = await database.row(leased_among(import_id)) is not None
    return why_it_stays(import_id, was_dialled=False) if is_leased else None


async def _go(database: Database, connection: AsyncConnection, import_id: int, pace: Pace) -> int:
    """What it made of other leads goes first, the last one first; then its own leads, then the import."""
    while True:
        async with pace.piece(database, connection, pace.rows):
            some = await kept(connection, import_id, pace.rows, back=True)
            await revise(connection, [one for _, one in some], back=True)
            if not some:
                break
            await forget(connection, import_id, since=some[-1][0])
            await _renew(database, connection, import_id, GOING)
    return await _clear(database, connection, import_id, pace)


async def _clear(database: Database, connection: AsyncConnection, import_id: int, pace: Pace) -> int:
    """Its leads go, and what it would have made of others, and the import itself; gives how many leads."""
    total = 0
    while True:
        async with pace.piece(database, connection, pace.rows):
            its = select(leads.c.id).where(leads.c.import_id == import_id, *FREE).limit(pace.rows)
            count = (await connection.execute(delete(leads).where(leads.c.id.in_(its)))).rowcount
            total += count
            if count:
                await _renew(database, connection, import_id, None, leads=imports.c.leads - count)
                continue
            some = await kept(connection, import_id, pace.rows, back=True)
            if some:
                await forget(connection, import_id, since=some[-1][0])
                continue
            await _end(database, connection, import_id)
            return total


async def _end(database: Database, connection: AsyncConnection, import_id: int) -> None:
    """Leads that were moved elsewhere, and dialled there meanwhile, stay with their import."""
    left = select(func.count()).where(leads.c.import_id == import_id)
    if n := (await connection.execute(left)).scalar_one():
        await _renew(database, connection, import_id, HERE, leads=n)
    else:
        await connection.execute(delete(imports).where(imports.c.id == import_id))


async def clear_left(
    database: Database, connection: AsyncConnection, campaign: int | None, pace: Pace
) -> None:
    """What was cut off and is given up: rows that came are gone, what had begun afterwards is done.

    Of one campaign, or of all.
    """
    is_over = imports.c.until_at < clock_now(is_sqlite=True)
    query = select(imports.c.id, imports.c.stage).where(is_over)
    if campaign is not None:
        query = query.where(imports.c.campaign == campaign)
    for row in await database.rows(query.where(imports.c.stage != HERE)):
        async with database.writing(connection):
            if not await _renew(database, connection, row["id"], None, is_over):
                continue  # somebody else does
        if row["stage"] == REVISING:
            await _revise(database, connection, row["id"], pace)
        elif row["stage"] == GOING:
            await _go_on(database, connection, row["id"], pace)
        else:
            await _clear(database, connection, row["id"], pace)


async def _go_on(database: Database, connection: AsyncConnection, import_id: int, pace: Pace) -> None:
    """The end of an undo that was cut off, perhaps before it knew whether the import may go.

    Since then nobody could see its leads in their campaign: one that was dialled or leased was so before.
    """
    own = select(imports.c.campaign).where(imports.c.id == import_id).scalar_subquery()
    its = (leads.c.import_id == import_id, leads.c.campaign == own)
    if await database.row(select(leads.c.id).where(*its, ~(FREE[0] & FREE[1])).limit(1)) is None:
        await _go(database, connection, import_id, pace)
        return
    async with database.writing(connection):
        await _renew(database, connection, import_id, HERE)


async def _revise(database: Database, connection: AsyncConnection, import_id: int, pace: Pace) -> None:
    after: int | None = None
    while True:
        async with pace.piece(database, connection, pace.rows):
            some = await kept(connection, import_id, pace.rows, after=after)
            await revise(connection, [one for _, one in some])
            await _renew(database, connection, import_id, REVISING if some else HERE)
            if not some:
                return
            after = some[-1][0]


# --- within a transaction ---------------------------------------------------------------------------------


def _under_way(campaign: int) -> Any:
    return select(imports.c.id).where(imports.c.campaign == campaign, imports.c.stage.in_([COMING, GOING]))


def _entering(entry: Mapping[str, Any], stage: str, **values: Any) -> Any:
    return insert(imports).values(**entry, stage=stage, **values).returning(imports.c.id)


async def _renew(
    database: Database,
    connection: AsyncConnection,
    import_id: int,
    stage: str | None,
    *where: Any,
    **values: Any,
) -> bool:
    """Somebody works on it still, unless it is HERE."""
    values["until_at"] = None if stage == HERE else later(database, LIVE_S)
    if stage is not None:
        values["stage"] = stage
    query = update(imports).where(imports.c.id == import_id, *where)
    return bool((await connection.execute(query.values(values))).rowcount)


@cache
def put_leads(rows: int) -> str:
    """So many leads in one statement."""
    return f"{INTO_LEADS} VALUES {', '.join([ONE_LEAD] * rows)}"


@cache
def put_numbers(rows: int) -> str:
    """A number that is there already is left out."""
    return f"{INTO_NUMBERS} VALUES {', '.join(['(?, ?, ?, ?, ?)'] * rows)} ON CONFLICT DO NOTHING"


def _insert(connection: Connection, into: Callable[[int], str], rows: Sequence[tuple[Any, ...]]) -> int:
    """How many came in."""
    count = 0
    for some in chunks(rows, AT_ONCE):
        values = tuple(chain.from_iterable(some))
        count += connection.exec_driver_sql(into(len(some)), values).rowcount
    return count


def _put(
    connection: Connection, campaign: int, import_id: int, rows: Sequence[Ready], *, minds: bool = False
) -> tuple[int, int, int]:
    """Ids of the first and the last lead, and how many there are; `minds`: _Twin may be raised."""
    first = connection.execute(LAST_ID).scalar_one() + 1
    of_leads = [(id_, campaign, import_id, *row) for id_, (row, _) in enumerate(rows, first)]
    of_numbers = [(id_, at, campaign, *rest) for id_, (_, its) in enumerate(rows, first) for at, *rest in its]
    last = first + len(rows) - 1
    if not rows:
        return first, last, 0
    _insert(connection, put_leads, of_leads)
    if _insert(connection, put_numbers, of_numbers) == len(of_numbers):
        return first, last, len(rows)
    if minds:
        _mind(connection, campaign, [number for _, its in rows for _, number, _ in its])
    gone = connection.execute(LEAVE_OUT, {"first": first, "last": last}).rowcount
    return first, last, len(rows) - gone


def _mind(connection: Connection, campaign: int, numbers: Sequence[PhoneNumber]) -> None:
    """Raises _Twin where one of them has come with an import that is under way."""
    rows = connection.execute(select(imports.c.hidden).where(imports.c.id.in_(_under_way(campaign))))
    spans = spans_of([row.hidden for row in rows])
    c = lead_numbers.c
    for some in chunks(numbers) if spans else ():
        its = connection.execute(select(c.lead).where(c.campaign == campaign, c.number.in_(some)))
        if any(is_hidden(lead, spans) for lead in its.scalars()):
            raise _Twin


async def _ready(database: Database, connection: AsyncConnection, new: Sequence[Lead]) -> list[Ready]:
    """All that can be done before the writer is held."""
    codes = await codes_for(database, connection, {lead.zones for lead in new})
    return [(of_file(lead, codes), list(numbers_of(lead))) for lead in new]


def numbers_of(lead: Lead) -> Iterator[tuple[int, PhoneNumber, str]]:
    for position, number in enumerate(lead.numbers):
        yield position, number, lead.extensions.get(number, "")


_dump = json.JSONEncoder(ensure_ascii=False).encode


def of_file(lead: Lead, codes: Mapping[tuple[str, ...], int]) -> tuple[Any, ...]:
    code = codes.get(lead.zones)
    return (
        lead.priority,
        _dump(lead.zones) if code is None else "[]",
        code,
        lead.name,
        lead.company,
        lead.inn,
        lead.email,
        _dump(dict(lead.extra)) if lead.extra else "{}",
        lead.ref,
    )
