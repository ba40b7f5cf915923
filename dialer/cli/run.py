"""`dialer run`: the service, until it is told to stop; where no systemd is, below a parent of ours."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from dialer.keeper.store import DescriptorStore, Holder


def run(
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Run only engine, web or agi (may be repeated).",
        ),
    ] = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring the tables of PostgreSQL up to date first.")
    ] = False,
) -> None:
    """Run the service: engine, API, FastAGI and metrics; Ctrl-C lets talks end, twice ends them."""
    if (not only or "engine" in only) and DescriptorStore(os.environ).holder is Holder.NOBODY:
        become_keeper()
    from dialer.cli.life import live  # noqa: PLC0415  half the time of a start: the parent needs none of it

    live(frozenset(only or ()), migrate=migrate)


def become_keeper() -> NoReturn:
    """From here on this process is the small parent, which starts the service as it was started itself."""
    service = [sys.executable, *sys.orig_argv[1:]]
    os.execv(sys.executable, [sys.executable, "-m", "dialer.keeper.parent", *service])  # noqa: S606  ours
