"""The command line uses the stores of the running service, so that a verb loads no database driver.

They talk over a unix socket that only the service's user may open. A frame is eight bytes of length, then
values as pickled.py writes them. The service first sends a mark of its code and its database; a verb whose
own mark differs opens the database itself.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any, get_type_hints

import structlog

from dialer.adapters.local.pickled import dump, load
from dialer.adapters.local.socketfile import bound, reached
from dialer.domain import errors
from dialer.domain.errors import NetworkTrouble, ObzvonError
from dialer.domain.said import said
from dialer.ports.stores import Stores

log = structlog.get_logger()

SOCKET = "stores.socket"  # no cell's: those end with .sock
HELLO_S = 2.0  # a service that does not greet within this is frozen
LARGEST = 2**30
ROOT = Path(__file__).parents[2]


def mark_of(database: str) -> str:
    """A fingerprint of the database's address and of the code that defines the values."""
    seen = sha256(database.encode())
    for room in ("domain", "ports"):
        for path in sorted((ROOT / room).rglob("*.py")):
            seen.update(f"{path.relative_to(ROOT)} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return seen.hexdigest()


async def _read(reader: asyncio.StreamReader) -> Any:
    length = int.from_bytes(await reader.readexactly(8))
    if length > LARGEST:
        raise ConnectionError(length)
    return load(await reader.readexactly(length))


async def _write(writer: asyncio.StreamWriter, value: object) -> None:
    content = dump(value)
    writer.write(len(content).to_bytes(8))
    writer.write(content)
    await writer.drain()


# --- the service's end ------------------------------------------------------------------------------------


@asynccontextmanager
async def serve_stores(path: Path, stores: Stores, mark: str) -> AsyncIterator[None]:
    """Does what the verbs of our own user ask of the stores; Fatal when the socket cannot be made."""
    visits: set[asyncio.Task[None]] = set()

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.current_task()
        assert visit is not None  # a handler of a server runs in a task of its own
        visits.add(visit)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ObzvonError):
                await _serve(reader, writer, stores, mark)
        except asyncio.CancelledError:  # we end
            pass
        finally:
            visits.discard(visit)
            writer.close()

    with bound(path) as sock:
        server = await asyncio.start_unix_server(visited, sock=sock)
        try:
            yield
        finally:
            server.close()
            for visit in visits:
                visit.cancel()
            await asyncio.gather(*visits, return_exceptions=True)


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stores: Stores, mark: str
) -> None:
    """Answer one verb until it disconnects; what it asked for is finished even then, unless we end."""
    await _write(writer, mark)
    while True:
        name, verb, args, kwargs, streams = await _read(reader)
        if (name, verb) not in PROMISED:
            raise ConnectionError(name)
        given = [_streamed(one) if place in streams else one for place, one in enumerate(args)]
        await _write(writer, await _answer(getattr(stores, name), verb, given, kwargs))


async def _streamed(values: Sequence[Any]) -> AsyncIterator[Any]:
    for one in values:
        yield one


async def _answer(store: Any, verb: str, args: Any, kwargs: Any) -> tuple[str, Any, Any]:
    """(what kind of answer, the answer, and what the store says of rows that it left out)."""
    try:
        told = await getattr(store, verb)(*args, **kwargs)
    except ObzvonError as error:
        return "error", (type(error).__name__, error.args, vars(error)), None
    except Exception:  # the boundary: a verb reads a sentence, the log has the rest
        log.exception("verb_failed", verb=verb)
        return (
            "error",
            (ObzvonError.__name__, (said("the service failed at this; its log says why"),), {}),
            None,
        )
    return "answer", told, getattr(store, "unread", None)


def _promised() -> Iterator[tuple[str, str]]:
    """(store, verb) of all that the ports promise."""
    for store, port in get_type_hints(Stores).items():
        for verb, _ in inspect.getmembers(port, inspect.iscoroutinefunction):
            yield store, verb


PROMISED = frozenset(_promised())


# --- the verb's end ---------------------------------------------------------------------------------------


@asynccontextmanager
async def reach_stores(path: Path, mark: str) -> AsyncIterator[Stores | None]:
    """The stores of the service; None: none runs here, or it has another database or another version."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(HELLO_S):
            with reached(path) as name:
                reader, writer = await asyncio.open_unix_connection(name)
            known = await _read(reader) == mark
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ObzvonError):
        if writer is not None:
            writer.close()
        yield None
        return
    try:
        link = _Link(reader, writer)
        yield Stores(**{one.name: _Store(link, one.name) for one in fields(Stores)}) if known else None
    finally:
        writer.close()


class _Link:
    """One question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    async def ask(
        self, name: str, verb: str, args: Any, kwargs: Any, streams: Sequence[int]
    ) -> tuple[str, Any, Any]:
        async with self._turn:
            try:
                await _write(self._writer, (name, verb, args, kwargs, streams))
                answer: tuple[str, Any, Any] = await _read(self._reader)
            except (ConnectionError, asyncio.IncompleteReadError):
                raise NetworkTrouble(
                    said("the service ended in the middle of this: look whether it was done")
                ) from None
            except BaseException:
                self._writer.close()  # else the next question would be given the answer to this one
                raise
            return answer


class _Store:
    """Any store: what it is asked, the service's own is asked."""

    def __init__(self, link: _Link, name: str) -> None:
        self._link = link
        self._name = name
        self.unread: Mapping[str, str] = {}

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if (self._name, verb) not in PROMISED:
            raise AttributeError(verb)

        async def asked(*args: Any, **kwargs: Any) -> Any:
            streams = [place for place, one in enumerate(args) if isinstance(one, AsyncIterable)]
            given = [await _listed(one) for one in args]
            kind, told, unread = await self._link.ask(self._name, verb, given, kwargs, streams)
            if kind == "error":
                raise _raised(*told)
            if unread is not None:
                self.unread = unread
            return told

        return asked


async def _listed(value: Any) -> Any:
    """What comes one by one goes as a whole; whoever has a long list opens the database itself."""
    if isinstance(value, AsyncIterable):
        return [one async for one in value]
    return list(value) if isinstance(value, Iterator) else value


def _raised(name: str, args: tuple[Any, ...], values: Mapping[str, Any]) -> ObzvonError:
    """The error as it was raised there, whatever its kind takes to be made."""
    kind = vars(errors).get(name, ObzvonError)
    error: ObzvonError = kind.__new__(kind, *args)
    vars(error).update(values)
    return error
