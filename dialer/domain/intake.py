"""A list on its way into a campaign: what is new, what it makes of leads that are there, what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dialer.domain.columns import Columns, Field
from dialer.domain.lead import Lead, key_of, renumbered
from dialer.domain.listing import MOST_NUMBERS, OF_VALUES, Entry, Flaw, Kind, Reading, told_by, zones_of_row
from dialer.domain.said import Said, said
from dialer.domain.types import LeadId, PhoneNumber

TEXTS = ("name", "company", "inn", "email", "ref")
WHOLE = (*TEXTS, "priority", "zones")  # fields that an import replaces, as against those that it adds to


class Known(StrEnum):
    """What becomes of a row whose number the campaign has already."""

    SKIP = "skip"  # the number is left out
    UPDATE = "update"  # the lead gets what the row says of the person
    ADD = "add"  # the lead gets the row's other numbers


@dataclass(frozen=True, slots=True)
class Revision:
    """What an import changes in a lead that was there, by field; plain values, as JSON keeps them.

    `extra` holds the columns that change (None: was not there), `extensions` likewise by number; `numbers`
    the pairs (number, extension) that are added.
    """

    lead: LeadId
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of a list, in its order."""

    new: Sequence[Lead] = ()
    revisions: Sequence[Revision] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """What an import brought."""

    import_id: int | None = None  # None: nothing at all
    leads: int = 0
    revised: int = 0  # changes of leads that were there


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows as they would become leads."""

    form: str  # `CSV, utf-8, ";"` or `spreadsheet`
    header: bool
    columns: Mapping[str, Field]
    rows: Sequence[Entry]
    about: int  # rows in the file, more or less
    notes: Sequence[str] = ()  # what a person should know of the file


@dataclass(slots=True)
class Counts:
    """What became of the rows read so far."""

    rows: int = 0
    leads: int = 0
    updated: int = 0  # rows that changed leads which were there
    duplicates: int = 0
    refused: int = 0
    skipped: int = 0  # above the header, hidden, the header again
    left_out: int = 0  # values of rows that were taken

    def add(self, entry: Entry, *, updates: bool = False) -> None:
        """One more row; `updates`: it changes a lead that was there."""
        _, lead, flaws = entry
        if lead and not flaws and not updates:
            self.rows += 1
            self.leads += 1
            return
        kinds = Counter(flaw.kind for flaw in flaws)
        self.rows += 1
        if lead or updates:
            self.leads += not updates
            self.updated += updates
            self.left_out += sum(kinds[kind] for kind in OF_VALUES)
        elif Kind.SKIPPED in kinds:
            self.skipped += 1
        elif Kind.REFUSED in kinds:
            self.refused += 1
        else:
            self.duplicates += 1


@dataclass(frozen=True, slots=True)
class Way:
    """How rows of one file meet the campaign."""

    columns: Columns
    reading: Reading
    known: Known = Known.SKIP
    one_zone: bool = False  # the zone of all rows was named, so that every row says it


def settled(entry: Entry, there: Mapping[str, Lead | None], way: Way) -> tuple[Entry, Revision | None]:
    """The row as the campaign takes it; `there`: by key, leads that have its numbers (None: not read)."""
    row, lead, flaws = entry
    if lead is None or not there or not (old := [at for at, key in enumerate(lead.keys) if key in there]):
        return entry, None
    owner = there[lead.keys[old[0]]]
    if way.known is Known.SKIP or owner is None:
        return _without(entry, lead, [lead.numbers[at] for at in old], way), None
    new = [at for at in range(len(lead.numbers)) if at not in old]
    if way.known is Known.ADD:
        if not new:
            return _without(entry, lead, list(lead.numbers), way), None
        others = [lead.numbers[at] for at in new]
        revision = extended(owner, lead, others)
        added = {number for number, _ in revision.after["numbers"]} if revision else set()
        full = said(
            "lead {lead} takes no more numbers (it may have {most}), or has this one with another extension",
            lead=owner.id,
            most=MOST_NUMBERS,
        )
        kind = Kind.LEFT_OUT if revision else Kind.REFUSED
        left = [_flaw(entry, number, full, kind, way) for number in others if number not in added]
        return (row, None, [*flaws, *left]), revision
    revision = renewed(owner, lead, _says(entry, way))
    if revision is None:
        same = said("lead {lead} has these values already", lead=owner.id)
        return (row, None, [_flaw(entry, lead.numbers[old[0]], same, Kind.DUPLICATE, way)]), None
    why = said("it is not the number by which the lead is known: --known add takes such numbers")
    more = [_flaw(entry, lead.numbers[at], why, Kind.LEFT_OUT, way) for at in new]
    return (row, None, [*flaws, *more]), revision


def _says(entry: Entry, way: Way) -> frozenset[str]:
    said_ = told_by(entry[0], way.columns, way.reading)
    return said_ | {"zones"} if way.one_zone else said_


def _without(entry: Entry, lead: Lead, gone: Sequence[PhoneNumber], way: Way) -> Entry:
    """The row without these numbers; a duplicate where none is left."""
    row, _, flaws = entry
    left = tuple(number for number in lead.numbers if number not in gone)
    why = said("the number is in the campaign already")
    if left:
        more = [_flaw(entry, number, why, Kind.LEFT_OUT, way) for number in gone]
        extensions = {number: ext for number, ext in lead.extensions.items() if number in left}
        zones = zones_of_row(row, way.columns, left, way.reading)
        return row, replace(lead, numbers=left, extensions=extensions, zones=zones), [*flaws, *more]
    phones = {way.columns.names[at] for at in way.columns.of(Field.PHONE)}
    of_numbers = [flaw for flaw in flaws if flaw.column in phones]
    is_bad = any(way.reading.phones(cell).flaws for cell in _cells(entry, way).values() if cell.strip())
    kind = Kind.REFUSED if is_bad else Kind.DUPLICATE
    more = [_flaw(entry, number, why, kind, way) for number in gone]
    return row, None, [*(replace(flaw, kind=kind) for flaw in of_numbers), *more]


def _flaw(entry: Entry, number: PhoneNumber, why: Said, kind: Kind, way: Way) -> Flaw:
    """In the column in which the number stands."""
    its = (name for name, cell in _cells(entry, way).items() if number in way.reading.phones(cell).numbers)
    return Flaw(entry[0].line, next(its, way.columns.name(Field.PHONE)), number, why, kind)


def _cells(entry: Entry, way: Way) -> Mapping[str, str]:
    cells = entry[0].cells
    return {way.columns.names[at]: cells[at] for at in way.columns.of(Field.PHONE) if at < len(cells)}


# --- what a known lead gets -------------------------------------------------------------------------------


def renewed(lead: Lead, row: Lead, says: frozenset[str]) -> Revision | None:
    """What the row says of the person and the lead does not; an empty cell says nothing. None: no difference.

    Attempts, status, promises and the numbers themselves are never touched. `says`: which of priority and
    zones stand in the row, and are not worked out from its numbers.
    """
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name in WHOLE:
        was, value = _plain(getattr(lead, name)), _plain(getattr(row, name))
        if was != value and (value if name in TEXTS else name in says):
            before[name], after[name] = was, value
    own = {number: ext for number, ext in row.extensions.items() if number in lead.numbers}
    pairs: Sequence[tuple[str, Mapping[Any, str], Mapping[Any, str]]] = (
        ("extra", lead.extra, row.extra),
        ("extensions", lead.extensions, own),
    )
    for name, there, now in pairs:
        if changed := {key: value for key, value in now.items() if there.get(key) != value}:
            before[name], after[name] = {key: there.get(key) for key in changed}, changed
    return Revision(lead.id, before, after) if after else None


def extended(lead: Lead, row: Lead, new: Sequence[PhoneNumber]) -> Revision | None:
    """The row's numbers that are new, as far as a lead may have so many. None: it has none."""
    room = MOST_NUMBERS - len(lead.numbers)
    fitting = [number for number in new if number not in lead.numbers][: max(0, room)]
    if not fitting:
        return None
    added = [[number, row.extensions.get(number, "")] for number in fitting]
    return Revision(lead.id, {"numbers": []}, {"numbers": added})


