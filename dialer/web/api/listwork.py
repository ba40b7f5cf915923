"""Working a list: search, and one act on all leads that were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, Field, StringConstraints

from dialer.domain import bounds
from dialer.domain.access import Caller, Permission
from dialer.domain.choice import Choice
from dialer.domain.listwork import Act, Left
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome
from dialer.office import lists as office
from dialer.web.api.leads import Column, Extension, Inn, LeadOut, Mail
from dialer.web.auth import Needs
from dialer.web.paging import AfterId, Limit, Page, next_of
from dialer.web.parts import Given, Spoken
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.values import Body, Flag, Id, Line, Number, Utc, Whole, Zone, within

router = resource("leads")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_LEADS))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_LEADS))]
Attempts = Annotated[int, Field(ge=0, le=100_000)]
Begins = Annotated[str, StringConstraints(pattern=r"^(\+[0-9]{1,15})?$")]
SEARCH = (
    "words of the name, company, ref or INN, in any case; or any part of a number in any form, such as"
    " 8 (916) 123-45 or its last digits"
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search or an export is narrowed to."""

    search: Annotated[Line, Query(description=SEARCH)] = ""
    status: Annotated[list[LeadStatus] | None, Query(description="may be repeated")] = None
    outcome: Annotated[list[Outcome] | None, Query(description="of the last attempt; may be repeated")] = None
    import_id: Annotated[list[Id] | None, Query(description="may be repeated")] = None
    number: Annotated[
        Begins, Query(description="how one of the numbers begins, with its plus (%2B in an address)")
    ] = ""
    last_since_at: Annotated[Utc | None, Query(description="the last attempt ended at or after")] = None
    last_before_at: Annotated[Utc | None, Query(description="the last attempt ended before")] = None
    attempts_least: Annotated[Attempts, Query()] = 0
    attempts_most: Annotated[Attempts | None, Query()] = None

    def choice(self, campaign: int) -> Choice:
        return Choice(
            CampaignId(campaign),
            statuses=frozenset(self.status or ()),
            outcomes=frozenset(self.outcome or ()),
            last_since_at=self.last_since_at,
            last_before_at=self.last_before_at,
            attempts_least=self.attempts_least,
            attempts_most=self.attempts_most,
            imports=frozenset(self.import_id or ()),
            number=self.number,
            search=self.search,
        )


Filtered = Annotated[Filters, Depends()]


class ChoiceIn(Body):
    """Which leads are meant; what is not said is not asked."""

    search: Line = Field(default="", description=SEARCH)
    statuses: list[LeadStatus] = Field(default_factory=list, max_length=10)
    outcomes: list[Outcome] = Field(default_factory=list, max_length=50, description="of the last attempt")
    imports: list[Id] = Field(default_factory=list, max_length=1000)
    leads: list[Id] = Field(default_factory=list, max_length=1000)
    number: Begins = Field(default="", description="how one of the numbers begins, with its plus")
    last_since_at: Utc | None = Field(default=None, description="the last attempt ended at or after")
    last_before_at: Utc | None = Field(default=None, description="the last attempt ended before")
    attempts_least: Attempts = 0
    attempts_most: Attempts | None = None

    def choice(self, campaign: int) -> Choice:
        said: dict[str, Any] = self.model_dump(exclude={"statuses", "outcomes", "imports", "leads"})
        return Choice(
            CampaignId(campaign),
            statuses=frozenset(self.statuses),
            outcomes=frozenset(self.outcomes),
            imports=frozenset(self.imports),
            leads=frozenset(map(LeadId, self.leads)),
            **said,
        )


class WorkAsked(Body):
    """One act on all leads that are chosen."""

    act: Act
    choice: ChoiceIn = Field(default_factory=ChoiceIn)
    whole_list: Flag = Field(default=False, description="a choice that narrows nothing is meant")
    priority: Annotated[Whole, within(bounds.LEAD_PRIORITY)] | None = Field(
        default=None, description="for the act priority"
    )
    to: Id | None = Field(default=None, description="the campaign, for the act move")
    dry_run: Flag = Field(default=False, description="only say what would happen")
    after: int = Field(default=0, ge=0, le=2**31 - 1, description="`next` of the answer before")


