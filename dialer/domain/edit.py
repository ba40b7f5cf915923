"""A lead as a person corrects it: what may be changed, and where it then stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dialer.domain.errors import BadField, Conflict, Stale
from dialer.domain.explain import Standing
from dialer.domain.lead import LONG_AGO_AT, Lead, renumbered
from dialer.domain.said import Said, listed, said, word
from dialer.domain.types import LeadStatus

WAITING = (LeadStatus.NEW, LeadStatus.RETRY)


def edited(lead: Lead, changes: Mapping[str, Any], seen: Mapping[str, Any]) -> Lead:
    """The lead with these fields; `seen`: what they were when the person looked.

    Raises Stale with the difference where somebody else has changed them since, Conflict where a call is
    under way, BadField for what cannot be.
    """
    if lead.status is LeadStatus.LEASED:
        raise Conflict(
            said("lead {lead} is in a call, or about to be dialled: change it afterwards", lead=lead.id)
        )
    now = {name: getattr(lead, name) for name, was in seen.items() if getattr(lead, name) != was}
    if now:
        told = listed((_difference(name, seen[name], value) for name, value in now.items()), "; ")
        raise Stale(said("lead {lead} was changed meanwhile: {told}", lead=lead.id, told=told), now)
    after = replace(lead, **changes)
    if "numbers" in changes:
        after = _renumbered(lead, after)
    if strange := after.extensions.keys() - set(after.numbers):
        raise BadField("extensions", said("{number} is not among its numbers", number=min(strange)))
    return _awaited(after) if "next_at" in changes else after


def _difference(name: str, was: object, now: object) -> Said:
    return said("{field} is {now}, not {was}", field=name, now=_shown(now), was=_shown(was))


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {each}" for key, each in value.items()) or "-"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value or "-")


def _renumbered(before: Lead, after: Lead) -> Lead:
    if not after.numbers:
        raise BadField("numbers", said("a lead needs a number to call"))
    return renumbered(before, after)


def _awaited(lead: Lead) -> Lead:
    if lead.status not in WAITING:
        raise BadField(
            "next_at",
            said("the lead is {status}: requeue or include it first", status=word(Standing(lead.status))),
        )
    if lead.next_at is None and not lead.attempts:
        return replace(lead, status=LeadStatus.NEW, promised_at=None)
    at = lead.next_at or lead.last_at or LONG_AGO_AT  # without an instant: at once
    return replace(lead, status=LeadStatus.RETRY, next_at=at, promised_at=None)
