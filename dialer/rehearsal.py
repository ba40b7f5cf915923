"""Composition of a simulation: the engine as it is, on stores in memory, against the pretend world."""

from __future__ import annotations

import asyncio
import time as machine
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, time
from itertools import count
from zoneinfo import ZoneInfo

from dialer.adapters.fitting import every_record
from dialer.adapters.memory import memory_stores
from dialer.adapters.memory.live import MemoryLive
from dialer.adapters.memory.notes import MemoryJournal
from dialer.adapters.memory.refusals import MemoryRefusals
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr
from dialer.domain.lead import Lead
from dialer.domain.operators import Account, Operator, StateChange
from dialer.domain.pacing.policies import Policies
from dialer.domain.schedule import every_day
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CampaignId,
    CampaignStatus,
    CellId,
    LeadId,
    PhoneNumber,
    TrunkId,
)
from dialer.engine.cell import Cell
from dialer.engine.clocks import ASK_S
from dialer.engine.errands import Errands
from dialer.engine.mailbox import Mailbox
from dialer.engine.recorder import Recorder
from dialer.engine.shell import Shell
from dialer.engine.timers import Timers
from dialer.engine.ways import Ways
from dialer.ports.asterisk import Switch
from dialer.ports.between import Live, Observer
from dialer.ports.journal import Journal
from dialer.ports.stores import CdrQuery, Stores
from dialer.settings import Settings
from dialer.sim import clock
from dialer.sim.callers import Callers
from dialer.sim.day import TRUNK, Day, day_of
from dialer.sim.scenario import HOUR_S, Scenario
from dialer.sim.staff import Staff, operator_ids
from dialer.sim.switch import PretendAsterisk
from dialer.sim.watch import Watch

CELL = CellId("sim")
SAMPLE_S = 60.0
LAST_TALKS_S = 7200.0  # after the day's end
WRAP_UP_LIMIT_S = 3600.0  # operators end it themselves
Progress = Callable[[float], None]  # the share of the day that is over


@dataclass(frozen=True, slots=True)
class Engine:
    """A cell with what it needs, not started yet."""

    cell: Cell
    shell: Shell
    recorder: Recorder


@dataclass(frozen=True, slots=True)
class Times:
    """The clock of the service's machine, and how often it looks at what. Seconds."""

    wall: clock.MachineClock
    interval_s: float
    look_at_clocks_s: float = ASK_S


def assemble(
    switch: Switch,
    stores: Stores,
    journal: Journal,
    live: Live,
    observer: Observer,
    *,
    new_id: Callable[[], str],
    times: Times,
    hopper_size: int,
) -> Engine:
    """The same parts as bootstrap's, in virtual time and without the world outside."""
    wall = times.wall
    shell = Shell(
        cell=CELL,
        switch=switch,
        journal=journal,
        observer=observer,
        clock=wall,
        zone=UTC,
        new_id=new_id,
        mailbox=Mailbox(),
        errands=Errands(),
        timers=Timers(wall),
        sound=lambda name: name,
        check_number=every_number,
        linked=asyncio.Event(),
    )
    ways = Ways(
        secret_of=lambda path: "",
        stamp_of=lambda path: None,
        number_of=lambda text: PhoneNumber(f"+{text}"),
        callers_of=lambda text, prefixes: (PhoneNumber(f"+{text}"),),
        zone_of=ZoneInfo,
        seconds=asyncio.get_running_loop().time,
        follow=wall.follow,
        look_at_clocks_s=times.look_at_clocks_s,
    )
    cell = Cell(shell, stores, Policies(ZoneInfo), ways, hopper_size=hopper_size, interval_s=times.interval_s)
    refusals, guard = MemoryRefusals(), shell.guard
    recorder = Recorder(journal, stores, live, lambda call: None, refusals=refusals, guard=guard)
    cell.kept_leads = recorder.kept_leads
    cell.desk.refused = recorder.verbs(shell.cell, cell.hopper.unmade)
    return Engine(cell, shell, recorder)


def every_number(number: PhoneNumber, trunks: Sequence[Trunk], country: str) -> None:
    """The people of a scenario have made-up numbers: no numbering plan knows them."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A day, and all that it was folded from."""

    day: Day
    cdrs: Sequence[Cdr]
    watch: Watch


def rehearse(scenario: Scenario, seed: int, on_progress: Progress = lambda share: None) -> Day:
    """One whole day; the same scenario and seed give the same day to the last record."""
    return rehearse_whole(scenario, seed, on_progress).day


def rehearse_whole(scenario: Scenario, seed: int, on_progress: Progress = lambda share: None) -> Rehearsed:
    """The same, with its records."""
    return clock.run(_day(scenario, seed, on_progress))


