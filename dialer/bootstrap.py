"""The composition root: the only file that knows which adapter stands behind which port."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from agi.server import AgiServer
from dialer import __version__
from dialer.adapters.ami.registrations import Ami, Registration
from dialer.adapters.ari.bulk import Bulk
from dialer.adapters.ari.listener import Credentials, Listener
from dialer.adapters.ari.switch import AriSwitch
from dialer.adapters.clock import new_id, utc_now
from dialer.adapters.hashes import is_right
from dialer.adapters.journal.disk import open_journal
from dialer.adapters.memory.live import MemoryLive
from dialer.adapters.phones import normalise, zone_of
from dialer.adapters.process_metrics import ProcessMetrics
from dialer.adapters.prometheus import Metrics
from dialer.adapters.recordings import Converter
from dialer.adapters.secrets import read_secret, stamp_of
from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadValue, Fatal, NetworkTrouble, StoreDown
from dialer.domain.gates import may_dial
from dialer.domain.law import LAWFUL_RING_S
from dialer.domain.lead import Lead
from dialer.domain.pacing.policies import Policies
from dialer.domain.said import listed, said
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, CellId, Language, PhoneNumber, TrunkId
from dialer.domain.verdict import Verdict
from dialer.engine.cell import Cell, Ways
from dialer.engine.errands import Errands
from dialer.engine.mailbox import Mailbox
from dialer.engine.mirror import Mirror
from dialer.engine.observers import Observers
from dialer.engine.recorder import Recorder
from dialer.engine.shell import Shell
from dialer.engine.timers import Timers
from dialer.ports import (
    ChannelNews,
    Desk,
    Journal,
    Live,
    NumberHistory,
    Observer,
    PhoneNews,
    Stores,
)
from dialer.settings import Settings, agi_peers, recordings_dir, sounds_dir
from dialer.storage import open_database, redis_url
from dialer.toolbox import api_tools, cli_admitted
from dialer.web.app import build_app, build_probes
from dialer.web.parts import Check
from dialer.web.server import serve as serve_web

log = structlog.get_logger()

ENGINE, WEB, AGI = "engine", "web", "agi"
EVERYTHING = frozenset({ENGINE, WEB, AGI})
REGISTRATIONS_S = 5.0
FIGURES_S = 5.0
STUCK_FACTS = 10_000
LAB_RING_S = 1.0
TURN_S = 1.0  # of a process without an engine, whose loop has no rounds of its own

Turned = Callable[[Callable[[], str]], None]  # a round is over; who wants to know how we fare, asks


@asynccontextmanager
async def open_live(settings: Settings, on_return: Callable[[], Awaitable[None]]) -> AsyncIterator[Live]:
    """Live state in memory, or in Redis when it is configured; `on_return`: Redis was away and is back."""
    url = redis_url(settings)
    if not url:
        yield MemoryLive()
        return
    from dialer.adapters.redis.live import open_live as open_redis_live  # noqa: PLC0415  few have Redis

    async with open_redis_live(url, on_return=on_return) as live:
        yield live


# --- the engine -------------------------------------------------------------------------------------------


class LateEar:
    """The link is made before the cell that listens to it."""

    cell: Cell

    def heard(self, news: ChannelNews | PhoneNews) -> None:
        self.cell.heard(news)

    def ready(self, booted_at: datetime) -> None:
        self.cell.ready(booted_at)

    def down(self) -> None:
        self.cell.down()


def gates(campaign: Campaign, lead: Lead, trunk: Trunk, history: NumberHistory, now: datetime) -> Verdict:
    """Every gate of one number, asked right before it is dialled."""
    return may_dial(campaign, lead, lead.number, trunk=trunk, history=history, now=now, zone_of=zone_of)


def secret_in(path: str) -> str:
    """What lies in a secret file; empty for no file."""
    return read_secret(Path(path)) if path else ""


@dataclass(frozen=True, slots=True)
class Engine:
    """A running cell and what stands around it."""

    cell: Cell
    shell: Shell
    switch: AriSwitch
    recorder: Recorder
    metrics: Metrics
    converter: Converter
    listener: Listener


@asynccontextmanager
async def open_engine(
    settings: Settings, stores: Stores, live: Live, journal: Journal, *observers: Observer
) -> AsyncIterator[Engine]:
    """A cell that is connected or waits for its Asterisk; its tasks end with the context."""
    cell_id = CellId(settings.cell)
    metrics = Metrics(version=__version__, cell=cell_id, started_at=utc_now())
    mirror = Mirror(live, cell_id)
    policies = Policies(zone_of)
    ear = LateEar()
    password = secret_in(str(settings.ari_password_file or ""))
    if not password:
        why = said(
            "DIALER_ARI_PASSWORD_FILE is not set or the file is empty: without a password anybody could be"
            " our Asterisk; put the one of ari.conf there (`dialer asterisk` writes both sides)"
        )
        raise Fatal(why)
    bulk = Bulk(settings.ari_http_url, settings.ari_user, password)
    switch = AriSwitch(cell_id, settings.ari_app, ear, metrics, bulk, timeout_s=settings.ari_timeout_s)
    shell = Shell(
        cell=cell_id,
        switch=switch,
        journal=journal,
        observer=Observers(metrics, mirror, *observers),
        clock=utc_now,
        new_id=new_id,
        mailbox=Mailbox(),
        errands=Errands(),
        timers=Timers(utc_now),
        sound=lambda name: str(sounds_dir(settings) / name) if name else "",
        linked=asyncio.Event(),
    )
    ways = Ways(
        gates, secret_in, stamp_of, lambda text: _number(text, settings.country), zone_of, settings.lab
    )
    cell = ear.cell = Cell(
        shell, stores, policies, ways, hopper_size=settings.hopper, interval_s=settings.pace_interval_s
    )
    cell.pacer.on_decision, cell.pacer.on_scored = metrics.decided, metrics.scored
    cell.pacer.on_refused = metrics.refused
    cell.on_trunk = lambda trunk, is_reachable: metrics.trunk(trunk, reachable=is_reachable)
    converter = Converter(
        recordings_dir(settings), stores.ledger, lambda call: cell.calls.get(call) is not None
    )
    recorder = Recorder(journal, stores.ledger, stores.numbers, live, converter.closed)
    listener = Listener(settings.ari_bind, settings.ari_port)
    listener.add(switch.link, Credentials(settings.ari_user, password))
    engine = Engine(cell, shell, switch, recorder, metrics, converter, listener)
    _watch(engine, settings)
    async with bulk:
        await live.clear(cell_id)
        await recorder.catch_up(utc_now())
        await cell.start(journal.recover())
        await mirror.flush()
        await listener.start()
        try:
            async with background(
                cell=cell.run(),
                recorder=recorder.run(),
                mirror=mirror.run(),
                link=switch.link.run(),
                converter=converter.run(),
                registrations=_follow_registrations(settings, cell, metrics),
                figures=_follow_figures(cell, stores, metrics),
            ):
                yield engine
                if not await recorder.settle(5.0):
                    log.warning("facts stay in the journal for the next start", facts=journal.depth())
                await mirror.flush()
        finally:
            shell.timers.stop_all()
            await shell.errands.settle(1.0)
            await listener.stop()


def _watch(engine: Engine, settings: Settings) -> None:
    """Depths of every queue and room on the disks, read when somebody asks for the metrics."""
    engine.metrics.watch_queue("journal", engine.shell.journal.depth)
    engine.metrics.watch_queue("errands", lambda: len(engine.shell.errands))
    engine.metrics.watch_queue("link", lambda: engine.switch.link.under_way)
    engine.metrics.watch_queue("recordings", engine.converter.waiting)
    engine.metrics.watch_disk("data", settings.data_dir.absolute())
    engine.metrics.watch_disk("recordings", recordings_dir(settings))


@asynccontextmanager
async def background(**works: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Runs these beside the body; the first that fails ends the body with its error."""
    body = asyncio.current_task()
    failed: list[BaseException] = []

    def done(task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            failed.append(error)
            if body is not None:
                body.cancel()

    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    for task in tasks:
        task.add_done_callback(done)
    try:
        yield
    except asyncio.CancelledError:
        if failed and body is not None:
            body.uncancel()
            raise failed[0] from None
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow_registrations(settings: Settings, cell: Cell, metrics: Metrics) -> None:
    """The one thing that ARI does not show."""
    if not settings.ami_port or settings.ami_password_file is None:
        return
    seen: dict[TrunkId, Registration] = {}
    cell.trunks.registration_of = lambda trunk: seen[trunk].status if trunk in seen else ""
    secret = secret_in(str(settings.ami_password_file))
    ami = Ami(settings.ami_host, settings.ami_port, settings.ami_user, secret)
    await ami.start()
    try:
        while True:
            await asyncio.sleep(REGISTRATIONS_S if ami.is_connected else 0.5)
            try:
                seen.clear()
                seen.update(await ami.registrations())
            except NetworkTrouble as trouble:
                log.debug("registrations are not known", reason=str(trouble))
            for trunk, registration in seen.items():
                metrics.trunk(trunk, registered=registration.is_registered)
    finally:
        await ami.stop()


async def _follow_figures(cell: Cell, stores: Stores, metrics: Metrics) -> None:
    """Gauges that are counted in the database now and then."""
    while True:
        metrics.know_operators(operator.id for operator in cell.floor.all())
        metrics.know_campaigns(cell.pacer.campaigns.values())
        metrics.at_hand(_at_hand(cell))
        metrics.passed(utc_now())
        try:
            for campaign in cell.pacer.running():
                metrics.leads(campaign.id, await stores.leads.count(campaign.id, utc_now()))
        except StoreDown as trouble:
            log.debug("leads could not be counted", reason=str(trouble))
        await asyncio.sleep(FIGURES_S)


def _at_hand(cell: Cell) -> Mapping[CampaignId, tuple[int, int]]:
    """(leads leased ahead of need, operators who could take a call) of every running campaign."""
    ready = {view.id for view in cell.pacer.operator_views(utc_now()) if view.free or view.summonable}
    return {
        campaign.id: (len(cell.pacer.at_hand(campaign.id)), len(ready & campaign.operators))
        for campaign in cell.pacer.running()
    }


def _number(text: str, country: str) -> PhoneNumber | None:
    """A caller as the network wrote him: with or without the country, never guessed from two."""
    found = normalise(text if text.startswith(("+", "8")) else f"+{text}", country).numbers
    return found[0] if len(found) == 1 else None


# --- the whole service ------------------------------------------------------------------------------------


async def serve(
    settings: Settings,
    *,
    only: frozenset[str] = EVERYTHING,
    stop: asyncio.Event,
    hurry: asyncio.Event,
    ready: Callable[[str], None] = lambda url: None,
    turned: Turned = lambda standing: None,
) -> None:
    """Run until `stop`, then drain; `hurry` ends the drain. Fatal says why it could not go on.

    `ready` hears that every part is up, whether Asterisk is there or not; `turned`, that the loop turns.
    """
    _check_parts(only, settings)
    for folder in (sounds_dir(settings), recordings_dir(settings)):
        folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_database(settings))
        engine: Engine | None = None

        async def recount() -> None:
            if engine is not None:
                await engine.recorder.recount(utc_now())

        live = await stack.enter_async_context(open_live(settings, recount))
        if ENGINE in only:
            journal = stack.enter_context(
                open_journal(settings.data_dir / "journal" / settings.cell, utc_now)
            )
            engine = await stack.enter_async_context(open_engine(settings, stores, live, journal))
            engine.cell.pacer.on_round = partial(turned, engine.cell.standing)
        else:
            await stack.enter_async_context(background(turns=_turn(turned, only)))
        desk = await _desk(settings, engine, stack)
        if AGI in only:
            await stack.enter_async_context(_agi(settings, stores, live, desk))
        outside = Outside(settings, stores, live, engine, _metrics_of(settings, engine))
        if WEB in only:
            await stack.enter_async_context(_web(outside, desk, ready))
        else:
            await stack.enter_async_context(_probes(outside))
            ready("")
        gc.freeze()  # what the start has made stays: to look through it again takes a tenth of the CPU
        gc.set_threshold(20_000, 20, 20)
        await stop.wait()
        if engine is not None:
            await _drain(settings, engine, hurry)


