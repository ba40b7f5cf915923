"""What happens to an operator (`Event`), what must be done about it (`Effect`), and the reasons given.

How he moves is in `duty`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dialer.domain.operators import Operator
from dialer.domain.types import CallId, CampaignId, ChannelId, LegKind

LOGIN = "login"  # reasons of a pause or of being offline that the product itself gives
MISSED = "missed_ring"
PHONE_LOST = "phone_lost"
NO_SOUND = "no_sound"  # it answers Asterisk, and sent no sound until its leg was ended for that
NO_ANSWER = "phone_did_not_answer"
NOT_REGISTERED = "phone_not_registered"
FORWARDED = "phone_forwarded"  # it said where else to call; that is not followed
FAILED = "phone_failed"  # it said an error instead of ringing
PHONE_CHANGED = "phone_changed"  # from a leg for each call to one for the shift
NOT_CALLABLE = "phone_cannot_be_called"  # its number or its trunk does not allow it
HUNG_UP = "hung_up"
WRAP_UP_OVER = "wrap_up_over"
SWITCH_LOST = "asterisk_stopped"
LOGOUT = "logout"


# --- events -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime


@dataclass(frozen=True, slots=True)
class LoginAsked(Event):
    desk: str = ""  # another registered phone than the account's own, for this shift


@dataclass(frozen=True, slots=True)
class ReadyAsked(Event):
    pass


@dataclass(frozen=True, slots=True)
class PauseAsked(Event):
    reason: str


@dataclass(frozen=True, slots=True)
class LogoutAsked(Event):
    reason: str = LOGOUT


@dataclass(frozen=True, slots=True)
class LegRings(Event):
    """His phone is being called on this channel."""

    channel: ChannelId


@dataclass(frozen=True, slots=True)
class LegUp(Event):
    channel: ChannelId


@dataclass(frozen=True, slots=True)
class LegDown(Event):
    """A leg is gone; `missed`: it never came up. One that is not his any more concerns nobody."""

    channel: ChannelId
    missed: bool = False
    trouble: str = ""  # a reason: it did not even ring, or no sound came from it


@dataclass(frozen=True, slots=True)
class LegKindChanged(Event):
    """His account was changed: his phone is called once for the shift, or anew for each call."""

    kind: LegKind


@dataclass(frozen=True, slots=True)
class SwitchLost(Event):
    """Asterisk stopped: every leg is gone at once, and will be called again."""


@dataclass(frozen=True, slots=True)
class ReservedFor(Event):
    call: CallId
    campaign: CampaignId


@dataclass(frozen=True, slots=True)
class Released(Event):
    """The reservation came to nothing; `missed`: the person was there, and waited in vain for his phone."""

    missed: bool = False


@dataclass(frozen=True, slots=True)
class TalkBegan(Event):
    pass


@dataclass(frozen=True, slots=True)
class TalkEnded(Event):
    wrap_up_s: float
    ready_after: bool


@dataclass(frozen=True, slots=True)
class WrapUpRanOut(Event):
    ready_after: bool


# --- effects ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RingLeg:
    """Call his phone."""


@dataclass(frozen=True, slots=True)
class RingLater:
    """Asterisk is back, his phone is not yet: try again then, if he is still without a leg."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class DropLeg:
    """Hang up his phone."""

    channel: ChannelId


@dataclass(frozen=True, slots=True)
class StartWrapUp:
    until_at: datetime


@dataclass(frozen=True, slots=True)
class EndWrapUp:
    """The work on the card is over: write it, as this operator had it before the move."""

    work: Operator


Effect = RingLeg | RingLater | DropLeg | StartWrapUp | EndWrapUp
