"""Leads: look them up, add some, import a list, take one out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Self

from fastapi import Depends, File, Query, UploadFile
from pydantic import BaseModel, Field, StringConstraints

from dialer.domain.access import Caller, Permission
from dialer.domain.columns import ReadOptions
from dialer.domain.errors import BadValue
from dialer.domain.intake import Known
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw
from dialer.domain.said import listed, said
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber
from dialer.office import imports, leads
from dialer.office import pauses as office
from dialer.office.imports import Imported
from dialer.web.api.commands import Pushed
from dialer.web.api.outlook import OutlookOut, means_of
from dialer.web.auth import Needs
from dialer.web.parts import Given, Speak, Spoken
from dialer.web.problem import documented
from dialer.web.queries import one_file, resource
from dialer.web.reading import read_options
from dialer.web.values import Body, Id, Line, Number, Whole

router = resource("leads")
LIST_NAMES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".ods")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_LEADS))]
SeesCampaigns = Annotated[Caller, Depends(Needs(Permission.SEE_CAMPAIGNS))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_LEADS))]
Runs = Annotated[Caller, Depends(Needs(Permission.RUN_CAMPAIGNS))]
Mail = Annotated[str, StringConstraints(pattern=r"^([^\s@\x00-\x1f]{1,64}@[^\s@\x00-\x1f]{1,190})?$")]
Inn = Annotated[str, StringConstraints(pattern=r"^([0-9]{10}|[0-9]{12})?$"), Field(examples=["7707083893"])]
Column = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=64)]


MOST_REJECTS = 10_000  # in one answer; the counts are whole
Extension = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}$")]


class NewLead(Body):
    """Whom to call."""

    numbers: list[Number] = Field(
        min_length=1, max_length=10, description="E.164, the first is dialled first"
    )
    extensions: dict[Number, Extension] = Field(
        default_factory=dict,
        max_length=10,
        description="of those of `numbers` that have one: what is keyed in once the switchboard answers",
    )
    name: Line = ""
    company: Line = ""
    inn: Inn = ""
    email: Mail = ""
    priority: Annotated[Whole, Field(ge=-1000, le=1000)] = 0
    extra: dict[Column, Line] = Field(default_factory=dict, max_length=50)
    ref: Line = Field(default="", description="id in your own system")


class LeadOut(BaseModel):
    """A lead and where it stands."""

    id: int
    campaign: int
    numbers: list[str]
    extensions: dict[str, str] = Field(description="of the numbers that have one")
    number_index: int = Field(description="which of the numbers is next")
    status: LeadStatus
    attempts: int
    tried: dict[Outcome, int]
    next_at: datetime | None
    promised_at: datetime | None = Field(
        description="a callback that the person asked for: kept above rest and attempts"
    )
    last_at: datetime | None
    last_outcome: Outcome | None
    priority: int
    zones: list[str] = Field(description="all zones that the number may be in")
    name: str
    company: str
    inn: str
    email: str
    extra: dict[str, str]
    ref: str
    import_id: int = Field(description="the list that brought it")

    @classmethod
    def of(cls, lead: Lead) -> Self:
        return cls.model_validate(asdict(lead))


class Twin(BaseModel):
    """A lead that was left out: its number is in the campaign already, or twice in the request."""

    place: str
    number: str


class Added(BaseModel):
    import_id: int | None = Field(
        description="undo it by DELETE /v1/imports/{import_id}; null: nothing was added"
    )
    added: int
    duplicates: list[Twin]


class RejectOut(BaseModel):
    line: int
    value: str
    reason: str


class ImportedOut(BaseModel):
    """What became of a list file."""

    import_id: int | None = Field(description="null after a dry run, or where nothing was taken")
    rows: int
    leads: int
    updated: int = Field(description="rows that changed leads which were there")
    duplicates: int
    refused: int
    skipped: int = Field(description="rows above the header, hidden ones, the header again")
    left_out: int = Field(description="values of rows that were taken")
    rejects: list[RejectOut] = Field(description=f"the first {MOST_REJECTS:,}")
    mapping: dict[str, str] = Field(description="column of the file: field of a lead")
    preview: list[dict[str, str]]
    outlook: OutlookOut = Field(description="who of these leads can be called, and when")

    @classmethod
    def of(cls, told: Imported, flaws: Sequence[Flaw], speak: Speak) -> Self:
        rejects = [
            RejectOut(line=one.line, value=one.value, reason=speak(listed([one.column, one.reason], ": ")))
            for one in flaws
        ]
        shown = [
            {"numbers": ", ".join(lead.numbers), "name": lead.name, "company": lead.company}
            for _, lead, _ in told.preview.rows
            if lead
        ]
        mapping = {name: str(one) for name, one in told.preview.columns.items()}
        counts = asdict(told.counts)
        return cls(
            import_id=told.import_id,
            **counts,
            rejects=rejects,
            mapping=mapping,
            preview=shown,
            outlook=OutlookOut.of(told.outlook, speak),
        )


class ImportOut(BaseModel):
    id: int
    file_name: str
    at: datetime
    leads: int
    paused: bool = Field(description="its leads are not called")
    waiting: int | None = Field(
        description="leads that would be called if it were not paused; null: it is not"
    )


class ListSetOut(Pushed):
    """A list as it stands now, and whether the cell that dials it has taken that up already."""

    import_id: int
    campaign: int
    paused: bool
    waiting: int = Field(description="leads that would be called if it were not paused")

    @classmethod
    def of(cls, told: office.ListSet) -> Self:
        return cls(
            import_id=told.import_id,
            campaign=told.campaign,
            paused=told.paused,
            waiting=told.waiting,
            **asdict(told.pushed),
        )


class Undone(BaseModel):
    import_id: int
    removed: int


@router.post("/campaigns/{campaign}/leads", status_code=201, responses=documented(404, 409))
async def add_leads(
    parts: Given,
    who: Changes,
    campaign: Id,
    body: Annotated[list[NewLead], Field(min_length=1, max_length=1000)],
) -> Added:
    """Add up to 1,000 leads: all that are new, or none if one of them is not acceptable."""
    tools = parts.tools
    told = await leads.add(
        CampaignId(campaign),
        [_lead(CampaignId(campaign), sent) for sent in body],
        who,
        parts.stores,
        check_number=tools.check_number,
        zones_of=tools.zones_of,
        now=tools.clock(),
    )
    twins = [Twin(place=f"body/{one.at}/numbers", number=one.number) for one in told.twins]
    return Added(import_id=told.import_id, added=told.added, duplicates=twins)


async def list_options(
    options: Annotated[ReadOptions, Depends(read_options)],
    zone: Annotated[Line, Query(description="time zone of rows that name none")] = "",
) -> ReadOptions:
    """How a list is to be read: as any file, and the zone of its people."""
    return replace(options, zone=zone)


Options = Annotated[ReadOptions, Depends(list_options)]


@router.post(
    "/campaigns/{campaign}/imports", responses=documented(404, 409), dependencies=[Depends(one_file)]
)
async def import_leads(
    parts: Given,
    who: Changes,
    campaign: Id,
    file: Annotated[UploadFile, File(description="CSV or XLSX; the first line names the columns")],
    speak: Spoken,
    *,
    options: Options,
    known: Annotated[
        Known, Query(description="what becomes of a row whose number the campaign has already")
    ] = Known.SKIP,
    dry_run: Annotated[bool, Query(description="only say what would happen")] = False,
) -> ImportedOut:
    """Import a list file: all of its good lines, or nothing when it cannot be read."""
    shown = list_name(file)
    flaws: list[Flaw] = []
    order = imports.Order(CampaignId(campaign), shown, options, known, dry_run)
    told = await imports.take(
        order,
        parts.tools.upload(shown, file.file),
        who,
        parts.stores,
        means=means_of(parts.tools),
        now=parts.tools.clock(),
        told=imports.Told(flaws=lambda more: flaws.extend(more[: MOST_REJECTS - len(flaws)])),
    )
    return ImportedOut.of(told, flaws, speak)


@router.get("/campaigns/{campaign}/imports", responses=documented(404))
async def list_imports(parts: Given, who: SeesCampaigns, campaign: Id) -> list[ImportOut]:
    """Every import into this campaign that was not undone."""
    rows = await office.listed(CampaignId(campaign), who, parts.stores)
    return [ImportOut.model_validate(row) for row in rows]


@router.post("/imports/{import_id}/pause", responses=documented(404, 409))
async def pause_list(parts: Given, who: Runs, import_id: Id) -> ListSetOut:
    """Call nobody of this list until it is resumed; calls under way and other lists go on."""
    return ListSetOut.of(await office.pause(import_id, who, parts.desk, parts.stores))


@router.post("/imports/{import_id}/resume", responses=documented(404, 409))
async def resume_list(parts: Given, who: Runs, import_id: Id) -> ListSetOut:
    """Leads of this list take their places again."""
    return ListSetOut.of(await office.resume(import_id, who, parts.desk, parts.stores))


@router.delete("/imports/{import_id}", responses=documented(404, 409))
async def undo_import(parts: Given, who: Changes, import_id: Id) -> Undone:
    """Take back what an import brought. Refused when one of its leads was dialled already.

    Fields of leads that were there get what they had before, where nobody has changed them since.
    """
    return Undone(import_id=import_id, removed=await imports.undo(import_id, who, parts.stores))


@router.get("/leads/{lead}", responses=documented(404))
async def get_lead(parts: Given, who: Sees, lead: Id) -> LeadOut:
    """One lead and where it stands."""
    return LeadOut.of(await leads.one(LeadId(lead), who, parts.stores))


@router.post("/leads/{lead}/exclude", responses=documented(404))
async def exclude_lead(parts: Given, who: Changes, lead: Id) -> LeadOut:
    """Never dial it again in this campaign; a call in flight goes on. To bar a number everywhere: /v1/dnc."""
    return LeadOut.of(await leads.exclude(LeadId(lead), who, parts.desk, parts.stores))


def list_name(file: UploadFile) -> str:
    """The uploaded list's name as it may be shown; BadValue where it is no list's."""
    name = (file.filename or "").strip()
    if not name.lower().endswith(LIST_NAMES):
        raise BadValue(
            said(
                "body/file: a list's name ends in one of {endings}; this one's does not",
                endings=", ".join(LIST_NAMES),
            )
        )
    return "".join(sign for sign in name if sign.isprintable())[-100:]


def _lead(campaign: CampaignId, sent: NewLead) -> Lead:
    numbers = tuple(dict.fromkeys(PhoneNumber(number) for number in sent.numbers))
    return Lead(id=LeadId(0), campaign=campaign, numbers=numbers, **sent.model_dump(exclude={"numbers"}))
