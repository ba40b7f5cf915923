"""`dialer import`: a list of people into a campaign, and out again."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dialer.adapters.clock import utc_now
from dialer.adapters.files.lists import open_path
from dialer.adapters.files.rejects import RejectsFile
from dialer.cli import outlook
from dialer.cli.campaign import find_campaign
from dialer.cli.knobs import Knob, one_of, whole, with_knobs
from dialer.cli.later import opener
from dialer.cli.screen import AsJson, aside, print_json, print_table, remark, say, tell
from dialer.cli.stores import OWNER, with_database, with_stores
from dialer.domain.columns import Field, ReadOptions, mapping_of
from dialer.domain.errors import BadValue
from dialer.domain.intake import Counts, Known, Preview
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw
from dialer.domain.said import counted, listed, said, titled, word
from dialer.domain.types import PhoneNumber
from dialer.office import campaigns as campaigns_office
from dialer.office import imports, pauses
from dialer.ports.stores import Stores
from dialer.settings import Settings, dial_rules

CampaignOption = Annotated[
    str, typer.Option("--campaign", metavar="NAME", help="The campaign, by name or id.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read all of it, change nothing.")]
Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", show_default=False, help="Whether the first row is a header."),
]
Undo = Annotated[
    int | None,
    typer.Option(metavar="ID", show_default=False, help="Take an import back, if nobody was called."),
]
Listed = Annotated[bool, typer.Option("--list", help="Show what was imported.")]


def _line(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError(said("rows are counted from 1"))
    return int(text)


def _hidden(text: str) -> bool:
    if text not in ("take", "skip"):
        raise ValueError(said("hidden rows are either taken (take) or not (skip)"))
    return text == "take"


def _country(text: str) -> str:
    if not re.fullmatch("[A-Za-z]{2}", text):
        raise ValueError(said("a country has two letters, such as RU"))
    return text.upper()


KNOBS = (
    Knob("columns", "COLUMN=FIELD", f"What a column is ({', '.join(Field)}), by its header or number.",
         option="map", many=True, read=list),
    Knob("header_row", "N", "The row with the headers, counted as in the file.", _line),
    Knob("encoding", "NAME", "The encoding of a text file, such as utf-8, cp1251, cp866, koi8-r."),
    Knob("sheet", "NAME", "Which sheet of a spreadsheet to read, by its name or number."),
    Knob("hidden_rows", "take|skip", "What becomes of rows that the spreadsheet hides.", _hidden),
    Knob("zone", "ZONE", "The time zone of rows that name none."),
    Knob("country", "XX", "Where numbers without a country code belong; DIALER_COUNTRY if not said.",
         _country),
    Knob("pause", "ID", "Call nobody of this import until it is resumed; instead of FILE.", whole),
    Knob("resume", "ID", "Call the leads of this import again; instead of FILE.", whole),
    Knob("known", "skip|update|add", "A number that the campaign has already: left out; its lead gets what"
         " the row says of the person; its lead gets the row's other numbers.", one_of(Known)),
    Knob("rejects", "PATH", "Where refused rows go; beside FILE if not said.", Path),
)  # fmt: skip


_OPTIONS = ("header_row", "encoding", "sheet", "zone", "country", "hidden_rows")


@dataclass(frozen=True, slots=True)
class Wish:
    """One import as it was asked for."""

    path: Path
    campaign: str
    options: ReadOptions
    rejects: Path
    is_dry: bool
    known: Known = Known.SKIP


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the file."""

    told: imports.Imported
    rejects: Path | None


@with_knobs(KNOBS)
def import_list(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="CSV or XLSX.", show_default=False)
    ] = None,
    campaign: CampaignOption = "",
    *,
    dry_run: DryRun = False,
    header: Header = None,
    undo: Undo = None,
    listed: Listed = False,
    as_json: AsJson = False,
    given: Mapping[str, Any],
) -> None:
    """Import a list of people to call into a campaign, all of it or nothing."""
    if undo is not None:
        _undo(undo, as_json=as_json)
    elif which := [name for name in ("pause", "resume") if name in given]:
        _set(given[which[0]], pauses.pause if which[0] == "pause" else pauses.resume, as_json=as_json)
    elif listed:
        _list(campaign, as_json=as_json)
    elif file is None or not campaign:
        raise BadValue(said("say what to import and where: dialer import FILE --campaign NAME"))
    else:
        rejects = given.get("rejects") or file.with_name(f"{file.stem}.rejects.csv")
        named = {name: given[name] for name in _OPTIONS if name in given}
        columns = mapping_of(given.get("columns", ()))
        options = ReadOptions(mapping=columns, header=header, **named)
        wish = Wish(file, campaign, options, rejects, dry_run, given.get("known", Known.SKIP))
        result = with_database(lambda settings, stores: take(settings, stores, wish, is_quiet=as_json))
        if as_json:
            print_json(plain(result))
        else:
            _tell(result)


def _undo(import_id: int, *, as_json: bool) -> None:
    count = with_stores(lambda settings, stores: imports.undo(import_id, OWNER, stores))
    if as_json:
        print_json({"import_id": import_id, "leads": count})
    else:
        say(said("import {import_id} is taken back: {n:,} leads removed", import_id=import_id, n=count))


def _set(import_id: int, act: Callable[..., Awaitable[pauses.ListSet]], *, as_json: bool) -> None:
    told = with_stores(lambda settings, stores: act(import_id, OWNER, None, stores))
    if as_json:
        print_json(told)
    elif told.paused:
        say(
            counted(
                "list {list} is paused: {n:,} lead waits in it",
                "list {list} is paused: {n:,} leads wait in it",
                told.waiting,
                list=import_id,
            )
        )
    else:
        say(said("list {list} is called again", list=import_id))


