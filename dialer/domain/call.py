"""One call as a table of states and events; `step` turns an event into a new call and its effects.

The engine tells the call what happened (`Event`), the call answers what to do (`Effect`).  Instants come from
Asterisk's own clock wherever Asterisk saw the thing happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dialer.domain.types import (
    Alerting,
    BridgeId,
    CallId,
    CampaignId,
    Direction,
    EndedBy,
    LeadId,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)


class State(StrEnum):
    LEASED = "leased"
    ORIGINATING = "originating"
    RINGING = "ringing"
    ANSWERED = "answered"  # the line is open, our application does not have it yet
    RESERVED = "reserved"  # an operator is being put on
    BRIDGED = "bridged"
    HELD_BACK = "held_back"  # no operator is free
    MESSAGE = "message"
    ENDED = "ended"


class Timer(StrEnum):
    """The clocks of one call; each runs once until it fires or is stopped."""

    SETUP = "setup"  # the network says nothing at all
    RING = "ring"
    GIVE_UP = "give_up"  # 1.5 s after the answer: no operator, play the message
    RETURN = "return"  # the operator's phone vanished and is rung again
    HOLD = "hold"
    TALK = "talk"
    APART = "apart"  # the person is in no bridge, and nobody wished it
    LAST = "last"  # the message or our hang-up should have ended the call by now


@dataclass(frozen=True, slots=True)
class Rules:
    """What the campaign and the law set for one call, frozen when it is dialled. Seconds."""

    ring_s: float = 25.0
    setup_s: float = 30.0  # nothing heard from the network since the request
    give_up_s: float = 1.5  # after the answer
    return_s: float = 12.0  # for a vanished operator's phone
    talk_s: float = 3600.0
    hold_s: float = 300.0
    message_s: float = 60.0
    message: str = ""
    record: bool = False
    tone: bool = True  # to the operator, when the person comes
    caller_id: str = ""  # as the trunk wants it
    person: str = ""  # the name that the operator's phone shows
    shows_person: bool = True  # else it shows neither name nor number
    dial_string: str = ""  # the number as the trunk wants it, checked


@dataclass(frozen=True)  # without slots: `changed` copies it at every step
class Call:
    """One attempt from the lease to its record."""

    id: CallId
    campaign: CampaignId
    lead: LeadId | None
    number: PhoneNumber
    trunk: TrunkId
    rules: Rules = Rules()
    direction: Direction = Direction.OUT
    attempt_no: int = 1
    refused_before: int = 0  # times that the carrier refused us this lead while it took others
    state: State = State.LEASED
    operator: OperatorId | None = None  # reserved for it, or talking to the person
    talked_with: OperatorId | None = None  # the last operator who was bridged
    on_hold: bool = False
    bereft: bool = False  # lost its operator in mid-talk
    in_app: bool = False  # Asterisk lets us control the channel
    slot: int | None = None  # where Asterisk notes how it ended; no two calls in flight share one
    hanging_up: bool = False  # we have asked Asterisk to end it
    failed_connects: int = 0  # times that Asterisk would not put the person through, or took him out again
    is_leaving: bool = False  # somebody asked for the end of the person's channel: it will be told
    came_apart: bool = False  # it was answered, and could not be heard: alone, or joined to an operator
    leased_at: datetime | None = None
    dialled_at: datetime | None = None  # the request went out
    ring_at: datetime | None = None
    answer_at: datetime | None = None
    bridge_at: datetime | None = None  # first time
    talk_since_at: datetime | None = None  # bridged since, None while not bridged
    talk_s: float = 0.0  # of finished bridged spans
    message_at: datetime | None = None
    end_at: datetime | None = None
    alerting: Alerting = Alerting.NONE
    cause: int | None = None  # Q.850
    sip_code: int | None = None
    ended_by: EndedBy | None = None
    outcome: Outcome | None = None
    reason: str = ""  # why it was refused or cancelled, for people
    estimated: bool = False  # end_at is a bound, the service was dead when it happened

    @property
    def place(self) -> str:
        """The name of its slot."""
        return f"c{self.slot}"

    @property
    def latest_at(self) -> datetime | None:
        """The last thing that is known to have happened on the line."""
        return (
            self.message_at
            or self.talk_since_at
            or self.bridge_at
            or self.answer_at
            or self.ring_at
            or self.dialled_at
        )


# --- events: what happened -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one call, at an instant (UTC)."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Dialled(Event):
    """Ours: the pacer sends the call out."""


@dataclass(frozen=True, slots=True)
class OriginateRefused(Event):
    """Ours: the request did not become a call, Asterisk refused it."""

    reason: str


@dataclass(frozen=True, slots=True)
class TakenBack(Event):
    """Ours: it was taken back before any request was sent; neither the trunk nor the network had a part."""

    reason: str


@dataclass(frozen=True, slots=True)
class OriginateUnknown(Event):
    """Ours: no answer to the request; it may or may not have become a call."""

    reason: str


@dataclass(frozen=True, slots=True)
class Alerted(Event):
    """Asterisk: the first 180 or 183 (they may repeat)."""

    kind: Alerting


@dataclass(frozen=True, slots=True)
class Answered(Event):
    """Asterisk: the line is open (Dial ANSWER or the channel is Up)."""


@dataclass(frozen=True, slots=True)
class EnteredApp(Event):
    """Asterisk: StasisStart; from now on the channel can be bridged."""


@dataclass(frozen=True, slots=True)
class LeftApp(Event):
    """Asterisk: StasisEnd; the guard or a hang-up took the channel away."""


@dataclass(frozen=True, slots=True)
class EnteredBridge(Event):
    """Asterisk: the person's channel is in this bridge."""

    bridge: BridgeId


