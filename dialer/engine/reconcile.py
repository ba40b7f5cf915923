"""What Asterisk says against what we hold: after every (re)connection, and now and then while all is well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter

import structlog

from dialer.domain import call as c
from dialer.domain import shifts
from dialer.domain.call import Call, State
from dialer.domain.errors import LinkDown, TimedOut
from dialer.domain.operators import LegState, Operator, bridge_of, place_of
from dialer.domain.operators import State as Post
from dialer.domain.types import BridgeId, CallId, ChannelId, EndedBy, OperatorId
from dialer.engine.calls import Calls
from dialer.engine.clocks import Clocks
from dialer.engine.contacts import Way
from dialer.engine.floor import Floor
from dialer.engine.shell import Shell
from dialer.ports.asterisk import BridgeSeen, ChannelSeen, Noted

log = structlog.get_logger()

YOUNG = timedelta(seconds=10)  # a channel may be older than our knowledge of it by this much
OURS = ("c-", "o-", "s-")  # how the names of calls, legs and whispers begin
MESSAGE = "safe"  # the dialplan's entry for it
NEVER_SEEN = (State.LEASED, State.ORIGINATING)


class Reconciler:
    """Adopts what is ours, ends what nobody owns, closes what is gone."""

    def __init__(self, shell: Shell, calls: Calls, floor: Floor, clocks: Clocks) -> None:
        self._clocks = clocks
        self._shell = shell
        self._calls = calls
        self._floor = floor
        self._missing: dict[ChannelId, datetime] = {}  # and when they were last there
        self._looked_at = shell.clock()
        self._alone: set[CallId] = set()
        self._forgotten: set[OperatorId] = set()
        self._strays: dict[ChannelId, float] = {}  # since when they are seen, by the loop's clock

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before."""
        self._missing = {channel: at + by for channel, at in self._missing.items()}
        self._looked_at += by

    async def after_link(self, *, reborn: bool, down_at: datetime) -> None:
        """All events that Asterisk kept were heard; `down_at` is when the outage began."""
        self._looked_at = self._shell.clock()
        if reborn:
            self.all_gone(down_at)
            return
        channels = {seen.id: seen for seen in await self._shell.switch.channels()}
        bridges = {seen.id: seen for seen in await self._shell.switch.bridges()}
        lost = [
            call
            for call in self._calls.all()
            if ChannelId(call.id) not in channels and call.state is not State.LEASED
        ]
        legs = {
            operator.channel: operator
            for operator in self._floor.all()
            if operator.channel is not None and operator.channel not in channels
        }
        await self._vanished(lost, legs, lambda channel: down_at)
        self._floor.resume({call.id: call.operator for call in self._calls.all()})
        await self._in_message(channels)
        for call in self._calls.all():
            if ChannelId(call.id) in channels:
                self._shell.guard.run("adopting a call", self._adopt, call, bridges)
        self._strangers(channels, bridges)

    def all_gone(self, at: datetime) -> None:
        """Another boot, or the last moments of this one: no channel of ours is left, or will be."""
        for call in self._calls.all():
            seen = call.state is not State.LEASED
            self._calls.tell(call.id, c.Vanished(max(at, call.latest_at or at), reborn=seen, seen=seen))
        self._floor.legs.forget_all()
        for operator in self._floor.all():
            self._floor.tell(operator.id, shifts.SwitchLost(at))
        self._floor.resume({})

    async def _vanished(
        self,
        calls: Sequence[Call],
        legs: Mapping[ChannelId, Operator],
        there_at: Callable[[ChannelId], datetime],
    ) -> None:
        """No event and no channel: told as Asterisk has noted it, in the order in which they ended.

        What it has not noted ended after it was last there; a talk before the leg that it was on.
        """
        places = {ChannelId(call.id): call.place for call in calls}
        places |= {channel: place_of(operator.id) for channel, operator in legs.items()}
        noted, unasked = await self._noted(places)
        ends: list[tuple[datetime, int, Callable[[], None]]] = []
        for call in calls:
            its, at = noted.get(ChannelId(call.id)), there_at(ChannelId(call.id))
            at = max((its and its.end_at) or at, call.latest_at or at)
            proven = ChannelId(call.id) not in unasked
            ends.append((at, 0, partial(self._call_ended, call, at, its, proven)))
        for channel, operator in legs.items():
            its, at = noted.get(channel), there_at(channel)
            at = max((its and its.end_at) or at, operator.since_at or at)
            ends.append((at, 1, partial(self._floor.legs.vanished, channel, at)))
        for _, _, tell in sorted(ends, key=itemgetter(0, 1)):
            self._shell.guard.run("end of a call", tell)

    async def _noted(
        self, places: Mapping[ChannelId, str]
    ) -> tuple[Mapping[ChannelId, Noted], set[ChannelId]]:
        """What Asterisk has noted, and of which channels it would not say."""
        unasked = set[ChannelId]()
        answers = await asyncio.gather(*(self._ask(*its, unasked) for its in places.items()))
        noted = {channel: its for channel, its in zip(places, answers, strict=True) if its is not None}
        return noted, unasked

    async def _ask(self, channel: ChannelId, place: str, unasked: set[ChannelId]) -> Noted | None:
        try:
            noted = await self._shell.switch.noted_of(channel, place)
            return noted and self._clocks.noted(noted)
        except (LinkDown, TimedOut):  # of all of them: it is reconciled once more
            raise
        except Exception as trouble:  # the boundary: of this channel alone
            self._shell.guard.caught("what became of a channel", trouble)
            unasked.add(channel)
            return None

    def _call_ended(self, call: Call, at: datetime, noted: Noted | None, proven: bool) -> None:
        """Asterisk notes each request before it dials: without a note, on the same boot, none was dialled.

        `proven`: it was asked, and has none. Whatever else leaves no trace counts as dialled.
        """
        if noted is not None:
            self._tell_lost(call, noted)
        if noted is not None and noted.end_at is not None:
            was_up = noted.answer_at is not None
            self._calls.tell(call.id, c.Destroyed(at, noted.cause, noted.sip_code, was_up))
        else:
            seen = call.state not in NEVER_SEEN or noted is not None or not proven
            self._calls.tell(call.id, c.Vanished(at, reborn=False, seen=seen))

    async def _in_message(self, channels: Mapping[ChannelId, ChannelSeen]) -> None:
        """Those whom the guard has sent to the message while its event was lost: adopted as such."""
        calls = [
            call
            for call in self._calls.all()
            if call.message_at is None
            and (seen := channels.get(ChannelId(call.id))) is not None
            and seen.exten == MESSAGE
        ]
        noted, _ = await self._noted({ChannelId(call.id): call.place for call in calls})
        for call in calls:
            if (its := noted.get(ChannelId(call.id))) is not None:
                self._tell_lost(call, its)

    def _tell_lost(self, call: Call, noted: Noted) -> None:
        """What happened to it before its end and was not heard."""
        if call.answer_at is None and noted.answer_at is not None:
            self._calls.tell(call.id, c.Answered(noted.answer_at))
        if call.message_at is None and noted.message_at is not None:
            self._calls.tell(call.id, c.MessageStarted(noted.message_at))
        if noted.message_over and noted.end_at is not None:
            self._calls.tell(call.id, c.MessageEnded(noted.end_at))

    def _adopt(self, call: Call, bridges: dict[BridgeId, BridgeSeen]) -> None:
        """Its clocks start again; if it should be in a bridge and is not, it is put there."""
        log.info("a call was adopted", call=call.id, state=call.state)
        self._calls.resume(call.id)
        if call.operator is None or call.state not in (State.RESERVED, State.BRIDGED) or call.on_hold:
            return
        bridge = bridges.get(bridge_of(call.operator))
        inside = bridge is not None and ChannelId(call.id) in bridge.channels
        now = self._shell.clock()
        if inside and call.state is State.RESERVED:
            self._calls.tell(call.id, c.EnteredBridge(now, bridge_of(call.operator)))
        elif not inside and call.state is State.RESERVED:
            self._calls.tell(call.id, c.ConnectFailed(now, "the service was restarted in between"))
        elif not inside:
            self._calls.tell(call.id, c.HangUpAsked(now, EndedBy.SERVICE, "the talk's bridge is gone"))

    def _strangers(self, channels: dict[ChannelId, ChannelSeen], bridges: dict[BridgeId, BridgeSeen]) -> None:
        """Channels and bridges with our names that nobody owns; seen at the last look too, one is old."""
        now, owned = self._shell.clock(), self._owned()
        looked = asyncio.get_running_loop().time()
        strays = {id_ for id_ in channels if id_.startswith(OURS) and id_ not in owned}
        self._strays = {id_: self._strays.get(id_, looked) for id_ in strays}
        for id_, since in self._strays.items():
            seen = channels[id_]
            age = max(now - self._clocks.seen(seen).created_at, timedelta(seconds=looked - since))
            if age > YOUNG:
                log.warning("a channel that nobody owns was ended", channel=seen.id, state=seen.state)
                self._floor.legs.drop(seen.id)
        on_shift = {bridge_of(op.id) for op in self._floor.all() if op.leg is not LegState.DOWN}
        for bridge in bridges.values():
            if bridge.id.startswith("ob-") and bridge.id not in on_shift and not bridge.channels:
                self._shell.errands.start(self._destroy(bridge.id), f"bridge-{bridge.id}")

    def _owned(self) -> set[ChannelId]:
        return {ChannelId(call.id) for call in self._calls.all()} | self._floor.legs.channels()

    async def _destroy(self, bridge: BridgeId) -> None:
        await self._shell.switch.destroy_bridge(bridge)

    async def sweep(self) -> None:
        """While all is well: a call whose channel is missing twice in a row is closed, strays are ended."""
        owned, now = self._owned(), self._shell.clock()
        before = {ChannelId(call.id) for call in self._calls.all() if call.state not in NEVER_SEEN}
        channels = {seen.id: seen for seen in await self._shell.switch.channels()}
        bridges = {seen.id: seen for seen in await self._shell.switch.bridges()}
        there_at = self._missing
        self._missing = {gone: there_at.get(gone, self._looked_at) for gone in before - channels.keys()}
        self._looked_at = now
        twice = (self._calls.get(CallId(channel)) for channel in self._missing.keys() & there_at.keys())
        await self._vanished([call for call in twice if call is not None], {}, there_at.__getitem__)
        self._alone_twice(bridges)
        self._held_for_nobody_twice()
        await self._found_again()
        for ended in owned - self._owned():  # while Asterisk was asked: nobody's, but known to be on its way
            channels.pop(ended, None)
        self._strangers(channels, bridges)

    async def _found_again(self) -> None:
        """Phones of which the good news was lost with a frozen service: nobody stays barred for ever."""
        barred = [self._floor.desks.of(operator) for operator in self._floor.all() if operator.unreachable]
        if barred:
            known = await self._shell.switch.reachable()
            for phone in barred:
                if phone in known:
                    self._floor.phone_seen(phone, Way(is_reachable=True))

    def _held_for_nobody_twice(self) -> None:
        """An operator whose call is over, or another's, seen so twice in a row: he is let go."""
        forgotten = set()
        for operator in self._floor.all():
            call = self._calls.get(operator.call) if operator.call is not None else None
            holds = operator.state in (Post.RESERVED, Post.TALKING)
            if holds and (call is None or call.operator != operator.id):
                forgotten.add(operator.id)
        for operator_id in forgotten & self._forgotten:
            known = self._floor.get(operator_id)
            log.warning("an operator was held for a call that is over", operator=operator_id, call=known.call)
            talked = known.state is Post.TALKING
            self._floor.release(operator_id, known.call or CallId(""), self._shell.clock(), talked=talked)
        self._forgotten = forgotten

    def _alone_twice(self, bridges: dict[BridgeId, BridgeSeen]) -> None:
        """A talk whose person is in no bridge, seen so twice in a row: an honest end instead of silence."""
        together = {channel for bridge in bridges.values() for channel in bridge.channels}
        alone = {
            call.id
            for call in self._calls.all()
            if call.state is State.BRIDGED and not call.on_hold and ChannelId(call.id) not in together
        }
        for call_id in alone & self._alone:
            asked = c.HangUpAsked(self._shell.clock(), EndedBy.SERVICE, "the talk's bridge is gone")
            self._calls.tell(call_id, asked)
        self._alone = alone
