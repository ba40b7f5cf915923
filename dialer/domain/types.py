"""Ids, phone numbers and the enums that every room shares."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NewType

CellId = NewType("CellId", str)
CampaignId = NewType("CampaignId", int)
LeadId = NewType("LeadId", int)
TrunkId = NewType("TrunkId", str)  # also the name of its endpoint in Asterisk: see NAME
OperatorId = NewType("OperatorId", str)  # the number an operator logs in with: see OPERATOR_NUMBER
CallId = NewType("CallId", str)  # one attempt, one CDR, one channel: all three carry this id
ChannelId = NewType("ChannelId", str)
BridgeId = NewType("BridgeId", str)
PhoneNumber = NewType("PhoneNumber", str)  # E.164 with its plus: +79161234567

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
OPERATOR_NUMBER = re.compile(r"[0-9]{2,6}")
E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class Mode(StrEnum):
    """How a campaign dials; only the first two wait for a person to press something."""

    MANUAL = "manual"
    PREVIEW = "preview"
    PROGRESSIVE = "progressive"
    POWER = "power"
    PREDICTIVE = "predictive"


class Purpose(StrEnum):
    """Why the campaign calls; with the country it chooses the rule pack (LAW)."""

    ADVERTISING = "advertising"
    SERVICE = "service"
    SURVEY = "survey"
    QUALITY = "quality"
    LOYALTY = "loyalty"
    DEBT = "debt"


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class LeadStatus(StrEnum):
    """Where a lead stands in its list."""

    NEW = "new"
    RETRY = "retry"  # waits for its next try
    LEASED = "leased"  # a cell holds it, ahead of need or in a call
    DONE = "done"  # an operator closed it
    EXHAUSTED = "exhausted"  # out of attempts or numbers
    EXCLUDED = "excluded"  # do-not-call, refused by rule, or taken out by hand


class Outcome(StrEnum):
    """What became of one attempt."""

    CONNECTED = "connected"  # a person and an operator were bridged
    ABANDONED = "abandoned"  # answered live, nobody on the line in time
    OPERATOR_LOST = "operator_lost"  # the operator's phone vanished and nobody could take over
    HUNG_UP_EARLY = "hung_up_early"  # the person hung up before an operator was on the line, within 2 s
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    GIVEN_UP = "given_up"  # pacing ended the ringing; never counts as a no-answer of the person
    UNALLOCATED = "unallocated"
    CONGESTION = "congestion"
    REJECTED = "rejected"  # the person's phone, or the network for it
    MOVED = "moved"  # another number was named (SIP 302 and its kind); it is not called
    TRUNK_REFUSED = "trunk_refused"  # the carrier refuses us; nothing is said of the number
    NETWORK_FAILURE = "network_failure"
    CANCELLED = "cancelled"  # taken back by us before an answer
    INTERRUPTED = "interrupted"  # the service died; what happened afterwards is not known
    NOT_DIALLED = "not_dialled"  # the request never reached the network; no attempt was made


class Alerting(StrEnum):
    """How the network said that the phone rings."""

    NONE = "none"
    RINGING = "180"
    PROGRESS = "183"


class EndedBy(StrEnum):
    """Who ended the call."""

    PERSON = "person"
    OPERATOR = "operator"
    NETWORK = "network"
    PACING = "pacing"  # gave up a ringing call
    RING_TIME = "ring_time"
    LIMIT = "limit"  # longest talk or longest message
    SUPERVISOR = "supervisor"
    SERVICE = "service"  # the engine or the PBX's own guard


class Direction(StrEnum):
    OUT = "out"
    IN = "in"  # a return call


class LegKind(StrEnum):
    """When an operator's phone is called."""

    NAILED_UP = "nailed_up"  # once, at log-in
    ON_DEMAND = "on_demand"  # for each call


class PhoneKind(StrEnum):
    SIP = "sip"  # registered at this Asterisk
    OUTSIDE = "outside"  # any number, through a trunk


class Language(StrEnum):
    RU = "ru"
    EN = "en"


def masked(number: str) -> str:
    """The number as logs may show it: country code and last two digits stay."""
    return number if len(number) < 6 else f"{number[:2]}{'*' * (len(number) - 4)}{number[-2:]}"
