"""Why is nothing being dialled: every gate of a campaign in order, and what holds its leads back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dialer.domain import law
from dialer.domain.campaign import Campaign
from dialer.domain.days import told_at
from dialer.domain.gates import opening_of
from dialer.domain.operators import State
from dialer.domain.pacing.decision import OperatorView, TrunkView
from dialer.domain.pacing.supply import tallied
from dialer.domain.said import Said, counted, full, listed, said, word
from dialer.domain.schedule import HolidayOf, Opening, ZoneOf, hours, no_holidays
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignStatus


class Standing(StrEnum):
    """How leads are counted: their status, and whether the time of a retry has come."""

    NEW = "new"
    RETRY_DUE = "retry_due"
    RETRY_LATER = "retry_later"
    LEASED = "leased"
    DONE = "done"
    EXHAUSTED = "exhausted"
    EXCLUDED = "excluded"
    PAUSED = "paused"  # new, or to be tried again, in a list that is paused


DUE = (Standing.NEW, Standing.RETRY_DUE)
LOW_H = 1.0  # a list that lasts less than this is nearly empty: the alert's figure too
WORKED = (Standing.DONE, Standing.EXHAUSTED, Standing.EXCLUDED)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the explanation looks at, as it is now."""

    at: datetime
    campaign: Campaign
    zone_of: ZoneOf
    holiday_of: HolidayOf = no_holidays
    lab: bool = False
    link: str = ""  # why Asterisk is not connected; empty: it is
    holds: Mapping[str, str] = field(default_factory=dict)  # why the whole cell dials nothing, by name
    trunks: Sequence[tuple[Trunk, TrunkView]] = ()  # every trunk that exists
    operators: Sequence[OperatorView] = ()  # everybody who has an account
    in_flight: int = 0  # calls of this campaign
    leads: Mapping[str, int] = field(default_factory=dict)  # by status, retry split into due and later
    zones: Mapping[tuple[str, ...], int] = field(default_factory=dict)  # leads that are due, by their zones
    at_hand: int = 0  # leased ahead of need, ready to be dialled
    paused: Mapping[str, int] = field(default_factory=dict)  # leads that wait, by the list that is paused
    next_due_at: datetime | None = None
    dials_per_h: float = 0.0  # of late; 0: nothing was dialled
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
        *_holds(facts),
        *_trunks(facts),
        _schedule(facts),
        _operators(facts),
        *_cap(facts),
        *_lists(facts),
        _leads(facts),
        _pacing(facts),
    ]
    closed = next((gate for gate in gates if not gate.open), None)
    summary = closed.sentence if closed else facts.pacing or said("Every gate is open.")
    return Explanation(gates, _held_back(facts), summary)


# --- settings and law -------------------------------------------------------------------------------------


def _status(facts: Facts) -> Gate:
    status = facts.campaign.status
    running = status is CampaignStatus.RUNNING
    told = word(status)
    sentence = (
        said("The campaign is {status}.", status=told)
        if running
        else said("The campaign is {status}: start it.", status=told)
    )
    return Gate("status", running, status, sentence)


def _start(facts: Facts) -> Iterator[Gate]:
    problems = law.check_start(facts.campaign, facts.lab)
    for problem in problems:
        yield Gate("settings", False, problem.rule or "settings", full(problem.reason))
    if not problems:
        sentence = said("Nothing is missing in the settings, no rule forbids the start.")
        yield Gate("settings", True, "complete", sentence)


def _law(facts: Facts) -> Gate:
    """Always open here: what a pack forbids is among the problems of the start."""
    pack = law.choose(facts.campaign.country, facts.campaign.purpose)
    sentence = said("Rules: {name}, version {version}.", name=pack.name, version=law.VERSION)
    if pack.left_to_you:
        duties = said("Not checked by the dialer: {duties}.", duties=listed(pack.left_to_you, "; "))
        sentence = listed([sentence, duties], " ")
    return Gate("law", True, pack.name, sentence)


# --- ways out ---------------------------------------------------------------------------------------------


def _link(facts: Facts) -> Gate:
    if facts.link:
        return Gate("link", False, "down", said("Asterisk is not connected: {why}.", why=facts.link))
    return Gate("link", True, "up", said("Asterisk is connected."))


def _holds(facts: Facts) -> Iterator[Gate]:
    """What keeps every campaign of this cell from dialing."""
    for name, why in facts.holds.items():
        yield Gate(name, False, "held", full(why))


