"""Why is nothing being dialled: every gate of a campaign in order, and what holds its leads back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dialer.domain import law
from dialer.domain.campaign import Campaign
from dialer.domain.operators import State
from dialer.domain.pacing.decision import OperatorView, TrunkView
from dialer.domain.schedule import Opening, ZoneOf, hours, is_open, narrow
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignStatus

DUE = ("new", "retry_due")
WORKED = ("done", "exhausted", "excluded")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the explanation looks at, as it is now."""

    at: datetime
    campaign: Campaign
    zone_of: ZoneOf
    lab: bool = False
    link: str = ""  # why Asterisk is not connected; empty: it is
    trunks: Sequence[tuple[Trunk, TrunkView]] = ()  # every trunk that exists
    operators: Sequence[OperatorView] = ()  # everybody who has an account
    in_flight: int = 0  # calls of this campaign
    leads: Mapping[str, int] = field(default_factory=dict)  # by status, retry split into due and later
    zones: Mapping[tuple[str, ...], int] = field(default_factory=dict)  # leads that are due, by their zones
    at_hand: int = 0  # leased ahead of need, ready to be dialled
    next_due_at: datetime | None = None
    pacing: str = ""  # its last reason
    paced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of dialing; `opens_at` None: not by waiting, or it is open."""

    name: str
    open: bool
    value: str
    sentence: str
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Gates in order, leads by what holds them back, and the first thing to look at."""

    gates: Sequence[Gate]
    held_back: Mapping[str, int]
    summary: str


def explain(facts: Facts) -> Explanation:
    """Every gate is asked, also those behind a closed one."""
    gates = [
        _status(facts),
        *_start(facts),
        _law(facts),
        _link(facts),
        *_trunks(facts),
        _schedule(facts),
        _operators(facts),
        *_cap(facts),
        _leads(facts),
        _pacing(facts),
    ]
    closed = next((gate for gate in gates if not gate.open), None)
    summary = closed.sentence if closed else facts.pacing or "Every gate is open."
    return Explanation(gates, _held_back(facts), summary)


# --- settings and law -------------------------------------------------------------------------------------


def _status(facts: Facts) -> Gate:
    status = facts.campaign.status
    running = status is CampaignStatus.RUNNING
    sentence = f"The campaign is {status}." if running else f"The campaign is {status}: start it."
    return Gate("status", running, status, sentence)


def _start(facts: Facts) -> Iterator[Gate]:
    problems = law.check_start(facts.campaign, facts.lab)
    for problem in problems:
        yield Gate("settings", False, problem.rule or "settings", _sentence(problem.reason))
    if not problems:
        yield Gate(
            "settings", True, "complete", "Nothing is missing in the settings, no rule forbids the start."
        )


def _law(facts: Facts) -> Gate:
    """Always open here: what a pack forbids is among the problems of the start."""
    pack = law.choose(facts.campaign.country, facts.campaign.purpose)
    sentence = f"Rules: {pack.name}, version {law.VERSION}."
    if pack.left_to_you:
        sentence += f" Not checked by the dialer: {'; '.join(pack.left_to_you)}."
    return Gate("law", True, pack.name, sentence)


# --- ways out ---------------------------------------------------------------------------------------------


def _link(facts: Facts) -> Gate:
    if facts.link:
        return Gate("link", False, "down", f"Asterisk is not connected: {facts.link}.")
    return Gate("link", True, "up", "Asterisk is connected.")


def _trunks(facts: Facts) -> Iterator[Gate]:
    """One gate for each trunk while none works, else a closed one is worth a word but holds nothing up."""
    known = {trunk.id: (trunk, view) for trunk, view in facts.trunks}
    found = [known[id_] for id_ in facts.campaign.trunks if id_ in known]
    works = any(view.usable and view.lines_free > 0 for _, view in found)
    for id_ in facts.campaign.trunks:
        if id_ not in known:
            yield Gate(
                f"trunk {id_}", works, "missing", f"Trunk {id_} does not exist: add it, or name another."
            )
            continue
        trunk, view = known[id_]
        used = max(0, trunk.lines - view.lines_free)
        value = f"{used} of {trunk.lines} lines in use, {trunk.calls_per_s:g} calls a second"
        if not view.usable:
            yield Gate(f"trunk {id_}", works, value, _sentence(view.why or f"trunk {id_} is out of use"))
        else:
            full = "" if view.lines_free > 0 else " (all of them)"
            yield Gate(
                f"trunk {id_}",
                works,
                value,
                f"Trunk {id_} works: {used} of {trunk.lines} lines in use{full}.",
            )


