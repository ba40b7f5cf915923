"""`dialer journal`: what a damaged journal may have dialled, and a person's word on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialer.adapters.journal import damage
from dialer.cli.screen import AsJson, print_json, say
from dialer.cli.stores import with_stores
from dialer.domain.depth import held_back
from dialer.domain.errors import BadValue
from dialer.domain.said import counted, said
from dialer.domain.types import CellId
from dialer.ports.stores import Stores
from dialer.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="What a damaged journal may have dialled, and a decision on it.",
)
Cell = Annotated[str, typer.Option("--cell", metavar="NAME", help="Another cell than DIALER_CELL.")]


@app.command("show")
def show(cell: Cell = "", as_json: AsJson = False) -> None:
    """Show what could not be read, and how many leads are held back because of it."""

    async def work(settings: Settings, stores: Stores) -> tuple[str, list[str], int]:
        name = cell or settings.cell
        found = damage.damages(_folder(settings, name))
        return name, found, (await stores.leases.held_back()).get(CellId(name), 0)

    name, found, leads = with_stores(work)
    if as_json:
        print_json({"cell": name, "damages": found, "leads_held_back": leads})
        return
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
        leads = await stores.leases.decide(CellId(name), dial=dial)
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


def _folder(settings: Settings, cell: str) -> Path:
    return settings.data_dir / "journal" / cell
