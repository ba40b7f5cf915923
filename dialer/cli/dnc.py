"""`dialer dnc`: numbers that are never dialled."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from dialer.adapters.clock import utc_now
from dialer.adapters.files.lists import Counts, open_path
from dialer.adapters.files.rejects import RejectsFile
from dialer.adapters.phones import dnc_entry, reading_of_barred
from dialer.cli.campaign import find_campaign
from dialer.cli.lists import bar
from dialer.cli.screen import AsJson, print_json, print_table, say, tell
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.columns import ReadOptions, mapping_of
from dialer.domain.dnc import checked
from dialer.domain.errors import BadValue
from dialer.domain.listing import Taken
from dialer.domain.said import said, titled
from dialer.domain.types import CampaignId, PhoneNumber
from dialer.office import dnc as office
from dialer.ports.stores import Stores
from dialer.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The do-not-call list: numbers and prefixes never dialled.")
Entry = Annotated[
    str, typer.Argument(metavar="NUMBER", help="A number, or a prefix such as '+7916*'.", show_default=False)
]
Campaign = Annotated[str, typer.Option("--campaign", metavar="NAME", help="For this campaign only.")]


async def read_entry(
    settings: Settings, stores: Stores, text: str, campaign: str
) -> tuple[str, CampaignId | None]:
    """The entry as it is kept, and the campaign that it is for."""
    return dnc_entry(text, settings.country), (await find_campaign(stores, campaign)).id if campaign else None


@app.command("add")
def add(
    entry: Entry,
    campaign: Campaign = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
) -> None:
    """Bar a number or a prefix at once, for every way of dialing."""

    async def work(settings: Settings, stores: Stores) -> str:
        kept, which = await read_entry(settings, stores, entry, campaign)
        await office.bar(kept, which, reason, OWNER, stores, now=utc_now())
        return kept

    kept = with_stores(work)
    if campaign:
        say(said("{entry} is never dialled for {campaign!r}", entry=kept, campaign=campaign))
    else:
        say(said("{entry} is never dialled", entry=kept))


@app.command("remove")
def remove(entry: Entry, campaign: Campaign = "") -> None:
    """Take an entry out again."""

    async def work(settings: Settings, stores: Stores) -> str:
        try:
            kept, which = await read_entry(settings, stores, entry, campaign)
        except BadValue:  # one that is on the list all the same, from before entries were checked
            kept = checked(entry)
            which = (await find_campaign(stores, campaign)).id if campaign else None
        await office.free(kept, which, OWNER, stores)
        return kept

    say(said("{entry} may be dialled again", entry=with_stores(work)))


@app.command("check")
def check(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="In any form.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Say whether a number is barred, by which entries, why and since when."""

    async def work(settings: Settings, stores: Stores) -> tuple[str, list[dict[str, Any]]]:
        kept = dnc_entry(number, settings.country)
        if kept.endswith("*"):
            raise BadValue(said("{number} is a prefix: ask for one number", number=kept))
        rows = await office.barring(PhoneNumber(kept), OWNER, stores)
        names = {row.id: row.name for row in await stores.campaigns.all()}
        return kept, [{**row, "campaign": names.get(row["campaign"])} for row in rows]

    kept, rows = with_stores(work)
    if as_json:
        print_json({"number": kept, "barred": bool(rows), "by": rows})
        return
    for row in rows:
        where = said("in every campaign")
        if row["campaign"]:
            where = said("in the campaign {name!r}", name=row["campaign"])
        args = {
            "entry": row["entry"],
            "since": f"{row['at']:%Y-%m-%d}",
            "where": where,
            "reason": row["reason"] or "-",
        }
        say(said("barred {where} by {entry} since {since}: {reason}", **args))
    if not rows:
        say(said("{number} is not barred", number=kept))


@app.command("import")
def import_file(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or XLSX.", show_default=False)],
    *,
    campaign: Campaign = "",
    reason: Annotated[str, typer.Option(help="Why; the file's name if not said.")] = "",
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="COLUMN=FIELD", help="Which column is the phone.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where refused rows go; beside FILE if not said.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bar every number of a file at once: all of them, or none when it cannot be read."""
    refused = rejects or path.with_name(f"{path.stem}.rejects.csv")

    async def work(settings: Settings, stores: Stores) -> tuple[int, Counts, bool]:
        which = (await find_campaign(stores, campaign)).id if campaign else None
        options = ReadOptions(mapping_of(columns or ()))
        file = await asyncio.to_thread(open_path, path, reading_of_barred(settings.country), options)
        with RejectsFile(refused, tell=tell) as kept, bar() as progress:
            task = progress.add_task(tell(said("importing")), total=file.about)
            leads = file.leads(Taken(), kept.write, lambda n: progress.update(task, completed=n.rows))
            numbers = await asyncio.to_thread(lambda: [one for lead in leads for one in lead.numbers])
        why = reason or path.name
        new = await office.bar_all(numbers, which, why, OWNER, stores, now=utc_now())
        return new, file.counts, bool(kept.lines)

    new, counts, has_rejects = with_stores(work)
    told = {"new": new, "rows": counts.rows, "refused": counts.refused + counts.skipped}
    if as_json:
        print_json({**told, "rejects": str(refused) if has_rejects else None})
        return
    say(
        said(
            "{new:,} numbers are barred that were not before; {rows:,} rows, {refused:,} of them refused",
            **told,
        )
    )
    if has_rejects:
        say(said("what was refused, and why: {rejects}", rejects=refused))


@app.command("list")
def show_all(as_json: AsJson = False) -> None:
    """List every entry."""
    rows = with_stores(lambda _, stores: office.page(None, OWNER, stores))
    if as_json:
        print_json(rows)
    else:
        names = titled("entry", "campaign", "reason", "at")
        print_table(
            names, [tuple(row.get(name) for name in names) for row in rows], empty=said("The list is empty.")
        )
