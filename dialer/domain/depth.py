"""How far down its list a campaign is, and what it went past on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dialer.domain.cdr import Cdr
from dialer.domain.lead import Lead
from dialer.domain.said import Said, counted, listed, said
from dialer.domain.types import Direction, LeadId, LeadStatus

OPEN = (LeadStatus.NEW, LeadStatus.RETRY, LeadStatus.LEASED)  # may be dialled yet
WINDOWS = 2  # under best_first: dials, in hoppers, that may go past a lead at hand before it goes first


@dataclass(frozen=True, slots=True)
class Span:
    """What was dialled in a span of time; places count from 1 down the list, 0: nowhere."""

    leads: int = 0
    dials: int = 0
    contacts: int = 0  # dials answered live
    first: int = 0  # the place nearest to the head of the list
    last: int = 0

    @property
    def contacts_per_1000(self) -> float | None:
        return 1000 * self.contacts / self.dials if self.dials else None


@dataclass(frozen=True, slots=True)
class Depth:
    """Places are in the order of the list: priority descending, then id, whatever a lead's status."""

    leads: int = 0
    dialled: int = 0  # at least once
    deepest: int = 0  # the place of the last one of them; 0: none
    passed_over: int = 0  # before that place, never dialled, and may be yet
    at_hand: int = 0  # of those: leased ahead of need, or in their first call
    span: Span = Span()


def measure(leads: Iterable[Lead], cdrs: Iterable[Cdr]) -> Depth:
    """From a campaign's whole list and its records of a span: the twin of the SQL."""
    ordered = sorted(leads, key=lambda lead: (-lead.priority, lead.id))
    places = {lead.id: place for place, lead in enumerate(ordered, 1)}
    dialled = [places[lead.id] for lead in ordered if lead.attempts]
    deepest = max(dialled, default=0)
    passed = [lead for lead in ordered[:deepest] if not lead.attempts and lead.status in OPEN]
    return Depth(
        leads=len(ordered),
        dialled=len(dialled),
        deepest=deepest,
        passed_over=len(passed),
        at_hand=sum(lead.status is LeadStatus.LEASED for lead in passed),
        span=_span(places, [cdr for cdr in cdrs if cdr.direction is Direction.OUT and cdr.lead in places]),
    )


def _span(places: dict[LeadId, int], cdrs: Sequence[Cdr]) -> Span:
    reached = {places[cdr.lead] for cdr in cdrs if cdr.lead is not None}
    return Span(
        leads=len(reached),
        dials=len(cdrs),
        contacts=sum(cdr.answer_at is not None for cdr in cdrs),
        first=min(reached, default=0),
        last=max(reached, default=0),
    )


def told(depth: Depth, day: str, *, best_first: bool) -> Said:
    """All of it in a line; the span is a day of the office."""
    parts = [_list(depth)]
    if depth.span.dials:
        parts.append(_on(day, depth.span))
    if best_first:
        parts.append(
            said(
                "The likeliest go first: a lead that was passed over stays at hand or waits for its hours, "
                "and goes before all others when {n} times DIALER_HOPPER dials went past it.",
                n=WINDOWS,
            )
        )
    return listed(parts, " ")


def _list(depth: Depth) -> Said:
    if not depth.dialled:
        return said("Leads in the list: {n}; none was dialled yet.", n=depth.leads)
    return said(
        "Leads in the list: {n}; dialled: {dialled}, down to place {deepest}; passed over: {passed_over}, of "
        "them at hand or in a call: {at_hand}.",
        n=depth.leads,
        dialled=depth.dialled,
        deepest=depth.deepest,
        passed_over=depth.passed_over,
        at_hand=depth.at_hand,
    )


def _on(day: str, span: Span) -> Said:
    return said(
        "Dialled on {day}: {n}, at places {first} to {last}; {contacts:.0f} people answered of 1,000 dials.",
        day=day,
        n=span.leads,
        first=span.first,
        last=span.last,
        contacts=span.contacts_per_1000 or 0.0,
    )


def held_back(cell: str, leads: int) -> Said:
    """Of leads that wait for a person because a journal was damaged."""
    return counted(
        "{n} lead of cell {cell} is held back: its journal was damaged, and the lead may have been dialled"
        " (see `dialer journal show`)",
        "{n} leads of cell {cell} are held back: its journal was damaged, and they may have been dialled"
        " (see `dialer journal show`)",
        leads,
        cell=cell,
    )
