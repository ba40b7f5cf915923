"""The database that the settings name: for the service, and for every verb that needs no more than that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from dialer.adapters.secrets import read_secret
from dialer.ports.stores import Stores
from dialer.settings import Settings

SQLITE = "obzvon.db"


def database_url(settings: Settings) -> str:
    """The database of the settings; SQLite in the data folder by default."""
    url = with_password(settings.database_url.get_secret_value(), settings.database_password_file)
    return url or f"sqlite:///{(settings.data_dir / SQLITE).resolve()}"


def redis_url(settings: Settings) -> str:
    """The Redis of the settings; empty for none."""
    return with_password(settings.redis_url.get_secret_value(), settings.redis_password_file)


def with_password(url: str, file: Path | None) -> str:
    """The address with the password that lies in a file; one that stands in the address gives way to it."""
    if not url or file is None:
        return url
    scheme, _, rest = url.partition("://")
    place, slash, name = rest.partition("/")
    whoever, _, host = place.rpartition("@")
    password = quote(read_secret(file), safe="")  # it may hold any sign
    return f"{scheme}://{whoever.partition(':')[0]}:{password}@{host}{slash}{name}"


def keep_private(database: Path) -> None:
    """Takes others' rights from our SQLite, which an earlier version may have given."""
    for path in (database, *(database.with_name(f"{database.name}-{kind}") for kind in ("wal", "shm"))):
        with suppress(OSError):
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)


async def make_tables(url: str) -> None:
    """Brings the tables up to what this version needs; a later revision stays as it is."""
    from dialer.adapters.sql.revision import HEAD, revision  # noqa: PLC0415  as below

    if await revision(url) < HEAD:
        from dialer.adapters.sql.migrate import migrate  # noqa: PLC0415  Alembic takes long to load

        await migrate(url)


@asynccontextmanager
async def open_database(settings: Settings, *, make: bool = False) -> AsyncIterator[Stores]:
    """Every store. `make`: bring the tables up to date first; our own SQLite always is."""
    from dialer.adapters.sql.open import open_stores  # noqa: PLC0415  a verb that asks the service needs none

    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    keep_private(settings.data_dir / SQLITE)
    url = database_url(settings)
    if make or not settings.database_url.get_secret_value():
        await make_tables(url)
    async with open_stores(url) as stores:
        yield stores
