"""What imports make of leads that were there: kept beside the import, done, and done back, some at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.fitting import clean
from dialer.adapters.sql.insert import chunks
from dialer.adapters.sql.tables import import_changes, lead_numbers, leads
from dialer.adapters.sql.whole import with_numbers
from dialer.adapters.sql.zonesets import codes_there, columns_of
from dialer.domain.errors import Conflict
from dialer.domain.intake import WHOLE, Revision, turned
from dialer.domain.lead import Lead, key_of
from dialer.domain.said import said
from dialer.domain.types import CampaignId, LeadId, LeadStatus

WRITTEN = (*WHOLE, "extra", "number_index", "dead", "zone_set")


def _write() -> Any:
    """Made once: to make it takes longer than to run it."""
    values = {name: bindparam(f"its_{name}", type_=leads.c[name].type) for name in WRITTEN}
    return update(leads).where(leads.c.id == bindparam("its_id")).values(**values)


_WRITE = _write()


def keep(connection: Connection, import_id: int, first: int, revisions: Sequence[Revision]) -> None:
    """Beside the import, in the order of the file; `first`: how many it has already."""
    rows = [
        {
            "import_id": import_id,
            "n": n,
            "lead": one.lead,
            "before": plain(one.before),
            "after": plain(one.after),
        }
        for n, one in enumerate(revisions, first)
    ]
    if rows:
        connection.execute(insert(import_changes), rows)


async def kept(
    connection: AsyncConnection, import_id: int, limit: int, *, after: int | None = None, back: bool = False
) -> list[tuple[int, Revision]]:
    """The next ones with their numbers, behind `after`; `back`: before it, the last one first."""
    c = import_changes.c
    query = select(c.n, c.lead, c.before, c.after).where(c.import_id == import_id)
    if after is not None:
        query = query.where(c.n < after if back else c.n > after)
    rows = await connection.execute(query.order_by(c.n.desc() if back else c.n).limit(limit))
    return [(row.n, Revision(LeadId(row.lead), row.before, row.after)) for row in rows]


async def forget(connection: AsyncConnection, import_id: int, *, since: int) -> None:
    """From this number on."""
    c = import_changes.c
    await connection.execute(delete(import_changes).where(c.import_id == import_id, c.n >= since))


async def revise(connection: AsyncConnection, revisions: Sequence[Revision], *, back: bool = False) -> None:
    """What somebody else has changed meanwhile stays; doing it twice is doing it once."""
    before: dict[int, Lead] = {}
    for some in chunks(sorted({one.lead for one in revisions})):
        query = select(leads).where(leads.c.id.in_(some)).order_by(leads.c.id).with_for_update()
        rows = (await connection.execute(query)).mappings().all()
        before.update((lead.id, lead) for lead in await with_numbers(connection, rows))
    there = await _owners(connection, before.values(), revisions)
    now = dict(before)
    for one in revisions:
        if (lead := now.get(one.lead)) is None:
            continue
        others = frozenset(key for key, owner in there[lead.campaign].items() if owner != lead.id)
        now[lead.id] = after = turned(lead, one, back=back, taken=others)
        there[lead.campaign].update((key, lead.id) for key in set(after.keys) - set(lead.keys))
    await _put(connection, [(before[id_], lead) for id_, lead in now.items() if lead != before[id_]])


def leased_among(import_id: int) -> Select[tuple[int]]:
    """A lead that it changed and that is about to be dialled, perhaps on a number that it brought."""
    its = select(import_changes.c.lead).where(import_changes.c.import_id == import_id)
    return select(leads.c.id).where(leads.c.id.in_(its), leads.c.status == LeadStatus.LEASED.value).limit(1)


def why_it_stays(import_id: int, *, was_dialled: bool) -> Conflict:
    if was_dialled:
        return Conflict(
            said("import {import_id} stays: some of its leads were dialled already", import_id=import_id)
        )
    return Conflict(
        said(
            "import {import_id} is about to be dialled: stop its campaign, then undo it", import_id=import_id
        )
    )


async def _owners(
    connection: AsyncConnection, leads_: Iterable[Lead], revisions: Sequence[Revision]
) -> Mapping[CampaignId, dict[str, int]]:
    """By campaign and key, whose the numbers are that would come to a lead."""
    owners: dict[CampaignId, dict[str, int]] = defaultdict(dict)
    numbers = {number for one in revisions for each in (one.before, one.after) for number in _numbers(each)}
    c = lead_numbers.c
    for campaign in {lead.campaign for lead in leads_} if numbers else ():
        for some in chunks(sorted(numbers)):
            query = select(c.number, c.extension, c.lead).where(c.campaign == campaign, c.number.in_(some))
            for number, extension, lead in await connection.execute(query):
                owners[campaign][key_of(number, extension)] = lead
    return owners


def _numbers(fields: Mapping[str, Any]) -> list[str]:
    return [*(number for number, _ in fields.get("numbers", ())), *fields.get("extensions", ())]


async def _put(connection: AsyncConnection, changed: Sequence[tuple[Lead, Lead]]) -> None:
    if not changed:
        return
    codes = await codes_there(connection, {after.zones for _, after in changed})
    await connection.execute(_WRITE, [_values(after, codes) for _, after in changed])
    renumbered = [after for before, after in changed if before.keys != after.keys]
    for some in chunks(lead.id for lead in renumbered):
        await connection.execute(delete(lead_numbers).where(lead_numbers.c.lead.in_(some)))
    rows = [
        {
            "lead": lead.id,
            "position": position,
            "campaign": lead.campaign,
            "number": number,
            "extension": lead.extensions.get(number, ""),
        }
        for lead in renumbered
        for position, number in enumerate(lead.numbers)
    ]
    if rows:
        await connection.execute(insert(lead_numbers), rows)


def _values(lead: Lead, codes: Mapping[tuple[str, ...], int]) -> dict[str, Any]:
    values = {name: getattr(lead, name) for name in WRITTEN if name != "zone_set"}
    lists = {"dead": list(lead.dead), "extra": dict(lead.extra), **columns_of(lead.zones, codes)}
    return {"its_id": lead.id, **{f"its_{name}": each for name, each in {**values, **lists}.items()}}


def plain(value: Any) -> Any:
    """Without what a database cannot hold."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def as_text(one: Revision) -> tuple[str, str]:
    """For a table of texts."""
    return tuple(json.dumps(plain(each), ensure_ascii=False) for each in (one.before, one.after))  # type: ignore[return-value]  # two of them
