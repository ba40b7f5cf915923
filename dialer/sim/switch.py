"""A pretend Asterisk in virtual time: what the engine may ask of it, refused and lost as by the real one.

It outlives the cell that drives it.  `tests/ports/switch.py` holds what both promise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence, Set
from datetime import datetime, timedelta
from typing import TypeVar

from dialer.domain import call as c
from dialer.domain.abilities import Abilities, check_abilities
from dialer.domain.errors import LinkDown, NetworkTrouble, Refused
from dialer.domain.operators import SLOT, Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import NAME, BridgeId, ChannelId, PhoneKind
from dialer.ports import acceptable
from dialer.ports.acceptable import check_ids
from dialer.ports.asterisk import BridgeSeen, ChannelSeen, Ear, Noted, Outgoing
from dialer.sim.channel import Channel
from dialer.sim.fate import Fate
from dialer.sim.lines import ASKED, WAY_S, WORDS_S, Lines

T = TypeVar("T")

SHUTDOWN = 4  # why it hangs up when it stops in good order
GUARD = "TIMEOUT(absolute)"
GUARD_AGAIN_S = 0.3  # of a person who could not be connected


class PretendAsterisk(Lines):
    """Satisfies ports.asterisk.Switch."""

    def __init__(self, fate_of: Callable[[str], Fate] = lambda number: Fate()) -> None:
        super().__init__(fate_of)
        self.refuse: Callable[[str], NetworkTrouble | None] = lambda endpoint: None
        self.refuse_connect = False
        self.no_way = 500  # or 409, once its thread has met an id that exists
        self.fault: Callable[[str], Exception | None] = lambda request: None  # by the name of the request
        self.fault_after: Callable[[str], Exception | None] = lambda request: None  # though it was done
        self.slow_s: Callable[[str], float] = lambda request: 0.0
        self.bad_endpoints: dict[str, Exception] = {}  # trunks and phones that it does not take
        self.endpoints: set[str] = set()  # those that it has
        self.able = Abilities(codecs=frozenset({"alaw", "ulaw", "g722", "gsm"}))
        self.booted = self._stamp()
        self._served = asyncio.Event()  # the request before
        self._served.set()
        self.keyed: list[tuple[ChannelId, str]] = []  # what people's lines were sent as keys
        self.did: list[tuple[str, str]] = []  # requests worth looking at
        self.told: list[tuple[str, tuple[str, ...]]] = []  # the leg that hears it, and what is played
        self.playing: dict[str, ChannelId] = {}  # playbacks with a name: where they are heard

    # --- the link

    def connect_to(self, ear: Ear) -> None:
        """The service is there (again): first what it has missed."""
        self.ear = ear
        self._flush()
        ear.ready(self.booted)

    def lose_link(self) -> None:
        ear, self.ear = self.ear, None
        if ear is not None:
            ear.down()

    def reboot(self) -> None:
        """kill -9: every channel is gone, nobody says so."""
        self.lose_link()
        for line in list(self.lines.values()):
            self._forget(line)
        self.rooms.clear()
        self._inside.clear()
        self.notes.clear()
        self.lose_events()
        self.booted = self._stamp()

    def shut_down(self) -> None:
        """SIGTERM: every channel is hung up and says so, then the link goes; `reboot` starts it again."""
        for line in list(self.lines.values()):
            self._say(line.id, c.HangupRequested(self._stamp(), SHUTDOWN, by_shutdown=True, is_soft=True))
        for line in list(self.lines.values()):
            self._destroy(line, 0)

    def lose_events(self) -> None:
        """They were written into the socket of a service that was frozen, and then killed."""
        self._outbox.clear()

    async def _ask(self, request: str, do: Callable[[], T], *, over_http: bool = False) -> T:
        """There, done, and back: lost on its way there nothing is done, on its way back nobody knows.

        The link's are served one after another as they were sent.
        """
        ear, before, done = self.ear, self._served, asyncio.Event()
        if ear is None:
            raise LinkDown("Asterisk is not connected")
        if not over_http:
            self._served = done
        try:
            await asyncio.sleep(WAY_S + self.slow_s(request))
            if not over_http:
                await before.wait()
            if self.ear is not ear:
                raise LinkDown("the request was lost")
            if (fault := self.fault(request)) is not None:
                raise fault
            try:
                return do()
            finally:
                done.set()
                await asyncio.sleep(WAY_S)
                if self.ear is not ear:
                    raise LinkDown("the answer was lost")
                if (fault := self.fault_after(request)) is not None:
                    raise fault
        finally:
            done.set()

    def _ours(self, channel: ChannelId) -> Channel:
        line = self.known(channel)
        if not line.in_app:
            raise Refused(409, "Channel not in Stasis application")
        return line

    # --- calls

    async def originate(self, call: Outgoing) -> None:
        acceptable.check_outgoing(call)
        number, name = acceptable.target(call.endpoint)
        await self._ask("originate", lambda: self._originate(call, number, name))

    def _originate(self, call: Outgoing, number: str, name: str) -> None:
        if (trouble := self.refuse(call.endpoint)) is not None:
            raise trouble
        if (
            call.channel in self.lines or name not in self.endpoints
        ):  # Asterisk's words do not tell them apart
            raise Refused(409, "Channel with given unique ID already exists")
        if not number and not self.registry.has_way(name):
            raise Refused(self.no_way, "Allocation failed")
        line = Channel(
            call.channel,
            call.endpoint,
            call.context,
            call.exten,
            self._stamp(),
            number or name,
            name if number else "",
            slot=call.variables.get(SLOT, ""),
        )
        self._begin(line, call.timeout_s)

    async def answer(self, channel: ChannelId) -> None:
        check_ids(channel)

        def do() -> None:
            self._ours(channel).state = "Up"

        await self._ask("answer", do)

    async def hang_up(self, channel: ChannelId, reason: str = "normal") -> None:
        acceptable.check_reason(reason)
        check_ids(channel)

        def do() -> None:
            if (line := self.lines.get(channel)) is not None:
                asked = c.HangupRequested(self._stamp(), ASKED, is_soft=True)
                self._say(channel, asked, times=1 + line.in_app)
                self._destroy(line, *acceptable.REASONS[reason])

        await self._ask("hang_up", do)

    async def go_on(self, channel: ChannelId, *, context: str, exten: str) -> None:
        acceptable.check_way(context, exten)
        check_ids(channel)
        await self._ask("go_on", lambda: self._continue(self._ours(channel), (context, exten)))

    async def set_variable(self, channel: ChannelId, name: str, value: str) -> None:
        acceptable.check_variable(name, value)
        check_ids(channel)

        def do() -> None:
            line = self._ours(channel)
            if name == SLOT:
                line.slot = value
            if name == GUARD:
                self._guard_in(line, float(value))

        await self._ask("set_variable", do)

    # --- bridges

    async def connect(self, channel: ChannelId, bridge: BridgeId) -> None:
        check_ids(channel, bridge)

        def join() -> None:
            if self.refuse_connect:
                raise Refused(500, "it would not")
            self._add(channel, bridge)

        def do() -> None:
            line = self._ours(channel)
            self._guard_in(line, 0)
            try:
                join()
            except Refused:
                self._guard_in(line, GUARD_AGAIN_S)
                raise

        await self._ask("connect", do)

    async def add(self, channel: ChannelId, bridge: BridgeId) -> None:
        check_ids(channel, bridge)
        await self._ask("add", lambda: self._add(channel, bridge))

    def _add(self, channel: ChannelId, bridge: BridgeId) -> None:
        if bridge not in self.rooms:
            raise Refused(404, "Bridge not found")
        if channel not in self.lines:
            raise Refused(400, "Channel not found")
        if not self.lines[channel].in_app:
            raise Refused(422, "Channel not in Stasis application")
        self._enter(self.lines[channel], bridge)

    async def remove(self, channel: ChannelId, bridge: BridgeId) -> None:
        check_ids(channel, bridge)

        def do() -> None:
            line = self.lines.get(channel)
            if line is not None and line.bridge == bridge:
                self._leave(line)

        await self._ask("remove", do)

    async def create_bridge(self, bridge: BridgeId) -> None:
        check_ids(bridge)
        await self._ask("create_bridge", lambda: self.rooms.add(bridge))

    async def destroy_bridge(self, bridge: BridgeId) -> None:
        check_ids(bridge)

        def do() -> None:
            self.rooms.discard(bridge)
            for line in self.lines.values():
                if line.bridge == bridge:
                    self._leave(line)

        await self._ask("destroy_bridge", do)

    # --- what is heard

    async def start_music(self, channel: ChannelId) -> None:
        check_ids(channel)

        def do() -> None:
            self._ours(channel).music = True

        await self._ask("start_music", do)

    async def stop_music(self, channel: ChannelId) -> None:
        check_ids(channel)

        def do() -> None:
            if channel in self.lines:
                self._ours(channel).music = False

        await self._ask("stop_music", do)

    async def play(self, channel: ChannelId, *media: str, playback: str = "") -> None:
        acceptable.check_media(media)
        check_ids(channel)

        def do() -> None:
            line = self._ours(channel)
            self.told.append((line.spied or channel, media))
            if not playback:
                self.did.append(("play", channel))
            else:
                self.playing[playback] = channel
                self._later(line, WORDS_S, lambda: self._played(playback))

        await self._ask("play", do)

    async def stop_playing(self, playback: str) -> None:
        check_ids(playback)
        await self._ask("stop_playing", lambda: self._played(playback))

    def _played(self, playback: str) -> None:
        self.playing.pop(playback, None)

    async def whisper(self, channel: ChannelId, snoop: ChannelId) -> None:
        check_ids(channel, snoop)

        def do() -> None:
            spied = self.known(channel)
            if snoop in self.lines:
                raise Refused(500, "Snoop channel could not be created")
            line = Channel(snoop, "", "default", "s", self._stamp(), state="Up", spied=channel)
            self.lines[snoop] = line
            spied.whispers.append(line)
            self.did.append(("whisper", snoop))
            self._later(line, WAY_S, lambda: self._open_whisper(line))

        await self._ask("whisper", do)

    def _open_whisper(self, line: Channel) -> None:
        line.in_app = True
        self._say(line.id, c.EnteredApp(self._stamp()), "snoop")

    async def mute(self, channel: ChannelId, on: bool) -> None:
        check_ids(channel)
        await self._ask("mute", lambda: self._ours(channel))

    async def send_keys(self, channel: ChannelId, keys: str) -> None:
        acceptable.check_keys(keys)
        check_ids(channel)

        def do() -> None:
            self.keyed.append((self._ours(channel).id, keys))

        await self._ask("send_keys", do)

    # --- what it holds

    async def channels(self) -> Sequence[ChannelSeen]:
        return await self._ask(
            "channels",
            lambda: [
                ChannelSeen(line.id, line.state, line.created_at, line.app, line.context, line.exten)
                for line in self.lines.values()
            ],
            over_http=True,
        )

    async def bridges(self) -> Sequence[BridgeSeen]:
        return await self._ask(
            "bridges",
            lambda: [
                BridgeSeen(room, tuple(line.id for line in self.lines.values() if line.bridge == room))
                for room in self.rooms
            ],
            over_http=True,
        )

    async def reachable(self) -> Set[str]:
        known = lambda: {name for name in self.endpoints if self.registry.has_way(name)}  # noqa: E731
        return await self._ask("reachable", known, over_http=True)

    async def booted_at(self) -> datetime:
        return await self._ask("booted_at", lambda: self.booted)

    async def clock(self) -> tuple[datetime, datetime]:
        """Whoever is not connected asks over HTTP, and hears whole seconds."""
        if self.ear is None:
            second = self._stamp().replace(microsecond=0)
            return second, second + timedelta(seconds=1)
        at = await self._ask("clock", self._stamp)
        return at, at

    async def noted_of(self, channel: ChannelId, place: str) -> Noted | None:
        acceptable.check_variable(f"NOTED_{place}")
        return await self._ask("noted_of", lambda: self.notes.find(channel, place))

    # --- trunks and phones

    async def abilities(self) -> Abilities:
        return await self._ask("abilities", lambda: self.able, over_http=True)

    async def push_trunk(self, trunk: Trunk, password: str) -> None:
        def do() -> None:
            check_abilities(trunk, self.able)
            self._take_endpoint(trunk.id)

        await self._ask("push_trunk", do)

    async def push_phone(self, account: Account, password: str) -> None:
        """An outside phone has no endpoint of its own."""

        def do() -> None:
            if account.phone is not PhoneKind.OUTSIDE:
                self._take_endpoint(account.id)
                self.registry.phones.add(account.id)

        await self._ask("push_phone", do)

    def _take_endpoint(self, name: str) -> None:
        if (flaw := self.bad_endpoints.get(name)) is not None:
            raise flaw
        self.endpoints.add(name)

    async def drop_endpoint(self, name: str) -> None:
        acceptable.matching(NAME, name, "endpoint name")
        await self._ask("drop_endpoint", lambda: self.endpoints.discard(name))