def _metrics_of(settings: Settings, engine: Engine | None) -> ProcessMetrics:
    if engine is not None:
        return engine.metrics
    return ProcessMetrics(version=__version__, cell=CellId(settings.cell), started_at=utc_now())


def _check_parts(only: frozenset[str], settings: Settings) -> None:
    if only - EVERYTHING or not only:
        known, asked = listed(sorted(EVERYTHING)), listed(sorted(only))
        raise BadValue(said("--only takes {known}; not {asked}", known=known, asked=asked))
    if only != EVERYTHING and not settings.redis_url.get_secret_value():
        raise BadValue(said("parts of the service talk to each other through Redis: set DIALER_REDIS_URL"))


async def _turn(turned: Turned, only: frozenset[str]) -> None:
    """What the pacer's rounds are to an engine."""
    standing = said("running: {parts}", parts=listed(sorted(only)))
    while True:
        turned(lambda: standing)
        await asyncio.sleep(TURN_S)


async def _desk(settings: Settings, engine: Engine | None, stack: AsyncExitStack) -> Desk:
    """The cell's own desk, or the way to it through Redis; beside a split service the cell listens there."""
    url = redis_url(settings)
    if engine is not None and not url:
        return engine.cell.desk
    from dialer.adapters.redis.wire import open_desk, serve_commands  # noqa: PLC0415  few have Redis

    if engine is None:
        return await stack.enter_async_context(open_desk(url, CellId(settings.cell)))
    wire = serve_commands(url, CellId(settings.cell), engine.cell.desk)
    await stack.enter_async_context(background(wire=wire))
    return engine.cell.desk