class Fields(Body):
    """Of a lead, those that are named."""

    numbers: list[Number] = Field(default_factory=list, min_length=1, max_length=10)
    extensions: dict[Number, Extension] = Field(default_factory=dict, max_length=10)
    zones: list[Zone] = Field(default_factory=list, max_length=50)
    name: Line = ""
    company: Line = ""
    inn: Inn = ""
    email: Mail = ""
    extra: dict[Column, Line] = Field(default_factory=dict, max_length=50)
    ref: Line = ""
    priority: Annotated[Whole, within(bounds.LEAD_PRIORITY)] = 0
    next_at: Utc | None = Field(default=None, description="null: at once")

    def named(self) -> dict[str, Any]:
        """As the domain has them."""
        said = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


class LeadEdit(Body):
    """What is corrected, and what stood there."""

    changes: Fields
    seen: Fields = Field(
        default_factory=Fields.model_construct,
        description="those fields as they were when you looked: where one is another by now, nothing is"
        " changed and the answer is 409 with the difference",
    )


class WorkedOut(BaseModel):
    """What became of them."""

    chosen: dict[LeadStatus, int] = Field(description="leads that were looked at, as they stood")
    changed: int
    left_out: dict[Left, int] = Field(description="and why")
    next: int | None = Field(
        description="more leads are left: send the same with this as `after`; null: all were looked at"
    )


class WhyLineOut(BaseModel):
    name: str
    is_open: bool
    value: str = Field(description="a sentence with figures")
    opens_at: datetime | None = None
    act: str = Field(description="what opens it; empty: nothing that a person does")


class WhyOut(BaseModel):
    """Why a lead is not called: every condition in the order in which it is looked at."""

    lead: int
    campaign: int
    at: datetime
    summary: str
    reasons: list[WhyLineOut]


@router.get("/campaigns/{campaign}/leads", responses=documented(404))
async def list_leads(
    parts: Given, who: Sees, campaign: Id, filters: Filtered, *, after: AfterId = 0, limit: Limit = 100
) -> Page[LeadOut]:
    """The leads of a campaign in the order of their ids: all, or those that are sought."""
    choice = filters.choice(campaign)
    rows = await office.find(choice, who, parts.stores, after=after, limit=limit)
    return Page(items=[LeadOut.of(row) for row in rows], next=next_of(rows, limit, lambda row: row.id))


@router.post("/campaigns/{campaign}/leads/work", responses=documented(404))
async def work_list(parts: Given, who: Changes, campaign: Id, body: WorkAsked) -> WorkedOut:
    """Do one thing to all leads that are chosen, up to 10,000 in one request; safe while the campaign runs.

    Leads in a call, or about to be dialled, are left out; so is whatever stands as it should already.
    """
    order = office.Order(
        body.act,
        body.choice.choice(campaign),
        priority=body.priority,
        to=None if body.to is None else CampaignId(body.to),
        whole_list=body.whole_list,
    )
    now = parts.tools.clock()
    told = await office.work(order, who, parts.stores, now=now, dry_run=body.dry_run, after=body.after)
    return WorkedOut.model_validate(told, from_attributes=True)


@router.patch("/leads/{lead}", responses=documented(404, 409))
async def edit_lead(parts: Given, who: Changes, lead: Id, body: LeadEdit) -> LeadOut:
    """Correct a lead: numbers, zones, fields, priority, next call. Refused while it is in a call."""
    told = await office.edit(
        LeadId(lead),
        body.changes.named(),
        body.seen.named(),
        who,
        parts.stores,
        check_number=parts.tools.check_number,
        zones_of=parts.tools.zones_of,
    )
    return LeadOut.of(told)


@router.get("/leads/{lead}/why", responses=documented(404, 504, 502))
async def explain_lead(parts: Given, who: Sees, lead: Id, speak: Spoken) -> WhyOut:
    """Why it is not called now: each condition in order, when it opens, what opens it; by Accept-Language."""
    told = await office.why(LeadId(lead), who, parts.desk)
    reasons = [
        WhyLineOut(
            name=one.name,
            is_open=one.is_open,
            value=speak(one.value),
            opens_at=one.opens_at,
            act=speak(one.act),
        )
        for one in told.reasons
    ]
    return WhyOut(
        lead=told.lead, campaign=told.campaign, at=told.at, summary=speak(told.summary), reasons=reasons
    )
