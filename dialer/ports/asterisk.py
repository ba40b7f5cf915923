"""What the engine needs of Asterisk: calls, and the set-up of trunks and phones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dialer.domain.abilities import Abilities
from dialer.domain.call import Event
from dialer.domain.operators import Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    BridgeId,
    ChannelId,
)


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """A channel as Asterisk lists it."""

    id: ChannelId
    state: str  # Down, Ring, Ringing, Up ...
    created_at: datetime
    app: str  # the dialplan application it executes; Stasis when it is ours to control
    context: str
    exten: str


@dataclass(frozen=True, slots=True)
class BridgeSeen:
    id: BridgeId
    channels: tuple[ChannelId, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of a channel of ours, noted by Asterisk for who was not there to hear it."""

    answer_at: datetime | None
    message_at: datetime | None
    end_at: datetime | None  # None: it was dialled, or in the message, when this was noted
    cause: int
    sip_code: int | None = None  # the network's last word, where it said one
    message_over: bool = False  # heard to its end
    words: str = ""  # what the network wrote behind its code


@dataclass(frozen=True, slots=True)
class ChannelNews:
    """Something that happened to one channel: a person's, an operator's leg, a return call's."""

    channel: ChannelId
    event: Event
    args: tuple[str, ...] = ()  # of EnteredApp: what the dialplan says that the channel is
    caller: str = ""  # of EnteredApp: who calls, as the trunk wrote it
    exten: str = ""  # of EnteredApp: where the channel is in the dialplan
    endpoint: str = ""  # of EnteredApp: the trunk or the phone that the channel belongs to


@dataclass(frozen=True, slots=True)
class PhoneNews:
    """A phone or a trunk began or ceased to answer Asterisk's probes."""

    endpoint: str
    is_reachable: bool
    at: datetime
    contact: str = ""  # which of its addresses
    is_removed: bool = False  # the registration of this address has ended, or another took its place


class Ear(Protocol):
    """Who hears Asterisk. Called by the reader, in Asterisk's order; everything here must return at once.

    Instants are as Asterisk's own clock showed them.
    """

    def heard(self, news: ChannelNews | PhoneNews) -> None: ...
    def ready(self, booted_at: datetime) -> None:
        """Connected and set up, all that happened meanwhile was heard: reconcile now."""

    def down(self) -> None:
        """Asterisk is not connected; requests raise LinkDown until the next `ready`."""


class LinkWatcher(Protocol):
    """Sees how the link to Asterisk fares: metrics. Cheap, never raises."""

    def saw_lag(self, lag_s: float) -> None:
        """Our clock less Asterisk's stamp of a live event; replayed events are left out."""

    def saw_link(self, is_ready: bool) -> None: ...
    def request_failed(self, why: str) -> None:
        """`why` is the id of the error: refused, timed-out, link-down."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call that Asterisk makes into the dialplan: to a person, an operator's phone, or a test."""

    channel: ChannelId
    endpoint: str  # PJSIP/<number>@<trunk> or PJSIP/<phone>
    context: str
    exten: str
    caller_id: str
    timeout_s: int
    variables: Mapping[str, str] = field(default_factory=dict)


class CallControl(Protocol):
    """Channels and the bridges between them."""

    async def originate(self, call: Outgoing) -> None:
        """The channel must be known before: its events may come ahead of the answer."""

    async def answer(self, channel: ChannelId) -> None:
        """Pick up a call that came in."""

    async def hang_up(self, channel: ChannelId, reason: str = "normal") -> None:
        """A channel that is gone already is no error."""

    async def connect(self, channel: ChannelId, bridge: BridgeId) -> None:
        """Clear the channel's guard clock and add it to the bridge, back to back."""

    async def create_bridge(self, bridge: BridgeId) -> None: ...
    async def destroy_bridge(self, bridge: BridgeId) -> None: ...
    async def add(self, channel: ChannelId, bridge: BridgeId) -> None: ...
    async def remove(self, channel: ChannelId, bridge: BridgeId) -> None: ...
    async def go_on(self, channel: ChannelId, *, context: str, exten: str) -> None:
        """Leave the application and continue in the dialplan."""

    async def set_variable(self, channel: ChannelId, name: str, value: str) -> None: ...


class Media(Protocol):
    """What a channel hears and says."""

    async def start_music(self, channel: ChannelId) -> None: ...
    async def stop_music(self, channel: ChannelId) -> None: ...
    async def play(self, channel: ChannelId, *media: str, playback: str = "") -> None:
        """One after another. `playback`: a name by which it can be stopped."""

    async def stop_playing(self, playback: str) -> None:
        """One that is over already is no error."""

    async def whisper(self, channel: ChannelId, snoop: ChannelId) -> None:
        """Open a snoop that only this channel hears; lasts until it is hung up."""

    async def mute(self, channel: ChannelId, on: bool) -> None: ...
    async def send_keys(self, channel: ChannelId, keys: str) -> None: ...


class Survey(Protocol):
    """What Asterisk holds, compared with what we hold."""

    async def channels(self) -> Sequence[ChannelSeen]: ...
    async def bridges(self) -> Sequence[BridgeSeen]: ...
    async def reachable(self) -> Set[str]:
        """The phones and trunks to which Asterisk knows a way."""

    async def booted_at(self) -> datetime:
        """When this Asterisk started: another boot, another instant."""

    async def clock(self) -> tuple[datetime, datetime]:
        """The span that Asterisk's clock was in at some instant between question and answer."""

    async def noted_of(self, channel: ChannelId, place: str) -> Noted | None:
        """What its place holds, if it is of this channel. None: this Asterisk never had it.

        The first note is made with the request that makes the channel. Asterisk that was started since, or
        whose globals were cleared, knows none.
        """


class Provisioning(Protocol):
    """Trunks and phones as Asterisk has them."""

    async def abilities(self) -> Abilities:
        """What Asterisk can do for a trunk."""

    async def push_trunk(self, trunk: Trunk, password: str) -> None: ...
    async def push_phone(self, account: Account, password: str) -> None: ...
    async def drop_endpoint(self, name: str) -> None: ...


class Switch(CallControl, Media, Survey, Provisioning, Protocol):
    """One Asterisk, whole. Every request may raise Refused, TimedOut or LinkDown (domain.errors)."""
