"""Who of a campaign's list can be called now, later today, another day and never, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import Depends
from pydantic import BaseModel, Field

from dialer.domain.access import Caller, Permission
from dialer.domain.outlook import REASONS, ListOutlook, When, Why, told
from dialer.domain.types import CampaignId
from dialer.office import outlook as office
from dialer.web.auth import Needs
from dialer.web.parts import Given, Speak, Spoken, Tools
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.values import Id

router = resource("leads")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_CAMPAIGNS))]


class ReasonOut(BaseModel):
    """Leads that are kept back by the same thing."""

    when: When
    why: Why
    leads: int
    sentence: str = Field(description="by Accept-Language")


class OutlookOut(BaseModel):
    """Leads by when they can be called, as if the campaign were running with operators enough."""

    leads: int
    now: int
    today: int = Field(description="later on this day of the office")
    later: int = Field(description="on another day")
    never: int = Field(description="as things are set now")
    first_at: datetime | None = Field(description="when the first of those can be called who cannot be now")
    reasons: list[ReasonOut] = Field(description="what keeps leads from being called before")
    looked_at: int = Field(description="leads whose numbers were put to the gates one by one")
    is_estimate: bool = Field(description="a long list: some of it was looked at, spread over all of it")
    sentence: str = Field(description="by Accept-Language")

    @classmethod
    def of(cls, outlook: ListOutlook, speak: Speak) -> Self:
        reasons = [
            ReasonOut(when=when, why=why, leads=n, sentence=speak(REASONS[why]))
            for (when, why), n in sorted(outlook.why.items(), key=lambda one: -one[1])
        ]
        return cls(
            leads=outlook.leads,
            now=outlook.when[When.NOW],
            today=outlook.when[When.TODAY],
            later=outlook.when[When.LATER],
            never=outlook.when[When.NEVER],
            first_at=outlook.first_at,
            reasons=reasons,
            looked_at=outlook.looked_at,
            is_estimate=outlook.is_estimate,
            sentence=speak(told(outlook)),
        )


@router.get("/campaigns/{campaign}/outlook", responses=documented(404))
async def foresee_campaign(parts: Given, who: Sees, campaign: Id, speak: Spoken) -> OutlookOut:
    """How many leads can be called now, later today, on another day and never, by the gates of dialing."""
    means, now = means_of(parts.tools), parts.tools.clock()
    found = await office.of_campaign(CampaignId(campaign), who, parts.stores, means=means, now=now)
    return OutlookOut.of(found, speak)


def means_of(tools: Tools) -> office.Means:
    """What the gates need, of what the API is given."""
    return office.Means(tools.check_number, tools.zone_of, tools.zone, tools.holiday_of)
