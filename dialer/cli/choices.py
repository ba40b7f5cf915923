"""`dialer campaign dispositions`, `dialer operator pauses`: lists to choose from, as TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dialer.cli.screen import AsJson, print_json, say, tell
from dialer.cli.stores import OWNER, with_stores
from dialer.domain import disposition, pauses
from dialer.domain.disposition import Then
from dialer.domain.errors import BadField, BadValue
from dialer.domain.pauses import PauseReasons
from dialer.domain.said import counted, said
from dialer.office import campaigns as office
from dialer.office import pause_reasons as pauses_office
from dialer.ports.stores import Stores
from dialer.settings import Settings

dispositions = typer.Typer(no_args_is_help=True, help="What operators may say came of a call.")
reasons = typer.Typer(no_args_is_help=True, help="Why operators may pause: one list for the site.")
LARGEST = 1_000_000
Name = Annotated[str, typer.Argument(metavar="NAME", help="The campaign, by name or id.", show_default=False)]
File = Annotated[
    Path, typer.Argument(metavar="FILE", help="As `show` prints it: TOML, or JSON in a file named .json.")
]


@dispositions.command("show")
def show_dispositions(name: Name, as_json: AsJson = False) -> None:
    """Show a campaign's dispositions as a file that `set` takes."""

    async def work(settings: Settings, stores: Stores) -> tuple[int, list[dict[str, Any]]]:
        found = await office.named(name, OWNER, stores)
        return found.edition.version, [disposition.plain(one) for one in found.dispositions]

    version, entries = with_stores(work)
    remark = said("then: {words}; after_s: seconds, with retry", words=", ".join(Then))
    _show(disposition.FIELD, version, entries, remark, as_json=as_json)


@dispositions.command("set")
def set_dispositions(name: Name, file: File) -> None:
    """Set a campaign's dispositions from a file; calls that begin from then on have them."""
    version, entries = _read(file, disposition.FIELD)

    async def work(settings: Settings, stores: Stores) -> office.Saved:
        found = await office.named(name, OWNER, stores)
        changes = {disposition.FIELD: disposition.read(entries)}
        return await office.change(
            found.id, changes, OWNER, None, stores, shortest_ring_s=0.0, version=version
        )

    campaign = _told(file, lambda: with_stores(work)).campaign
    say(
        counted(
            "campaign {name!r} has {n} disposition",
            "campaign {name!r} has {n} dispositions",
            len(campaign.dispositions),
            name=campaign.name,
        )
    )


@reasons.command("show")
def show_reasons(as_json: AsJson = False) -> None:
    """Show the site's pause reasons as a file that `set` takes."""
    known: PauseReasons = with_stores(lambda _, stores: pauses_office.seen(OWNER, stores))
    remark = said("key: a digit, dialled behind the star; 9 logs out. is_worked: counts as time at work")
    _show(pauses.FIELD, known.edition.version, map(pauses.plain, known.reasons), remark, as_json=as_json)


@reasons.command("set")
def set_reasons(file: File) -> None:
    """Set the site's pause reasons from a file; phones know them within a second."""
    version, entries = _read(file, pauses.FIELD)

    async def work(settings: Settings, stores: Stores) -> PauseReasons:
        return await pauses_office.change(pauses.read(entries), OWNER, stores, version=version)

    known: PauseReasons = _told(file, lambda: with_stores(work))
    say(counted("there is {n} pause reason", "there are {n} pause reasons", len(known.reasons)))


# --- the file ---------------------------------------------------------------------------------------------


def _show(
    field: str, version: int, entries: Iterable[Mapping[str, Any]], remark: str, *, as_json: bool
) -> None:
    if as_json:
        print_json({"version": version, field: list(entries)})
        return
    seen = said("as it was shown; without it the list is set whatever it is by then")
    print(as_toml(field, entries, head=(f"# {tell(remark)}", f"version = {version}  # {tell(seen)}")))


def as_toml(field: str, entries: Iterable[Mapping[str, Any]], *, head: Iterable[str] = ()) -> str:
    """The list as TOML, whose texts and numbers are written as in JSON."""
    lines = [*head]
    for entry in entries:
        lines += ["", f"[[{field}]]"]
        for key, value in entry.items():
            if isinstance(value, Mapping):
                inner = ", ".join(f"{name} = {_toml(each)}" for name, each in value.items())
                lines.append(f"{key} = {{ {inner} }}")
            else:
                lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines)


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(path: Path, field: str) -> tuple[int | None, Any]:
    """The version that was seen, and the list; BadValue says what is wrong with the file."""
    try:
        if path.stat().st_size > LARGEST:
            raise BadValue(said("{file} is no such list: it has more than a megabyte", file=path))
        text = path.read_text("utf-8-sig")
        found = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as failure:
        raise BadValue(
            said("{file} cannot be read: {strerror}", file=path, strerror=failure.strerror)
        ) from None
    except (ValueError, RecursionError) as flaw:
        raise BadValue(
            said("{file} is not written as it must be: {flaw}", file=path, flaw=str(flaw))
        ) from None
    if not isinstance(found, dict) or field not in found or found.keys() - {field, "version"}:
        raise BadValue(
            said(
                "{file} is no such list: it has {field} and, where it was shown, version",
                file=path,
                field=field,
            )
        )
    version = found.get("version")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int) or version < 1):
        raise BadValue(said("{file}: version is not a whole number above 0", file=path))
    return version, found[field]


def _told(file: Path, work: Any) -> Any:
    """What the work gives; a flaw is told with the file and the place, counted as people count."""
    try:
        return work()
    except BadField as flaw:
        _, *place = flaw.field.split("/")
        if not place:
            raise BadValue(said("{file}: {flaw}", file=file, flaw=flaw.why)) from None
        entry, column = int(place[0]) + 1, ".".join(place[1:])
        raise BadValue(
            said(
                "{file}, entry {entry}, {column}: {flaw}",
                file=file,
                entry=entry,
                column=column,
                flaw=flaw.why,
            )
        ) from None
