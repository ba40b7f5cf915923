"""The metrics of a cell, filled by what the engine shows to its observer."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dialer.adapters.metrics_table import CELL, COMMON, Row
from dialer.adapters.process_metrics import ProcessMetrics, safe_label
from dialer.domain import call as calls
from dialer.domain import operators
from dialer.domain.call import Call, Event
from dialer.domain.campaign import Campaign
from dialer.domain.causes import BY_CAUSE
from dialer.domain.errors import LinkDown, Refused, TimedOut
from dialer.domain.operators import Operator, StateChange
from dialer.domain.pacing.decision import Decision, Outlook
from dialer.domain.pacing.limits import Limit, limit_of
from dialer.domain.pacing.scorecard import Score
from dialer.domain.trunk import UnknownCallers
from dialer.domain.types import (
    CallId,
    CampaignId,
    CellId,
    Direction,
    OperatorId,
    Outcome,
    TrunkId,
)
from dialer.domain.verdict import Gate

# Gauges of the last forecast, and what of an `Outlook` each of them shows.
FORECAST: Mapping[str, Callable[[Outlook], float]] = {
    "dialer_forecast_horizon_seconds": lambda seen: seen.within_s,
    "dialer_forecast_answers": lambda seen: seen.answers,
    "dialer_forecast_free_operators": lambda seen: seen.free,
    "dialer_pacing_risk": lambda seen: seen.risk,
    "dialer_pacing_price": lambda seen: seen.price,
    "dialer_abandon_budget_calls": lambda seen: seen.budget,
}
# How most attempts end: answered, cause, or in a word what a cause of Asterisk's own would hide.
REFUSED, SILENCE = "refused", "silence"
CAUSES = (0, 1, 3, 16, 17, 18, 19, 20, 21, 27, 28, 34, 38, 41, 42)
ENDS = (("yes", 16), *(("no", cause) for cause in (*CAUSES, REFUSED, SILENCE)))
NETWORK_CAUSES = frozenset(cause for cause, outcome in BY_CAUSE.items() if outcome is Outcome.NETWORK_FAILURE)
# Counters of forecasts that were checked.
CHECKED: Mapping[str, Callable[[Score], float]] = {
    "dialer_forecasts_checked_total": lambda score: score.forecasts,
    "dialer_forecast_answers_expected_total": lambda score: score.answers_expected,
    "dialer_forecast_answers_seen_total": lambda score: score.answers_seen,
    "dialer_forecast_answers_off_total": lambda score: score.answers_off,
    "dialer_forecast_free_expected_total": lambda score: score.free_expected,
    "dialer_forecast_free_seen_total": lambda score: score.free_seen,
    "dialer_forecast_free_off_total": lambda score: score.free_off,
}


@dataclass(slots=True)
class _Seen:
    """What was last seen of one call in flight: makes events that come twice harmless."""

    state: calls.State
    answered: bool
    bridged: bool
    alerted: bool
    air_s: float
    talked_with: OperatorId | None


@dataclass(slots=True)
class _Post:
    """Where an operator was last seen."""

    state: operators.State
    since_at: datetime | None = None  # None: not seen to move yet
    counted_at: datetime | None = None  # until when its time is
    campaign: CampaignId | None = None


class _Since(Collector):
    """When each operator came into his state: looked up at a scrape, not kept at every move."""

    def __init__(self, row: Row, posts: Mapping[OperatorId, _Post]) -> None:
        self._row = row
        self._posts = posts

    def collect(self) -> Iterable[Metric]:
        found = GaugeMetricFamily(self._row.name, self._row.meaning, labels=self._row.labels)
        for operator, post in list(self._posts.items()):
            if post.since_at is not None:
                found.add_metric((safe_label(operator), post.state), post.since_at.timestamp())
        return (found,)


class Metrics(ProcessMetrics):
    """Satisfies Observer and LinkWatcher; setters take what these two do not show."""

    def __init__(self, *, version: str, cell: CellId, started_at: datetime) -> None:
        rows = {row.name: row for row in (*COMMON, *CELL)}
        since = rows.pop("dialer_operator_since_seconds")
        super().__init__(version=version, cell=cell, started_at=started_at, rows=rows.values())
        self._calls: dict[CallId, _Seen] = {}
        self._posts: dict[OperatorId, _Post] = {}
        self.registry.register(_Since(since, self._posts))
        self._named: dict[CampaignId, tuple[str, str, str, str]] = {}
        self._foreseen: set[CampaignId] = set()
        self._running: set[CampaignId] = set()
        self._known: set[OperatorId] = set()
        self._aside: set[str] = set()
        for state in calls.State:
            if state is not calls.State.ENDED:
                self._gauge("dialer_calls", state).set(0)
        for post in operators.State:
            self._gauge("dialer_operators", post).set(0)
        self._gauge("dialer_link_up").set(0)
        for way in ("up", "down"):
            self._of("dialer_link_changes_total", (way,))
        for trouble in (Refused, TimedOut, LinkDown):
            self._of("dialer_requests_failed_total", (trouble.id,))

    # --- Observer ----------------------------------------------------------------------------------------

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        """Count one step of one call; `before` and `event` are None for an adopted call."""
        seen = self._calls.get(after.id)
        if seen is None:
            if before is not None and before.state is calls.State.ENDED:
                return  # closed and counted long ago
            seen = self._take_in(before, event, after)
        self._count_progress(seen, after)
        if after.came_apart and before is not None and not before.came_apart:
            self._count("dialer_joins_apart_total", after.trunk)
        if after.state is calls.State.ENDED:
            del self._calls[after.id]
            self._gauge("dialer_calls", seen.state).dec()
            self._count_end(after)
        elif after.state is not seen.state:
            self._gauge("dialer_calls", seen.state).dec()
            self._gauge("dialer_calls", after.state).inc()
            if after.state is calls.State.ORIGINATING:
                self._count("dialer_originated_total", after.campaign, after.trunk)
            seen.state = after.state

    def moved(self, change: StateChange, operator: Operator) -> None:
        """Count one move of one operator."""
        post = self._posts.get(operator.id)
        if post is None:
            post = self._posts[operator.id] = _Post(change.became)
        else:
            self._gauge("dialer_operators", post.state).dec()
        if post.counted_at is not None:
            self._stayed(operator.id, post, change.at)
        self._gauge("dialer_operators", change.became).inc()
        post.state, post.since_at = change.became, change.at
        post.counted_at = max(change.at, post.counted_at or change.at)  # events come a little late
        post.campaign = change.campaign if change.campaign is not None else operator.campaign

    def passed(self, now: datetime) -> None:
        """Time goes on: who has been paused for an hour has worked no hour at its end alone."""
        for operator, post in self._posts.items():
            if post.counted_at is not None:
                self._stayed(operator, post, now)

    def _stayed(self, operator: OperatorId, post: _Post, until_at: datetime) -> None:
        assert post.counted_at is not None
        stay_s = max(0.0, (until_at - post.counted_at).total_seconds())
        post.counted_at = max(until_at, post.counted_at)
        self._count("dialer_operator_state_seconds_total", operator, post.state, by=stay_s)
        if post.state is operators.State.TALKING and post.campaign is not None:
            self._count("dialer_operator_talk_seconds_total", post.campaign, by=stay_s)

    def _take_in(self, before: Call | None, event: Event | None, after: Call) -> _Seen:
        """A call not seen in this process: what it did under an earlier one was counted there."""
        base = after if before is None and event is None else before
        seen = _Seen(
            state=calls.State.LEASED if base is None or base.state is calls.State.ENDED else base.state,
            answered=base is not None and base.answer_at is not None,
            bridged=base is not None and base.bridge_at is not None,
            alerted=base is not None and base.ring_at is not None,
            air_s=0.0 if base is None else base.talk_s,
            talked_with=None if base is None else base.talked_with,
        )
        self._calls[after.id] = seen
        self._gauge("dialer_calls", seen.state).inc()
        return seen

    def _count_progress(self, seen: _Seen, after: Call) -> None:
        if after.ring_at is not None and not seen.alerted:
            seen.alerted = True
            self._observe("dialer_setup_seconds", _span_s(after.dialled_at, after.ring_at), after.trunk)
        if after.answer_at is not None and not seen.answered:
            seen.answered = True
            if after.direction is Direction.OUT:
                self._count("dialer_answered_live_total", after.campaign)
            self._observe(
                "dialer_ring_seconds", _span_s(after.ring_at, after.answer_at), after.campaign, "yes"
            )
        if after.bridge_at is not None and not seen.bridged:
            seen.bridged = True
            self._observe(
                "dialer_answer_to_bridge_seconds", _span_s(after.answer_at, after.bridge_at), after.campaign
            )
        if after.talked_with is not None and after.talked_with != seen.talked_with:
            seen.talked_with = after.talked_with
            self._count("dialer_operator_calls_total", after.talked_with)
        if after.talk_s > seen.air_s:
            self._count("dialer_air_seconds_total", after.campaign, by=after.talk_s - seen.air_s)
            if after.talked_with is not None:
                self._count(
                    "dialer_operator_air_seconds_total", after.talked_with, by=after.talk_s - seen.air_s
                )
            seen.air_s = after.talk_s

    def _count_end(self, after: Call) -> None:
        if after.outcome is None or after.outcome is Outcome.NOT_DIALLED:
            self._count("dialer_not_dialled_total", after.campaign)
            return
        self._count("dialer_attempts_total", after.campaign, after.outcome)
        if after.outcome is Outcome.ABANDONED and after.direction is Direction.OUT:
            self._count("dialer_abandoned_total", after.campaign)
        if after.direction is Direction.OUT:
            answered = "no" if after.answer_at is None else "yes"
            self._count("dialer_trunk_ends_total", after.trunk, answered, _end_of(after))
        if after.answer_at is None:
            self._observe("dialer_ring_seconds", _span_s(after.ring_at, after.end_at), after.campaign, "no")
        if after.bridge_at is not None:
            self._observe("dialer_talk_seconds", after.talk_s, after.campaign)
            if after.talked_with is not None:
                self._observe("dialer_operator_call_seconds", after.talk_s, after.talked_with)
        line_s = _span_s(after.dialled_at, after.end_at)
        if line_s is not None:
            self._count("dialer_line_seconds_total", after.campaign, after.trunk, by=line_s)

    # --- setters -----------------------------------------------------------------------------------------

    def know_operators(self, known: Iterable[OperatorId]) -> None:
        """Operators that exist and were never seen to move are offline."""
        for operator in known:
            if operator not in self._known:
                self._known.add(operator)
                for name in ("calls_total", "air_seconds_total", "call_seconds"):
                    self._of(f"dialer_operator_{name}", (operator,))
                for state in operators.State:
                    self._of("dialer_operator_state_seconds_total", (operator, state))
            if operator not in self._posts:
                self._posts[operator] = _Post(operators.State.OFFLINE)
                self._gauge("dialer_operators", operators.State.OFFLINE).inc()

    def know_campaigns(self, known: Iterable[Campaign]) -> None:
        """Names for the dashboards; a changed campaign replaces its old line."""
        for campaign in known:
            labels = (str(campaign.id), safe_label(campaign.name), str(campaign.mode), str(campaign.status))
            old = self._named.get(campaign.id)
            if old is not None and old != labels:
                self._remove("dialer_campaign_info", *old)
            self._named[campaign.id] = labels
            self._gauge("dialer_campaign_info", *labels).set(1)
            self._gauge("dialer_campaign_ceiling_ratio", campaign.id).set(campaign.ceiling)
            for name in ("dialer_answered_live_total", "dialer_abandoned_total", "dialer_air_seconds_total"):
                self._of(name, (campaign.id,))
            for outcome in set(Outcome) - {Outcome.NOT_DIALLED}:
                self._of("dialer_attempts_total", (campaign.id, outcome))
            for limit in Limit:
                self._of("dialer_decision_limits_total", (campaign.id, limit))
            for gate in set(Gate) - {Gate.SETTINGS}:
                self._of("dialer_refused_total", (campaign.id, gate))
            for trunk in campaign.trunks:
                self._of("dialer_originated_total", (campaign.id, trunk))
                self._of("dialer_joins_apart_total", (trunk,))
                for done in UnknownCallers:
                    self._of("dialer_unknown_callers_total", (trunk, done))
                for end in ENDS:
                    self._of("dialer_trunk_ends_total", (trunk, *end))

    def saw_link(self, is_ready: bool) -> None:
        """Asterisk is connected, or is not (LinkWatcher)."""
        self._gauge("dialer_link_up").set(int(is_ready))
        self._count("dialer_link_changes_total", "up" if is_ready else "down")

    def saw_lag(self, lag_s: float) -> None:
        """One event came this long after it happened; never negative (LinkWatcher)."""
        self._observe("dialer_event_lag_seconds", max(0.0, lag_s))

    def request_failed(self, why: str) -> None:
        """`why` is the id of the error: refused, timed-out, link-down."""
        self._count("dialer_requests_failed_total", why)

    def watch_queue(self, queue: str, depth: Callable[[], float]) -> None:
        """Read this queue's depth at each scrape."""
        self._gauge("dialer_queue_depth", queue).set_function(depth)

    def loop_lag(self, lag_s: float, busy_s: float) -> None:
        """One look at the loop; nothing was dialled for so long since the last one, because it was late."""
        self._observe("dialer_loop_lag_seconds", lag_s)
        self._count("dialer_busy_seconds_total", by=busy_s)

    def watch_clocks(self, skew_s: Callable[[], float]) -> None:
        """Read at each scrape how far Asterisk's clock is from ours."""
        self._gauge("dialer_clock_skew_seconds").set_function(skew_s)

    def watch_hold(self, reason: str, why: Callable[[], str]) -> None:
        """Read at each scrape whether this keeps the cell from dialing."""
        self._gauge("dialer_held", reason).set_function(lambda: float(bool(why())))

    def watch_disk(self, folder: str, place: Path) -> None:
        """Read the room on this folder's disk at each scrape; NaN while the folder is away."""
        self._gauge("dialer_disk_free_bytes", folder).set_function(lambda: _disk(place).free)
        self._gauge("dialer_disk_size_bytes", folder).set_function(lambda: _disk(place).total)

    def at_hand(self, running: Mapping[CampaignId, tuple[int, int]]) -> None:
        """(leads leased ahead of need, operators who could take a call) of every running campaign."""
        for campaign, (leads, ready) in running.items():
            self._gauge("dialer_leads_at_hand", campaign).set(leads)
            self._gauge("dialer_ready_operators", campaign).set(ready)
        for campaign in self._running - running.keys():
            self._remove("dialer_leads_at_hand", campaign)
            self._remove("dialer_ready_operators", campaign)
            self._remove("dialer_leads_callable", campaign)
            self._remove("dialer_dials_per_hour", campaign)
        self._running = set(running)

    def refused(self, campaign: CampaignId, gate: str) -> None:
        """A closed gate took a lead back."""
        self._count("dialer_refused_total", campaign, gate)

    def decided(self, decision: Decision, cpu_s: float) -> None:
        """One decision of the pacer."""
        did = {(True, True): "both", (True, False): "dial", (False, True): "give_up", (False, False): "wait"}
        self._count("dialer_decisions_total", did[bool(decision.dial), bool(decision.give_up)])
        self._observe("dialer_decision_seconds", cpu_s)
        for campaign, reason in decision.reason.items():
            self._count("dialer_decision_limits_total", campaign, limit_of(reason))
            self._gauge("dialer_braked", campaign).set(int(campaign in decision.braked))
        for dial in decision.dial:
            self._count("dialer_decided_dial_total", dial.campaign)
        if decision.give_up:
            self._count("dialer_decided_give_up_total", by=len(decision.give_up))
        for campaign, outlook in decision.outlook.items():
            for name, figure in FORECAST.items():
                self._gauge(name, campaign).set(figure(outlook))
        for campaign in self._foreseen - decision.outlook.keys():  # an old forecast is none
            for name in FORECAST:
                self._remove(name, campaign)
        self._foreseen = set(decision.outlook)

    def scored(self, scores: Mapping[CampaignId, Score]) -> None:
        """Forecasts that are over, each with its campaign."""
        for campaign, score in scores.items():
            for name, figure in CHECKED.items():
                self._count(name, campaign, by=figure(score))

    def leads(self, campaign: CampaignId, counts: Mapping[str, int]) -> None:
        """Leads of one campaign by status, as the store counted them."""
        for status, count in counts.items():
            self._gauge("dialer_leads", campaign, status).set(count)

    def supply(self, campaign: CampaignId, leads: int, dials_per_h: float) -> None:
        """Leads of a running campaign that can be called, and how fast they are used up."""
        self._gauge("dialer_leads_callable", campaign).set(leads)
        self._gauge("dialer_dials_per_hour", campaign).set(dials_per_h)

    def trunk(
        self,
        trunk: TrunkId,
        *,
        registered: bool | None = None,
        reachable: bool | None = None,
        refused: bool | None = None,
    ) -> None:
        """What Asterisk says about a trunk; None: nothing new."""
        if registered is not None:
            self._gauge("dialer_trunk_registered", trunk).set(int(registered))
        if reachable is not None:
            self._gauge("dialer_trunk_reachable", trunk).set(int(reachable))
        if refused is not None:
            self._gauge("dialer_trunk_refused", trunk).set(int(refused))

    def mistake(self, part: str) -> None:
        """A mistake of ours was kept from the rest."""
        self._count("dialer_mistakes_total", part)

    def set_aside(self, names: Iterable[str]) -> None:
        """What is set aside now; whatever is well again has no line any more."""
        now = set(map(safe_label, names))
        for name in now:
            self._gauge("dialer_set_aside", name).set(1)
        for name in self._aside - now:
            self._remove("dialer_set_aside", name)
        self._aside = now

    def recounted(self) -> None:
        """Live state was shown and counted anew: Redis had been away, or was emptied."""
        self._count("dialer_live_recounts_total")

    def held_back(self, leads: int) -> None:
        """Leads that wait for a person, of this cell."""
        self._gauge("dialer_leads_held_back").set(leads)

    def watch_refused(self, count: Callable[[], float]) -> None:
        """Read at each scrape how many facts the database refuses."""
        self._gauge("dialer_refused_facts").set_function(count)

    def met(self, trunk: TrunkId, done: str) -> None:
        """Somebody whom nobody called has called by this trunk."""
        self._count("dialer_unknown_callers_total", trunk, done)

    def spending(self, shares: Mapping[TrunkId, tuple[float, float]]) -> None:
        """(seconds used today, share of the ceiling) of every trunk that is known."""
        for trunk, (seconds, share) in shares.items():
            self._gauge("dialer_trunk_used_seconds", trunk).set(seconds)
            self._gauge("dialer_trunk_ceiling_used_ratio", trunk).set(share)

    def forget_trunk(self, trunk: TrunkId) -> None:
        """The trunk was removed: its lines go."""
        for name in (
            "dialer_trunk_registered",
            "dialer_trunk_reachable",
            "dialer_trunk_refused",
            "dialer_trunk_used_seconds",
            "dialer_trunk_ceiling_used_ratio",
        ):
            self._remove(name, trunk)


def _end_of(call: Call) -> str:
    """How a trunk ended a call: the Q.850 cause, unless that hides who is to blame."""
    if call.answer_at is None and call.outcome is Outcome.TRUNK_REFUSED:
        return REFUSED
    if call.answer_at is None and call.outcome is Outcome.NETWORK_FAILURE and call.ring_at is None:
        return str(call.cause) if call.cause in NETWORK_CAUSES else SILENCE
    return str(call.cause or 0)


def _span_s(start_at: datetime | None, end_at: datetime | None) -> float | None:
    return None if start_at is None or end_at is None else max(0.0, (end_at - start_at).total_seconds())


class _Disk(NamedTuple):
    free: float
    total: float


def _disk(place: Path) -> _Disk:
    try:
        seen = shutil.disk_usage(place)
    except OSError:
        return _Disk(math.nan, math.nan)
    return _Disk(seen.free, seen.total)
