"""A callback that a person asked for: at which instant it is kept, or why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.domain.campaign import Campaign
from dialer.domain.days import told_at
from dialer.domain.errors import BadField
from dialer.domain.gates import opening_of
from dialer.domain.lead import CALLBACK_DELAY, Lead
from dialer.domain.said import Said, listed, said
from dialer.domain.schedule import HolidayOf, Opening, ZoneOf, no_holidays

LONGEST = timedelta(days=366)
FIELD = "callback_at"


@dataclass(frozen=True, slots=True)
class Promise:
    """When the person is called again."""

    at: datetime
    moved: str = ""  # why not in two hours, where no instant was asked for


def promised(
    lead: Lead,
    campaign: Campaign,
    asked_at: datetime | None,
    now: datetime,
    zone_of: ZoneOf,
    *,
    holiday_of: HolidayOf = no_holidays,
) -> Promise:
    """The instant that is kept.

    One that was asked for is kept as it is, or BadField says why not and which is the nearest: the person
    is still there to agree on another.  Without one it is in two hours, or when the calling hours open.
    """
    if asked_at is None:
        at = now + CALLBACK_DELAY
        return _unasked(at, opening_of(campaign, lead.zones, at, zone_of, holiday_of))
    if asked_at <= now:
        raise BadField(FIELD, said("{at} is in the past: name a later instant", at=_shown(asked_at)))
    if asked_at > now + LONGEST:
        raise BadField(
            FIELD, said("{at} is more than a year ahead: name an earlier instant", at=_shown(asked_at))
        )
    opening = opening_of(campaign, lead.zones, asked_at, zone_of, holiday_of)
    if not opening.open and opening.opens_at is None:
        raise BadField(FIELD, said("nobody can be called then: {why}", why=opening.why))
    if not opening.open and opening.opens_at is not None:
        nearest = opening.opens_at.astimezone(zone_of(lead.zones[0]))
        raise BadField(
            FIELD,
            said(
                "nobody can be called then: {why}; the first time after it is {nearest}",
                why=opening.why,
                nearest=_shown(nearest),
            ),
        )
    return Promise(asked_at)


def _unasked(at: datetime, opening: Opening) -> Promise:
    if opening.open:
        return Promise(at)
    return Promise(opening.opens_at or at, said("not in two hours: {why}", why=opening.why))


def _shown(at: datetime) -> Said:
    return listed([told_at(at), f"UTC{at:%z}" if at.utcoffset() else "UTC"], " ")
