"""Dials for the campaigns that this cell runs: snapshot -> decide -> gates -> calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from time import thread_time
from typing import Any

import structlog

from dialer.domain import call as c
from dialer.domain.call import Call, Rules, State
from dialer.domain.callerid import caller_id_of, person_of
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.changed import changed
from dialer.domain.errors import Mistake, StoreDown
from dialer.domain.lead import Lead, after_refusal
from dialer.domain.numbers import dial_string
from dialer.domain.pacing.decision import (
    Decision,
    Dial,
    OperatorView,
    Outlook,
    Policy,
    Snapshot,
    TrunkView,
)
from dialer.domain.pacing.policies import none
from dialer.domain.pacing.scorecard import Score, Scorecard
from dialer.domain.said import said
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    EndedBy,
    LeadId,
    Mode,
    Outcome,
    PhoneNumber,
    TrunkId,
)
from dialer.domain.verdict import Gate, Verdict, refuse
from dialer.engine.aside import Aside
from dialer.engine.calls import Calls, failure
from dialer.engine.floor import Floor
from dialer.engine.hopper import Hopper
from dialer.engine.pace import Pace
from dialer.engine.recent import Recent
from dialer.engine.rhythm import Rhythm
from dialer.engine.shell import Shell
from dialer.engine.trunks import Trunks
from dialer.engine.views import Views
from dialer.ports.numbers import NumberHistory

log = structlog.get_logger()

SETUP_S = 15.0  # a network that says nothing at all: the ring time and this much more
AT_ONCE = (Mode.PROGRESSIVE, Mode.POWER)  # nothing is forecast: the decision follows the event
RUN_OUT = "leases run out by themselves: the database is away"
GATES = "gates"  # a hold: nobody knows whether a number may be dialled
Ask = Callable[[Campaign, Lead, Trunk, NumberHistory, datetime], Verdict]


class Pacer:
    """Decides on events, at most `interval_s` apart; a closed gate takes its call back undialled."""

    def __init__(
        self,
        shell: Shell,
        calls: Calls,
        floor: Floor,
        hopper: Hopper,
        trunks: Trunks,
        *,
        recent: Recent,
        policy: Policy,
        scorecard: Scorecard,
        ask: Ask,
        interval_s: float,
    ) -> None:
        self._shell = shell
        self._calls = calls
        self._floor = floor
        self._hopper = hopper
        self._trunks = trunks
        self._views = Views(calls, floor)
        self._recent = recent
        self._policy = policy
        self.scorecard = scorecard
        self._ask = ask
        self._interval_s = interval_s
        self._rhythm = Rhythm(interval_s, shell.spent)
        self.dials = Pace()
        self._filling: set[CampaignId] = set()
        self.campaigns: dict[CampaignId, Campaign] = {}
        self.reasons: dict[CampaignId, str] = {}
        self.outlooks: Mapping[CampaignId, Outlook] = {}  # of the last decision
        self.decided_at: datetime | None = None
        self.draining = False
        self._braked: Set[CampaignId] = frozenset()
        self.keep: Callable[[], Coroutine[Any, Any, None]] | None = None  # what the policy knows
        # Why nothing may be dialled for any campaign, by name; an empty answer: it may.
        self.holds: dict[str, Callable[[], str]] = {}
        self._aside = Aside(lambda: asyncio.get_running_loop().time())
        self.holds[GATES] = self._why_gates_rest
        self.on_away: Callable[[StoreDown], None] = lambda trouble: None  # the database, when it is asked
        self.on_decision: Callable[[Decision, float], None] = lambda decision, cpu_s: None
        self.other_lines: Callable[[], Mapping[TrunkId, int]] = dict  # taken by others than our calls
        self.on_refused: Callable[[CampaignId, str], None] = lambda campaign, gate: None
        self.on_round: Callable[[], None] = lambda: None  # the loop turns: nobody can tell that better
        self.on_scored: Callable[[Mapping[CampaignId, Score]], None] = lambda scores: None

    def wake(self) -> None:
        """Something changed that a decision may depend on."""
        self._rhythm.wake()

    def urge(self) -> None:
        """Something changed that a campaign may dial by: an operator, a line, a lead, a setting."""
        self._rhythm.urge()

    def heard_late(self, call: CallId) -> None:
        """It was answered while we were frozen: what becomes of it says nothing of what follows."""
        self._policy.heard_late(call)

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: what was learned and promised moves with it."""
        self.decided_at = self.decided_at and self.decided_at + by
        self._policy.clock_was_set(by)
        self.scorecard.clock_was_set(by)

    async def run(self) -> None:
        """Until cancelled. A round waits for nobody: neither Asterisk nor the database can hold it up."""
        is_whole = True
        while True:
            self._shell.guard.run("watchdog", self.on_round)
            if not await self._is_linked():
                continue
            self._rhythm.begins(whole=is_whole)
            resting = frozenset[CampaignId]() if is_whole else self._predictive()
            self._shell.guard.run("round of the pacer", self.pace, resting)
            if self._hopper.ages():
                self._shell.errands.start(self._hopper.renew(), "hopper-renew")
            self._rhythm.is_over()
            opens_in_s = self._trunks.opens_in_s(self._shell.clock())
            is_whole = await self._rhythm.next(self._interval_s, self._decides_at_once, opens_in_s)

    def _predictive(self) -> frozenset[CampaignId]:
        return frozenset(one.id for one in self.running() if one.mode is Mode.PREDICTIVE)

    def _decides_at_once(self) -> bool:
        """Whether some campaign need not wait for the rhythm of forecasts."""
        on = CampaignStatus.RUNNING
        return any(one.mode in AT_ONCE and one.status is on for one in self.campaigns.values())

    async def _is_linked(self) -> bool:
        """Whether Asterisk is there, or comes before the round is over."""
        if self._shell.linked.is_set():
            return True
        try:
            async with asyncio.timeout(self._interval_s):
                await self._shell.linked.wait()
        except TimeoutError:
            return False
        return True

    def running(self) -> list[Campaign]:
        on = [
            one
            for one in self.campaigns.values()
            if one.status is CampaignStatus.RUNNING and not one.archived
        ]
        return sorted(on, key=lambda campaign: (-campaign.priority, campaign.id))

    def pace(self, resting: frozenset[CampaignId] = frozenset()) -> Decision:
        """One decision, carried out as far as it can be at once; those who rest keep their last one."""
        now = self._shell.clock()
        self._refill()
        held = self.held()
        snapshot = self._snapshot(now, held=bool(held), resting=resting)
        began_s = thread_time()
        decision = self._decide(snapshot)
        cpu_s = thread_time() - began_s
        if held:
            decision = replace(decision, reason=dict.fromkeys(decision.reason, none(held)))
        self.reasons.update(decision.reason)
        self.decided_at = now
        if decision.braked.keys() != self._braked:
            self._brake(decision)
        self._shell.guard.run("scorecard", self._score, snapshot, decision)
        kept = {id_: outlook for id_, outlook in self.outlooks.items() if id_ in resting}
        self.outlooks = {**kept, **decision.outlook}
        told = replace(decision, outlook=self.outlooks)
        self._shell.guard.run("metrics of decisions", self.on_decision, told, cpu_s)
        if not self.draining:
            self._dial(decision.dial, now)
        for call in decision.give_up:
            self._calls.tell(call, c.GivenUp(now))
        return decision

    def _decide(self, snapshot: Snapshot) -> Decision:
        """While the policy fails nothing is dialled by it; calls in flight go on, and it is asked again."""
        try:
            return self._policy.decide(snapshot)
        except Exception as mistake:  # the boundary
            self._shell.guard.caught("policy", mistake)
            why = none(said("the pacing failed by a mistake of the dialer, see its log"))
            return Decision(reason={campaign.id: why for campaign in snapshot.campaigns})

    def _score(self, snapshot: Snapshot, decision: Decision) -> None:
        if scored := self.scorecard.decided(snapshot, decision):
            self.on_scored(scored)

    def _brake(self, decision: Decision) -> None:
        """A brake was pulled or released: told, and kept before anything else happens."""
        for campaign in decision.braked.keys() - self._braked:
            why = str(decision.braked[campaign])
            log.warning("a campaign's brake is on", campaign=campaign, reason=why)
        for campaign in self._braked - decision.braked.keys():
            log.info("a campaign's brake is off", campaign=campaign)
        self._braked = decision.braked.keys()
        if self.keep is not None:
            self._shell.errands.start(self.keep(), "brakes")

    # --- the snapshot

    def held(self) -> str:
        """Why nothing may be dialled for any campaign: the first reason; empty for none."""
        return next((why for ask in self.holds.values() if (why := ask())), "")

    def _snapshot(self, now: datetime, *, held: bool, resting: frozenset[CampaignId]) -> Snapshot:
        """Held, nothing is at hand: ringing calls may be given up all the same."""
        running = [] if self.draining else self.running()
        return Snapshot(
            at=now,
            campaigns=running,
            candidates={one.id: () if held else self._hopper.candidates(one.id) for one in running},
            calls=self._views.calls(now),
            operators=self._views.operators(now),
            trunks=self.trunk_views(now),
            overdue={one.id: self._hopper.overdue(one.id) for one in running if one.best_first and not held},
            resting=resting,
        )

    def at_hand(self, campaign: CampaignId) -> Sequence[Lead]:
        """Leased ahead of need, ready to be dialled."""
        return self._hopper.candidates(campaign)

    def trunk_views(self, now: datetime) -> Mapping[TrunkId, TrunkView]:
        return self._trunks.views(self._lines(), now)

    def _lines(self) -> Counter[TrunkId]:
        lines = self._floor.legs.lines(self._floor.desks.outside)
        lines.update(call.trunk for call in self._calls.all())
        lines.update(self.other_lines())
        return lines

    def operator_views(self, now: datetime) -> Sequence[OperatorView]:
        return self._views.operators(now)

    # --- leads

    def _refill(self) -> None:
        wanted = set() if self.draining else {campaign.id for campaign in self.running()}
        for campaign in wanted:
            if gone := self._hopper.drop(campaign, self.campaigns[campaign].paused_lists):
                self._shell.errands.start(self._end_leases(gone), f"paused-{campaign}")
        for campaign in wanted - self._filling:
            if self._hopper.wants(campaign):
                self._filling.add(campaign)
                self._shell.errands.start(self._fill(campaign), f"hopper-{campaign}")
        for campaign in self._hopper.campaigns():
            if campaign not in wanted and campaign not in self._filling:
                self._filling.add(campaign)
                self._shell.errands.start(self._give_back(campaign), f"hopper-{campaign}")

    async def _fill(self, campaign: CampaignId) -> None:
        try:
            if await self._hopper.fill(campaign):
                self.urge()
        finally:
            self._filling.discard(campaign)

    async def _give_back(self, campaign: CampaignId) -> None:
        try:
            await self._hopper.give_back(campaign)
        except StoreDown as trouble:
            log.warning(RUN_OUT, reason=str(trouble))
        finally:
            self._filling.discard(campaign)

    async def _end_leases(self, leads: Sequence[LeadId]) -> None:
        """Their list is paused."""
        try:
            await self._hopper.end_leases(leads)
        except StoreDown as trouble:
            log.warning(RUN_OUT, reason=str(trouble))

    # --- dialing

    def _dial(self, dials: Sequence[Dial], now: datetime) -> None:
        calls = [call for dial in dials if (call := self._begun(dial, now)) is not None]
        if calls:
            self._shell.errands.start(
                self._send(calls), "dial", lambda error: self._gates_failed(calls, error)
            )

    def _gates_failed(self, calls: Sequence[Call], error: Exception) -> None:
        """Nobody can say whether a number may be dialled: what was decided is taken back, dialing rests."""
        self._aside.put(GATES, failure(error))
        self._not_sent(calls, error)

    def _why_gates_rest(self) -> str:
        if self._aside.is_due(GATES):
            return ""
        why = self._aside.reasons()[GATES]
        return said("the conditions of dialing cannot be looked at: {why}", why=why)

    def _begun(self, dial: Dial, now: datetime) -> Call | None:
        """As `_begin`; one lead that goes wrong is taken back, the others are dialled."""
        try:
            return self._begin(dial, now)
        except Exception as mistake:  # the boundary
            self._shell.guard.caught("begin of a call", mistake)
            half_made = [call for call in self._calls.all() if call.lead == dial.lead.id]
            self._not_sent(half_made, mistake)
            return None

    def _not_sent(self, calls: Sequence[Call], error: Exception) -> None:
        """Whatever went wrong before a number went out: its lead and its operator are free again."""
        for call in calls:
            current = self._calls.get(call.id)
            if current is not None and current.state is State.LEASED:
                self._take_back(call, failure(error))

    def _begin(self, dial: Dial, now: datetime) -> Call | None:
        """The call exists, and its operator is taken, from the moment of the decision."""
        campaign = self.campaigns[dial.campaign]
        self._hopper.take(campaign.id, dial.lead)
        call = self._call(dial, campaign, now)
        if call is None:
            return None
        self._calls.add(call, dial.lead, campaign)
        self._trunks.sent(dial.trunk, now)
        if dial.operator is not None:
            if not self._floor.reserve_for_dial(dial.operator, call):
                self._calls.tell(
                    call.id, c.HangUpAsked(now, EndedBy.SERVICE, "the operator is not free any more")
                )
                return None
            self._calls.tell(call.id, c.Reserved(now, dial.operator))
        return call

    def _call(self, dial: Dial, campaign: Campaign, now: datetime) -> Call | None:
        trunk = self._trunks.get(dial.trunk)
        if trunk is None:  # taken away since the snapshot
            self._shell.errands.start(self._later_at(dial.lead, now), f"later-{dial.lead.id}")
            return None
        call = self._leased(dial, campaign, trunk, now)
        try:
            written = dial_string(dial.lead.number, trunk)
        except Mistake as flaw:
            self._calls.add(call, dial.lead, campaign)
            shut = refuse(Gate.NUMBER, "{problem}", problem=flaw.sentence, rule=flaw.id)
            self._turn_away(call, dial.lead, shut)
            return None
        return changed(call, rules=replace(call.rules, dial_string=written))

    def _leased(self, dial: Dial, campaign: Campaign, trunk: Trunk, now: datetime) -> Call:
        return Call(
            id=CallId(f"c-{self._shell.new_id()}"),
            campaign=campaign.id,
            lead=dial.lead.id,
            number=dial.lead.number,
            trunk=dial.trunk,
            rules=Rules(
                ring_s=campaign.ring_s,
                setup_s=campaign.ring_s + SETUP_S,
                talk_s=campaign.longest_talk_s,
                hold_s=campaign.longest_hold_s,
                message=self._shell.sound(campaign.message),
                record=campaign.record,
                tone=campaign.tone,
                caller_id=caller_id_of(campaign, trunk),
                person=person_of(dial.lead) if campaign.shows_person else "",
                shows_person=campaign.shows_person,
            ),
            attempt_no=dial.lead.attempts + 1,
            refused_before=dial.lead.tried.get(Outcome.TRUNK_REFUSED, 0),
            leased_at=now,
        )

    async def _send(self, calls: Sequence[Call]) -> None:
        """The gates are asked at the moment of dialing, with what the database and we know now."""
        by_campaign: dict[CampaignId, list[Call]] = {}
        for call in calls:
            by_campaign.setdefault(call.campaign, []).append(call)
        for campaign, its_calls in by_campaign.items():
            try:
                history = await self._recent.history([call.number for call in its_calls], campaign)
            except StoreDown as trouble:
                self.on_away(trouble)
                for call in its_calls:
                    self._take_back(call, f"the database is away: {trouble}")
                continue
            self._aside.take(GATES)
            for call in its_calls:
                self._pass(call, history)

    def _pass(self, call: Call, history: Mapping[PhoneNumber, NumberHistory]) -> None:
        current = self._calls.get(call.id)
        if current is None:
            return
        lead, campaign = self._calls.about(call.id)
        campaign = self.campaigns.get(campaign.id, campaign)
        now = self._shell.clock()
        trunk = self._trunks.get(call.trunk)
        if campaign.status is not CampaignStatus.RUNNING or self.draining or lead is None or trunk is None:
            self._take_back(call, f"campaign {campaign.name} is {campaign.status}")
            return
        if campaign.mode is Mode.PROGRESSIVE and current.operator is None:
            self._take_back(call, "the operator who was reserved for it is gone")
            return
        known = self._recent.latest(current, history.get(call.number, NumberHistory()))
        verdict = self._ask(campaign, lead, trunk, known, now)
        if verdict.ok:
            self._calls.tell(call.id, c.Dialled(now))
            self.dials.made(campaign.id)
            return
        self._turn_away(call, lead, verdict)

    def _turn_away(self, call: Call, lead: Lead, verdict: Verdict) -> None:
        """A gate is shut; pacing hears the end of this call as of any other."""
        self._calls.forget_lead(call.id)
        self._refuse(lead, call.id, verdict)  # first: of two facts of one call the ledger keeps the first
        self._take_back(call, verdict.reason)

    def _take_back(self, call: Call, reason: str) -> None:
        self._calls.tell(call.id, c.HangUpAsked(self._shell.clock(), EndedBy.SERVICE, reason))

    def _refuse(self, lead: Lead, call: CallId, verdict: Verdict) -> None:
        """The lead goes where the gate says: out, on to its next number, or back until the gate opens."""
        log.debug("not dialled", lead=lead.id, gate=verdict.gate, reason=verdict.reason)
        self._shell.guard.run("metrics of gates", self.on_refused, lead.campaign, verdict.gate or "")
        update = after_refusal(lead, verdict, self._shell.clock())
        if update is not None:
            self._shell.journal.closed(Closing(cdr=None, lead=update, call=call, cell=self._shell.cell))
        else:
            self._shell.errands.start(self._later(lead, verdict), f"later-{lead.id}")

    async def _later(self, lead: Lead, verdict: Verdict) -> None:
        now = self._shell.clock()
        await self._later_at(lead, max(verdict.opens_at or now, now + timedelta(seconds=1)))

    async def _later_at(self, lead: Lead, not_before_at: datetime) -> None:
        try:
            await self._hopper.put_off(lead, not_before_at)
        except StoreDown as trouble:
            log.warning("a lease runs out by itself: the database is away", lead=lead.id, reason=str(trouble))
