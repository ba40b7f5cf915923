"""What Asterisk says against what we hold: after every (re)connection, and now and then while all is well."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from dialer.domain import call as c
from dialer.domain import shifts
from dialer.domain.call import Call, State
from dialer.domain.operators import LegState, bridge_of
from dialer.domain.types import BridgeId, CallId, ChannelId, EndedBy
from dialer.engine.calls import Calls
from dialer.engine.floor import Floor
from dialer.engine.shell import Shell
from dialer.ports import BridgeSeen, ChannelSeen

log = structlog.get_logger()

YOUNG = timedelta(seconds=10)  # a channel may be older than our knowledge of it by this much
OURS = ("c-", "o-", "s-")  # how the names of calls, legs and whispers begin
NEVER_SEEN = (State.LEASED, State.ORIGINATING)


class Reconciler:
    """Adopts what is ours, ends what nobody owns, closes what is gone."""

    def __init__(self, shell: Shell, calls: Calls, floor: Floor) -> None:
        self._shell = shell
        self._calls = calls
        self._floor = floor
        self._missing: set[ChannelId] = set()
        self._alone: set[CallId] = set()

    async def after_link(self, *, reborn: bool, down_at: datetime) -> None:
        """All events of the outage were heard; `down_at` is when the outage began."""
        if reborn:
            self._all_gone(down_at)
            return
        channels = {seen.id: seen for seen in await self._shell.switch.channels()}
        bridges = {seen.id: seen for seen in await self._shell.switch.bridges()}
        self._legs(channels)
        for call in self._calls.all():
            if ChannelId(call.id) in channels:
                self._adopt(call, bridges)
            elif call.state is not State.LEASED:
                self._vanished(call, down_at)
        self._strangers(channels, bridges)

    def _all_gone(self, at: datetime) -> None:
        """Another boot: no channel of ours is left, no event of them will come."""
        for call in self._calls.all():
            seen = call.state is not State.LEASED
            self._calls.tell(call.id, c.Vanished(at, reborn=seen, seen=seen))
        self._floor.legs.forget_all()
        for operator in self._floor.all():
            self._floor.tell(operator.id, shifts.SwitchLost(at))
        self._floor.resume({})

    def _vanished(self, call: Call, at: datetime) -> None:
        """No event and no channel: with the same boot, one that was never seen was never dialled."""
        seen = call.state not in NEVER_SEEN
        self._calls.tell(call.id, c.Vanished(max(at, _last_instant(call) or at), reborn=False, seen=seen))

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

    def _legs(self, channels: dict[ChannelId, ChannelSeen]) -> None:
        for operator in self._floor.all():
            if operator.channel is not None and operator.channel not in channels:
                self._floor.legs.vanished(operator.channel)
        self._floor.resume({call.id: call.operator for call in self._calls.all()})

    def _strangers(self, channels: dict[ChannelId, ChannelSeen], bridges: dict[BridgeId, BridgeSeen]) -> None:
        """Channels and bridges with our names that nobody owns."""
        now, owned = self._shell.clock(), self._owned()
        for seen in channels.values():
            is_stray = seen.id.startswith(OURS) and seen.id not in owned
            if is_stray and now - seen.created_at > YOUNG:
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
        owned = self._owned()
        before = {ChannelId(call.id) for call in self._calls.all() if call.state not in NEVER_SEEN}
        channels = {seen.id: seen for seen in await self._shell.switch.channels()}
        bridges = {seen.id: seen for seen in await self._shell.switch.bridges()}
        missing = before - channels.keys()
        for channel in missing & self._missing:
            call = self._calls.get(CallId(channel))
            if call is not None:
                self._vanished(call, self._shell.clock())
        self._missing = missing
        self._alone_twice(bridges)
        for ended in owned - self._owned():  # while Asterisk was asked: nobody's, but known to be on its way
            channels.pop(ended, None)
        self._strangers(channels, bridges)

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


def _last_instant(call: Call) -> datetime | None:
    return call.message_at or call.talk_since_at or call.bridge_at or call.answer_at or call.ring_at
