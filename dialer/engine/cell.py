"""One cell: its tasks, its start, its drain, its stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from dialer.domain import call as c
from dialer.domain.call import Call
from dialer.domain.campaign import Campaign
from dialer.domain.clocks import caught_up
from dialer.domain.errors import Missing, NetworkTrouble
from dialer.domain.joins import HEARD_S
from dialer.domain.lead import Lead, moved_on
from dialer.domain.operators import Operator, State, stays
from dialer.domain.pacing.decision import Policy
from dialer.domain.pacing.scorecard import Scorecard
from dialer.domain.said import Said, counted, listed, said
from dialer.domain.types import (
    Alerting,
    CallId,
    CampaignId,
    ChannelId,
    EndedBy,
    LeadId,
    OperatorId,
    Outcome,
    TrunkId,
)
from dialer.engine.account import Accountant
from dialer.engine.books import Books
from dialer.engine.calls import Calls
from dialer.engine.cards import Card
from dialer.engine.clocks import ASK_S, Clocks
from dialer.engine.closing import Closing
from dialer.engine.contacts import Contacts
from dialer.engine.desk import CellDesk
from dialer.engine.floor import Floor
from dialer.engine.hopper import LEASE_S, Hopper
from dialer.engine.inbound import Inbound
from dialer.engine.lag import LOOK_S, LoopLag
from dialer.engine.learning import Learning
from dialer.engine.observers import Observers
from dialer.engine.ownership import Ownership
from dialer.engine.pacer import Pacer
from dialer.engine.recent import Recent
from dialer.engine.reconcile import Reconciler
from dialer.engine.shell import Shell
from dialer.engine.spending import Spending
from dialer.engine.trial import Trials
from dialer.engine.trunks import Trunks
from dialer.engine.ways import Ways
from dialer.ports.asterisk import ChannelNews, PhoneNews
from dialer.ports.journal import Recovered
from dialer.ports.stores import Stores

log = structlog.get_logger()

SWEEP_S = 10.0
LEASE_CHECK_S = 60.0
STEADY_S = 2 * LEASE_CHECK_S  # the database was there all this time: every cell has renewed what it has
RECONCILE_PAUSE_S = 1.0
STOPS_WITHIN_S = 30.0  # it waits 15 s for its channels to go
PUSH_S = 10.0  # for all trunks and phones, before calls begin
MARK_S = 1.0  # how often the journal is told that Asterisk is heard


class Cell:
    """One Asterisk and what drives it. It is the `Ear` of its link."""

    _booted_at: datetime | None = None
    _stops_at: datetime | None = None  # this Asterisk has begun to stop

    def __init__(
        self, shell: Shell, stores: Stores, policy: Policy, ways: Ways, *, hopper_size: int, interval_s: float
    ) -> None:
        recent, scorecard = Recent(stores.numbers, shell.journal), Scorecard()  # the policy learns first
        shell = replace(shell, observer=Observers(shell.guard, policy, scorecard, recent, shell.observer))
        self._shell, self._stores, self.recent = shell, stores, recent
        self.ownership = Ownership(stores.cells, shell.cell, ways.seconds)
        self.learning = Learning(policy, stores.learned, stores.records, shell.clock)
        trunks = self.trunks = Trunks()
        floor = self.floor = Floor(shell, self._campaign, trunks.get)
        floor.cards.zone_of, floor.cards.holiday_of = ways.zone_of, ways.holiday_of
        calls = self.calls = Calls(shell, floor, self._ended)
        hopper = self.hopper = Hopper(
            stores.leases, shell.cell, shell.clock, seconds=ways.seconds, size=hopper_size
        )
        pacer = self.pacer = Pacer(
            shell,
            calls,
            floor,
            hopper,
            trunks,
            recent=recent,
            policy=policy,
            scorecard=scorecard,
            ask=ways.gates(shell.check_number),
            interval_s=interval_s,
        )
        self.books = self._books(ways)
        self.closing = Closing(shell, floor, ways.workday)
        self.spending = Spending(shell, stores.records, calls, floor.legs, trunks)
        self.trials = Trials(shell, trunks, stores.numbers, floor.legs.side, ways.number_of)
        self.inbound = self._inbound(ways)
        pacer.other_lines = self.inbound.strangers.lines
        accountant = Accountant(shell, pacer, calls, trunks, leads=stores.leads, recent=recent, ways=ways)
        self.desk = CellDesk(
            shell, floor, calls, self.books, self.trials, accountant=accountant, numbers=stores.numbers
        )
        self.lag = LoopLag(ways.look_at_clocks_s * LOOK_S / ASK_S)
        self.clocks = Clocks(shell, ways.follow, self._clock_was_set, ways.look_at_clocks_s)
        self.reconciler = Reconciler(shell, calls, floor, self.clocks)
        # leads of records that the database refuses: were they given back, they would be dialled once more
        self.kept_leads: Callable[[], Iterable[LeadId]] = tuple
        self.contacts = Contacts()
        self.on_trunk: Callable[[TrunkId, bool], None] = lambda trunk, is_reachable: None
        self._reconcile_task: asyncio.Task[None] | None = None
        self.reconciling = ""  # why Asterisk, though connected, is not worked with yet
        self._heard_at = self._down_at = shell.clock()
        self._introduce()

    def _inbound(self, ways: Ways) -> Inbound:
        return Inbound(
            self._shell,
            self.calls,
            self.floor,
            records=self._stores.records,
            campaign_of=self._campaign,
            trunk_of=self.trunks.get,
            callers_of=ways.callers_of,
        )

    def _books(self, ways: Ways) -> Books:
        return Books(
            self._stores,
            self._shell.switch,
            self.pacer,
            self.floor,
            self.trunks,
            guard=self._shell.guard,
            secrets=(ways.secret_of, ways.stamp_of),
            resolve=ways.resolve,
        )

    # --- the parts look each other up here

    def _introduce(self) -> None:
        """Who calls whom back."""
        self.calls.turn = self.floor.legs.turn = self.trunks.turn
        self.calls.is_resting = self.trunks.refusals.is_resting
        self.calls.on_apart = self._came_apart
        self.floor.tell_call = self.calls.tell
        self.floor.cards.on_never = self.recent.blocked
        self.recent.calls, self.recent.floor = self.calls, self.floor
        self.floor.about = self._about
        self.floor.on_free = self._freed
        self.pacer.keep = self.learning.save
        self.floor.on_change = self._moved
        self.hopper.busy = self._busy
        self.calls.moved = self.hopper.moved
        self.pacer.holds["journal"] = lambda: self._shell.journal.trouble
        self.pacer.holds["database"] = self.ownership.obstacle
        self.pacer.on_away = self.ownership.failed
        self.ownership.on_return = self.hopper.must_renew
        self.calls.obstacle = self.pacer.held
        self.pacer.holds |= {"clock": self.clocks.obstacle, "busy": self.lag.obstacle}
        self.clocks.on_echo = self.lag.answered

    def _campaign(self, campaign: CampaignId) -> Campaign | None:
        return self.pacer.campaigns.get(campaign)

    def _about(self, call: CallId) -> tuple[Lead | None, Campaign] | None:
        return self.calls.about(call) if self.calls.get(call) is not None else None

    def _freed(self, operator: OperatorId) -> None:
        self.calls.operator_free(operator)
        self.pacer.urge()

    def _moved(self, before: Operator, after: Operator) -> None:
        self.pacer.urge() if after.state is State.READY is not before.state else self.pacer.wake()

    def _came_apart(self, call: Call) -> None:
        log.error("a call was answered and could not be heard", call=call.id, trunk=call.trunk)
        self.trunks.came_apart(call.trunk, self._shell.clock())

    def _ended(self, call: Call) -> None:
        if call.outcome is Outcome.NOT_DIALLED and call.dialled_at is not None and not call.hanging_up:
            self.trunks.refused(call.trunk, self._shell.clock(), call.reason)
        elif call.talk_s >= HEARD_S:
            self.trunks.was_heard(call.trunk)
        if self.trunks.refusals.ended(call, self._shell.clock()) and not call.reason:
            self._shell.errands.start(self._ask_why(call), f"refused-{call.trunk}")
        self.spending.ended(call)
        self.pacer.urge()

    async def _ask_why(self, call: Call) -> None:
        """What the carrier wrote behind its code: Asterisk noted it, until the next call takes the place."""
        try:
            noted = await self._shell.switch.noted_of(ChannelId(call.id), call.place)
        except NetworkTrouble:
            return
        if noted is not None and noted.words:
            self.trunks.refusals.said(call.trunk, noted.words)

    # --- the life of the cell

    async def start(self, recovered: Recovered) -> None:
        """Remember what the journal remembers; nothing is dialled before Asterisk has been heard."""
        await self.clocks.compare(
            connected=False
        )  # what comes first may be a replay, which cannot say how old it is
        self._booted_at = recovered.booted_at
        await self.learning.recall()
        await self.recent.recall()
        self._down_at = recovered.last_at or self._shell.clock()
        await self.books.load()
        self.floor.restore(recovered.operators)
        await self.spending.recall(self.floor)
        self.desk.answers.restore(recovered.answers)
        for call in recovered.calls:
            await self._remember(call)
            self._shell.observer.saw(None, None, call)
        for operator in self.floor.all():
            self._shell.observer.moved(stays(operator, self._shell.clock()), operator)
        freed = await self._give_back_or_hold(recovered)
        for operator in self.floor.all():
            if operator.call is None:
                continue
            if (about := self._about(operator.call)) is not None:
                self.floor.cards.open(operator.id, Card(operator.call, *about))
            elif operator.state in (
                State.TALKING,
                State.WRAP_UP,
            ):  # a talk may be over, too
                await self._reopen_card(operator.id, operator.call, recovered)
        if recovered.calls or freed:
            log.info("after a restart", calls=len(recovered.calls), leases_given_back=freed)

    async def _give_back_or_hold(self, recovered: Recovered) -> int:
        """Leases of the last life go back; where its journal is damaged, a person decides about them."""
        leases, cell = self._stores.leases, self._shell.cell
        if not recovered.damages:
            return await leases.release_cell(cell, but=self._busy())
        held = await leases.hold_back(cell, but=self._busy())
        self._shell.journal.held_back()
        log.error("the journal is damaged: leads are held back until a person decides", leads=held)
        return 0

    async def _remember(self, call: Call) -> None:
        campaign = self._campaign(call.campaign)
        call = caught_up(call, call.latest_at, self._shell.clock())
        lead = await self._lead(call.lead)
        self.calls.add(call, lead, campaign or Campaign(call.campaign, f"campaign {call.campaign}"))

    async def _reopen_card(self, operator: OperatorId, call: CallId, recovered: Recovered) -> None:
        """Of a call that is over: as the database has it, else as the journal still holds it."""
        try:
            cdr, update = await self._stores.records.cdr(call), None
        except Missing:
            told = recovered.end_of(call)
            if told is None or told.cdr is None:
                return
            cdr, update = told.cdr, told.lead
        lead = await self._lead(cdr.lead)
        if lead is not None and update is not None:
            lead = moved_on(lead, update)
        if (campaign := self._campaign(cdr.campaign)) is not None:
            self.floor.cards.open(operator, Card(call, lead, campaign))

    async def _lead(self, lead: LeadId | None) -> Lead | None:
        try:
            return await self._stores.leads.get(lead) if lead is not None else None
        except Missing:
            return None

    async def run(self) -> None:
        """Until cancelled."""
        loops: dict[str, Callable[[], Awaitable[object]]] = {
            "pacer": self.pacer.run,
            "books": lambda: self.books.run(self._shell.linked),
            "sweep": self._sweep,
            "spending": self.spending.run,
            "mark": self._mark,
            "learning": self.learning.run,
            "ownership": self.ownership.run,
            "clocks": self.clocks.run,
            "lag": self.lag.run,
        }
        async with asyncio.TaskGroup() as tasks:
            for name, loop in loops.items():
                tasks.create_task(self._shell.guard.lasting(name, loop), name=name)

    def standing(self) -> Said:
        """How it fares, in a line."""
        calls = counted("{n} call in flight", "{n} calls in flight", len(self.calls))
        if self.pacer.draining:
            return said("draining: {calls}", calls=calls)
        if not self._shell.linked.is_set():
            return said("waiting for Asterisk: {calls}", calls=calls)
        campaigns = counted("{n} campaign runs", "{n} campaigns run", len(self.pacer.running()))
        return listed([campaigns, calls])

    async def drain(self, timeout_s: float) -> bool:
        """Dial nothing more, let talks end; True when none was left."""
        self.pacer.draining = True
        self.pacer.pace()
        try:
            async with asyncio.timeout(timeout_s):
                await self.calls.idle.wait()
        except TimeoutError:
            return False
        return True

    async def end_all(self, timeout_s: float = 5.0) -> None:
        """The end, now: hang up what is left. Operators' legs stay for the next start."""
        now = self._shell.clock()
        for call in self.calls.all():
            self.calls.tell(call.id, c.HangUpAsked(now, EndedBy.SERVICE, "the service stops"))
        await self.drain(timeout_s)

    # --- the ear

    def heard(self, news: ChannelNews | PhoneNews) -> None:
        if isinstance(news, PhoneNews):
            way = self.contacts.heard(news)
            self.floor.phone_seen(news.endpoint, way)
            if self.trunks.get(TrunkId(news.endpoint)) is not None:
                self._shell.guard.run(
                    "metrics of trunks", self.on_trunk, TrunkId(news.endpoint), way.is_reachable
                )
            return
        news = self.clocks.heard(news)
        if isinstance(news.event, c.HangupRequested) and news.event.by_shutdown:
            self._switch_stops(news.event.at)
        elif self.floor.heard(news) or self.trials.heard(news):
            pass
        elif (call := self.calls.get(CallId(news.channel))) is not None:
            if isinstance(news.event, c.Answered) or news.event == c.Alerted(news.event.at, Alerting.RINGING):
                self.trunks.refusals.carries(call.trunk)
            late = self._shell.clock() - news.event.at
            if isinstance(news.event, c.Answered) and late.total_seconds() > call.rules.give_up_s:
                self.pacer.heard_late(call.id)
            if not self._is_half_told(call, news.event):
                self.calls.tell(call.id, news.event)
        elif isinstance(news.event, c.EnteredApp):
            self._entered(news)
        elif isinstance(news.event, c.Destroyed):
            self.inbound.gone(news.channel)

    def _is_half_told(self, call: Call, event: c.Event) -> bool:
        """After an outage: an end whose answer was lost. Reconciling asks for what Asterisk has noted."""
        is_late = isinstance(event, c.Destroyed) and event.was_up and call.answer_at is None
        return is_late and not self._shell.linked.is_set()

    def _entered(self, news: ChannelNews) -> None:
        match news.args:
            case ("inbound", *_):
                self.inbound.heard(news)
            case ("leg", *_) | ("answered", *_):
                log.warning("a channel of a forgotten call was ended", channel=news.channel)
                self.floor.legs.drop(ChannelId(news.channel))
            case ("snoop", *_):  # a tone's, which the process before us opened, or which came too late
                self.floor.legs.drop(news.channel)
            case _:
                pass

    def _switch_stops(self, at: datetime) -> None:
        """It hangs up all it has because it was told to stop: nobody put a phone down, nobody goes home."""
        if self._stops_at is not None:
            return
        log.warning("Asterisk is being stopped: its calls are closed, operators come back with it")
        self._stop_reconciling()
        self._stops_at, self.reconciling = at, said("Asterisk is being stopped")
        if self._shell.linked.is_set():
            self._down_at = at
        self._shell.linked.clear()
        self.reconciler.all_gone(at)
        self._shell.errands.start(self._if_it_stays(at), "asterisk-stops")

    async def _if_it_stays(self, stops_at: datetime) -> None:
        """It took long to stop, or thought better of it: work with it as it is."""
        await asyncio.sleep(STOPS_WITHIN_S)
        if self._stops_at == stops_at and self.reconciling and self._booted_at is not None:
            self.ready(self._booted_at)

    def ready(self, booted_at: datetime) -> None:
        """One reconcile at a time: an older one knows an older Asterisk."""
        self._stop_reconciling()
        self._stops_at, self.reconciling = None, said("reconciling with Asterisk")
        self._reconcile_task = self._shell.errands.start(self._reconcile(booted_at), "reconcile")

    def _stop_reconciling(self) -> None:
        if self._reconcile_task is not None:
            self._reconcile_task.cancel()
        self._reconcile_task, self.reconciling = None, ""

    def down(self) -> None:
        """Asterisk is gone as of now or, where we were frozen ourselves, since some moment after the mark."""
        self._stop_reconciling()
        now = self._shell.clock()
        if self._shell.linked.is_set():
            self._down_at = self._heard_at if self._was_frozen(self._heard_at, now) else now
        self._shell.linked.clear()
        self.clocks.disconnected()

    async def _reconcile(self, booted_at: datetime) -> None:
        """Adopt, close, tell Asterisk what it must know; only then does anything go on."""
        reborn = self._booted_at is not None and self._booted_at != booted_at
        await self._shell.guard.turn("comparing the clocks", self.clocks.compare())
        while True:
            try:
                await self.reconciler.after_link(reborn=reborn, down_at=self._down_at)
                self._booted_at = booted_at
                self._shell.journal.note_boot(booted_at)
                reborn = False
                self.books.forget_pushed()
                await self._push_in_time()
                break
            except Exception as trouble:  # the boundary: without this nothing would ever be dialled again
                self._shell.guard.caught("reconciling with Asterisk", trouble)
                self.reconciling = said(
                    "reconciling with Asterisk failed, trying again: {why}", why=str(trouble)
                )
                await asyncio.sleep(RECONCILE_PAUSE_S)
        self.reconciling = ""
        self._heard(self._shell.clock())
        self._shell.linked.set()
        self.pacer.wake()

    async def _push_in_time(self) -> None:
        """Trunks and phones that Asterisk takes at once; the others follow while calls are made."""
        try:
            async with asyncio.timeout(PUSH_S):
                await self.books.push()
        except TimeoutError:
            log.warning("some trunks and phones are given to Asterisk later", within_s=PUSH_S)

    def _clock_was_set(self, by: timedelta) -> None:
        """Ours shows so much more: every instant that is compared with it moves too."""
        self.calls.clock_was_set(by)
        self.floor.clock_was_set(by)
        self.reconciler.clock_was_set(by)
        self.recent.clock_was_set(by)
        self.trunks.clock_was_set(by)
        self.pacer.clock_was_set(by)
        self._heard_at, self._down_at = self._heard_at + by, self._down_at + by
        self.pacer.wake()

    async def _mark(self) -> None:
        """What is in flight is known to go on: no end that nobody hears is put before this."""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            await asyncio.sleep(MARK_S)
            was_frozen = clock() - began > 2 * MARK_S
            if self._shell.linked.is_set() and not was_frozen:
                self._shell.guard.run("mark of the journal", self._heard, self._shell.clock())

    def _heard(self, at: datetime) -> None:
        self._heard_at = at
        self._shell.journal.heard(at)

    @staticmethod
    def _was_frozen(since_at: datetime, now: datetime) -> bool:
        """The loop did not turn: what Asterisk said meanwhile lies unread."""
        return (now - since_at).total_seconds() > 2 * MARK_S

    async def _sweep(self) -> None:
        clock = asyncio.get_running_loop().time
        checked = clock()
        while True:
            await asyncio.sleep(SWEEP_S)
            await self._shell.linked.wait()
            guard = self._shell.guard
            self.recent.forget()
            guard.run("end of shifts", self.closing.look)
            await guard.turn("sweep", self.reconciler.sweep())
            if clock() - checked >= LEASE_CHECK_S and await guard.turn(
                "check of leases", self._check_leases(self._shell.clock())
            ):
                checked = clock()

    async def _check_leases(self, now: datetime) -> None:
        """A talk may be longer than a lease: its lead stays ours. Those of cells that died go back."""
        await self.hopper.renew()
        leases = self._stores.leases
        await leases.renew(self._busy(), cell=self._shell.cell, until_at=now + timedelta(seconds=LEASE_S))
        await leases.reclaim(self._shell.cell, but={*self._busy(), *self.hopper.waiting()}, now=now)
        if self.ownership.steady_s() >= STEADY_S:  # else another cell may just not have come to renew its own
            await leases.release_run_out(now, gone_s=LEASE_S)

    def _busy(self) -> set[LeadId]:
        """Leads of which we know more than the database: in a call, or in facts on their way there."""
        in_calls = {call.lead for call in self.calls.all() if call.lead is not None}
        return in_calls.union(self._shell.journal.leads(), self.kept_leads())
