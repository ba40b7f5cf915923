"""`dialer dnc`: numbers that are never dialled."""

from __future__ import annotations

from typing import Annotated

import typer

from dialer.adapters.clock import utc_now
from dialer.adapters.phones import dnc_entry
from dialer.cli.campaign import find_campaign
from dialer.cli.screen import AsJson, print_json, print_table, say
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.dnc import checked
from dialer.domain.errors import BadValue
from dialer.domain.said import said, titled
from dialer.domain.types import CampaignId
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
