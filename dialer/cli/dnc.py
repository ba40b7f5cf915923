"""`dialer dnc`: numbers that are never dialled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, TaskID

from dialer.adapters.clock import utc_now
from dialer.adapters.files.lists import open_path
from dialer.adapters.files.register import Register
from dialer.adapters.files.rejects import RejectsFile
from dialer.cli import lists
from dialer.cli.campaign import find_campaign
from dialer.cli.knobs import Knob, with_knobs
from dialer.cli.later import dnc_entry, reading_of_barred
from dialer.cli.lists import bar
from dialer.cli.records import instant
from dialer.cli.screen import AsJson, print_json, print_table, say, tell
from dialer.cli.stores import OWNER, with_database, with_stores
from dialer.domain.columns import ReadOptions, mapping_of
from dialer.domain.days import told_day
from dialer.domain.dialable import known_country
from dialer.domain.dnc import Entry, Listed, checked
from dialer.domain.errors import BadValue
from dialer.domain.intake import Counts
from dialer.domain.said import counted, said, titled
from dialer.domain.types import CampaignId, PhoneNumber
from dialer.office import campaigns
from dialer.office import dnc as office
from dialer.ports.stores import Stores
from dialer.settings import Settings, office_zone

app = typer.Typer(no_args_is_help=True, help="The do-not-call list: numbers and prefixes never dialled.")
ENTRY = "A number, or a prefix such as '+7916*'."
Number = Annotated[list[str], typer.Argument(metavar="NUMBER", help=ENTRY, show_default=False)]
Campaign = Annotated[str, typer.Option("--campaign", metavar="NAME", help="For this campaign only.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Until = Annotated[
    str,
    typer.Option(metavar="WHEN", help="It bars nobody from this day or instant on; for good if not said."),
]
READ_AS = ("header_row", "encoding", "sheet", "country", "hidden_rows")
KNOBS = (
    Knob("source", "NAME", "What the entries come from; the file's name if not said."),
    Knob("reason", "TEXT", "Why; the file's name if not said."),
    Knob("until", "WHEN", "They bar nobody from this day or instant on; for good if not said."),
    *(knob for knob in lists.KNOBS if knob.field in (*READ_AS, "columns", "rejects")),
)


async def read_entry(
    settings: Settings, stores: Stores, words: Sequence[str], campaign: str
) -> tuple[str, CampaignId | None]:
    """The entry as it is kept, and the campaign that it is for; a number may come in several words."""
    return dnc_entry(" ".join(words), settings.country), await _which(stores, campaign)


async def _which(stores: Stores, campaign: str) -> CampaignId | None:
    return (await find_campaign(stores, campaign)).id if campaign else None


def until_at(text: str, zone: tzinfo) -> datetime | None:
    """`2027-01-01`, by the office's clock where it names no zone."""
    if not text:
        return None
    try:
        at = instant(text)
    except ValueError:
        raise BadValue(
            said("--until {text!r} is no day and no instant, such as 2027-01-01", text=text[:40])
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=zone)


@app.command("add")
def add(
    entry: Number,
    campaign: Campaign = "",
    reason: Reason = "",
    *,
    source: Annotated[str, typer.Option(metavar="NAME", help="The register that names it.")] = "",
    until: Until = "",
    with_person: Annotated[
        bool, typer.Option("--with-person", help="Also the other numbers of leads that have this one.")
    ] = False,
) -> None:
    """Bar a number or a prefix at once, for every way of dialing."""

    async def work(settings: Settings, stores: Stores) -> Sequence[Entry]:
        kept, which = await read_entry(settings, stores, entry, campaign)
        wish = office.Wish(which, reason, source, until_at(until, office_zone(settings)))
        return await office.bar(kept, wish, OWNER, stores, now=utc_now(), with_person=with_person)

    for one in with_stores(work):
        if campaign:
            say(said("{entry} is never dialled for {campaign!r}", entry=one.entry, campaign=campaign))
        else:
            say(said("{entry} is never dialled", entry=one.entry))


@app.command("remove")
def remove(
    entry: Annotated[
        list[str] | None, typer.Argument(metavar="[NUMBER]", help=ENTRY, show_default=False)
    ] = None,
    campaign: Campaign = "",
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As far as this source bars it; without NUMBER all that it bars."),
    ] = None,
) -> None:
    """Take an entry out again, or a source as a whole."""
    if not entry and not source:
        raise BadValue(said("say what to take out: a number, a prefix, or --source NAME"))

    async def work(settings: Settings, stores: Stores) -> str:
        try:
            kept, which = await read_entry(settings, stores, entry or (), campaign)
        except BadValue:  # one that is on the list all the same, from before entries were checked
            kept, which = checked(" ".join(entry or ())), await _which(stores, campaign)
        await office.free(kept, which, OWNER, stores, source=source)
        return kept

    async def whole(settings: Settings, stores: Stores) -> int:
        return await office.free_source(source or "", await _which(stores, campaign), OWNER, stores)

    if entry:
        say(said("{entry} may be dialled again", entry=with_stores(work)))
    else:
        count = with_stores(whole)
        say(counted("{n:,} entry of {source} is taken out", "{n:,} entries of {source} are taken out", count,
                    source=source))  # fmt: skip