def _trunks(facts: Facts) -> Iterator[Gate]:
    """One gate for each trunk while none works, else a closed one is worth a word but holds nothing up."""
    known = {trunk.id: (trunk, view) for trunk, view in facts.trunks}
    found = [known[id_] for id_ in facts.campaign.trunks if id_ in known]
    works = any(view.usable and view.lines_free > 0 for _, view in found)
    for id_ in facts.campaign.trunks:
        if id_ not in known:
            sentence = said("Trunk {trunk} does not exist: add it, or name another.", trunk=id_)
            yield Gate(f"trunk {id_}", works, "missing", sentence)
            continue
        trunk, view = known[id_]
        used = max(0, trunk.lines - view.lines_free)
        value = f"{used} of {trunk.lines} lines in use, {trunk.calls_per_s:g} calls a second"
        if not view.usable:
            why = view.why or said("trunk {trunk} is out of use", trunk=id_)
            yield Gate(f"trunk {id_}", works, value, full(why))
        else:
            yield Gate(f"trunk {id_}", works, value, _lines(trunk, used, view.lines_free))


def _lines(trunk: Trunk, used: int, free: int) -> Said:
    if free > 0:
        text = said(
            "Trunk {trunk} works: {used} of {n} lines in use.", trunk=trunk.id, used=used, n=trunk.lines
        )
    else:
        text = said(
            "Trunk {trunk} works: {used} of {n} lines in use (all of them).",
            trunk=trunk.id,
            used=used,
            n=trunk.lines,
        )
    return text


# --- people -----------------------------------------------------------------------------------------------


def _openings(facts: Facts) -> dict[tuple[str, ...], Opening]:
    its = (facts.zone_of, facts.holiday_of)
    return {zones: opening_of(facts.campaign, zones, facts.at, *its) for zones in facts.zones}


def _schedule(facts: Facts) -> Gate:
    value = hours(facts.campaign.schedule) or said("none")
    openings = _openings(facts)
    if not openings:
        sentence = said("Calling hours are {hours}, on the called person's clock.", hours=value)
        return Gate("schedule", True, value, sentence)
    ready = sum(facts.zones[zones] for zones, opening in openings.items() if opening.open)
    total = sum(facts.zones.values())
    if ready:
        sentence = counted(
            "It is a lawful hour for {ready} of {n} lead that is due.",
            "It is a lawful hour for {ready} of {n} leads that are due.",
            total,
            ready=ready,
        )
        return Gate("schedule", True, value, sentence)
    instants = [opening.opens_at for opening in openings.values() if opening.opens_at]
    why = next(iter(openings.values())).why
    sentence = counted(
        "It is no calling hour for the {n} lead that is due: {why}.",
        "It is no calling hour for any of {n} leads that are due: {why}.",
        total,
        why=why,
    )
    return Gate("schedule", False, value, sentence, min(instants, default=None))


def _operators(facts: Facts) -> Gate:
    team = [view for view in facts.operators if view.id in facts.campaign.operators]
    states = Counter(view.state for view in team)
    logged_in = len(team) - states[State.OFFLINE]
    free = sum((view.free or view.summonable) and not view.leaving for view in team)
    figures = tallied(states)
    value = f"{logged_in} of {len(facts.campaign.operators)} logged in, {free} free"
    if not logged_in:
        sentence = counted(
            "The campaign's {n} operator is not logged in.",
            "None of the campaign's {n} operators is logged in.",
            len(facts.campaign.operators),
        )
    elif not free:
        lost = [view.id for view in team if view.state is State.READY and view.unreachable]
        sentence = said("No operator is free ({figures}).", figures=figures)
        if lost:
            why = said("Not registered at Asterisk: the phones of {operators}.", operators=listed(lost))
            sentence = listed([sentence, why], " ")
    else:
        sentence = counted(
            "{n} operator is free ({figures}).",
            "{n} operators are free ({figures}).",
            free,
            figures=figures,
        )
    return Gate("operators", free > 0, value, sentence)


def _cap(facts: Facts) -> Iterator[Gate]:
    cap = facts.campaign.cap
    if cap:
        sentence = counted(
            "{n} call is in flight, at most {cap} are allowed.",
            "{n} calls are in flight, at most {cap} are allowed.",
            facts.in_flight,
            cap=cap,
        )
        yield Gate("cap", facts.in_flight < cap, f"{facts.in_flight} of {cap}", sentence)