@asynccontextmanager
async def _agi(settings: Settings, stores: Stores, live: Live, desk: Desk) -> AsyncIterator[AgiServer]:
    server = AgiServer(
        desk,
        stores.accounts,
        live,
        is_right,
        bind=settings.agi_bind,
        port=settings.agi_port,
        language=Language(settings.language),
        peers=agi_peers(settings),
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@dataclass(frozen=True, slots=True)
class Outside:
    """What is told of a process over HTTP, whichever parts it runs."""

    settings: Settings
    stores: Stores
    live: Live
    engine: Engine | None
    metrics: ProcessMetrics

    async def health(self) -> Sequence[Check]:
        """A dead trunk is no reason to be unready; a service that cannot dial or cannot write is.

        An engine goes on without Redis, the other parts are nothing without it.
        """
        checks = [await _check("database", self.stores.campaigns.all())]
        if self.engine is None:
            return [*checks, await _check("redis", self.live.operators())]
        linked, depth = self.engine.shell.linked.is_set(), self.engine.shell.journal.depth()
        checks.append(Check("link", linked, "" if linked else "Asterisk is not connected"))
        checks.append(Check("journal", depth < STUCK_FACTS, f"{depth} facts wait for the database"))
        return checks


async def _check(name: str, asked: Awaitable[object]) -> Check:
    try:
        await asked
    except StoreDown as trouble:
        return Check(name, False, str(trouble))
    return Check(name, True)


@asynccontextmanager
async def _web(outside: Outside, desk: Desk, ready: Callable[[str], None]) -> AsyncIterator[None]:
    settings, stores = outside.settings, outside.stores
    app = build_app(
        stores=stores,
        live=outside.live,
        desk=desk,
        tools=api_tools(settings, stores, desk, clock=utc_now),
        health=outside.health,
        metrics_page=outside.metrics.page,
        answered=outside.metrics.answered,
        version=__version__,
        shortest_ring_s=LAB_RING_S if settings.lab else LAWFUL_RING_S,
    )
    web = partial(serve_web, app, settings.api_bind, settings.api_port)
    token_file = settings.data_dir / "cli.token"
    async with _served(web) as address, cli_admitted(stores.tokens, token_file, address, utc_now):
        ready(address)
        yield


@asynccontextmanager
async def _probes(outside: Outside) -> AsyncIterator[None]:
    """A part without the API is watched all the same, unless its port is 0."""
    settings = outside.settings
    part, port = (
        ("ENGINE", settings.engine_health_port) if outside.engine else ("AGI", settings.agi_health_port)
    )
    if not port:
        yield
        return
    app = build_probes(health=outside.health, metrics_page=outside.metrics.page, version=__version__)
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
