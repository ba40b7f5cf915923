"""`dialer calls`: what was dialled to a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from dialer.cli.later import one_number
from dialer.cli.screen import AsJson, clock, print_json, print_table
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.cdr import Cdr
from dialer.domain.errors import BadValue
from dialer.domain.said import said, titled, word
from dialer.domain.types import CampaignId
from dialer.office import campaigns, records
from dialer.ports.stores import CdrQuery, Stores
from dialer.settings import Settings

MOST = 1000

app = typer.Typer(no_args_is_help=True, help="Calls that were made: find those of a number.")


@app.callback()
def _calls() -> None:
    """A noun, though it has one verb."""


@app.command("find")
def find(
    number: Annotated[
        list[str],
        typer.Argument(metavar="NUMBER", help="In any form: 8 916 123-45-67.", show_default=False),
    ],
    limit: Annotated[int, typer.Option(metavar="N", help="At most this many, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find the calls with a number, the newest first."""
    text = " ".join(number)
    if not 1 <= limit <= MOST:
        raise BadValue(said("--limit: take 1 to {most}", most=MOST))

    async def work(settings: Settings, stores: Stores) -> tuple[list[Cdr], Mapping[CampaignId, str]]:
        query = CdrQuery(number=one_number(text, settings.country), newest_first=True, limit=limit)
        return list(await records.search(query, OWNER, stores)), await campaigns.titles(OWNER, stores)

    found, titles = with_stores(work)
    if as_json:
        print_json(found)
        return
    print_table(
        titled(
            "dialled_at",
            "campaign",
            "direction",
            "outcome",
            "talk_s",
            "operator",
            "disposition",
            "note",
            "id",
        ),
        [
            (
                one.dialled_at,
                titles.get(one.campaign, one.campaign),
                word(one.direction),
                word(one.outcome),
                clock(one.talk_s),
                one.operator,
                one.disposition,
                one.note,
                one.id,
            )
            for one in found
        ],
        empty=said("No call with {number} is on record.", number=text),
    )
