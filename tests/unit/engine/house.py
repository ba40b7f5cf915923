"""A whole cell on pretend parts, in virtual time; it can be killed and started again on what is left."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import count
from typing import Any

from dialer.adapters.fitting import PAGE, every_record
from dialer.adapters.memory import memory_stores
from dialer.adapters.memory.faults import Faults, failing
from dialer.adapters.memory.live import MemoryLive
from dialer.adapters.memory.notes import MemoryJournal
from dialer.domain import shifts
from dialer.domain.call import Call, Event
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr
from dialer.domain.cells import Holder
from dialer.domain.lead import Lead
from dialer.domain.operators import Account, Operator, State, StateChange
from dialer.domain.schedule import every_day
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    LeadId,
    LeadStatus,
    OperatorId,
    PhoneNumber,
    TrunkId,
)
from dialer.engine.cell import Cell
from dialer.engine.recorder import Recorder
from dialer.engine.shell import Shell
from dialer.ports.stores import CdrQuery
from dialer.rehearsal import Times, assemble
from dialer.sim.clock import MachineClock, now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk

MAIN = TrunkId("main")


class Watcher:
    """An Observer that checks the house rules at every single move."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.seen: Counter[str] = Counter()
        self.changes: list[StateChange] = []

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        self.seen[after.state] += before is None or before.state is not after.state
        holders = Counter(call.operator for call in self._house.cell.calls.all() if call.operator is not None)
        twice = [operator for operator, calls in holders.items() if calls > 1]
        assert not twice, f"double-booked: {twice}"

    def moved(self, change: StateChange, operator: Operator) -> None:
        self.changes.append(change)


