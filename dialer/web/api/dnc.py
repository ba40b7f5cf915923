"""The do-not-call list: numbers and prefixes that are never dialled."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import Depends, File, Path, Query, Response, UploadFile
from pydantic import BaseModel, Field, StringConstraints

from dialer.domain.access import Caller, Permission
from dialer.domain.columns import ReadOptions
from dialer.domain.dnc import Entry, Listed
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import CampaignId, PhoneNumber
from dialer.office import dnc as office
from dialer.web.api.leads import RejectOut, list_name
from dialer.web.auth import Needs
from dialer.web.paging import Limit, Page
from dialer.web.parts import Given, Spoken
from dialer.web.problem import documented
from dialer.web.queries import one_file, resource
from dialer.web.reading import read_options
from dialer.web.values import Body, Id, Line, Utc

router = resource("do not call", "/dnc")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_DNC))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_DNC))]
ENTRY = r"^\+[1-9]([0-9]{6,14}|[0-9]{0,13}\*)$"
SOURCE = r"^[^\x00-\x1f\x7f-\x9f/.\u2028\u2029][^\x00-\x1f\x7f-\x9f/\u2028\u2029]*$"
OneEntry = Annotated[
    str,
    StringConstraints(pattern=ENTRY),
    Field(description="a number in E.164, or a prefix ending in *", examples=["+79161234567", "+7916*"]),
]
SourceName = Annotated[str, StringConstraints(pattern=SOURCE, max_length=100)]
OneCampaign = Annotated[Id | None, Query(description="of this campaign alone")]
Until = Annotated[Utc | None, Field(description="it bars nobody from then on; null: for good")]


class NewEntry(Body):
    entry: OneEntry
    campaign: Id | None = Field(default=None, strict=True, description="null: for every campaign")
    reason: Line = ""
    source: SourceName | Literal[""] = Field(default="", description="empty: a person asked for it")
    until_at: Until = None
    scope: Literal["number", "person"] = Field(
        default="number",
        description="person: the other numbers of leads that have this one are barred, too;"
        " numbers with an extension are a switchboard's and follow nobody",
    )


class EntryOut(BaseModel):
    entry: str
    campaign: int | None
    reason: str
    at: datetime = Field(description="since when")
    source: str
    by: str = Field(description="who put it there: a token's name, an operator")
    until_at: datetime | None
    expired: bool = Field(description="it bars nobody any more")

    @classmethod
    def of(cls, one: Entry, now: datetime) -> Self:
        return cls(
            entry=one.entry,
            campaign=one.campaign,
            reason=one.reason,
            at=one.at,
            source=one.source,
            by=one.by,
            until_at=one.until_at,
            expired=not one.bars(now),
        )


class AddedEntry(EntryOut):
    also: list[str] = Field(description="the person's other numbers, barred like this one")


class CheckOut(BaseModel):
    number: str
    barred: bool = Field(description="in every campaign, or in those that `by` names")
    by: list[EntryOut]


class SourceOut(BaseModel):
    """What a source bars; while a file is taken in, its figures grow."""

    source: str
    campaign: int | None
    entries: int
    expired: int = Field(description="among them: they bar nobody any more")
    seen_at: datetime | None = Field(description="when it was last imported")


class BarredOut(BaseModel):
    """What became of a file of entries."""

    source: str
    entries: int = Field(description="that the file has, each once")
    new: int = Field(description="that its source did not bar before")
    removed: int = Field(description="that the file does not name any more, with `replace`")
    rows: int
    refused: int = Field(description="rows")
    duplicates: int = Field(description="rows")
    rejects: list[RejectOut] = Field(description="the first thousand")
    mapping: dict[str, str] = Field(description="column of the file: what it is")


class Freed(BaseModel):
    source: str
    removed: int


@router.get("", responses=documented())
async def list_entries(
    parts: Given,
    who: Sees,
    *,
    campaign: Annotated[Id | None, Query(description="only entries of this campaign")] = None,
    source: Annotated[Line | None, Query(description="only entries of this source; empty: of people")] = None,
    after: Annotated[Line, Query(description="`next` of the page before")] = "",
    limit: Limit = 100,
) -> Page[EntryOut]:
    """Every entry, in the order of its digits; those that have expired, too."""
    entry, _, rest = after.partition(":")
    its, _, name = rest.partition(":")
    behind = (entry, int(its[:18]) if its.isascii() and its.isdigit() else 0, name)
    listed = Listed(_which(campaign), source, after=behind, limit=limit + 1)
    rows = await office.page(listed, who, parts.stores)
    now = parts.tools.clock()
    following = ":".join(map(str, rows[limit - 1].key)) if len(rows) > limit else None
    return Page(items=[EntryOut.of(row, now) for row in rows[:limit]], next=following)


@router.get("/check", responses=documented())
async def check_number(
    parts: Given,
    who: Sees,
    number: Annotated[str, StringConstraints(max_length=64), Query(description="as a person writes it")],
) -> CheckOut:
    """Whether a number is barred now, by which entries, why, since when and until when."""
    kept = parts.tools.dnc_entry(number)
    if kept.endswith("*"):
        raise BadValue(said("{number} is a prefix: ask for one number", number=kept))
    rows = await office.barring(PhoneNumber(kept), who, parts.stores)
    now = parts.tools.clock()
    return CheckOut(number=kept, barred=bool(rows), by=[EntryOut.of(row, now) for row in rows])


@router.get("/sources", responses=documented())
async def list_sources(parts: Given, who: Sees) -> list[SourceOut]:
    """What each source bars, and when it was last imported."""
    rows = await office.sources(who, parts.stores)
    return [SourceOut.model_validate(row, from_attributes=True) for row in rows]


@router.post("", status_code=201, responses=documented(404))
async def add_entry(parts: Given, who: Changes, body: NewEntry) -> AddedEntry:
    """Bar a number or a prefix; counts at once, for every way of dialing."""
    now, entry = parts.tools.clock(), parts.tools.dnc_entry(body.entry)
    wish = office.Wish(_which(body.campaign), body.reason, body.source, body.until_at)
    person = body.scope == "person"
    first, *others = await office.bar(entry, wish, who, parts.stores, now=now, with_person=person)
    told = EntryOut.of(first, now).model_dump()
    return AddedEntry(**told, also=[other.entry for other in others])


async def read_wish(
    *,
    campaign: Annotated[Id | None, Query(description="bar them for this campaign alone")] = None,
    source: Annotated[SourceName | Literal[""], Query(description="the file's name if not said")] = "",
    reason: Annotated[Line, Query()] = "",
    until_at: Annotated[Utc | None, Query(description="they bar nobody from then on")] = None,
) -> office.Wish:
    """How the entries of the file are to be barred."""
    return office.Wish(_which(campaign), reason, source, until_at)


@router.post("/imports", responses=documented(404), dependencies=[Depends(one_file)])
async def import_entries(
    parts: Given,
    who: Changes,
    file: Annotated[
        UploadFile, File(description="CSV or a spreadsheet with numbers, and prefixes as +7916*")
    ],
    *,
    speak: Spoken,
    wish: Annotated[office.Wish, Depends(read_wish)],
    options: Annotated[ReadOptions, Depends(read_options)],
    replaces: Annotated[
        bool,
        Query(alias="replace", description="what the source named before and this file does not is freed"),
    ] = False,
    dry_run: Annotated[bool, Query(description="only say what would happen")] = False,
) -> BarredOut:
    """Bar all that a file names: a register that is renewed, a list of people who asked.

    Entries count as they are taken in. With `replace`, which needs `source`, nobody whom both lists name is
    free in between. Sending the file again changes nothing. A column of days (`until`, `expires`, or the one
    that is mapped to `until`) says until when each row bars, in place of `until_at`.
    """
    name = list_name(file)
    if replaces and not wish.source:
        raise BadValue(said("query/source: say which source this renews"))
    read = await parts.tools.read_barred(name, file.file, options)
    wish = wish if wish.source else office.Wish(wish.campaign, wish.reason, _source(name), wish.until_at)
    told = await office.bar_all(
        read.entries, wish, who, parts.stores, now=parts.tools.clock(), replaces=replaces, dry_run=dry_run
    )
    return BarredOut(
        source=wish.source,
        entries=told.entries,
        new=told.new,
        removed=told.removed,
        rows=read.rows,
        refused=read.refused,
        duplicates=read.duplicates,
        rejects=[RejectOut(line=one.line, value=one.value, reason=speak(one.reason)) for one in read.rejects],
        mapping=dict(read.mapping),
    )


@router.delete("/sources/{source}", responses=documented(404))
async def remove_source(
    parts: Given, who: Changes, source: Annotated[SourceName, Path()], campaign: OneCampaign = None
) -> Freed:
    """Take out all that a source bars; what others bar stays barred."""
    return Freed(source=source, removed=await office.free_source(source, _which(campaign), who, parts.stores))


@router.delete("/{entry}", status_code=204, responses=documented(404))
async def remove_entry(
    parts: Given,
    who: Changes,
    entry: OneEntry,
    campaign: Annotated[Id | None, Query(description="the entry of this campaign")] = None,
    source: Annotated[Line | None, Query(description="as far as this source bars it")] = None,
) -> Response:
    """Take an entry out again, whichever sources have named it."""
    await office.free(entry, _which(campaign), who, parts.stores, source=source)
    return Response(status_code=204)


def _which(campaign: int | None) -> CampaignId | None:
    return None if campaign is None else CampaignId(campaign)


def _source(file_name: str) -> str:
    """A file without a name of its own is a source all the same."""
    return file_name.replace("/", " ").lstrip(". ")[:100] or "file"