# --- people -----------------------------------------------------------------------------------------------


def _openings(facts: Facts) -> dict[tuple[str, ...], Opening]:
    windows = tuple(facts.campaign.schedule)
    if rule := law.hours_of(law.choose(facts.campaign.country, facts.campaign.purpose)):
        windows = narrow(windows, rule.windows)
    return {zones: is_open(windows, zones, facts.at, facts.zone_of) for zones in facts.zones}


def _schedule(facts: Facts) -> Gate:
    value = hours(facts.campaign.schedule) or "none"
    openings = _openings(facts)
    if not openings:
        return Gate("schedule", True, value, f"Calling hours are {value}, on the called person's clock.")
    ready = sum(facts.zones[zones] for zones, opening in openings.items() if opening.open)
    total = sum(facts.zones.values())
    if ready:
        sentence = f"It is a lawful hour for {ready} of {total} leads that are due."
        return Gate("schedule", True, value, sentence)
    instants = [opening.opens_at for opening in openings.values() if opening.opens_at]
    why = next(iter(openings.values())).why
    sentence = f"It is no calling hour for any of {total} leads that are due: {why}."
    return Gate("schedule", False, value, sentence, min(instants, default=None))


def _operators(facts: Facts) -> Gate:
    team = [view for view in facts.operators if view.id in facts.campaign.operators]
    states = Counter(view.state for view in team)
    logged_in = len(team) - states[State.OFFLINE]
    free = sum((view.free or view.summonable) and not view.leaving for view in team)
    figures = ", ".join(f"{states[state]} {state.replace('_', '-')}" for state in State if states[state])
    value = f"{logged_in} of {len(facts.campaign.operators)} logged in, {free} free"
    if not logged_in:
        sentence = f"None of the campaign's {len(facts.campaign.operators)} operators is logged in."
    elif not free:
        sentence = f"No operator is free ({figures})."
    else:
        sentence = (
            f"{free} operators are free ({figures})." if free > 1 else f"1 operator is free ({figures})."
        )
    return Gate("operators", free > 0, value, sentence)


def _cap(facts: Facts) -> Iterator[Gate]:
    cap = facts.campaign.cap
    if cap:
        sentence = f"{facts.in_flight} calls are in flight, at most {cap} are allowed."
        yield Gate("cap", facts.in_flight < cap, f"{facts.in_flight} of {cap}", sentence)


# --- leads ------------------------------------------------------------------------------------------------


def _leads(facts: Facts) -> Gate:
    due = sum(facts.leads.get(name, 0) for name in DUE)
    later, leased = facts.leads.get("retry_later", 0), facts.leads.get("leased", 0)
    worked = sum(facts.leads.get(name, 0) for name in WORKED)
    value = f"{due} due, {facts.at_hand} at hand, {later} later, {leased} leased"
    if due or facts.at_hand:
        return Gate(
            "leads", True, value, f"{due + facts.at_hand} leads can be dialled, {later} wait for their time."
        )
    if later:
        sentence = f"No lead is due: {later} wait for their next try."
    elif leased:
        sentence = f"No lead is due: the last {leased} are in calls or leased by a cell."
    elif worked:
        sentence = f"The list is worked through: {worked} leads are done, exhausted or excluded."
    else:
        sentence = "The list is empty: import one."
    return Gate("leads", False, value, sentence, facts.next_due_at if later else None)


def _held_back(facts: Facts) -> Mapping[str, int]:
    """The store's counts, and of the leads that are due those outside calling hours, by zone."""
    held = dict(facts.leads)
    for zones, opening in _openings(facts).items():
        if not opening.open:
            where = zones[0] if len(zones) == 1 else f"{len(zones)} zones" if zones else "no known zone"
            until = f" until {opening.opens_at:%Y-%m-%d %H:%M} UTC" if opening.opens_at else ", never open"
            name = f"out of hours in {where}{until}"
            held[name] = held.get(name, 0) + facts.zones[zones]
    return held


def _pacing(facts: Facts) -> Gate:
    if not facts.pacing or facts.paced_at is None:
        return Gate("pacing", True, "none", "Pacing has not decided for this campaign yet.")
    age = max(0.0, (facts.at - facts.paced_at).total_seconds())
    dialled = not facts.pacing.startswith("0 lines")
    return Gate("pacing", dialled, f"{age:.1f} s ago", facts.pacing)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
