"""The lines of the pretend Asterisk: they are dialled, ring, are answered, bridged and hung up, and say so.

Events come doubled where the real ones do, never inside a request, and are kept while nobody is connected.
It also watches for what no cell may do: two people in one bridge, a number called while it is being called.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from dialer.domain import call as c
from dialer.domain.causes import NO_MEDIA
from dialer.domain.errors import Refused
from dialer.domain.types import Alerting, BridgeId, CallId, ChannelId
from dialer.ports.asterisk import ChannelNews, Ear, PhoneNews
from dialer.sim.carrier import Carrier
from dialer.sim.channel import Channel
from dialer.sim.clock import now
from dialer.sim.fate import CAUSES, Fate
from dialer.sim.notes import Notes
from dialer.sim.registry import Registry

WAY_S = 0.0005  # there or back
WORDS_S = 2.5  # what is said to an operator lasts so long
GUARD_S = 1.6
INBOUND_GUARD_S = 20.0
MESSAGE_S = 4.0
# Why Asterisk itself ends a channel: AST_SOFTHANGUP_DEV, _APPUNLOAD and _EXPLICIT, in place of a Q.850 cause.
NO_PACKETS, DIALPLAN_OVER, ASKED = 1, 16, 32
MESSAGE, SORRY = ("obz-out", "safe"), ("obz-in", "sorry")  # places in the dialplan


class Lines:
    """What is in use, what becomes of it, and who is told."""

    def __init__(self, fate_of: Callable[[str], Fate]) -> None:
        self.fate_of = fate_of
        self.fate_by_trunk: dict[str, Fate] = {}  # of every call by it, whatever the number
        self.phones: dict[str, Fate] = {}  # operators' phones; by default they answer after half a second
        self.comes_apart: Callable[[str], bool] = lambda number: False  # no translation of the person's sound
        self.ear: Ear | None = None
        self.ahead = timedelta()  # its clock less the one of the house
        self.notes = Notes()
        self.registry = Registry(self._tell)
        self.lines: dict[ChannelId, Channel] = {}
        self.rooms: set[BridgeId] = set()
        self.dialled: list[tuple[datetime, str, ChannelId]] = []  # people's calls that went out
        self.carrier = Carrier()
        self.dialled_twice: list[tuple[datetime, str]] = []  # numbers called while being called
        self.double_booked: list[tuple[datetime, BridgeId]] = []
        self.answer_to_bridge_s: list[float] = []
        self.inbound_guard_s = INBOUND_GUARD_S
        self._came_in = 0
        self._in_flight: set[str] = set()
        self._inside: dict[BridgeId, ChannelId] = {}  # the person
        self._answered_at: dict[ChannelId, datetime] = {}
        self._outbox: deque[ChannelNews | PhoneNews] = deque()

    # --- what is told

    def _stamp(self) -> datetime:
        """An instant, as this machine's clock shows it."""
        return now() + self.ahead

    def _say(self, channel: ChannelId, event: c.Event, *args: str, times: int = 1) -> None:
        for _ in range(times):
            self._tell(ChannelNews(channel, event, args=args))

    def _tell(self, news: ChannelNews | PhoneNews) -> None:
        self._outbox.append(news)
        asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        while self.ear is not None and self._outbox:
            self.ear.heard(self._outbox.popleft())

    # --- dialing

    def _begin(self, line: Channel, timeout_s: float) -> None:
        """Until it is answered it is listed where its endpoint's own calls come in."""
        self.lines[line.id] = line
        self.notes.write(line)
        self._dial(line)
        line.goes_to, line.context, line.exten = (
            (line.context, line.exten),
            "obz-in" if line.trunk else "obz-phones",
            "s",
        )
        self._later(line, timeout_s, lambda: self._destroy(line, 19, 480) if line.state != "Up" else None)
        self._later(line, line.fate.setup_s, lambda: self._ring(line))

    def call_in(self, number: str, to: str, trunk: str, *, waits_s: float = 60.0) -> ChannelId:
        """Somebody calls us by a trunk and hears ringing; he gives up if nobody takes the call in time."""
        self._came_in += 1
        line = Channel(
            ChannelId(f"{now().timestamp():.0f}.{self._came_in}"),
            f"PJSIP/{trunk}",
            "obz-in",
            "s",
            self._stamp(),
            number,
            trunk,
            state="Ring",
            in_app=True,
            in_dialplan=True,
        )
        self.lines[line.id] = line
        self.carrier.began(trunk, asyncio.get_running_loop().time())
        came = ChannelNews(
            line.id, c.EnteredApp(self._stamp()), ("inbound", to), caller=number, exten="s", endpoint=trunk
        )
        self._tell(came)
        self._guard_in(line, self.inbound_guard_s)
        tired = lambda: self.person_hangs_up(line.id) if line.state == "Ring" else None  # noqa: E731
        self._later(line, waits_s, tired)
        return line.id

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
            cause, sip = CAUSES[fate.does]
            self._say(line.id, c.HangupRequested(self._stamp(), cause))
            self._destroy(line, cause, sip)
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
            self._later(line, fate.after_s, lambda: self._say(line.id, c.Answered(self._stamp()), times=2))
            self._later(line, fate.after_s + 15, lambda: self._destroy(line, 16))
        elif fate.does == "ring_ends":
            self._later(line, fate.after_s, lambda: self._destroy(line, 19, 480))

    def _answer(self, line: Channel) -> None:
        line.state = "Up"
        line.in_app = line.in_dialplan = True
        line.context, line.exten = line.goes_to
        self._answered_at[line.id], line.answer_at = now(), self._stamp()
        self._say(line.id, c.Answered(self._stamp()), times=2)
        self._say(line.id, c.EnteredApp(self._stamp()), "answered" if line.is_person else "leg")
        if line.is_person:
            self._guard_in(line, GUARD_S)
            tired = lambda: self.person_hangs_up(line.id) if line.bridge is None else None  # noqa: E731
            self._later(line, line.fate.waits_s, tired)
        if line.fate.does == "no_sound":  # Asterisk ends it by itself, in the same breath
            self._later(line, WAY_S, lambda: self._destroy(line, 127, 406))

    # --- the guard and the message

    def _guard_in(self, line: Channel, s: float) -> None:
        """The PBX's own clock; 0 stops it."""
        if line.guard is not None:
            line.guard.cancel()
        line.guard = asyncio.get_running_loop().call_later(s, self._guard, line) if s else None

    def _guard(self, line: Channel) -> None:
        if line.in_app and line.id in self.lines:
            self._continue(line, SORRY if line.context == SORRY[0] else MESSAGE)

    def _continue(self, line: Channel, place: tuple[str, str]) -> None:
        """Out of the application, on in the dialplan."""
        self._guard_in(line, 0)
        self._leave(line)
        line.in_app = False
        line.context, line.exten = place
        self._say(line.id, c.LeftApp(self._stamp()))
        if place == MESSAGE:
            line.message_at = self._stamp()
            self.notes.write(line)
            self._say(line.id, c.MessageStarted(self._stamp()))
            self._later(line, MESSAGE_S, lambda: self._message_over(line))
        elif place == SORRY:  # nothing is told of it but its end
            line.state = "Up"
            self._later(line, MESSAGE_S, lambda: self._destroy(line, 16))
        else:
            self._destroy(line, 0)

    def _message_over(self, line: Channel) -> None:
        line.message_over = True
        self._say(line.id, c.MessageEnded(self._stamp()))
        self._destroy(line, 16)

    # --- the end

    def person_hangs_up(self, channel: ChannelId, cause: int = 16) -> None:
        """The far end of any channel, a phone's too."""
        line = self.lines.get(channel)
        if line is not None:
            self._say(channel, c.HangupRequested(self._stamp(), cause), times=1 + line.in_app)
            self._destroy(line, 16)

    def vanish(self, channel: ChannelId) -> None:
        """Its phone is dead: the end comes without a request."""
        self._destroy(self.lines[channel], 16)

    def tear(self, channel: ChannelId) -> None:
        """Out of its bridge, by nobody's wish."""
        self._leave(self.lines[channel])

    def hears_nothing(self, channel: ChannelId) -> None:
        """No packet of sound came from this channel until the RTP time-out."""
        self._say(channel, c.HangupRequested(self._stamp(), NO_PACKETS, is_soft=True))
        self._destroy(self.lines[channel], NO_MEDIA)

    def _destroy(self, line: Channel, cause: int, sip: int | None = None) -> None:
        if line.id not in self.lines:
            return
        self._leave(line)
        if line.in_app:
            line.in_app = False
            self._say(line.id, c.LeftApp(self._stamp()))
        if line.in_dialplan:
            self._say(line.id, c.HangupRequested(self._stamp(), DIALPLAN_OVER, is_soft=True))
        self.notes.write(line, self._stamp(), cause, sip)
        self._forget(line)
        if line.spied is not None:  # Asterisk tells only of channels that have an endpoint
            return
        self._say(line.id, c.Destroyed(self._stamp(), cause, sip, line.state == "Up"), times=2)
        for whisper in line.whispers:
            self._destroy(whisper, 16)

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
        self._guard_in(line, 0)

    # --- bridges

    def _enter(self, line: Channel, bridge: BridgeId) -> None:
        self._leave(line)  # the same one too
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

    # --- what others ask

    def known(self, channel: ChannelId) -> Channel:
        """Raises what Asterisk says of a channel that it does not have."""
        if channel not in self.lines:
            raise Refused(404, "Channel not found")
        return self.lines[channel]

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
