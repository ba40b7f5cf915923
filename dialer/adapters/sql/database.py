"""One database: its driver, its transactions, and its troubles as our errors."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL, Connection, Executable, QueuePool, RowMapping, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dialer.adapters.sql.troubles import CAUGHT, as_ours, first_line, is_read_only
from dialer.domain.choice import folded
from dialer.domain.errors import Fatal, StoreDamaged, StoreDown
from dialer.domain.said import said

T = TypeVar("T")
BUSY_MS = 30_000  # another process writes (an import at most): wait, do not fail
POOL = 8
SESSION = "target_session_attrs"
CONNECT_S = 5.0
COMMAND_S = 60  # a frozen server is a trouble, not a wait without end
PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_MS}",
    "PRAGMA journal_mode=WAL",  # readers never wait for the writer
    "PRAGMA synchronous=NORMAL",  # a power cut loses the last moments, which the journal still has
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
)


FORMS = said(
    "write DIALER_DATABASE_URL as postgresql://user:password@host/name, or leave it empty for SQLite"
)
UNREACHABLE = (DBAPIError, PoolTimeout, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError)
Asked = tuple[Executable, Mapping[str, Any] | None]  # a statement and its values


WRITABLE = ("read-write", "primary")  # what target_session_attrs may say: the service writes


@dataclass(frozen=True, slots=True)
class Server:
    """Where a PostgreSQL may be."""

    host: str
    port: int = 5432


def several_hosts(url: str) -> tuple[str, tuple[Server, ...]]:
    """The address without its hosts, and these, where it names several: a primary and its stand-bys."""
    scheme, _, rest = url.partition("://")
    place, slash, name = rest.partition("/")
    whoever, at, hosts = place.rpartition("@")
    if not scheme.startswith("postgres") or "," not in hosts:
        return url, ()
    found = [
        re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?", one)
        for one in hosts.split(",")
    ]
    servers = tuple(Server(one[1].strip("[]"), int(one[2] or 5432)) for one in found if one)
    if len(servers) < len(found) or any(not 0 < one.port < 65_536 for one in servers):
        raise Fatal(
            said(
                "the hosts of the database address cannot be read: write"
                " postgresql://user@one:5432,two:5432/name"
            )
        )
    return f"{scheme}://{whoever}{at}{slash}{name}", servers


def parsed(url: str) -> URL:
    """The address with its driver; Fatal when it is none that we know."""
    try:
        address = make_url(several_hosts(url)[0])
    except (ArgumentError, ValueError):
        raise Fatal(
            said("the database address {url!r} cannot be read: {forms}", url=_masked(url), forms=FORMS)
        ) from None
    match address.get_backend_name():
        case "sqlite" if address.database in (None, "", ":memory:"):
            raise Fatal(said("SQLite needs a file: write DIALER_DATABASE_URL as sqlite:////folder/name.db"))
        case "sqlite":
            return address.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return address.set(drivername="postgresql+asyncpg", query=_options(address))
        case other:
            raise Fatal(
                said("the database cannot be of the kind {other!r}: {forms}", other=other, forms=FORMS)
            )


def _options(address: URL) -> dict[str, str]:
    """What may follow the question mark; the driver calls sslmode by another name."""
    options = {"ssl" if name == "sslmode" else name: str(value) for name, value in address.query.items()}
    if unknown := sorted(options.keys() - {"ssl", SESSION}):
        raise Fatal(
            said(
                "the database address has the option {unknown!r}: only sslmode and target_session_attrs"
                " can stand there",
                unknown=unknown[0],
            )
        )
    if options.get(SESSION, WRITABLE[0]) not in WRITABLE:
        raise Fatal(
            said(
                "target_session_attrs={value} in the database address: the service writes, so it may be"
                " {forms}",
                value=options[SESSION],
                forms=" or ".join(WRITABLE),
            )
        )
    return options


def _masked(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme[:20]}://***" if rest else "***"


class Database:
    """Transactions for reading and for writing; StoreDown when it cannot be reached."""

    def __init__(self, url: str) -> None:
        address = parsed(url)
        self.is_sqlite = address.get_backend_name() == "sqlite"
        servers = several_hosts(url)[1]
        shown = address.set(drivername="sqlite" if self.is_sqlite else "postgresql", query={})
        if servers:
            shown = shown.set(host=",".join(f"{one.host}:{one.port}" for one in servers))
        self.name = shown.render_as_string(hide_password=True)
        self._engine = _engine(address, servers, is_sqlite=self.is_sqlite)
        self._threads = Threads(address) if self.is_sqlite else None
        # SQLite has one writer: its own wait polls, a lock hands over at once
        self.writer = asyncio.Lock() if self.is_sqlite else None
        # an import has a connection all the while and asks others meanwhile: as many as the pool has for both
        self.imports = {is_long: asyncio.Semaphore(POOL // 4) for is_long in (True, False)}

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose transactions are the caller's; its troubles become StoreDown."""
        connection = self._engine.connect()
        try:
            await connection.start()
        except UNREACHABLE as trouble:
            ours = as_ours(self.name, trouble)
            if isinstance(ours, StoreDamaged):
                raise ours from trouble
            raise StoreDown(
                said(
                    "the database {name} cannot be reached: {trouble}",
                    name=self.name,
                    trouble=first_line(trouble),
                )
            ) from trouble
        try:
            with self._as_ours():
                yield connection
        except StoreDown as trouble:
            if trouble.__cause__ is not None and is_read_only(_cause(trouble)):
                await self._find_primary(connection)
            raise
        finally:
            await connection.close()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back when anything is raised."""
        async with self.connection() as connection, self.writing(connection):
            yield connection

    @asynccontextmanager
    async def writing(self, connection: AsyncConnection) -> AsyncIterator[None]:
        if self.writer is None:
            async with connection.begin():
                yield
            return
        async with self.writer:
            await connection.execution_options(obzvon_writes=True)
            async with connection.begin():
                yield

    async def in_one_go(self, work: Callable[[Connection], T]) -> tuple[T, float]:
        """On SQLite: what a transaction of one thread gives, and for how many seconds it held the writer.

        It is not held while threads change hands. A work that is cancelled is done all the same.
        """
        assert self._threads is not None
        assert self.writer is not None
        async with self.writer:
            with self._as_ours():
                return await self._threads.written(work)

    async def rows(self, query: Executable, values: Mapping[str, Any] | None = None) -> Sequence[RowMapping]:
        """What one statement finds."""
        return (await self.several((query, values)))[0]

    async def several(self, *asked: Asked) -> list[Sequence[RowMapping]]:
        """What each of some statements finds, in one go."""
        if self._threads is not None:
            with self._as_ours():
                return await self._threads.several(asked)
        async with self.connection() as connection:
            return [(await connection.execute(*each)).mappings().all() for each in asked]

    async def row(self, query: Executable) -> RowMapping | None:
        return next(iter(await self.rows(query)), None)

    async def close(self) -> None:
        await self._engine.dispose()
        if self._threads is not None:
            self._threads.close()

    async def _find_primary(self, connection: AsyncConnection) -> None:
        """After a fail-over the old server answers and writes nothing: every connection is made anew."""
        await connection.invalidate()
        await self._engine.dispose()

    @contextmanager
    def _as_ours(self) -> Iterator[None]:
        try:
            yield
        except CAUGHT as trouble:
            ours = as_ours(self.name, trouble)
            if ours is None:
                raise
            raise ours from trouble


def _cause(trouble: Exception) -> Exception:
    return trouble.__cause__ if isinstance(trouble.__cause__, Exception) else trouble


class Threads:
    """SQLite in threads, each statement or transaction from its start to its end in one of these.

    The driver for asyncio goes to its thread and back for every step of a statement, five times at the least:
    too much for what is asked with every number that is dialled, and while the writer is held.
    """

    def __init__(self, address: URL) -> None:
        self._engine = create_engine(
            address.set(drivername="sqlite"),
            pool_size=POOL,
            max_overflow=0,
            poolclass=QueuePool,
            connect_args={"check_same_thread": False},
        )
        event.listen(self._engine, "connect", _set_pragmas)
        self._threads = ThreadPoolExecutor(POOL, "sqlite")

    async def several(self, asked: Sequence[Asked]) -> list[Sequence[RowMapping]]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._rows, asked)

    async def written(self, work: Callable[[Connection], T]) -> tuple[T, float]:
        going = asyncio.get_running_loop().run_in_executor(self._threads, self._written, work)
        try:
            return await asyncio.shield(going)
        except asyncio.CancelledError:
            await asyncio.wait([going])  # others write meanwhile in vain
            raise

    def close(self) -> None:
        self._threads.shutdown()
        self._engine.dispose()

    def _rows(self, asked: Sequence[Asked]) -> list[Sequence[RowMapping]]:
        with self._engine.connect() as connection:
            return [connection.execute(*each).mappings().all() for each in asked]

    def _written(self, work: Callable[[Connection], T]) -> tuple[T, float]:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            began = time.perf_counter()
            found = work(connection)
            connection.commit()
            return found, time.perf_counter() - began


def _engine(url: URL, servers: Sequence[Server], *, is_sqlite: bool) -> AsyncEngine:
    if not is_sqlite:
        given: dict[str, Any] = {"timeout": CONNECT_S, "command_timeout": COMMAND_S}
        if servers:  # tried in this order, until one is found that takes writes
            given |= {"host": [one.host for one in servers], "port": [one.port for one in servers]}
            given |= {SESSION: WRITABLE[0], "timeout": CONNECT_S * len(servers)}
        return create_async_engine(
            url,
            pool_size=POOL,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=True,
            connect_args=given,
            hide_parameters=True,  # of an error that somebody logs: people's names and numbers
        )
    engine = create_async_engine(
        url, pool_size=POOL, max_overflow=0, pool_timeout=BUSY_MS / 1000, hide_parameters=True
    )
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: see _begin
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
    connection.create_function("folded", 1, folded, deterministic=True)  # its own lower() knows ASCII alone


def _begin(connection: Connection) -> None:
    """A writer takes the lock at once: a reader that became one would fail instead of waiting."""
    writes = connection.get_execution_options().get("obzvon_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
