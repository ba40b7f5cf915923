"""`dialer journal`: what a damaged journal may have dialled, records that are refused, a person's word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialer.adapters.clock import utc_now
from dialer.adapters.journal import damage
from dialer.adapters.journal.refusals import REFUSED, FileRefusals
from dialer.cli.api import ask_now
from dialer.cli.environment import load_settings
from dialer.cli.screen import AsJson, print_json, print_table, say
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.cdr import Closing
from dialer.domain.depth import held_back
from dialer.domain.errors import BadValue
from dialer.domain.said import counted, said, titled
from dialer.domain.types import CellId
from dialer.office import leads as office
from dialer.ports.journal import RefusedFact
from dialer.ports.stores import Stores
from dialer.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="What a damaged journal may have dialled, records that the database refuses; decisions on both.",
)
Cell = Annotated[str, typer.Option("--cell", metavar="NAME", help="Another cell than DIALER_CELL.")]


@app.command("show")
def show(cell: Cell = "", as_json: AsJson = False) -> None:
    """Show what could not be read, leads held back because of it, and records that the database refuses."""

    async def work(settings: Settings, stores: Stores) -> tuple[str, list[str], int, list[RefusedFact]]:
        name = cell or settings.cell
        folder = _folder(settings, name)
        refused = list(FileRefusals(folder / REFUSED, utc_now).all())
        held = await office.held_back(CellId(name), OWNER, stores)
        return name, damage.damages(folder), held, refused

    name, found, leads, refused = with_stores(work)
    if as_json:
        facts = [_shown(one) for one in refused]
        print_json({"cell": name, "damages": found, "leads_held_back": leads, "refused": facts})
        return
    if refused:
        print_table(
            titled("record", "call", "lead", "refused because"),
            [tuple(_shown(one).values()) for one in refused],
        )
        say(
            said("`dialer journal retry` tells the database again; `dialer journal give-up` tells it no more")
        )
    for sentence in found:
        say(sentence)
    if leads:
        say(held_back(name, leads))
        say(said("`dialer journal accept --dial` dials them, `dialer journal accept --take-out` never does"))
    else:
        say(said("no lead of cell {cell} is held back", cell=name))


@app.command("accept")
def accept(
    dial: Annotated[bool, typer.Option("--dial", help="Dial them as if they never were.")] = False,
    take_out: Annotated[bool, typer.Option("--take-out", help="Take them out of their lists.")] = False,
    cell: Cell = "",
) -> None:
    """Decide about the leads that are held back; the service goes on meanwhile."""
    if dial == take_out:
        raise BadValue(said("say either --dial or --take-out"))

    async def work(settings: Settings, stores: Stores) -> tuple[str, int]:
        name = cell or settings.cell
        leads = await office.decide(CellId(name), OWNER, stores, dial=dial)
        damage.accept(_folder(settings, name))
        return name, leads

    name, leads = with_stores(work)
    if dial:
        say(
            counted(
                "{n} lead of cell {cell} is dialled", "{n} leads of cell {cell} are dialled", leads, cell=name
            )
        )
    else:
        say(
            counted(
                "{n} lead of cell {cell} was taken out of its list",
                "{n} leads of cell {cell} were taken out of their lists",
                leads,
                cell=name,
            )
        )


@app.command("retry")
def retry() -> None:
    """Tell the database again what it refuses, at once; the service does so every 10 min by itself."""
    done = ask_now(load_settings(), "POST", "/v1/refused-records/retry", body={})
    say(
        counted(
            "the database took {n} record that it had refused",
            "the database took {n} records that it had refused",
            done["result"]["facts"],
        )
    )


@app.command("give-up")
def give_up(
    dial: Annotated[bool, typer.Option("--dial", help="Dial their people as if never called.")] = False,
    take_out: Annotated[bool, typer.Option("--take-out", help="Take their people out of the lists.")] = False,
) -> None:
    """Give up what the database refuses: a file beside the journal keeps it, no record comes of it."""
    if dial == take_out:
        raise BadValue(said("say either --dial or --take-out"))
    fate = {"leads": "dial" if dial else "take-out"}
    done = ask_now(load_settings(), "POST", "/v1/refused-records/give-up", body=fate)
    say(counted("{n} record is given up", "{n} records are given up", done["result"]["facts"]))


def _shown(refused: RefusedFact) -> dict[str, str]:
    fact = refused.fact
    lead = fact.lead.lead if isinstance(fact, Closing) and fact.lead is not None else ""
    return {
        "kind": type(fact).__name__,
        "call": str(getattr(fact, "call", "") or getattr(fact, "id", "")),
        "lead": str(lead),
        "reason": refused.reason,
    }


def _folder(settings: Settings, cell: str) -> Path:
    return settings.data_dir / "journal" / cell