class House:
    """Everything that survives a crash, and the cell that does not."""

    def __init__(self, asterisk: PretendAsterisk) -> None:
        self.asterisk = asterisk
        asterisk.registry.are_at_desks = True
        self.faults = Faults()
        self.wall = MachineClock()  # the clock of the service's machine
        self.stores = memory_stores(now)
        self._engine_stores = failing(self.stores, self.faults)
        self._lives: list[str] = []
        self.live = MemoryLive()
        self.journal = MemoryJournal(now)
        self.watcher = Watcher(self)
        self.errors = 0
        self._ids = count(1)
        self._tasks: list[asyncio.Task[Any]] = []
        self.cell: Cell
        self.shell: Shell
        self.recorder: Recorder
        self.campaign: Campaign

    @property
    def store_down(self) -> bool:
        return bool(self.faults.away)

    @store_down.setter
    def store_down(self, away: bool) -> None:
        self.faults.away = "gone" if away else ""

    # --- furniture

    async def furnish(
        self,
        *,
        operators: int = 1,
        leads: int = 1,
        account: Account | None = None,
        trunk: Trunk | None = None,
        **campaign: Any,
    ) -> Campaign:
        """A campaign with its list, its operators and its trunk."""
        ids = [OperatorId(str(101 + n)) for n in range(operators)]
        for id_ in ids:
            await self.stores.accounts.add(replace(account or Account(id_, f"op {id_}"), id=id_))
        await self.stores.trunks.add(
            trunk or Trunk(MAIN, "127.0.0.2", lines=30, calls_per_s=50, caller_ids=("+74950000000",))
        )
        settings = {
            "status": CampaignStatus.RUNNING,
            "operators": frozenset(ids),
            "trunks": (MAIN,),
            "schedule": every_day(time(0), time(0)),
            "wrap_up_s": 3.0,
            "message": "sorry",
            **campaign,
        }
        added = await self.stores.campaigns.add(Campaign(CampaignId(0), "list", **settings))
        rows = [
            Lead(LeadId(0), added.id, (PhoneNumber(f"+7916{n:07}"),), zones=("Europe/Moscow",))
            for n in range(leads)
        ]
        await self.stores.leads.import_list(added.id, "list.csv", rows, now=now())
        self.campaign = added
        return added

    # --- the life of the cell

    async def start(self, *, connect: bool = True) -> None:
        engine = assemble(
            self.asterisk,
            self._engine_stores,
            self.journal,
            self.live,
            self.watcher,
            new_id=lambda: f"{next(self._ids):08}",
            hopper_size=40,
            times=Times(self.wall, interval_s=0.5),
        )
        self.cell, self.shell, self.recorder = engine.cell, engine.shell, engine.recorder
        life = Holder(f"life-{len(self._lives)}", "house", len(self._lives))
        await self.cell.ownership.take(life, self._lives)
        self._lives.append(life.id)
        await self.cell.start(self.journal.recover())
        works = (self.cell.run(), engine.recorder.run(), engine.recorder.retry())
        self._tasks = [asyncio.create_task(work) for work in works]
        if connect:
            self.asterisk.connect_to(self.cell)
            await until(self.shell.linked.is_set)

    async def ends(self, within_s: float) -> BaseException | None:
        """The error with which the cell ends by itself."""
        cell = self._tasks.pop(0)
        await asyncio.wait({cell}, timeout=within_s)
        return cell.exception()

    async def kill(self) -> None:
        """kill -9: no handler runs, nothing is said to Asterisk; what it says from now on waits."""
        self.asterisk.ear = None
        self.shell.timers.stop_all()
        assert not [task for task in self._tasks if task.done()], "a loop has ended"
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.check_nothing_failed()
        await self.shell.errands.settle(0)
        self.journal = self.journal.left()

    async def stop(self) -> None:
        self.check_nothing_failed()
        await self.kill()

    def check_nothing_failed(self) -> None:
        assert self.shell.mailbox.failed == 0, "an event could not be handled"
        assert self.shell.errands.failed == 0, "an errand failed"
        assert not self.shell.guard.failed, self.shell.guard.failed

    # --- operators

    def ask(self, operator: str, event: Callable[[datetime], shifts.Event]) -> Operator:
        return self.cell.floor.ask(OperatorId(operator), event(now()))

    async def enter(self, *operators: str) -> None:
        """These log in and take calls, in this order, a second apart."""
        for operator in operators:
            self.ask(operator, shifts.LoginAsked)
            await until(lambda operator=operator: self.operator(operator).state is State.PAUSED)
            self.ask(operator, shifts.ReadyAsked)
            await asyncio.sleep(1)

    async def all_ready(self, *, but: Sequence[str] = ()) -> None:
        """Every operator logs in and takes calls."""
        for operator in self.cell.floor.all():
            if operator.id not in but:
                self.cell.floor.ask(operator.id, shifts.LoginAsked(now()))
        await until(lambda: all(op.state is State.PAUSED for op in self.operators() if op.id not in but))
        for operator in self.operators():
            if operator.id not in but:
                self.cell.floor.ask(operator.id, shifts.ReadyAsked(now()))

    def operators(self) -> list[Operator]:
        return self.cell.floor.all()

    def operator(self, id_: str = "101") -> Operator:
        return self.cell.floor.get(OperatorId(id_))

    # --- what came of it

    def calls(self) -> list[Call]:
        return self.cell.calls.all()

    def call(self) -> Call:
        (call,) = self.calls()
        return call

    async def cdrs(self) -> list[Cdr]:
        return [cdr async for page in every_record(self.stores.records, CdrQuery()) for cdr in page]

    async def outcomes(self) -> dict[str, int]:
        return dict(Counter(cdr.outcome.value for cdr in await self.cdrs()))

    async def leads(self, campaign: Campaign, status: LeadStatus | None = None) -> Sequence[Lead]:
        found: list[Lead] = []
        find = self.stores.leads.find
        while page := await find(campaign.id, status=status, after=found[-1].id if found else 0, limit=PAGE):
            found += page
        return found

    async def settled(self, within_s: float = 3600.0) -> None:
        """No call is in flight, every fact has arrived."""
        await until(lambda: not self.calls() and not self.journal.depth(), within_s)

    async def settled_after_dial(self) -> None:
        """As `settled`, once something was dialled."""
        await until(lambda: bool(self.asterisk.dialled))
        await self.settled()

    async def worked_through(self, campaign: Campaign, within_s: float = 3 * 3600.0) -> None:
        """Each lead was dialled once at least, or taken out."""

        def done() -> bool:
            if self.calls() or any(op.state is State.WRAP_UP for op in self.operators()):
                return False
            return len({number for _, number, _ in self.asterisk.dialled}) == total

        total = len(await self.leads(campaign))
        await until(done, within_s)
        await until(lambda: not self.journal.depth())

    async def check_records(self) -> list[Cdr]:
        """Every attempt that reached the network has exactly one record, and the records are sound."""
        cdrs = await self.cdrs()
        assert sorted(cdr.id for cdr in cdrs) == sorted(CallId(id_) for _, _, id_ in self.asterisk.dialled)
        for cdr in cdrs:
            assert cdr.end_at >= cdr.dialled_at
            assert cdr.talk_s >= 0
            instants = [cdr.dialled_at, cdr.ring_at, cdr.answer_at, cdr.bridge_at, cdr.end_at]
            told = [at for at in instants if at is not None]
            assert told == sorted(told)
            assert cdr.end_at.tzinfo is UTC
        assert self.asterisk.double_booked == []
        return cdrs


async def at_work(fate: Fate | Callable[[str], Fate] | None = None, **furniture: Any) -> House:
    """A house that is furnished and open, all operators taking calls; `fate` is everybody's, or by number."""
    its = fate or Fate()
    house = House(PretendAsterisk(its if callable(its) else lambda number: its))
    await house.furnish(**furniture)
    await house.start()
    await house.all_ready()
    return house
