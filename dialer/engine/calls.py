"""Calls in flight: event -> step -> effects -> ports. The only place where a call changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, assert_never

import structlog

from dialer.domain import call as c
from dialer.domain.call import Call, State
from dialer.domain.callerid import NOBODY, shown_to_operator
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import close
from dialer.domain.clocks import shifted
from dialer.domain.errors import Mistake, NetworkTrouble, Refused, is_expected
from dialer.domain.lead import Lead, LeadUpdate, moved_on, refused_alone
from dialer.domain.moves import rescue, resume, step
from dialer.domain.operators import SLOT, bridge_of
from dialer.domain.types import (
    CallId,
    ChannelId,
    Direction,
    EndedBy,
    OperatorId,
    Outcome,
    TrunkId,
    masked,
)
from dialer.engine.errands import OnFailure
from dialer.engine.floor import Floor
from dialer.engine.shell import Shell
from dialer.engine.trunks import Turn
from dialer.ports.asterisk import Outgoing

log = structlog.get_logger()

MOST_TRIES = 3  # of a request that a person waits for


class Calls:
    """Owns every call of the cell from the lease to its record."""

    def __init__(self, shell: Shell, floor: Floor, on_end: Callable[[Call], None]) -> None:
        self._shell = shell
        self._floor = floor
        self._on_end = on_end
        self.turn: Turn  # set by the cell, as the next
        self.moved: Callable[[LeadUpdate], None] = lambda update: None  # where an ended call puts its lead
        self.obstacle: Callable[[], str] = lambda: ""  # why nothing may be sent now
        self.is_resting: Callable[[TrunkId], bool]  # the carrier refuses every call by this trunk
        self.on_apart: Callable[[Call], None] = lambda call: None  # the two could not hear each other
        self._calls: dict[CallId, Call] = {}
        self._about: dict[CallId, tuple[Lead | None, Campaign]] = {}
        self.idle = asyncio.Event()  # no call is in flight
        self.idle.set()
        self._unnoted: dict[CallId, Call] = {}
        self._last_errand: dict[CallId, asyncio.Task[None]] = {}

    # --- what others may ask

    def __len__(self) -> int:
        return len(self._calls)

    def all(self) -> list[Call]:
        return list(self._calls.values())

    def get(self, call: CallId) -> Call | None:
        return self._calls.get(call)

    def about(self, call: CallId) -> tuple[Lead | None, Campaign]:
        return self._about[call]

    def add(self, call: Call, lead: Lead | None, campaign: Campaign) -> None:
        """A new call, or one that the journal remembers; nothing happens until it is told something."""
        if call.slot is None:
            taken = {other.slot for other in self._calls.values()}
            call = replace(call, slot=next(slot for slot in count() if slot not in taken))
        self._calls[call.id] = call
        self.idle.clear()
        self._about[call.id] = (lead, campaign)

    def forget_lead(self, call: CallId) -> None:
        """A gate has decided where the lead goes; the call that never was leaves it alone."""
        _, campaign = self._about[call]
        self._about[call] = (None, campaign)

    def tell(self, call: CallId, event: c.Event) -> None:
        """In order with everything else that happens; an unknown call is over already."""
        self._shell.mailbox.post(lambda: self._handle(call, event))

    def operator_free(self, operator: OperatorId) -> None:
        """Somebody is ready: the longest-waiting call that he may take asks again."""
        waiting = [
            call
            for call in self._calls.values()
            if call.state is State.HELD_BACK
            and (call.operator in (None, operator) or not call.bereft)
            and not call.hanging_up
        ]
        for call in sorted(waiting, key=lambda call: call.answer_at or call.leased_at or self._shell.clock()):
            if self._floor.serves(operator, call.campaign):
                self.tell(call.id, c.OperatorFreed(self._shell.clock()))
                return

    def resume(self, call: CallId) -> None:
        """It was found alive after we were away: its clocks start again."""
        known = self._calls[call]
        now = self._shell.clock()
        for effect in resume(known, now):
            self._perform(known, effect, now)

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: what has happened in each call moves with it."""
        for call in self._calls.values():
            moved = self._calls[call.id] = shifted(call, by)
            self._note_soon(moved)

    # --- one event

    def _handle(self, call_id: CallId, event: c.Event) -> None:
        before = self._calls.get(call_id)
        if before is None:
            self._orphan(call_id, event)
            return
        try:
            after, effects = step(before, event)
        except Exception as mistake:  # the boundary: this call ends in good order, the others go on
            self._shell.guard.caught("step of a call", mistake)
            after, effects = rescue(before, event)
        self._calls[call_id] = after
        if after is not before and after.state is not State.ENDED:
            self._note_soon(after)
        if after.state is not before.state:
            log.debug("call", call=call_id, became=after.state, number=masked(after.number))
        guard = self._shell.guard
        for effect in effects:
            guard.run("effect of a call", self._perform, after, effect, event.at)
        if after.came_apart and not before.came_apart:
            guard.run("effect of a call", self.on_apart, after)
        if after.state is State.MESSAGE and before.state is not State.MESSAGE:
            guard.run("effect of a call", self._floor.missed, call_id)
        if after is not before:
            self._shell.observer.saw(before, event, after)

    def _note_soon(self, call: Call) -> None:
        """One note for all that this turn of the loop brings, before any request that follows from it."""
        if not self._unnoted:
            asyncio.get_running_loop().call_soon(self._note)
        self._unnoted[call.id] = call

    def _note(self) -> None:
        unnoted, self._unnoted = self._unnoted, {}
        for call in unnoted.values():
            if call.id in self._calls:
                self._shell.journal.note(call)

    def _orphan(self, call: CallId, event: c.Event) -> None:
        if isinstance(event, c.Reserved):
            self._floor.release(event.operator, call, event.at, talked=False)

    def _perform(self, call: Call, effect: c.Effect, at: datetime) -> None:
        """Each effect answers, if it does, by an event; nothing is awaited here."""
        match effect:
            case c.Originate():
                self._send(call, self._originate(call), self._end_of(call))
            case c.Summon():
                self._floor.summon(call)
            case c.Reserve():
                operator = self._floor.reserve(call)
                self.tell(call.id, c.NobodyFree(at) if operator is None else c.Reserved(at, operator))
            case c.Connect(operator):
                self._in_order(call, self._connect(call, operator), self._not_connected(call, operator))
            case c.StartTalk(operator):
                self._floor.start_talk(operator, at)
            case c.Release(operator, talked):
                if talked and call.rules.shows_person:
                    self._floor.show_nobody(operator, call.id)
                missed = call.answer_at is not None and call.state is not State.ENDED
                self._floor.release(operator, call.id, at, talked=talked, missed=missed)
            case c.CallBackLeg(operator):
                self._floor.call_back(operator)
            case c.PlayMessage():
                self._in_order(call, self._play_message(call), self._end_of(call))
            case c.StartMusic(operator):
                self._in_order(call, self._start_music(call, operator))
            case c.StopMusic():
                self._in_order(
                    call, self._try(call, lambda: self._shell.switch.stop_music(ChannelId(call.id)))
                )
            case c.HangUp():
                self._send(call, self._insist(lambda: self._shell.switch.hang_up(ChannelId(call.id))))
            case c.StartTimer(timer, due_at):
                self._start_timer(call.id, timer, due_at)
            case c.StopTimer(timer):
                self._shell.timers.stop((call.id, timer))
            case c.Close():
                self._close(call)
            case _:
                assert_never(effect)

    def _start_timer(self, call: CallId, timer: c.Timer, due_at: datetime) -> None:
        def fire() -> None:
            if timer is c.Timer.LAST and not self._shell.linked.is_set():
                self._shell.errands.start(self._when_linked(call, timer), f"timer-{call}")
            else:
                self.tell(call, c.TimerFired(self._shell.clock(), timer))

        self._shell.timers.start((call, timer), due_at, fire)

    async def _when_linked(self, call: CallId, timer: c.Timer) -> None:
        """While Asterisk cannot be heard its silence proves nothing."""
        await self._shell.linked.wait()
        self.tell(call, c.TimerFired(self._shell.clock(), timer))

    def _close(self, call: Call) -> None:
        """Forget it and write its record; what fails here is not taken back, and holds up nothing else."""
        lead, campaign = self._about.pop(call.id)
        del self._calls[call.id]
        if not self._calls:
            self.idle.set()
        self._last_errand.pop(call.id, None)
        for timer in c.Timer:
            self._shell.timers.stop((call.id, timer))
        closing = close(call, self._shell.cell, lead, campaign)
        alone = call.outcome is Outcome.TRUNK_REFUSED and not self.is_resting(call.trunk)
        if alone and lead and closing.lead:
            closing = replace(closing, lead=refused_alone(lead, closing.lead))
        guard = self._shell.guard
        guard.run("record of a call", self._shell.journal.closed, closing)
        if closing.lead is not None:
            self.moved(closing.lead)
        moved = moved_on(lead, closing.lead) if lead and closing.lead else lead
        guard.run("effect of a call", self._floor.forget, call, moved)
        guard.run("effect of a call", self._on_end, call)
        log.info(
            "call ended",
            call=call.id,
            campaign=campaign.name,
            number=masked(call.number),
            outcome=call.outcome,
            talk_s=round(call.talk_s, 1),
            cause=call.cause,
            sip=call.sip_code,
        )

    # --- errands: requests to Asterisk, each of which tells its call when it fails in any way

    def _send(self, call: Call, work: Coroutine[Any, Any, None], on_failure: OnFailure | None = None) -> None:
        self._shell.errands.start(work, f"call-{call.id}", on_failure)

    def _in_order(
        self, call: Call, work: Coroutine[Any, Any, None], on_failure: OnFailure | None = None
    ) -> None:
        """After the request before it; a hang-up does not wait here."""
        earlier = self._last_errand.get(call.id)
        if earlier is not None and not earlier.done():
            work = _after(earlier, work)
        self._last_errand[call.id] = self._shell.errands.start(work, f"call-{call.id}", on_failure)

    def _end_of(self, call: Call) -> OnFailure:
        """Nothing better than an honest end: the person must not wait for a clock."""
        return lambda error: self.tell(
            call.id, c.HangUpAsked(self._shell.clock(), EndedBy.SERVICE, failure(error))
        )

    def _not_connected(self, call: Call, operator: OperatorId) -> OnFailure:
        return lambda error: self.tell(
            call.id, c.ConnectFailed(self._shell.clock(), failure(error), operator)
        )

    async def _try(self, call: Call, request: Callable[[], Awaitable[None]]) -> None:
        """A request that a call can do without: music."""
        try:
            await self._shell.linked.wait()
            await request()
        except NetworkTrouble as trouble:
            log.info("a request for a call failed", call=call.id, reason=str(trouble))

    async def _insist(self, request: Callable[[], Awaitable[None]]) -> None:
        """Again when the link went down under it, or the answer did not come: to ask twice does no harm.

        A refusal is left alone: Asterisk is there, and its events tell what it refused for.
        """
        for tries_left in reversed(range(MOST_TRIES)):
            await self._shell.linked.wait()
            try:
                await request()
            except Refused as refusal:
                log.info("a request for a call was refused", reason=refusal.reason)
            except NetworkTrouble:
                if tries_left:
                    continue
                raise
            return

    async def _originate(self, call: Call) -> None:
        now = self._shell.clock
        try:
            await self._shell.journal.dialing(call)
            await self.turn(call.trunk)
        except Exception as flaw:  # of whatever kind: nothing was sent
            if not is_expected(flaw):
                self._shell.guard.caught("before a number is dialled", flaw)
            self.tell(call.id, c.TakenBack(now(), failure(flaw)))
            return
        current = self._calls.get(call.id)
        why = self.obstacle()  # asked last: this process may have been frozen since the decision
        if why or current is None or current.hanging_up or not self._shell.linked.is_set():
            self.tell(call.id, c.TakenBack(now(), why or "taken back before it was sent"))
            return
        try:
            await self._shell.switch.originate(
                Outgoing(
                    ChannelId(call.id),
                    endpoint=f"PJSIP/{call.rules.dial_string}@{call.trunk}",
                    context="obz-out",
                    exten="answered",
                    caller_id=call.rules.caller_id,
                    timeout_s=int(call.rules.setup_s + call.rules.ring_s) + 5,
                    variables=_variables(call),
                )
            )
        except Refused as refusal:
            self.tell(call.id, c.OriginateRefused(now(), refusal.reason))
        except Mistake as flaw:  # looked at before it is sent
            self.tell(call.id, c.OriginateRefused(now(), str(flaw)))
        except NetworkTrouble as trouble:
            self.tell(call.id, c.OriginateUnknown(now(), str(trouble)))

    async def _connect(self, call: Call, operator: OperatorId) -> None:
        await self._shell.linked.wait()
        current = self._calls.get(call.id)
        if current is None or current.operator != operator or current.hanging_up:
            return
        if call.direction is Direction.IN and call.bridge_at is None:
            await self._shell.switch.set_variable(ChannelId(call.id), SLOT, call.place)
            if not call.rules.shows_person:
                await self._shell.switch.set_variable(ChannelId(call.id), "CALLERID(num)", NOBODY[1])
            await self._shell.switch.answer(ChannelId(call.id))
        await self._floor.hush(operator)
        await self._shell.switch.connect(ChannelId(call.id), bridge_of(operator))
        is_new = current.state is State.RESERVED  # not when he takes the person back from hold
        if is_new and current.rules.tone:
            self._floor.beep(operator)  # last: Asterisk serves one request after another

    async def _play_message(self, call: Call) -> None:
        exten, context = ("safe", "obz-out") if call.direction is Direction.OUT else ("sorry", "obz-in")
        channel = ChannelId(call.id)
        await self._insist(lambda: self._shell.switch.go_on(channel, context=context, exten=exten))

    async def _start_music(self, call: Call, operator: OperatorId) -> None:
        channel = ChannelId(call.id)
        await self._try(call, lambda: self._shell.switch.remove(channel, bridge_of(operator)))
        await self._try(call, lambda: self._shell.switch.start_music(channel))


def failure(error: Exception) -> str:
    """What a call or an operator is told of it: a sentence, or that it was our own fault."""
    return str(error) if is_expected(error) and str(error) else f"a mistake of the dialer: {error!r}"


async def _after(earlier: asyncio.Task[None], work: Coroutine[Any, Any, None]) -> None:
    await asyncio.wait({earlier})
    await work


def _variables(call: Call) -> Mapping[str, str]:
    # of this channel: Asterisk tells them to the phone beside it
    name, number = shown_to_operator(call)
    variables = {
        "OBZ_MESSAGE": call.rules.message,
        SLOT: call.place,
        "CALLERID(name)": name,
        "CALLERID(num)": number,
    }
    if call.rules.record:
        variables["OBZ_REC"] = call.id
    return variables
