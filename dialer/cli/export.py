"""`dialer export`: a whole table as a file, for programs or for Excel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from dialer.adapters.clock import utc_now
from dialer.cli.campaign import find_campaign
from dialer.cli.exporting import Excel, To, Xlsx, tell_where, write
from dialer.cli.knobs import Knob, with_knobs
from dialer.cli.records import by_office, day_in, past
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.choice import Choice
from dialer.domain.days import begins_at
from dialer.domain.dnc import Listed
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.today import AT_LEAST_S
from dialer.domain.types import OperatorId
from dialer.office import exports as office
from dialer.ports.stores import CdrQuery, Stores
from dialer.settings import Settings, office_zone


class Table(StrEnum):
    RECORDS = "records"
    LEADS = "leads"
    DNC = "dnc"
    OPERATORS = "operators"
    HOURS = "hours"
    TODAY = "today"


KNOBS = (
    Knob("campaign", "NAME", "Of records, leads, dnc: of this campaign."),
    Knob("operator", "ID", "Of records, hours: of this operator."),
    Knob("since_at", "WHEN", "Of records, hours: from here on; today if not said.", past, "since"),
    Knob("until_at", "WHEN", "Of records, hours: up to here.", past, "until"),
    Knob("day", "YYYY-MM-DD", "Of today: another day."),
    Knob("source", "NAME", "Of dnc: of this source."),
)
KNOWN = {
    Table.RECORDS: {"campaign", "operator", "since_at", "until_at"},
    Table.LEADS: {"campaign"},
    Table.DNC: {"campaign", "source"},
    Table.HOURS: {"operator", "since_at", "until_at"},
    Table.TODAY: {"day"},
}


@with_knobs(KNOBS)
def export(
    table: Annotated[Table, typer.Argument(metavar="TABLE", help=f"{', '.join(Table)}.", show_default=False)],
    *,
    to: To = None,
    excel: Excel = False,
    xlsx: Xlsx = None,
    given: Mapping[str, Any],
) -> None:
    """Write a whole table to a file, for programs or for Excel."""
    if strange := given.keys() - KNOWN.get(table, set()):
        flag = next(knob.flag for knob in KNOBS if knob.field in strange)
        raise BadValue(said("{flag} does not apply to the table {table}", flag=flag, table=table))

    async def work(settings: Settings, stores: Stores) -> int:
        made = await _export(table, given, settings, stores)
        return await write(made, settings, stores, to=to, excel=excel, xlsx=xlsx)

    tell_where(with_stores(work), xlsx or to)


async def _export(
    table: Table, given: Mapping[str, Any], settings: Settings, stores: Stores
) -> office.Export:
    zone, now = office_zone(settings), utc_now()

    def at(name: str) -> datetime | None:
        return by_office(given.get(name), settings)

    campaign = (await find_campaign(stores, given["campaign"])).id if "campaign" in given else None
    operator = OperatorId(given["operator"]) if "operator" in given else None
    since_at = at("since_at") or begins_at(day_in("", settings), zone)
    match table:
        case Table.RECORDS:
            query = CdrQuery(campaign=campaign, operator=operator, since_at=since_at, until_at=at("until_at"))
            return await office.of_records(query, OWNER, stores)
        case Table.LEADS:
            if campaign is None:
                raise BadValue(said("say whose leads: --campaign NAME"))
            return await office.of_leads(Choice(campaign), OWNER, stores)
        case Table.DNC:
            return await office.of_dnc(Listed(campaign, given.get("source")), OWNER, stores, now=now)
        case Table.OPERATORS:
            return await office.of_operators(OWNER, stores)
        case Table.HOURS:
            until_at = at("until_at") or now
            return await office.of_hours(since_at, until_at, OWNER, stores, operator=operator, now=now)
        case Table.TODAY:
            day = day_in(given.get("day", ""), settings)
            return await office.of_today(day, OWNER, stores, zone=zone, at_least_s=AT_LEAST_S, now=now)
