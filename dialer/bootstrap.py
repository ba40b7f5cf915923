"""The composition root: stores, web, FastAGI and probes around the engine, from start to drain."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from agi.parts import Parts
from agi.pins import Pins
from agi.server import AgiServer
from dialer import __version__
from dialer.adapters.clitoken import cli_admitted
from dialer.adapters.clock import utc_now
from dialer.adapters.folders import READ_BY_ALL, SHARED_BY_GROUP, make_folder
from dialer.adapters.hashes import is_right
from dialer.adapters.local.live import SharedLive
from dialer.adapters.local.shared import SOCKET, mark_of, serve_stores
from dialer.adapters.local.wire import Beside, open_beside, serve_beside, socket_of
from dialer.adapters.memory.notices import Ring
from dialer.adapters.metrics_table import COMMON, VIEW
from dialer.adapters.process_metrics import ProcessMetrics
from dialer.adapters.secrets import kept_secret
from dialer.background import background, now_and_then
from dialer.domain.depth import held_back
from dialer.domain.errors import BadValue, ObzvonError, StoreDown
from dialer.domain.law import LAWFUL_RING_S
from dialer.domain.said import listed, said
from dialer.domain.types import CellId, Language
from dialer.keeper.store import AGI, ENGINE, EVERYTHING, WEB, DescriptorStore
from dialer.ports.between import Check, Desk, Live, Notices, Shown
from dialer.ports.stores import Stores
from dialer.settings import Settings, agi_peers, agi_secret_path, in_the_clear, recordings_dir, sounds_dir
from dialer.storage import database_url, open_database, redis_url

if TYPE_CHECKING:
    from dialer.assembly import Engine

log = structlog.get_logger()

STUCK_FACTS = 10_000
LAB_RING_S = 1.0
FINISH_EVERY_S = 60.0  # whether an import was cut off
TURN_S = 1.0  # of a process without an engine, whose loop has no rounds of its own

Turned = Callable[[Callable[[], str]], None]  # a round is over; who wants to know how we fare, asks


async def serve(
    settings: Settings,
    *,
    only: frozenset[str],
    stop: asyncio.Event,
    hurry: asyncio.Event,
    store: DescriptorStore | None = None,
    is_beside: bool = False,
    ready: Callable[[str], None] = lambda url: None,
    turned: Turned = lambda standing: None,
) -> None:
    """Run until `stop`, then drain; `hurry` ends the drain. Fatal says why it could not go on.

    An engine and a web are two processes: `is_beside` says to the web that both were started as a pair.
    `ready` hears that every part is up, whether Asterisk is there or not; `turned`, that the loop turns.
    """
    await asyncio.to_thread(_furnish, settings, only)
    gc.disable()  # what a start makes stays, and is looked through in vain
    async with AsyncExitStack() as stack:
        stack.callback(gc.enable)
        stores = await stack.enter_async_context(open_database(settings))
        if ENGINE in only:
            here = await _open_cell(settings, stores, stack, store)
        else:
            await stack.enter_async_context(background(turns=_turn(turned, only)))
            here = await _open_view(settings, stores, stack, is_beside=is_beside)
        if here.engine is not None:
            here.engine.cell.pacer.on_round = partial(turned, here.engine.cell.standing)
        if AGI in only:
            await stack.enter_async_context(_agi(here))
        if WEB in only:
            await stack.enter_async_context(_web(here, ready))
        else:
            await stack.enter_async_context(_probes(here))
            ready("")
        _settle_down()
        await stop.wait()
        if here.engine is not None:
            await _drain(settings, here.engine, hurry)


async def _open_cell(
    settings: Settings, stores: Stores, stack: AsyncExitStack, store: DescriptorStore | None
) -> Process:
    """The engine, and the wire to the processes that ask it."""
    from dialer.adapters.journal.disk import open_journal  # noqa: PLC0415  a web needs none of it
    from dialer.adapters.journal.lives import Lives  # noqa: PLC0415  nor of this
    from dialer.assembly import open_engine  # noqa: PLC0415  nor of this

    cell, url = CellId(settings.cell), redis_url(settings)
    late: list[Engine] = []

    async def recount() -> None:
        for engine in late:
            await engine.recount()

    live: Live
    shared: SharedLive | None = None
    if url:
        from dialer.adapters.redis.live import open_live  # noqa: PLC0415  few have Redis

        live = await stack.enter_async_context(open_live(url, on_return=recount))
    else:
        live = shared = SharedLive()
    place = settings.data_dir / "journal" / settings.cell
    journal = stack.enter_context(open_journal(place, utc_now))
    ring = Ring(int(utc_now().timestamp() * 1e6))
    opened = open_engine(settings, stores, live, journal, Lives(place), board=ring, store=store)
    engine = await stack.enter_async_context(opened)
    late.append(engine)
    here = Process(settings, stores, live, engine.desk, engine.metrics, ring, engine)
    if url:
        from dialer.adapters.redis.notices import carry  # noqa: PLC0415  few have Redis
        from dialer.adapters.redis.wire import serve_commands  # noqa: PLC0415  few have Redis

        wire = serve_commands(url, cell, engine.desk)
        await stack.enter_async_context(background(wire=wire, notices=carry(url, cell, ring)))
    asks = {"health": here.plain_health, "metrics": here.plain_metrics}
    beside = serve_beside(socket_of(settings.data_dir, settings.cell), engine.desk, shared, asks, ring)
    await stack.enter_async_context(beside)
    return here


async def _open_view(
    settings: Settings, stores: Stores, stack: AsyncExitStack, *, is_beside: bool
) -> Process:
    """The engine as it is seen from another process: through Redis, or over its socket.

    The web of a pair asks over the socket even where Redis shows the live state: it is as well off without
    Redis as its engine.
    """
    cell, url = CellId(settings.cell), redis_url(settings)
    beside: Beside | None = None
    rows = (*COMMON, *VIEW) if is_beside or not url else COMMON
    metrics = ProcessMetrics(version=__version__, cell=cell, started_at=utc_now(), rows=rows)
    if is_beside or not url:
        place = socket_of(settings.data_dir, settings.cell)
        beside = await stack.enter_async_context(open_beside(place, cell))
    if beside is not None and not url:
        return Process(settings, stores, beside.live, beside, metrics, beside.notices, beside=beside)
    from dialer.adapters.redis.live import open_live  # noqa: PLC0415  few have Redis
    from dialer.adapters.redis.notices import follow  # noqa: PLC0415  few have Redis
    from dialer.adapters.redis.wire import open_desk  # noqa: PLC0415  few have Redis

    live = await stack.enter_async_context(open_live(url))
    if beside is not None:
        return Process(settings, stores, live, beside, metrics, beside.notices, beside=beside)
    ring = Ring()
    await stack.enter_async_context(background(notices=follow(url, cell, ring)))
    desk = await stack.enter_async_context(open_desk(url, cell))
    return Process(settings, stores, live, desk, metrics, ring)


def _settle_down() -> None:
    """What the start has made stays: to look through it again for garbage takes a tenth of the CPU."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