# --- leads ------------------------------------------------------------------------------------------------


def _lists(facts: Facts) -> Iterator[Gate]:
    """What is paused holds nothing up while other lists have leads that are due."""
    if not facts.paused:
        return
    told = [
        counted("{n} lead of list {list} is paused", "{n} leads of list {list} are paused", n, list=name)
        for name, n in facts.paused.items()
    ]
    others = facts.at_hand or any(facts.leads.get(name, 0) for name in (*DUE, "retry_later"))
    waiting = sum(facts.paused.values())
    yield Gate("lists", bool(others) or not waiting, f"{waiting} leads paused", full(listed(told, "; ")))


def _leads(facts: Facts) -> Gate:
    due = sum(facts.leads.get(name, 0) for name in DUE)
    later, leased = facts.leads.get("retry_later", 0), facts.leads.get("leased", 0)
    worked = sum(facts.leads.get(name, 0) for name in WORKED)
    value = f"{due} due, {facts.at_hand} at hand, {later} later, {leased} leased"
    if due or facts.at_hand:
        return Gate("leads", True, value, _dialable(due + facts.at_hand, later, facts.dials_per_h))
    why = _none_due(later, leased, worked, facts.leads.get("paused", 0))
    return Gate("leads", False, value, why, facts.next_due_at if later else None)


def hours_left(leads: int, dials_per_h: float) -> float | None:
    """How long the leads that can be called last at this pace; None: nothing is dialled."""
    return leads / dials_per_h if dials_per_h else None


def _dialable(now: int, later: int, dials_per_h: float) -> Said:
    told = counted(
        "{n} lead can be dialled, {later} wait for their time.",
        "{n} leads can be dialled, {later} wait for their time.",
        now,
        later=later,
    )
    hours = hours_left(now, dials_per_h)
    if hours is None:
        return told
    if hours >= LOW_H:
        more = said("At {pace:,.0f} dials an hour they last {hours:,.1f} h.", pace=dials_per_h, hours=hours)
    else:
        more = counted(
            "The list is nearly empty: at {pace:,.0f} dials an hour it lasts {n} minute.",
            "The list is nearly empty: at {pace:,.0f} dials an hour it lasts {n} minutes.",
            int(hours * 60),
            pace=dials_per_h,
        )
    return listed([told, more], " ")


def _none_due(later: int, leased: int, worked: int, paused: int) -> Said:
    if paused and not later:
        return counted(
            "No lead is due: {n} waits in a list that is paused.",
            "No lead is due: {n} wait in lists that are paused.",
            paused,
        )
    if later:
        return counted(
            "No lead is due: {n} waits for its next try.",
            "No lead is due: {n} wait for their next try.",
            later,
        )
    if leased:
        return counted(
            "No lead is due: the last {n} is in a call or leased by a cell.",
            "No lead is due: the last {n} are in calls or leased by a cell.",
            leased,
        )
    if worked:
        return counted(
            "The list is worked through: {n} lead is done, exhausted or excluded.",
            "The list is worked through: {n} leads are done, exhausted or excluded.",
            worked,
        )
    return said("The list is empty: import one.")


def _held_back(facts: Facts) -> Mapping[str, int]:
    """The store's counts, and of the leads that are due those outside calling hours, by zone."""
    held = dict(facts.leads)
    for zones, opening in _openings(facts).items():
        if not opening.open:
            name = _out_of_hours(zones, opening)
            held[name] = held.get(name, 0) + facts.zones[zones]
    return held


def _out_of_hours(zones: Sequence[str], opening: Opening) -> Said:
    where: str = said("no known zone")
    if zones:
        where = zones[0] if len(zones) == 1 else counted("{n} zone", "{n} zones", len(zones))
    if opening.opens_at is None:
        return said("out of hours in {where}, never open", where=where)
    until = told_at(opening.opens_at)
    return said("out of hours in {where} until {until} UTC", where=where, until=until)


def _pacing(facts: Facts) -> Gate:
    if not facts.pacing or facts.paced_at is None:
        return Gate("pacing", True, "none", said("Pacing has not decided for this campaign yet."))
    age = max(0.0, (facts.at - facts.paced_at).total_seconds())
    dialled = not facts.pacing.startswith("0 lines")
    return Gate("pacing", dialled, f"{age:.1f} s ago", facts.pacing)
