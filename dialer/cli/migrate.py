"""`dialer migrate`: the tables that this version needs."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from dialer.adapters.sql.database import parsed
from dialer.adapters.sql.revision import HEAD, revision
from dialer.cli.environment import load_settings
from dialer.cli.screen import say
from dialer.domain.errors import Mistake
from dialer.domain.said import said
from dialer.settings import Settings
from dialer.storage import database_url, make_tables


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether it is needed (exit code 1).")
    ] = False,
) -> None:
    """Bring the database to the tables that this version needs."""
    settings = load_settings()
    if not check:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        asyncio.run(make_tables(database_url(settings)))
        say(said("the database is at {head}", head=HEAD))
        return
    found = asyncio.run(database_revision(settings))
    if found < HEAD:
        place = said("at {found}", found=found) if found else said("without tables")
        raise Mistake(
            said("the database is {place}, needed is {head}: run `dialer migrate`", place=place, head=HEAD)
        )
    say(said("the database is at {found}, needed is {head}", found=found, head=HEAD))


async def database_revision(settings: Settings) -> str:
    """The revision of the database, '' if it has no tables; makes no file where there is none."""
    if (
        parsed(database_url(settings)).get_backend_name() == "sqlite"
        and not (settings.data_dir / "obzvon.db").exists()
    ):
        return ""
    return await revision(database_url(settings))
