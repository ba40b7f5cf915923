"""The port of pacing: what a decision may look at, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dialer.domain import call, operators
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.types import CallId, CampaignId, OperatorId, PhoneNumber, TrunkId


@dataclass(frozen=True, slots=True)
class CallView:
    """A call in flight as pacing sees it."""

    id: CallId
    campaign: CampaignId
    trunk: TrunkId
    state: call.State
    since_at: datetime  # of the state
    ring_at: datetime | None
    operator: OperatorId | None
    number: PhoneNumber | None = None


@dataclass(frozen=True, slots=True)
class OperatorView:
    """An operator as pacing sees him: `free` means that an answered call could be given to him at once."""

    id: OperatorId
    state: operators.State
    since_at: datetime
    ready_since_at: datetime | None
    free: bool
    summonable: bool  # on demand, ready, leg down: free once his phone is up
    campaign: CampaignId | None  # of his present or last call
    leaving: bool  # a pause or log-out waits for the end of the call


@dataclass(frozen=True, slots=True)
class TrunkView:
    id: TrunkId
    lines_free: int
    calls_now: int  # how many requests its calls-per-second limit still allows at this instant
    usable: bool
    why: str = ""
    prefixes: tuple[str, ...] = ()  # E.164 prefixes that it may dial; empty: not said


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a decision may look at; nothing else."""

    at: datetime
    campaigns: Sequence[Campaign]  # running ones, highest priority first
    candidates: Mapping[CampaignId, Sequence[Lead]]  # leased ahead of need, in order
    calls: Sequence[CallView]
    operators: Sequence[OperatorView]
    trunks: Mapping[TrunkId, TrunkView]
    lead_p: Mapping[int, float] = field(default_factory=dict)  # learned answer probabilities by lead id


@dataclass(frozen=True, slots=True)
class Dial:
    """Dial this lead through this trunk; in progressive mode for this operator."""

    lead: Lead
    campaign: CampaignId
    trunk: TrunkId
    operator: OperatorId | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    dial: Sequence[Dial] = ()
    give_up: Sequence[CallId] = ()
    reason: Mapping[CampaignId, str] = field(
        default_factory=dict
    )  # one sentence with figures for each campaign


class Policy(Protocol):
    """What plugs into the pacer."""

    def observe(self, before: call.Call | None, event: call.Event, after: call.Call) -> None:
        """Learn from one event; cheap, never raises."""

    def decide(self, snapshot: Snapshot) -> Decision:
        """Pure in the snapshot and in what was observed."""