def _furnish(settings: Settings, only: frozenset[str]) -> None:
    """Folders, what the phones say, and what takes long to load."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    make_folder(sounds_dir(settings), READ_BY_ALL)
    make_folder(recordings_dir(settings), SHARED_BY_GROUP)
    if ENGINE in only:
        from dialer.adapters.calendars import load_calendars  # noqa: PLC0415  a web needs none of it
        from dialer.adapters.speech import lay  # noqa: PLC0415  nor of this

        lay(sounds_dir(settings))
        load_calendars()  # before there is a call that would wait for it


def check_parts(only: frozenset[str]) -> None:
    """BadValue for what is no part."""
    if only - EVERYTHING or not only:
        known, asked = listed(sorted(EVERYTHING)), listed(sorted(only))
        raise BadValue(said("--only takes {known}; not {asked}", known=known, asked=asked))


async def _turn(turned: Turned, only: frozenset[str]) -> None:
    """What the pacer's rounds are to an engine."""
    standing = said("running: {parts}", parts=listed(sorted(only)))
    while True:
        turned(lambda: standing)
        await asyncio.sleep(TURN_S)


@asynccontextmanager
async def _agi(here: Process) -> AsyncIterator[AgiServer]:
    settings, metrics = here.settings, here.metrics
    parts = Parts(
        here.desk,
        here.stores.accounts,
        here.live,
        Pins(is_right, here.stores.pins, utc_now, metrics.pin_locked),
        sound=lambda name: str(sounds_dir(settings) / name),
        language=Language(settings.language),
        pauses=here.stores.pauses,
    )
    server = AgiServer(
        parts,
        secret=kept_secret(agi_secret_path(settings), owner=settings.data_dir),
        bind=settings.agi_bind,
        port=settings.agi_port,
        peers=agi_peers(settings),
    )
    server.on_refused = metrics.agi_refused
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the service, whichever parts it runs, and what is told of it over HTTP."""

    settings: Settings
    stores: Stores
    live: Shown
    desk: Desk
    metrics: ProcessMetrics
    notices: Notices
    engine: Engine | None = None
    beside: Beside | None = None  # the engine, where it is met over its socket

    async def health(self) -> Sequence[Check]:
        """A trunk that is dead or set aside is no reason to be unready; one that cannot dial or write is.

        An engine goes on without Redis, the other parts are nothing without it.
        """
        checks = [await _check("database", self.stores.campaigns.all())]
        if self.beside is not None:
            try:
                told = [Check(*line) for line in await self.beside.ask("health")]
            except ObzvonError as nobody:
                return [*checks, Check("engine", False, str(nobody))]
            return told if checks[0].ok else [*checks, *(one for one in told if one.name != "database")]
        if self.engine is None:
            return [*checks, await _check("redis", self.live.operators())]
        trouble, depth = self.engine.link_trouble(), self.engine.shell.journal.depth()
        checks.append(Check("link", not trouble, trouble))
        checks.append(Check("keeper", True, self.engine.listener.holder))
        checks.append(Check("set aside", True, self.engine.set_aside()))
        checks.append(Check("records", True, self.engine.refused()))
        holds = {name: ask() for name, ask in self.engine.cell.pacer.holds.items()}
        waiting = f"{depth} facts wait for the database"
        trouble = holds.pop("journal", "")
        checks.append(Check("journal", not trouble and depth < STUCK_FACTS, trouble or waiting))
        if checks[0].ok and (away := holds.pop("database", "")):  # it answers, and takes nothing
            checks[0] = Check("database", False, away)
        checks += [Check(name, not why, why) for name, why in holds.items() if name != "database"]
        return [*checks, *await self._held_back()]

    async def plain_health(self) -> list[list[Any]]:
        """The same for a process beside."""
        return [[one.name, one.ok, str(one.detail)] for one in await self.health()]

    async def metrics_page(self) -> tuple[bytes, str]:
        """The exposition, made in a thread; beside an engine its figures come first, where it answers."""
        if self.beside is not None:
            told = ""
            with suppress(ObzvonError):
                told = await self.beside.ask("metrics")
            self.metrics.engine_answers(is_up=bool(told))
            return await asyncio.to_thread(self.metrics.page_with, told)
        return await asyncio.to_thread(self.metrics.page)

    async def plain_metrics(self) -> str:
        """The same for a process beside."""
        return (await self.metrics_page())[0].decode()

    async def _held_back(self) -> list[Check]:
        """Leads that wait for a person: the rest is dialled, so this makes nothing unready."""
        try:
            leads = (await self.stores.leases.held_back()).get(CellId(self.settings.cell), 0)
        except StoreDown:
            return []
        return [Check("leads", True, str(held_back(self.settings.cell, leads)))] if leads else []


async def _check(name: str, asked: Awaitable[object]) -> Check:
    try:
        await asked
    except StoreDown as trouble:
        return Check(name, False, str(trouble))
    return Check(name, True)


@asynccontextmanager
async def _web(here: Process, ready: Callable[[str], None]) -> AsyncIterator[None]:
    from dialer.web.app import build_app  # noqa: PLC0415  an engine needs none of it
    from dialer.web.once import forget_old  # noqa: PLC0415  an engine needs none of it
    from dialer.web.server import serve as serve_web  # noqa: PLC0415  an engine needs none of it
    from dialer.webtools import web_tools  # noqa: PLC0415  an engine needs none of it

    settings, stores = here.settings, here.stores
    app = build_app(
        stores=stores,
        live=here.live,
        desk=here.desk,
        notices=here.notices,
        tools=web_tools(settings, clock=utc_now),
        health=here.health,
        metrics_page=here.metrics_page,
        answered=here.metrics.answered,
        version=__version__,
        cell=CellId(settings.cell),
        shortest_ring_s=LAB_RING_S if settings.lab else LAWFUL_RING_S,
    )
    web = partial(serve_web, app, settings.api_bind, settings.api_port)
    token_file = settings.data_dir / "cli.token"
    if sentence := in_the_clear(settings):
        log.warning(sentence)
    verbs = serve_stores(settings.data_dir / SOCKET, stores, mark_of(database_url(settings)))
    finish = now_and_then(FINISH_EVERY_S, "imports that were cut off", stores.intake.finish_left)
    cleaning = background(requests=forget_old(stores.requests, utc_now), imports=finish)
    admitted = partial(cli_admitted, stores.tokens, token_file)
    async with cleaning, _served(web) as address, admitted(address, utc_now), verbs:
        ready(address)
        yield


@asynccontextmanager
async def _probes(here: Process) -> AsyncIterator[None]:
    """A part without the API is watched all the same, unless its port is 0."""
    settings = here.settings
    part, port = ("ENGINE", settings.engine_health_port) if here.engine else ("AGI", settings.agi_health_port)
    if not port:
        yield
        return
    from dialer.web.app import build_probes  # noqa: PLC0415  most engines have a web that tells of them
    from dialer.web.server import serve as serve_web  # noqa: PLC0415  nor a server

    app = build_probes(health=here.health, metrics_page=here.metrics_page, version=__version__)
    named = ("DIALER_HEALTH_BIND", f"DIALER_{part}_HEALTH_PORT")
    async with _served(partial(serve_web, app, settings.health_bind, port, named=named)):
        yield


@asynccontextmanager
async def _served(serving: Callable[..., Coroutine[Any, Any, None]]) -> AsyncIterator[str]:
    """The address, once connections are accepted there."""
    bound: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    web = serving(on_bound=lambda host, port: bound.set_result(f"http://{host}:{port}"))
    async with background(web=web):
        yield await bound


async def _drain(settings: Settings, engine: Engine, hurry: asyncio.Event) -> None:
    """Dial nothing more; talks may end, unless somebody is in a hurry."""
    log.info("draining", calls=len(engine.cell.calls))
    draining = asyncio.create_task(engine.cell.drain(settings.drain_s))
    hurrying = asyncio.create_task(hurry.wait())
    await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    hurrying.cancel()
    done = draining.done() and draining.result()
    draining.cancel()
    if not done:
        log.warning("calls are ended", calls=len(engine.cell.calls))
        await engine.cell.end_all()