class _Stage:
    """The one fan-out point: the watch sees, the staff plays on."""

    staff: Staff

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.saw = watch.saw

    def moved(self, change: StateChange, operator: Operator) -> None:
        self._watch.moved(change, operator)
        self.staff.moved(change)


async def _day(scenario: Scenario, seed: int, on_progress: Progress) -> Rehearsed:
    began_s = machine.process_time()
    watch, callers = Watch(), Callers(scenario, seed)
    switch = PretendAsterisk(callers.fate_of)
    switch.registry.are_at_desks = True
    stores = memory_stores(clock.now)
    await _furnish(stores, scenario, callers)
    stage, ids = _Stage(watch), count(1)
    engine = assemble(
        switch,
        stores,
        MemoryJournal(clock.now),
        MemoryLive(),
        stage,
        new_id=lambda: f"{next(ids):08}",
        hopper_size=Settings.model_fields["hopper"].default,
        times=Times(
            clock.MachineClock(),
            scenario.dialing.interval_s or Settings.model_fields["pace_interval_s"].default,
            look_at_clocks_s=HOUR_S,  # there is only one
        ),
    )
    engine.cell.pacer.on_decision = lambda decision, _: watch.decided(decision)
    engine.cell.pacer.on_scored = watch.scored
    stage.staff = Staff(scenario, seed, engine.cell.floor.ask, switch.wrap_up_of)
    async with _running(engine):
        switch.connect_to(engine.cell)
        await engine.shell.linked.wait()
        stage.staff.come()
        await _pass_time(scenario, watch, on_progress)
        await engine.cell.drain(LAST_TALKS_S)
        await clock.until(lambda: not engine.shell.journal.depth())
    cdrs = [cdr async for page in every_record(stores.records, CdrQuery()) for cdr in page]
    failed = engine.shell.mailbox.failed + engine.shell.errands.failed + engine.shell.guard.failed.total()
    spent_s = machine.process_time() - began_s
    return Rehearsed(day_of(scenario, seed, cdrs, watch, switch, failed=failed, cpu_s=spent_s), cdrs, watch)


async def _furnish(stores: Stores, scenario: Scenario, callers: Callers) -> None:
    """What an administrator would enter: a trunk, operators, a campaign, its list."""
    operators = operator_ids(scenario)
    for id_ in operators:
        await stores.accounts.add(Account(id_, f"operator {id_}"))
    prefixes = tuple({segment.prefix for segment in scenario.leads.segments})
    await stores.trunks.add(
        Trunk(
            TrunkId(TRUNK),
            "127.0.0.2",
            caller_ids=("+74950000000",),
            lines=scenario.lines_wanted,
            calls_per_s=scenario.calls_per_s_wanted,
            prefixes=prefixes,
        )
    )
    campaign = await stores.campaigns.add(
        Campaign(
            CampaignId(0),
            scenario.name,
            mode=scenario.dialing.mode,
            status=CampaignStatus.RUNNING,
            ratio=scenario.dialing.ratio,
            operators=frozenset(operators),
            trunks=(TrunkId(TRUNK),),
            schedule=every_day(time(0), time(0)),
            ring_s=scenario.dialing.ring_s,
            wrap_up_s=WRAP_UP_LIMIT_S,
            message="sorry",
            ceiling=scenario.dialing.target,
        )
    )
    leads = [
        Lead(LeadId(0), campaign.id, (person.number,), zones=(person.segment.zone,), ref=person.segment.name)
        for person in callers.list
    ]
    await stores.leads.import_list(campaign.id, "scenario", leads, now=clock.now())


@asynccontextmanager
async def _running(engine: Engine) -> AsyncIterator[None]:
    """The cell and its recorder; they end with the context, and so does everything that they started."""
    await engine.cell.start(engine.shell.journal.recover())
    async with asyncio.TaskGroup() as tasks:
        works = [tasks.create_task(engine.cell.run()), tasks.create_task(engine.recorder.run())]
        yield
        for work in works:
            work.cancel()
    engine.shell.timers.stop_all()
    await engine.shell.errands.settle(1.0)


async def _pass_time(scenario: Scenario, watch: Watch, on_progress: Progress) -> None:
    """The day, in steps that the picture and the progress are drawn from."""
    loop = asyncio.get_running_loop()
    end_s = scenario.hours * HOUR_S
    while (passed_s := loop.time()) < end_s:
        watch.sample(passed_s)
        on_progress(passed_s / end_s)
        await asyncio.sleep(min(SAMPLE_S, end_s - passed_s))
    watch.sample(end_s)
    on_progress(1.0)