def turned(
    lead: Lead, revision: Revision, *, back: bool = False, taken: frozenset[str] = frozenset()
) -> Lead:
    """The lead as the import makes it; `back`: as it was before.

    What somebody else has changed meanwhile stays. `taken`: keys that other leads have got meanwhile.
    """
    was, will = (revision.after, revision.before) if back else (revision.before, revision.after)
    changes: dict[str, Any] = {
        name: tuple(will[name]) if name == "zones" else will[name]
        for name in WHOLE
        if name in will and _plain(getattr(lead, name)) == was[name]
    }
    if "extra" in will:
        changes["extra"] = _pairs(lead.extra, was["extra"], will["extra"])
    after = replace(lead, **changes)
    if "extensions" in will:
        free = {n: e for n, e in will["extensions"].items() if key_of(n, e or "") not in taken}
        extensions = _pairs(lead.extensions, was["extensions"], free)
        own = {number: ext for number, ext in extensions.items() if number in lead.numbers}
        after = replace(after, extensions=own)
    if "numbers" not in revision.after:
        return after
    pairs = [(PhoneNumber(number), str(extension)) for number, extension in revision.after["numbers"]]
    return _shortened(after, pairs) if back else _lengthened(after, pairs, taken)


def _pairs(now: Mapping[Any, str], was: Mapping[Any, Any], will: Mapping[Any, Any]) -> dict[Any, str]:
    """Key by key; None: none."""
    changed = {key: value for key, value in will.items() if now.get(key) == was[key]}
    return {key: value for key, value in {**now, **changed}.items() if value is not None}


def _lengthened(lead: Lead, pairs: Sequence[tuple[PhoneNumber, str]], taken: frozenset[str]) -> Lead:
    fitting = [
        (number, extension)
        for number, extension in pairs
        if number not in lead.numbers and key_of(number, extension) not in taken
    ][: max(0, MOST_NUMBERS - len(lead.numbers))]
    extensions = {number: extension for number, extension in fitting if extension}
    numbers = lead.numbers + tuple(number for number, _ in fitting)
    return replace(lead, numbers=numbers, extensions={**lead.extensions, **extensions})


def _shortened(lead: Lead, pairs: Sequence[tuple[PhoneNumber, str]]) -> Lead:
    """Never without a number; the one that is next stays so, where it is still there."""
    gone = {number for number, extension in pairs if lead.extensions.get(number, "") == extension}
    left = tuple(number for number in lead.numbers if number not in gone)
    return renumbered(lead, replace(lead, numbers=left)) if left else lead


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
