"""What people do to many leads at once: what an act makes of one of them, or why it is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from dialer.domain.lead import Lead
from dialer.domain.types import LeadStatus


class Act(StrEnum):
    """Doing it twice is doing it once."""

    REQUEUE = "requeue"  # can be called again now, counters as they are
    RESET = "reset"  # as if never called: counters at zero, dead numbers alive
    EXCLUDE = "exclude"
    INCLUDE = "include"  # what was excluded comes back
    PRIORITY = "priority"
    DELETE = "delete"
    MOVE = "move"  # to another campaign, as it stands


class Left(StrEnum):
    """Why a lead that was chosen stays as it is."""

    AS_IT_IS = "as_it_is"  # it stands already where the act would put it
    LEASED = "leased"  # in a call, or about to be
    EXCLUDED = "excluded"  # to be included first
    USED_UP = "used_up"  # every attempt that the campaign allows was made
    NO_NUMBER = "no_number"  # all its numbers are dead
    BARRED = "barred"  # all its numbers are on the do-not-call list
    DUPLICATE = "duplicate"  # the other campaign has one of its numbers
    CHANGED = "changed"  # by somebody else, in this very moment


@dataclass(frozen=True, slots=True)
class Change:
    """A lead as it was read, and as it is to be."""

    before: Lead
    after: Lead


BACK = (Act.REQUEUE, Act.RESET, Act.INCLUDE)  # acts that let a lead be dialled
GONE = (Act.DELETE, Act.MOVE)


def acted(
    lead: Lead, act: Act, now: datetime, *, most_attempts: int, priority: int = 0, barred: bool = False
) -> Lead | Left:
    """The lead as the act leaves it; for DELETE and MOVE the lead itself."""
    if lead.status is LeadStatus.LEASED:
        return Left.LEASED
    if barred and act in BACK:
        return Left.BARRED
    after: Lead | Left = lead
    match act:
        case Act.REQUEUE:
            after = _requeued(lead, now, most_attempts)
        case Act.RESET:
            after = Left.EXCLUDED if lead.status is LeadStatus.EXCLUDED else _reset(lead)
        case Act.EXCLUDE:
            after = replace(lead, status=LeadStatus.EXCLUDED, next_at=None, promised_at=None)
        case Act.INCLUDE:
            after = _included(lead, now) if lead.status is LeadStatus.EXCLUDED else lead
        case Act.PRIORITY:
            after = replace(lead, priority=priority)
        case Act.DELETE | Act.MOVE:
            return lead
    return Left.AS_IT_IS if after == lead else after


def _requeued(lead: Lead, now: datetime, most_attempts: int) -> Lead | Left:
    if lead.status is LeadStatus.EXCLUDED:
        return Left.EXCLUDED
    if lead.status is LeadStatus.NEW or (
        lead.status is LeadStatus.RETRY and lead.next_at is not None and lead.next_at <= now
    ):
        return lead
    if lead.attempts >= most_attempts and lead.promised_at is None:
        return Left.USED_UP
    alive = [at for at, number in enumerate(lead.numbers) if number not in lead.dead]
    if not alive:
        return Left.NO_NUMBER
    index = lead.number_index if lead.number_index in alive else alive[0]
    return replace(lead, status=LeadStatus.RETRY, next_at=now, number_index=index)


def _reset(lead: Lead) -> Lead:
    return replace(
        lead,
        status=LeadStatus.NEW,
        number_index=0,
        attempts=0,
        tried={},
        dead=(),
        next_at=None,
        promised_at=None,
    )


def _included(lead: Lead, now: datetime) -> Lead:
    if not lead.attempts:
        return replace(lead, status=LeadStatus.NEW, next_at=None)
    return replace(lead, status=LeadStatus.RETRY, next_at=now)
