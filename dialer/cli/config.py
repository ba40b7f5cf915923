"""`dialer config`, `migrate`, `version`: what this installation is."""

from __future__ import annotations

import asyncio
import platform
import re
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from sqlalchemy import make_url

from dialer import __version__
from dialer.adapters.sql.migrate import head, revision
from dialer.adapters.sql.migrate import migrate as migrate_database
from dialer.cli.environment import PREFIX, load_settings, unknown_names
from dialer.cli.screen import AsJson, print_json, print_table, remark, say
from dialer.domain.errors import Mistake
from dialer.domain.said import said, titled
from dialer.settings import Settings
from dialer.storage import database_url

_PASSWORD = re.compile(r"(?<=:)[^:@/]*(?=@)")


def config(as_json: AsJson = False) -> None:
    """Print every setting with its value (secrets masked) and where it comes from."""
    settings = load_settings()
    rows = [
        {
            "name": f"{PREFIX}{name.upper()}",
            "value": shown(getattr(settings, name)),
            "source": "environment" if name in settings.model_fields_set else "default",
            "meaning": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(titled("setting", "value", "source", "meaning"), [tuple(row.values()) for row in rows])
    for sentence in unknown_names():
        remark(sentence)


def shown(value: Any) -> str | int | float | bool | None:
    """A setting's value as it may be seen."""
    if isinstance(value, SecretStr):
        return mask(value.get_secret_value())
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def mask(url: str) -> str:
    """The address without its password; all of it where none can be told apart."""
    if not url:
        return ""
    return _PASSWORD.sub("***", url.partition("?")[0]) if "://" in url else "***"


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether it is needed (exit code 1).")
    ] = False,
) -> None:
    """Bring the database to the tables that this version needs."""
    settings = load_settings()
    if not check:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        asyncio.run(migrate_database(database_url(settings)))
        say(said("the database is at {head}", head=head()))
        return
    found = asyncio.run(database_revision(settings))
    if found < head():
        place = said("at {found}", found=found) if found else said("without tables")
        raise Mistake(
            said("the database is {place}, needed is {head}: run `dialer migrate`", place=place, head=head())
        )
    say(said("the database is at {found}, needed is {head}", found=found, head=head()))


async def database_revision(settings: Settings) -> str:
    """The revision of the database, '' if it has no tables; makes no file where there is none."""
    url = make_url(database_url(settings))
    if url.get_backend_name() == "sqlite" and not (settings.data_dir / "obzvon.db").exists():
        return ""
    return (await revision(database_url(settings)))[0]


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__, "python": platform.python_version()})
    else:
        say(
            said(
                "dialer {version} (Python {python_version})",
                version=__version__,
                python_version=platform.python_version(),
            )
        )