@app.command("check")
def check(
    number: Annotated[list[str], typer.Argument(metavar="NUMBER", help="In any form.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Say whether a number is barred, by which entries, why, since when and until when."""

    async def work(settings: Settings, stores: Stores) -> tuple[str, list[dict[str, Any]]]:
        kept = dnc_entry(" ".join(number), settings.country)
        if kept.endswith("*"):
            raise BadValue(said("{number} is a prefix: ask for one number", number=kept))
        rows = await office.barring(PhoneNumber(kept), OWNER, stores)
        return kept, await _with_names(rows, stores)

    kept, rows = with_stores(work)
    if as_json:
        print_json({"number": kept, "barred": bool(rows), "by": rows})
        return
    for row in rows:
        where = said("in every campaign")
        if row["campaign"]:
            where = said("in the campaign {name!r}", name=row["campaign"])
        told = said(
            "barred {where} by {entry} since {since}: {reason}",
            entry=row["entry"],
            since=told_day(row["at"]),
            where=where,
            reason=row["reason"] or row["source"] or "-",
        )
        if row["until_at"]:
            told = said("{told} (until {until})", told=told, until=told_day(row["until_at"]))
        say(told)
    if not rows:
        say(said("{number} is not barred", number=kept))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a file."""

    barred: office.Barred
    counts: Counts
    has_rejects: bool


@app.command("import")
@with_knobs(KNOBS)
def import_file(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or XLSX.", show_default=False)],
    *,
    campaign: Campaign = "",
    replaces: Annotated[
        bool, typer.Option("--replace", help="Free what the source named before and FILE does not.")
    ] = False,
    dry_run: lists.DryRun = False,
    header: lists.Header = None,
    as_json: AsJson = False,
    given: Mapping[str, Any],
) -> None:
    """Bar every number and prefix of a file: nothing when it cannot be read."""
    refused = given.get("rejects") or path.with_name(f"{path.stem}.rejects.csv")
    named = {name: given[name] for name in READ_AS if name in given}
    options = ReadOptions(mapping_of(given.get("columns", ())), header, **named)
    if replaces and "source" not in given:
        raise BadValue(said("--replace: say which source FILE renews: --source NAME"))

    async def work(settings: Settings, stores: Stores) -> Result:
        which = await _which(stores, campaign)
        country = known_country(options.country or settings.country)
        opening = partial(open_path, path, reading_of_barred(country))
        zone = office_zone(settings)
        file = await asyncio.to_thread(Register, opening, options, zone=zone, now=utc_now())
        with RejectsFile(refused, tell=tell) as kept:
            entries = await _read(file, kept)
        ends_at = until_at(given.get("until", ""), zone)
        wish = office.Wish(which, given.get("reason", path.name), given.get("source", path.name), ends_at)
        with bar(said("entries")) as progress:
            task = progress.add_task(tell(said("importing")), total=len(entries))
            told = await office.bar_all(
                entries, wish, OWNER, stores, now=utc_now(), replaces=replaces, dry_run=dry_run,
                on_progress=lambda done: progress.update(task, completed=done),
            )  # fmt: skip
        return Result(told, file.counts, bool(kept.lines))

    _show(with_database(work), refused, is_dry=dry_run, as_json=as_json)


async def _read(register: Register, rejects: RejectsFile) -> Mapping[str, datetime | None]:
    """Every entry of the file once, with the end that its row names."""
    with bar() as progress:
        task = progress.add_task(tell(said("reading")), total=register.file.about)
        shown = partial(_shown, progress, task)
        return await asyncio.to_thread(register.read, rejects.write, shown)


def _shown(progress: Progress, task: TaskID, counts: Counts) -> None:
    progress.update(task, completed=counts.rows)


def _show(result: Result, refused: Path, *, is_dry: bool, as_json: bool) -> None:
    counts = result.counts
    told = asdict(result.barred) | {"rows": counts.rows, "refused": counts.refused + counts.skipped}
    if as_json:
        print_json({**told, "rejects": str(refused) if result.has_rejects else None})
        return
    if is_dry:
        say(said("dry run, nothing changed"))
    say(
        said(
            "{new:,} of {entries:,} entries are new, {removed:,} earlier entries are removed;"
            " {rows:,} rows, {refused:,} of them refused",
            **told,
        )
    )
    if result.has_rejects:
        say(said("what was refused, and why: {rejects}", rejects=refused))


@app.command("list")
def show_all(
    campaign: Campaign = "",
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of this source; '' for those of people.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the entries, those that have expired too."""

    async def work(settings: Settings, stores: Stores) -> list[dict[str, Any]]:
        listed = Listed(await _which(stores, campaign), source, limit=office.CHUNK)
        found: list[dict[str, Any]] = []
        while page := await office.page(listed, OWNER, stores):  # part by part: the service has calls, too
            found += map(_plain, page)
            listed = replace(listed, after=page[-1].key)
        return found

    rows = with_stores(work)
    if as_json:
        print_json(rows)
        return
    names = titled("entry", "campaign", "reason", "source", "by", "at", "until_at", "expired")
    print_table(names, [tuple(row[name] for name in names) for row in rows], empty=said("The list is empty."))


@app.command("sources")
def show_sources(as_json: AsJson = False) -> None:
    """List the sources: how much each bars, and when it was last imported."""

    async def work(settings: Settings, stores: Stores) -> list[dict[str, Any]]:
        titles = await campaigns.titles(OWNER, stores)
        found = [asdict(row) for row in await office.sources(OWNER, stores)]
        return [row | {"campaign": titles.get(row["campaign"])} for row in found]

    rows = with_stores(work)
    if as_json:
        print_json(rows)
        return
    names = titled("source", "campaign", "entries", "expired", "seen_at")
    print_table(names, [tuple(row[name] for name in names) for row in rows], empty=said("The list is empty."))


def _plain(entry: Entry) -> dict[str, Any]:
    return asdict(entry) | {"expired": not entry.bars(utc_now())}


async def _with_names(rows: Sequence[Entry], stores: Stores) -> list[dict[str, Any]]:
    names = await campaigns.titles(OWNER, stores)
    return [_plain(row) | {"campaign": names.get(row.campaign) if row.campaign else None} for row in rows]
