"""Operators: their states, the one table of moves between them, and the fold that gives hours worked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dialer.domain.changed import changed
from dialer.domain.editions import UNKEPT, Edition
from dialer.domain.said import Said, said
from dialer.domain.types import (
    BridgeId,
    CallId,
    CampaignId,
    ChannelId,
    Language,
    LegKind,
    OperatorId,
    PhoneKind,
    PhoneNumber,
    TrunkId,
)


class State(StrEnum):
    OFFLINE = "offline"
    CONNECTING = "connecting"  # the phone leg is being called
    READY = "ready"
    RESERVED = "reserved"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    PAUSED = "paused"


class LegState(StrEnum):
    DOWN = "down"
    RINGING = "ringing"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Account:
    """An operator as the administrator sets it up; secrets are hashed or lie in files."""

    id: OperatorId
    name: str
    leg: LegKind = LegKind.NAILED_UP
    phone: PhoneKind = PhoneKind.SIP
    number: PhoneNumber | None = None  # of an outside phone
    trunk: TrunkId | None = None  # by which an outside phone is called
    sip_password_file: str = ""
    pin_hash: str = ""  # argon2
    language: Language = Language.RU
    enabled: bool = True
    edition: Edition = field(default=UNKEPT, compare=False)


@dataclass(frozen=True)  # without slots: `changed` copies it at every step
class Operator:
    """An operator at work: the live state. `then` is what follows when the present call is over."""

    id: OperatorId
    name: str = ""
    leg_kind: LegKind = LegKind.NAILED_UP
    state: State = State.OFFLINE
    reason: str = ""  # of the pause; of being offline
    since_at: datetime | None = None
    ready_since_at: datetime | None = None  # survives a reservation that came to nothing
    leg: LegState = LegState.DOWN
    channel: ChannelId | None = None  # of the leg
    shift_since_at: datetime | None = None  # the log-in
    desk: str = ""  # the phone of this shift, where it is not the account's: by whose number it registers
    back_to: State | None = None  # after the phone leg, or Asterisk, is back
    call: CallId | None = None  # reserved for, talking to, or in wrap-up after
    campaign: CampaignId | None = None  # of that call
    talked: bool = False  # in that call: its wrap-up is still to be written
    then: State | None = None  # PAUSED or OFFLINE, asked for in mid-call
    then_reason: str = ""
    wrap_until_at: datetime | None = None
    disposition: str = ""  # of that call, as said so far: its code; the note is a remark in the ledger
    callback_at: datetime | None = None  # with it: when the person is called again
    unreachable: bool = False  # Asterisk has no way to his phone: what is up goes on, nothing new begins
    contact: str = ""  # where his phone registered last
    ousted: str = ""  # an address that still answered when this registration took its place


@dataclass(frozen=True, slots=True)
class StateChange:
    """One line of the state ledger."""

    operator: OperatorId
    was: State
    became: State
    reason: str
    at: datetime
    call: CallId | None = None
    campaign: CampaignId | None = None


def stays(operator: Operator, now: datetime) -> StateChange:
    """No change of state: for those who want to see what else changed, or whom they find at the start."""
    since_at = operator.since_at or now
    return StateChange(operator.id, operator.state, operator.state, operator.reason, since_at)


def with_phone(operator: Operator, *, reachable: bool, contact: str = "", ousted: str = "") -> Operator:
    """As Asterisk sees the way to his phone now; no move: it bars or allows new calls and ends nothing."""
    seen = (not reachable, contact or operator.contact, ousted)
    if seen == (operator.unreachable, operator.contact, operator.ousted):
        return operator
    return changed(operator, unreachable=seen[0], contact=seen[1], ousted=ousted)


def phone_trouble(operator: Operator) -> Said | None:
    """What is wrong with the way to his phone, for him and his supervisor; None: nothing."""
    if operator.unreachable and operator.leg is LegState.UP:
        return said(
            "the phone is not registered any more, or does not answer Asterisk: the leg that is up goes on as"
            " long as sound comes, new calls wait until the phone registers again"
        )
    if operator.unreachable:
        return said("the phone is not registered, or does not answer Asterisk: it gets no calls")
    if operator.state is State.OFFLINE and operator.reason == NO_KEY:
        return said(
            "the call was answered, and key 1 was not heard: if it was pressed, the trunk sends keys as"
            " sound: `dialer trunk set NAME --keys inband`"
        )
    if operator.ousted:
        return said(
            "{contact} registered in the place of {ousted}, which still answered: if these are two devices,"
            " only the one that registered last is called; give each its own operator",
            contact=operator.contact,
            ousted=operator.ousted,
        )
    return None


NO_KEY = (
    "no_key"  # a reason of being offline: an outside phone was answered, and 1 was not pressed, or not heard
)
SLOT = "OBZ_SLOT"  # the channel variable that tells the dialplan where to note how the channel ended


def place_of(operator: OperatorId) -> str:
    """The slot of the operator's leg: he has one at a time."""
    return f"o{operator}"


def bridge_of(operator: OperatorId) -> BridgeId:
    """The operator's own mixing bridge."""
    return BridgeId(f"ob-{operator}")


def phone_of(operator: Operator, account: Account) -> str:
    """The SIP phone at which the operator works or would work; empty for an outside number."""
    return operator.desk or (endpoint_of(account.id) if account.phone is PhoneKind.SIP else "")


def endpoint_of(operator: OperatorId) -> str:
    """The name of the operator's SIP phone in Asterisk: the number it registers with."""
    return operator
