"""A pretend Asterisk in virtual time: it dials, rings, answers, bridges and hangs up, and says so.

Events come doubled where the real ones do, never inside a request, and are kept while nobody is connected.
It outlives the cell that drives it.  It also watches for what no cell may do: two people in one bridge, a
number called while it is being called.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence, Set
from datetime import datetime, timedelta

from dialer.domain import call as c
from dialer.domain.abilities import Abilities, check_abilities
from dialer.domain.causes import NO_MEDIA
from dialer.domain.errors import LinkDown, NetworkTrouble, Refused
from dialer.domain.operators import SLOT, Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import Alerting, BridgeId, CallId, ChannelId
from dialer.ports.asterisk import BridgeSeen, ChannelNews, ChannelSeen, Ear, Noted, Outgoing, PhoneNews
from dialer.sim.carrier import Carrier
from dialer.sim.channel import Channel
from dialer.sim.clock import now
from dialer.sim.fate import CAUSES, Fate
from dialer.sim.notes import Notes
from dialer.sim.registry import Registry

WAY_S = 0.0005  # there or back
WORDS_S = 2.5  # what is said to an operator lasts so long
GUARD_S = 1.6
MESSAGE_S = 4.0
SHUTDOWN = 4  # why it hangs up when it stops in good order


class PretendAsterisk:
    """Satisfies ports.asterisk.Switch."""

    def __init__(self, fate_of: Callable[[str], Fate] = lambda number: Fate()) -> None:
        self.fate_of = fate_of
        self.fate_by_trunk: dict[str, Fate] = {}  # of every call by it, whatever the number
        self.phones: dict[str, Fate] = {}  # operators' phones; by default they answer after half a second
        self.refuse: Callable[[str], NetworkTrouble | None] = lambda endpoint: None
        self.refuse_connect = False
        self.fault: Callable[[str], Exception | None] = lambda request: None  # by the name of the request
        self.slow_s: Callable[[str], float] = lambda request: 0.0
        self.bad_endpoints: dict[str, Exception] = {}  # trunks and phones that it does not take
        self.endpoints: set[str] = set()  # those that it has
        self.notes = Notes()
        self.comes_apart: Callable[[str], bool] = lambda number: False  # no translation of the person's sound
        self.able = Abilities(codecs=frozenset({"alaw", "ulaw", "g722", "gsm"}))
        self.ear: Ear | None = None
        self.ahead = timedelta()  # its clock less the one of the house
        self.booted = self._stamp()
        self.lines: dict[ChannelId, Channel] = {}
        self.rooms: set[BridgeId] = set()
        self.dialled: list[tuple[datetime, str, ChannelId]] = []  # people's calls that went out
        self.carrier = Carrier()
        self.keyed: list[tuple[ChannelId, str]] = []  # what people's lines were sent as keys
        self.dialled_twice: list[tuple[datetime, str]] = []  # numbers called while being called
        self.double_booked: list[tuple[datetime, BridgeId]] = []
        self.answer_to_bridge_s: list[float] = []
        self.did: list[tuple[str, str]] = []  # requests worth looking at
        self.told: list[tuple[str, tuple[str, ...]]] = []  # the leg that hears it, and what is played
        self.playing: dict[str, ChannelId] = {}  # playbacks with a name: where they are heard
        self._in_flight: set[str] = set()
        self._inside: dict[BridgeId, ChannelId] = {}  # the person
        self._answered_at: dict[ChannelId, datetime] = {}
        self.registry = Registry(self._tell_phone)
        self._outbox: deque[ChannelNews | PhoneNews] = deque()

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
            self._say(line.id, c.HangupRequested(self._stamp(), SHUTDOWN, by_shutdown=True))
        for line in list(self.lines.values()):
            self._destroy(line, 0, 0)

    def lose_events(self) -> None:
        """They were written into the socket of a service that was frozen, and then killed."""
        self._outbox.clear()

    def _stamp(self) -> datetime:
        """An instant, as this machine's clock shows it."""
        return now() + self.ahead

    def _say(self, channel: ChannelId, event: c.Event, *args: str, times: int = 1) -> None:
        self._outbox.extend([ChannelNews(channel, event, args=args)] * times)
        asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        while self.ear is not None and self._outbox:
            self.ear.heard(self._outbox.popleft())

    async def _travel(self, request: str) -> None:
        ear = self.ear
        if ear is None:
            raise LinkDown("Asterisk is not connected")
        await asyncio.sleep(WAY_S + self.slow_s(request))
        if self.ear is not ear:
            raise LinkDown("the request was lost")
        if (fault := self.fault(request)) is not None:
            raise fault

    async def _answer_request(self) -> None:
        ear = self.ear
        await asyncio.sleep(WAY_S)
        if self.ear is not ear or ear is None:
            raise LinkDown("the answer was lost")

    def _line(self, channel: ChannelId) -> Channel:
        if channel not in self.lines:
            raise Refused(404, "Channel not found")
        return self.lines[channel]

    def _ours(self, channel: ChannelId) -> Channel:
        line = self._line(channel)
        if not line.in_app:
            raise Refused(409, "Channel not in Stasis application")
        return line

    # --- dialing

    async def originate(self, call: Outgoing) -> None:
        await self._travel("originate")
        if (trouble := self.refuse(call.endpoint)) is not None:
            raise trouble
        if call.channel in self.lines:
            raise Refused(409, "Channel with given unique ID already exists")
        number, _, trunk = call.endpoint.removeprefix("PJSIP/").partition("@")
        line = Channel(
            call.channel,
            call.endpoint,
            call.context,
            call.exten,
            self._stamp(),
            number,
            trunk,
            slot=call.variables.get(SLOT, ""),
        )
        self.lines[line.id] = line
        self.notes.write(line)
        self._dial(line)
        self._later(line, call.timeout_s, lambda: self._destroy(line, 19, 0) if line.state != "Up" else None)
        self._later(line, line.fate.setup_s, lambda: self._ring(line))
        await self._answer_request()

    def _dial(self, line: Channel) -> None:
        if line.is_person:
            self.dialled.append((now(), line.number, line.id))
            line.fate = self.fate_by_trunk.get(line.trunk) or self.fate_of(line.number)
            if line.number in self._in_flight:
                self.dialled_twice.append((now(), line.number))
            self._in_flight.add(line.number)
        else:
            line.fate = self.phones.get(line.number, Fate(after_s=0.5, talk_s=1e6))
        if line.trunk:
            self.carrier.began(line.trunk, asyncio.get_running_loop().time())

    def _later(self, line: Channel, s: float, do: Callable[[], None]) -> None:
        line.clocks.append(asyncio.get_running_loop().call_later(s, do))

    def _ring(self, line: Channel) -> None:
        fate = line.fate
        if fate.does in CAUSES:
            self._destroy(line, *CAUSES[fate.does])
            return
        if fate.announced_s and line.state == "Down":
            line.state = "Ring"
            self._say(line.id, c.Alerted(self._stamp(), Alerting.PROGRESS), times=2)
            self._later(line, fate.announced_s, lambda: self._ring(line))
            return
        if fate.alerting is not None and fate.does != "silence":
            line.state = "Ringing"
            self._say(line.id, c.Alerted(self._stamp(), fate.alerting), times=2)
        if fate.does in ("answer", "no_sound"):
            self._later(line, fate.after_s, lambda: self._answer(line))
        elif fate.does == "no_key":  # picked up, and three times asked for key 1 in vain
            self._later(line, fate.after_s, lambda: self._say(line.id, c.Answered(now()), times=2))
            self._later(line, fate.after_s + 15, lambda: self._destroy(line, 16, 0))
        elif fate.does == "ring_ends":
            self._later(line, fate.after_s, lambda: self._destroy(line, 19, 480))

    def _answer(self, line: Channel) -> None:
        line.state = "Up"
        line.in_app = True
        self._answered_at[line.id], line.answer_at = now(), self._stamp()
        self._say(line.id, c.Answered(self._stamp()), times=2)
        self._say(line.id, c.EnteredApp(self._stamp()), "answered" if line.is_person else "leg")
        if line.is_person:
            line.guard = asyncio.get_running_loop().call_later(GUARD_S, self._guard, line)
            tired = lambda: self.person_hangs_up(line.id) if line.bridge is None else None  # noqa: E731
            self._later(line, line.fate.waits_s, tired)
        if line.fate.does == "no_sound":  # Asterisk ends it by itself, in the same breath
            self._later(line, WAY_S, lambda: self._destroy(line, 127, 406))

    def _guard(self, line: Channel) -> None:
        if line.in_app and line.id in self.lines:
            self._to_message(line)

    def _to_message(self, line: Channel) -> None:
        if line.guard is not None:
            line.guard.cancel()
        self._leave(line)
        line.in_app = False
        line.exten = "safe"
        self._say(line.id, c.LeftApp(self._stamp()))
        line.message_at = self._stamp()
        self.notes.write(line)
        self._say(line.id, c.MessageStarted(self._stamp()))
        self._later(line, MESSAGE_S, lambda: self._message_over(line))

    def _message_over(self, line: Channel) -> None:
        line.message_over = True
        self._say(line.id, c.MessageEnded(self._stamp()))
        self._destroy(line, 16, 0)

    # --- the end

    def person_hangs_up(self, channel: ChannelId, cause: int = 16) -> None:
        """The far end of any channel, a phone's too."""
        line = self.lines.get(channel)
        if line is not None:
            self._say(channel, c.HangupRequested(self._stamp(), cause))
            self._destroy(line, 16, 0)

    def vanish(self, channel: ChannelId) -> None:
        """Its phone is dead: the end comes without a request."""
        self._destroy(self.lines[channel], 16, 0)

    def _destroy(self, line: Channel, cause: int, sip: int) -> None:
        if line.id not in self.lines:
            return
        self._leave(line)
        if line.in_app:
            line.in_app = False
            self._say(line.id, c.LeftApp(self._stamp()))
        self.notes.write(line, self._stamp(), cause, sip)
        self._forget(line)
        if line.spied is not None:  # Asterisk tells only of channels that have an endpoint
            return
        self._say(line.id, c.Destroyed(self._stamp(), cause, sip, line.answer_at is not None), times=2)
        if not line.is_person:
            for whisper in [each for each in self.lines.values() if each.spied == line.id]:
                self._destroy(whisper, 16, 0)

    def _forget(self, line: Channel) -> None:
        if self.lines.pop(line.id, None) is None:
            return
        self._answered_at.pop(line.id, None)
        if line.is_person:
            self._in_flight.discard(line.number)
        if line.trunk:
            self.carrier.ended(line.trunk)
        for clock in line.clocks:
            clock.cancel()
        if line.guard is not None:
            line.guard.cancel()

    async def hang_up(self, channel: ChannelId, reason: str = "normal") -> None:
        await self._travel("hang_up")
        self.person_hangs_up(channel, 32)
        await self._answer_request()

    # --- bridges

    async def connect(self, channel: ChannelId, bridge: BridgeId) -> None:
        await self._travel("connect")
        line = self._ours(channel)
        if self.refuse_connect:
            raise Refused(500, "it would not")
        if line.guard is not None:
            line.guard.cancel()
        self._enter(line, bridge)
        await self._answer_request()

    async def add(self, channel: ChannelId, bridge: BridgeId) -> None:
        await self._travel("add")
        self._enter(self._ours(channel), bridge)
        await self._answer_request()

    def _enter(self, line: Channel, bridge: BridgeId) -> None:
        if bridge not in self.rooms:
            raise Refused(404, "Bridge not found")
        if line.bridge == bridge:
            return
        self._leave(line)
        line.bridge = bridge
        self._say(line.id, c.EnteredBridge(self._stamp(), bridge))
        if line.is_person:
            if bridge in self._inside:
                self.double_booked.append((now(), bridge))
            self._inside[bridge] = line.id
            self.answer_to_bridge_s.append((now() - self._answered_at[line.id]).total_seconds())
            broken = line.fate.broken
            leave = (
                (lambda: self._destroy(line, *broken)) if broken else lambda: self.person_hangs_up(line.id)
            )
            self._later(line, line.fate.talk_s, leave)
            if self.comes_apart(line.number):  # addChannel is answered all the same, nobody hears anything
                self._leave(line)

    def _leave(self, line: Channel) -> None:
        if line.bridge is not None:
            self._say(line.id, c.LeftBridge(self._stamp(), line.bridge))
            if self._inside.get(line.bridge) == line.id:
                del self._inside[line.bridge]
            line.bridge = None

    async def remove(self, channel: ChannelId, bridge: BridgeId) -> None:
        await self._travel("remove")
        line = self.lines.get(channel)
        if line is not None and line.bridge == bridge:
            self._leave(line)

    async def create_bridge(self, bridge: BridgeId) -> None:
        await self._travel("create_bridge")
        self.rooms.add(bridge)

    async def destroy_bridge(self, bridge: BridgeId) -> None:
        await self._travel("destroy_bridge")
        self.rooms.discard(bridge)

    # --- the rest

    async def answer(self, channel: ChannelId) -> None:
        await self._travel("answer")
        self._ours(channel).state = "Up"

    async def go_on(self, channel: ChannelId, *, context: str, exten: str) -> None:
        await self._travel("go_on")
        self._to_message(self._ours(channel))

    async def set_variable(self, channel: ChannelId, name: str, value: str) -> None:
        await self._travel("set_variable")
        if name == SLOT:
            self._line(channel).slot = value

    async def start_music(self, channel: ChannelId) -> None:
        await self._travel("start_music")
        self._ours(channel).music = True

    async def stop_music(self, channel: ChannelId) -> None:
        await self._travel("stop_music")
        if channel in self.lines:
            self.lines[channel].music = False

    async def play(self, channel: ChannelId, *media: str, playback: str = "") -> None:
        await self._travel("play")
        line = self._ours(channel)
        self.told.append((line.spied or channel, media))
        if not playback:
            self.did.append(("play", channel))
        else:
            self.playing[playback] = channel
            self._later(line, WORDS_S, lambda: self._played(playback))

    async def stop_playing(self, playback: str) -> None:
        await self._travel("stop_playing")
        self.playing.pop(playback, None)

    def _played(self, playback: str) -> None:
        self.playing.pop(playback, None)

    async def whisper(self, channel: ChannelId, snoop: ChannelId) -> None:
        await self._travel("whisper")
        line = Channel(snoop, "", "", "", self._stamp(), state="Up", spied=self._ours(channel).id)
        self.lines[snoop] = line
        self.did.append(("whisper", snoop))
        self._later(line, WAY_S, lambda: self._open_whisper(line))
        await self._answer_request()

    def _open_whisper(self, line: Channel) -> None:
        line.in_app = True
        self._say(line.id, c.EnteredApp(self._stamp()), "snoop")

    async def mute(self, channel: ChannelId, on: bool) -> None:
        await self._travel("mute")

    async def send_keys(self, channel: ChannelId, keys: str) -> None:
        await self._travel("send_keys")
        self.keyed.append((channel, keys))

    async def channels(self) -> Sequence[ChannelSeen]:
        await self._travel("channels")
        return [
            ChannelSeen(line.id, line.state, line.created_at, "Stasis", line.context, line.exten)
            for line in self.lines.values()
        ]

    async def bridges(self) -> Sequence[BridgeSeen]:
        await self._travel("bridges")
        inside = {
            room: tuple(line.id for line in self.lines.values() if line.bridge == room) for room in self.rooms
        }
        return [BridgeSeen(room, channels) for room, channels in inside.items()]

    async def reachable(self) -> Set[str]:
        await self._travel("reachable")
        return self.registry.reachable()

    async def booted_at(self) -> datetime:
        await self._travel("booted_at")
        return self.booted

    async def clock(self) -> tuple[datetime, datetime]:
        """Whoever is not connected asks over HTTP, and hears whole seconds."""
        if self.ear is None:
            second = self._stamp().replace(microsecond=0)
            return second, second + timedelta(seconds=1)
        await self._travel("clock")
        at = self._stamp()
        await self._answer_request()
        return at, at

    async def noted_of(self, channel: ChannelId, place: str) -> Noted | None:
        await self._travel("noted_of")
        return self.notes.find(channel, place)

    async def abilities(self) -> Abilities:
        await self._travel("abilities")
        return self.able

    async def push_trunk(self, trunk: Trunk, password: str) -> None:
        await self._travel("push_trunk")
        check_abilities(trunk, self.able)
        self._take_endpoint(trunk.id)

    async def push_phone(self, account: Account, password: str) -> None:
        await self._travel("push_phone")
        self._take_endpoint(account.id)

    def _take_endpoint(self, name: str) -> None:
        if (flaw := self.bad_endpoints.get(name)) is not None:
            raise flaw
        self.endpoints.add(name)

    async def drop_endpoint(self, name: str) -> None:
        await self._travel("drop_endpoint")
        self.endpoints.discard(name)

    # --- sound

    def tear(self, channel: ChannelId) -> None:
        """Out of its bridge, by nobody's wish."""
        self._leave(self.lines[channel])

    def hears_nothing(self, channel: ChannelId) -> None:
        """No packet of sound came from this channel until the RTP time-out."""
        self._say(channel, c.HangupRequested(now(), 1))
        self._destroy(self.lines[channel], NO_MEDIA, 0)

    def _tell_phone(self, news: PhoneNews) -> None:
        self._outbox.append(news)
        asyncio.get_running_loop().call_soon(self._flush)

    # --- what others ask

    def wrap_up_of(self, call: CallId) -> float:
        """Seconds of work that the talk will leave to its operator."""
        line = self.lines.get(ChannelId(call))
        return line.fate.wrap_up_s if line is not None else 0.0

    def people(self) -> list[Channel]:
        return [line for line in self.lines.values() if line.is_person]

    def leg_of(self, operator: str) -> ChannelId:
        """The operator's leg that is up."""
        (leg,) = [each.id for each in self.lines.values() if each.id.startswith(f"o-{operator}-")]
        return leg
