"""An engine with everything that it stands on: which adapter is behind which of its ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import thread_time
from typing import Any
from urllib.parse import urlsplit

import structlog

from dialer import __version__
from dialer.adapters.ami.registrations import Ami, Registration
from dialer.adapters.ari.bulk import Bulk
from dialer.adapters.ari.listener import Credentials, Listener
from dialer.adapters.ari.switch import AriSwitch
from dialer.adapters.calendars import holiday_of
from dialer.adapters.callers import caller_numbers, countries_of
from dialer.adapters.clock import SteadyClock, boot_seconds, new_id, utc_now
from dialer.adapters.journal.lives import Lives
from dialer.adapters.journal.refusals import REFUSED, FileRefusals
from dialer.adapters.names import Names
from dialer.adapters.numbering import checker
from dialer.adapters.phones import normalise
from dialer.adapters.prometheus import Metrics
from dialer.adapters.recordings import Converter
from dialer.adapters.secrets import read_secret, stamp_of
from dialer.adapters.zones import zone_of
from dialer.background import background
from dialer.domain.campaign import Campaign
from dialer.domain.errors import Fatal, NetworkTrouble, StoreDown
from dialer.domain.explain import DUE
from dialer.domain.pacing.policies import Policies
from dialer.domain.said import counted, listed, said
from dialer.domain.types import CampaignId, CellId, PhoneNumber, TrunkId
from dialer.engine.cell import Cell
from dialer.engine.errands import Errands
from dialer.engine.guard import Guard
from dialer.engine.mailbox import Mailbox
from dialer.engine.mirror import Mirror, ShownDesk
from dialer.engine.notices import Announcer
from dialer.engine.observers import Observers
from dialer.engine.recorder import Recorder
from dialer.engine.shell import Shell
from dialer.engine.timers import Timers
from dialer.engine.ways import Ways, no_trouble
from dialer.keeper.store import DescriptorStore
from dialer.ports.asterisk import ChannelNews, PhoneNews
from dialer.ports.between import Desk, Follow, Live, Observer, Publishing
from dialer.ports.journal import Journal, Recovered, worked_on
from dialer.ports.stores import Stores
from dialer.settings import Settings, dial_rules, office_zone, recordings_dir, sounds_dir, workday

log = structlog.get_logger()

REGISTRATIONS_S = 5.0
FIGURES_S = 5.0
COUNTING_SHARE, MOST_APART_S = 0.05, 60.0  # of all time that may go into counting; at most so far apart
FAREWELL_S = 5.0  # for facts that the database has not taken


class LateEar:
    """The link is made before the cell that listens to it."""

    cell: Cell

    def heard(self, news: ChannelNews | PhoneNews) -> None:
        self.cell.heard(news)

    def ready(self, booted_at: datetime) -> None:
        self.cell.ready(booted_at)

    def down(self) -> None:
        self.cell.down()


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
    desk: Desk

    async def recount(self) -> None:
        """The live sums from the records: Redis has lost them. Raises StoreDown."""
        await self.recorder.recount(utc_now())
        self.metrics.recounted()

    def link_trouble(self) -> str:
        """Why nothing can be asked of Asterisk now; empty: it can."""
        if self.shell.linked.is_set():
            return ""
        link = self.switch.link
        if link.is_frozen:
            return said("Asterisk is connected and does not answer")
        if not link.is_connected:
            return said("Asterisk is not connected")
        if not link.is_ready:
            why = link.trouble or said("it has not registered yet")
            return said("Asterisk is connected and cannot be set up: {why}", why=why)
        return self.cell.reconciling or said("Asterisk is connected, calls begin in a moment")

    def set_aside(self) -> str:
        """What cannot be used, each with its reason; nothing else waits for it."""
        return listed([f"{name}: {why}" for name, why in self.cell.books.faults.items()], "; ")

    def refused(self) -> str:
        """How many records the database refuses, and why it refused the last one."""
        kept = self.recorder.refusals.all()
        if not kept:
            return ""
        return counted(
            "{n} record is refused by the database and kept on disk: {why}",
            "{n} records are refused by the database and kept on disk, the last one: {why}",
            len(kept),
            why=kept[-1].reason,
        )


@asynccontextmanager
async def open_engine(
    settings: Settings,
    stores: Stores,
    live: Live,
    journal: Journal,
    lives: Lives,
    *observers: Observer,
    board: Publishing,
    store: DescriptorStore | None = None,
) -> AsyncIterator[Engine]:
    """A cell that is connected or waits for its Asterisk; its tasks end with the context.

    Fatal when another service has the cell.
    """
    guard = Guard()
    mirror, credentials = Mirror(live, CellId(settings.cell), guard), _credentials(settings)
    announcer = Announcer(board, guard)
    async with Bulk(settings.ari_http_url, credentials.user, credentials.password) as bulk:
        engine = _assembled(
            settings, stores, live, journal, bulk, mirror, announcer, *observers, guard=guard, store=store
        )
        engine = replace(engine, desk=ShownDesk(engine.desk, mirror))
        engine.listener.add(engine.switch.link, credentials)
        _watch(engine, settings)
        cell, recorder = engine.cell, engine.recorder
        recovered = _whole(journal.recover(), await _take(cell, lives), lives)
        kept = (one.fact for one in recorder.refusals.all())  # of an earlier life as well
        ends = (*recovered.closings, *worked_on(kept, recovered.operators))
        recovered = replace(recovered, closings=ends)
        cell.ownership.farewell = lambda: recorder.settle(FAREWELL_S)
        await live.clear(engine.shell.cell)
        await recorder.catch_up(utc_now())
        await cell.start(recovered)
        await mirror.flush()
        await engine.listener.start()
        engine.switch.reasons.start(settings.ari_bind, settings.ari_port)
        try:
            async with background(**_works(engine, settings, stores, mirror, announcer)):
                yield engine
                if not await recorder.settle(5.0):
                    log.warning("facts stay in the journal for the next start", facts=journal.depth())
                await mirror.flush()
        finally:
            await _leave(engine)


def _works(
    engine: Engine, settings: Settings, stores: Stores, mirror: Mirror, announcer: Announcer
) -> dict[str, Coroutine[Any, Any, Any]]:
    """What runs for as long as the engine does."""
    cell, guard = engine.cell, engine.shell.guard
    return {
        "cell": cell.run(),
        "recorder": guard.lasting("recorder", engine.recorder.run),
        "refused": guard.lasting("refused facts", engine.recorder.retry),
        "mirror": guard.lasting("live state", mirror.run),
        "notices": guard.lasting("notices", lambda: announcer.run(cell, engine.shell.clock)),
        "link": engine.switch.link.run(),
        "converter": guard.lasting("recordings", engine.converter.run),
        "registrations": guard.lasting(
            "registrations", lambda: _follow_registrations(settings, cell, engine.metrics)
        ),
        "figures": guard.lasting("figures", lambda: _follow_figures(engine, stores)),
    }


async def _leave(engine: Engine) -> None:
    """Whatever goes on goes on without us."""
    engine.shell.timers.stop_all()
    await engine.shell.errands.settle(1.0)
    await engine.listener.stop()
    await engine.switch.wish_again()
    engine.switch.reasons.stop()
    in_order = not engine.shell.journal.depth() and not len(engine.cell.calls)
    await engine.cell.ownership.release(in_order=in_order)


async def _take(cell: Cell, lives: Lives) -> str:
    """The cell, before anything of it is touched; what the last life of this very journal had is ours."""
    holder = lives.begin()
    try:
        before = await cell.ownership.take(holder, lives.before)
    except Fatal:
        lives.failed()
        raise
    lives.took(holder)
    return before


def _whole(recovered: Recovered, before: str, lives: Lives) -> Recovered:
    """Whether this is the journal of the life that had the cell before and did not end in good order."""
    if not before or before in lives.wrote:
        return recovered
    gone = said("the journal of the service that had this cell before is not here")
    return replace(recovered, damages=(*recovered.damages, gone))


def _credentials(settings: Settings) -> Credentials:
    """What Asterisk and we show each other; Fatal without a password."""
    password = secret_in(str(settings.ari_password_file or ""))
    if not password:
        why = said(
            "DIALER_ARI_PASSWORD_FILE is not set or the file is empty: without a password anybody could be"
            " our Asterisk; put the one of ari.conf there (`dialer asterisk` writes both sides)"
        )
        raise Fatal(why)
    return Credentials(settings.ari_user, password)


def _assembled(
    settings: Settings,
    stores: Stores,
    live: Live,
    journal: Journal,
    bulk: Bulk,
    *observers: Observer,
    guard: Guard,
    store: DescriptorStore | None,
) -> Engine:
    """All parts, none of them at work yet."""
    cell_id = CellId(settings.cell)
    metrics = Metrics(version=__version__, cell=cell_id, started_at=utc_now())
    guard.on_failure = metrics.mistake
    ear = LateEar()
    switch = AriSwitch(cell_id, settings.ari_app, ear, metrics, bulk, timeout_s=settings.ari_timeout_s)
    clock = SteadyClock()
    shell = Shell(
        cell=cell_id,
        switch=switch,
        journal=journal,
        observer=Observers(guard, metrics, *observers),
        clock=clock,
        zone=office_zone(settings),
        new_id=new_id,
        mailbox=Mailbox(),
        errands=Errands(),
        timers=Timers(clock),
        sound=lambda name: str(sounds_dir(settings) / name) if name else "",
        check_number=checker(dial_rules(settings)),
        linked=asyncio.Event(),
        guard=guard,
        spent=thread_time,
    )
    cell = ear.cell = _cell(settings, stores, shell, metrics, clock.follow)
    switch.ahead_s = lambda: cell.clocks.ahead_s
    converter = Converter(
        recordings_dir(settings), stores.ledger, lambda call: cell.calls.get(call) is not None
    )
    refusals = FileRefusals(settings.data_dir / "journal" / settings.cell / REFUSED, utc_now)
    recorder = Recorder(journal, stores, live, converter.closed, refusals=refusals, guard=guard)
    cell.kept_leads = recorder.kept_leads
    cell.desk.refused = recorder.verbs(shell.cell, cell.hopper.unmade)
    listener = Listener(settings.ari_bind, settings.ari_port, store=store)
    return Engine(cell, shell, switch, recorder, metrics, converter, listener, cell.desk)


def _cell(settings: Settings, stores: Stores, shell: Shell, metrics: Metrics, follow: Follow) -> Cell:
    """What drives the Asterisk, watched by the metrics."""
    ways = Ways(
        secret_in,
        stamp_of,
        lambda text: _number(text, settings.country),
        lambda text, prefixes: caller_numbers(text, [settings.country, *countries_of(prefixes)]),
        zone_of,
        holiday_of,
        follow=follow,
        lab=settings.lab,
        seconds=boot_seconds,
        resolve=Names().trouble_with if _is_here(settings) else no_trouble,
        workday=workday(settings),
    )
    cell = Cell(
        shell,
        stores,
        Policies(zone_of),
        ways,
        hopper_size=settings.hopper,
        interval_s=settings.pace_interval_s,
    )
    cell.pacer.on_decision, cell.pacer.on_scored = metrics.decided, metrics.scored
    cell.pacer.on_refused = metrics.refused
    cell.inbound.strangers.on_met = metrics.met
    cell.on_trunk = lambda trunk, is_reachable: metrics.trunk(trunk, reachable=is_reachable)
    cell.trunks.refusals.on_rest = lambda trunk, rests: metrics.trunk(trunk, refused=rests)
    return cell


def _watch(engine: Engine, settings: Settings) -> None:
    """Depths of every queue and room on the disks, read when somebody asks for the metrics."""
    engine.metrics.watch_queue("journal", engine.shell.journal.depth)
    engine.metrics.watch_refused(lambda: len(engine.recorder.refusals.all()))
    engine.shell.errands.on_mistake = engine.shell.mailbox.on_mistake = engine.metrics.mistake
    engine.metrics.watch_queue("errands", lambda: len(engine.shell.errands))
    engine.metrics.watch_queue("link", lambda: engine.switch.link.under_way)
    engine.metrics.watch_queue("recordings", engine.converter.waiting)
    engine.cell.lag.on_lag = engine.metrics.loop_lag
    engine.metrics.watch_clocks(lambda: engine.cell.clocks.skew_s)
    for reason, why in engine.cell.pacer.holds.items():
        engine.metrics.watch_hold(reason, why)
    engine.metrics.watch_disk("data", settings.data_dir.absolute())
    engine.metrics.watch_disk("recordings", recordings_dir(settings))


async def _follow_registrations(settings: Settings, cell: Cell, metrics: Metrics) -> None:
    """The one thing that ARI does not show."""
    if not settings.ami_port or settings.ami_password_file is None:
        await asyncio.Event().wait()
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


async def _follow_figures(engine: Engine, stores: Stores) -> None:
    """Gauges that are counted in the database now and then."""
    cell, metrics, guard = engine.cell, engine.metrics, engine.shell.guard
    clock, count_from_s = asyncio.get_running_loop().time, 0.0
    while True:
        guard.run("figures", _look, cell, metrics)
        if (began_s := clock()) >= count_from_s:
            for campaign in cell.pacer.running():
                await guard.turn("figures", _count_leads(campaign, cell, stores, metrics))
            await guard.turn("figures", _count_held(engine.shell.cell, stores, metrics))
            took_s = clock() - began_s
            count_from_s = clock() + min(MOST_APART_S, took_s * (1 / COUNTING_SHARE - 1))
        await asyncio.sleep(FIGURES_S)


def _look(cell: Cell, metrics: Metrics) -> None:
    metrics.know_operators(operator.id for operator in cell.floor.all())
    metrics.know_campaigns(cell.pacer.campaigns.values())
    metrics.at_hand(_at_hand(cell))
    metrics.set_aside(cell.books.faults)
    metrics.passed(utc_now())
    metrics.spending(cell.spending.shares(utc_now()))


async def _count_held(cell: CellId, stores: Stores, metrics: Metrics) -> None:
    try:
        metrics.held_back((await stores.leases.held_back()).get(cell, 0))
    except StoreDown as trouble:
        log.debug("leads could not be counted", reason=str(trouble))


async def _count_leads(campaign: Campaign, cell: Cell, stores: Stores, metrics: Metrics) -> None:
    try:
        counts = await stores.leads.count(campaign.id, utc_now())
        metrics.leads(campaign.id, counts)
        due = sum(counts[name] for name in DUE) + len(cell.pacer.at_hand(campaign.id))
        metrics.supply(campaign.id, due, cell.pacer.dials.per_h(campaign.id))
    except StoreDown as trouble:
        log.debug("leads could not be counted", reason=str(trouble))


def _at_hand(cell: Cell) -> Mapping[CampaignId, tuple[int, int]]:
    """(leads leased ahead of need, operators who could take a call) of every running campaign."""
    ready = {view.id for view in cell.pacer.operator_views(utc_now()) if view.free or view.summonable}
    return {
        campaign.id: (len(cell.pacer.at_hand(campaign.id)), len(ready & campaign.operators))
        for campaign in cell.pacer.running()
    }


def _is_here(settings: Settings) -> bool:
    """Asterisk is on this machine, and looks names up as we do."""
    host = urlsplit(settings.ari_http_url).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1")


def _number(text: str, country: str) -> PhoneNumber | None:
    """As a person wrote it: with or without the country, never guessed from two."""
    found = normalise(text if text.startswith(("+", "8")) else f"+{text}", country).numbers
    return found[0] if len(found) == 1 else None