def _list(campaign: str, *, as_json: bool) -> None:
    rows = with_stores(lambda settings, stores: _imports(stores, campaign))
    if as_json:
        print_json(rows)
    else:
        names = titled("id", "campaign", "file_name", "leads", "at", "paused", "waiting")
        print_table(names, [tuple(row.get(name) for name in names) for row in rows])


async def _imports(stores: Stores, name: str) -> list[dict[str, Any]]:
    campaigns = [await find_campaign(stores, name)] if name else await campaigns_office.every(OWNER, stores)
    return [
        {**row, "campaign": campaign.name}
        for campaign in campaigns
        for row in await pauses.listed(campaign.id, OWNER, stores)
    ]


async def take(settings: Settings, stores: Stores, wish: Wish, *, is_quiet: bool = False) -> Result:
    """Reads the file, shows how it is understood, and puts its leads into the campaign."""
    campaign = await find_campaign(stores, wish.campaign)
    opened = opener(partial(open_path, wish.path), country=settings.country, rules=dial_rules(settings))
    order = imports.Order(campaign.id, wish.path.name, wish.options, wish.known, wish.is_dry)
    with RejectsFile(wish.rejects, tell=tell) as rejects, bar() as progress:
        task = progress.add_task(tell(said("reading") if wish.is_dry else said("importing")), total=None)

        def on_preview(preview: Preview) -> None:
            progress.update(task, total=preview.about)
            if not is_quiet:
                show(preview)

        hears = imports.Told(
            on_preview, rejects.write, lambda counts: progress.update(task, completed=counts.rows)
        )
        told = await imports.take(
            order, opened, OWNER, stores, means=outlook.means(settings), now=utc_now(), told=hears
        )
    if not told.counts.leads and not told.counts.updated:
        raise BadValue(said("no row of {path} became a lead: {why}", path=wish.path, why=_why(told.counts)))
    return Result(told, wish.rejects if rejects.lines else None)


def _why(counts: Counts) -> str:
    return said(
        "{duplicates:,} of {rows:,} are in the campaign already or repeat others, {refused:,} were refused,"
        " see the rejects file",
        duplicates=counts.duplicates,
        rows=counts.rows,
        refused=counts.refused,
    )


def bar(what: str = said("rows")) -> Progress:
    """A progress bar on stderr; nothing of it where that is no terminal."""
    console = aside()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(tell(what)),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


# --- what is shown ----------------------------------------------------------------------------------------


def show(preview: Preview) -> None:
    """The first rows as they are understood."""
    known = [f"{name} -> {one}" for name, one in preview.columns.items()]
    args = {"form": preview.form, "columns": "; ".join(known)}
    if preview.header:
        remark(said("{form}, with a header; columns: {columns}", **args))
    else:
        remark(said("{form}, without a header; columns: {columns}", **args))
    for note in preview.notes:
        remark(note)
    print_table(
        titled("line", "numbers", "name", "company", "zones", "remarks"),
        [_row(*each) for each in preview.rows],
    )


def _row(row: Any, lead: Lead | None, flaws: Sequence[Flaw]) -> tuple[object, ...]:
    remarks = listed(
        (said("{reason} ({kind})", reason=flaw.reason, kind=word(flaw.kind)) for flaw in flaws), "; "
    )
    if lead is None:
        return (row.line, "", "", "", "", remarks)
    zones: object = lead.zones
    if len(lead.zones) > 1:
        zones = said("{zone} and {n} more", zone=lead.zones[0], n=len(lead.zones) - 1)
    numbers = [_with_extension(lead, number) for number in lead.numbers]
    return (row.line, numbers, lead.name, lead.company, zones, remarks)


def _with_extension(lead: Lead, number: PhoneNumber) -> str:
    """The number and what is to be keyed in once it answers."""
    return f"{number}#{lead.extensions[number]}" if number in lead.extensions else number


def _tell(result: Result) -> None:
    told, counts = result.told, result.told.counts
    what = said("dry run, nothing changed")
    if told.import_id is not None:
        what = said("import {import_id}", import_id=told.import_id)
    say(
        said(
            "{what}: {leads:,} leads, {updated:,} changed, {duplicates:,} duplicates, {refused:,} refused"
            " rows, {skipped:,} skipped rows, {left_out:,} values left out",
            what=what,
            leads=counts.leads,
            updated=counts.updated,
            duplicates=counts.duplicates,
            refused=counts.refused,
            skipped=counts.skipped,
            left_out=counts.left_out,
        )
    )
    outlook.show_outlook(told.outlook)
    if result.rejects:
        say(said("what was refused or skipped, and why: {rejects}", rejects=result.rejects))
    if told.import_id is not None:
        say(said("to take it back: dialer import --undo {import_id}", import_id=told.import_id))


def plain(result: Result) -> dict[str, Any]:
    """The result for programs."""
    told = result.told
    return {
        "import_id": told.import_id,
        **asdict(told.counts),
        "rejects": str(result.rejects) if result.rejects else None,
        "outlook": outlook.as_plain(told.outlook),
        "form": told.preview.form,
        "notes": list(told.preview.notes),
        "columns": dict(told.preview.columns),
        "preview": [
            {"line": row.line, "numbers": list(lead.numbers), "name": lead.name, "company": lead.company}
            for row, lead, _ in told.preview.rows
            if lead is not None
        ],
    }
