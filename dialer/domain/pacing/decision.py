"""The port of pacing: what a decision may look at, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from dialer.domain import call, operators
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.types import CallId, CampaignId, LeadId, OperatorId, PhoneNumber, TrunkId


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
    lead: LeadId | None = None
    hanging_up: bool = False  # asked to end: it holds its line, and will hardly be answered


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
    unreachable: bool = False  # Asterisk has no way to his phone: he is given no call


@dataclass(frozen=True, slots=True)
class TrunkView:
    id: TrunkId
    lines_free: int
    calls_now: int  # how many requests its calls-per-second limit still allows at this instant
    usable: bool
    why: str = ""
    prefixes: tuple[str, ...] = ()  # with which its numbers begin (`numbers.carries`); empty: not said


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a decision may look at; nothing else."""

    at: datetime
    campaigns: Sequence[Campaign]  # running ones, highest priority first
    candidates: Mapping[CampaignId, Sequence[Lead]]  # leased ahead of need, in order
    calls: Sequence[CallView]
    operators: Sequence[OperatorView]
    trunks: Mapping[TrunkId, TrunkView]
    # How many of a campaign's first candidates were passed over so often that they go before better odds.
    overdue: Mapping[CampaignId, int] = field(default_factory=dict)
    # Campaigns that do not decide this time: what they would need is kept for them.
    resting: frozenset[CampaignId] = frozenset()


@dataclass(frozen=True, slots=True)
class Dial:
    """Dial this lead through this trunk; in progressive mode for this operator."""

    lead: Lead
    campaign: CampaignId
    trunk: TrunkId
    operator: OperatorId | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a forecast said of one campaign when the decision was made."""

    within_s: float  # how far it looks
    lines: int  # on their way, the ones just decided included
    ringing: int
    answers: float  # expected within that time
    free: float  # operators free now or expected to be within that time
    risk: float  # that one more answer would find nobody
    price: float  # the risk that was allowed
    budget: float  # abandoned calls still allowed, at the share aimed at
    coming: float = 0.0  # of `free`: expected of those who are at work or away
    shares: Mapping[CampaignId, float] = field(default_factory=dict)  # of whose calls `answers` is made


@dataclass(frozen=True, slots=True)
class Decision:
    dial: Sequence[Dial] = ()
    give_up: Sequence[CallId] = ()
    reason: Mapping[CampaignId, str] = field(
        default_factory=dict
    )  # one sentence with figures for each campaign
    outlook: Mapping[CampaignId, Outlook] = field(default_factory=dict)  # of those that pacing forecasts for
    braked: Mapping[CampaignId, str] = field(default_factory=dict)  # why: nothing, or one call to try


class Policy(Protocol):
    """What plugs into the pacer; an observer of everything that calls and operators do."""

    def saw(self, before: call.Call | None, event: call.Event | None, after: call.Call) -> None:
        """Learn from one event; cheap, never raises."""

    def moved(self, change: operators.StateChange, operator: operators.Operator) -> None:
        """Learn from one operator's change of state; cheap, never raises."""

    def heard_late(self, call: CallId) -> None:
        """Its answer was heard only when the person had to be sent to the message: we were frozen."""

    def clock_was_set(self, by: timedelta) -> None:
        """The clock of all instants that it has seen shows so much more than before."""

    def recall(
        self,
        states: Mapping[str, Mapping[str, Any]],
        answers: Mapping[tuple[CampaignId, datetime], tuple[int, int]],
    ) -> None:
        """What an earlier run learned (`states`), and (answered live, abandoned) by the hour of the answer.

        BadValue for states of another version.
        """

    def states(self) -> Mapping[str, dict[str, Any]]:
        """All that was learned, as plain data by key."""

    def decide(self, snapshot: Snapshot) -> Decision:
        """Pure in the snapshot and in what was observed."""