@dataclass(frozen=True, slots=True)
class LeftBridge(Event):
    """Asterisk: the person's channel is in this bridge no more."""

    bridge: BridgeId


@dataclass(frozen=True, slots=True)
class MessageStarted(Event):
    """Asterisk: SafeHarbour step:start."""


@dataclass(frozen=True, slots=True)
class MessageEnded(Event):
    """Asterisk: SafeHarbour step:end."""


@dataclass(frozen=True, slots=True)
class KeyPressed(Event):
    """Asterisk: the person pressed a key."""

    digit: str


@dataclass(frozen=True, slots=True)
class HangupRequested(Event):
    """Asterisk: somebody asked for the end."""

    cause: int | None = None
    by_shutdown: bool = False  # Asterisk hangs up whatever it has, because it stops
    is_soft: bool = False  # by Asterisk itself, or by us over it: the far end has not hung up


@dataclass(frozen=True, slots=True)
class Destroyed(Event):
    """Asterisk: the channel is gone. `cause` is Q.850, `sip_code` the network's last word (0: none)."""

    cause: int
    sip_code: int | None = None
    was_up: bool = False  # it had been answered
    words: str = ""  # what the network wrote behind its code


@dataclass(frozen=True, slots=True)
class Vanished(Event):
    """Reconcile: Asterisk (alive, or reborn) does not know the channel; nobody saw how it ended."""

    reborn: bool  # Asterisk itself was restarted
    seen: bool  # an event of this channel was ever seen


@dataclass(frozen=True, slots=True)
class Reserved(Event):
    """Floor: this operator is the call's own now, and is on the line."""

    operator: OperatorId


@dataclass(frozen=True, slots=True)
class NobodyFree(Event):
    """Floor: no operator can take the call now."""


@dataclass(frozen=True, slots=True)
class OperatorFreed(Event):
    """Floor: somebody became ready while the call was held back; ask again."""


@dataclass(frozen=True, slots=True)
class OperatorLost(Event):
    """Floor: the operator's phone leg is gone."""

    operator: OperatorId


@dataclass(frozen=True, slots=True)
class OperatorReturned(Event):
    """Floor: the same operator's leg is up again."""

    operator: OperatorId


@dataclass(frozen=True, slots=True)
class ConnectFailed(Event):
    """Ours: Asterisk would not put the person into the operator's bridge."""

    reason: str
    operator: OperatorId | None = None  # whose bridge it was; None: the present one's


@dataclass(frozen=True, slots=True)
class HangUpAsked(Event):
    """Somebody on our side ends the call: the operator, a supervisor, the service at its drain."""

    by: EndedBy
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GivenUp(Event):
    """Pacer: this ringing call could find nobody; end it."""


@dataclass(frozen=True, slots=True)
class HoldAsked(Event):
    """The operator puts the person on hold, or takes the person back."""

    on: bool


@dataclass(frozen=True, slots=True)
class TimerFired(Event):
    """Ours: one of the call's clocks rang."""

    timer: Timer


# --- effects: what to do ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Originate:
    """Write the dialing mark, then ask Asterisk to dial."""


@dataclass(frozen=True, slots=True)
class Summon:
    """The phone rings: call the phone of an on-demand operator, so that he is there at the answer."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Give the call an operator now (synchronously), or say that nobody is free."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Clear the guard and put the person into the operator's bridge, back to back; a tone to him, if set."""

    operator: OperatorId


@dataclass(frozen=True, slots=True)
class StartTalk:
    """The two hear each other: the operator is talking."""

    operator: OperatorId


@dataclass(frozen=True, slots=True)
class Release:
    """The operator is no longer the call's: ready again if the two did not talk, else in wrap-up."""

    operator: OperatorId
    talked: bool


@dataclass(frozen=True, slots=True)
class CallBackLeg:
    """Ring the vanished operator's phone once more."""

    operator: OperatorId


@dataclass(frozen=True, slots=True)
class PlayMessage:
    """Send the channel to the PBX's own message."""


@dataclass(frozen=True, slots=True)
class StartMusic:
    """Take the person out of the operator's bridge and play music."""

    operator: OperatorId


@dataclass(frozen=True, slots=True)
class StopMusic:
    """End the music."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the person's channel."""


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Set one of the call's clocks; one that runs is moved."""

    timer: Timer
    due_at: datetime


@dataclass(frozen=True, slots=True)
class StopTimer:
    """Stop it, if it runs."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Close:
    """The call is over: write its record, move its lead on, forget it."""


Effect = (
    Originate
    | Summon
    | Reserve
    | Connect
    | StartTalk
    | Release
    | CallBackLeg
    | PlayMessage
    | StartMusic
    | StopMusic
    | HangUp
    | StartTimer
    | StopTimer
    | Close
)
