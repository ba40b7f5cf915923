"""The catalogues in dialer/locales, made of the sentences in the code and on Grafana's boards."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

import typer
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from dialer.adapters.doctor import finding
from dialer.adapters.languages import LOCALES
from dialer.adapters.numbering import COUNTRY
from dialer.cli.framework import HELP, TEXTS
from dialer.cli.main import app
from dialer.cli.verbs import VERBS
from dialer.domain import call, explain, listing, listwork, operators, outlook, shifts, spending
from dialer.domain.said import context_of
from dialer.domain.types import (
    CampaignStatus,
    Direction,
    EndedBy,
    Language,
    LeadStatus,
    LegKind,
    Mode,
    Outcome,
    PhoneKind,
    Purpose,
)
from tools.cldr import country_names

ROOT = LOCALES.parents[1]
ROOMS = ("dialer", "asterisk_conf", "dashboards")
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)  # always the same, so that the same sentences give the same file
KEYWORDS = {"said": (1,), "counted": (1, 2), "refuse": (2,), "_setting": (1,)}
TITLED, COLUMN = "titled", "column"  # the function, and the context that it gives unless it names one
RUSSIAN_FORMS = 3  # 1 лид, 2 лида, 5 лидов
GAPS: dict[type[StrEnum], str] = {operators.State: "-"}  # what English has for "_"; a space elsewhere
WORDS = (
    finding.Level,
    operators.State,
    operators.LegState,
    call.State,
    explain.Standing,
    listing.Kind,
    listwork.Left,
    outlook.When,
    CampaignStatus,
    Direction,
    EndedBy,
    Language,
    LeadStatus,
    LegKind,
    Mode,
    Outcome,
    PhoneKind,
    Purpose,
    spending.SideKind,
)
REASON = "reason"  # of a pause, or of being offline: those that the product itself gives
REASONS = (
    shifts.LOGIN,
    shifts.MISSED,
    shifts.PHONE_LOST,
    shifts.NO_SOUND,
    shifts.NO_ANSWER,
    operators.NO_KEY,
    shifts.NOT_REGISTERED,
    shifts.FAILED,
    shifts.NOT_CALLABLE,
    shifts.PHONE_CHANGED,
    shifts.FORWARDED,
    shifts.HUNG_UP,
    shifts.WRAP_UP_OVER,
    shifts.SWITCH_LOST,
    shifts.LOGOUT,
)


def template() -> Catalog:
    """Every sentence of the code, untranslated."""
    found = _new(None)
    for room in ROOMS:
        spoken = extract_from_dir(ROOT / room, [("**.py", "python")], keywords=KEYWORDS)
        for file, _, message, _, context in spoken:
            found.add(message, locations=[(f"{room}/{file}", 0)], context=context)
    for name, file, where in _titles():
        found.add(name, locations=[(file, 0)], context=where)
    for kind in WORDS:
        for one in kind:
            found.add(one.replace("_", GAPS.get(kind, " ")), context=context_of(kind))
    for text in sorted(helps(typer.main.get_command(app))):
        found.add(text, locations=[("dialer/cli", 0)], context=HELP)
    for reason in REASONS:
        found.add(reason, context=REASON)
    for name in country_names(Language.EN):
        found.add(name, context=COUNTRY)
    return found


def path_of(language: Language, suffix: str = ".po") -> Path:
    return LOCALES / f"{language}{suffix}"


def read(language: Language) -> Catalog:
    """The catalogue as it is on disk."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def updated(language: Language) -> Catalog:
    """With every sentence of the code: translations are kept. Of English, what is not as its key."""
    made = _new(language)
    known = read(language) if path_of(language).exists() else made
    for message in template():
        if message.id and (language is not Language.EN or _differs(message)):
            was = known.get(message.id if isinstance(message.id, str) else message.id[0], message.context)
            made.add(
                message.id,
                _translation(language, message, was),
                locations=message.locations,
                context=message.context,
            )
    return made


def _differs(message: Message) -> bool:
    return message.context == REASON and "_" in message.id


def helps(command: Any) -> Iterator[str]:
    """All that the help of the verbs says."""
    for thing in (command, *command.params):
        for name in TEXTS:
            if text := getattr(thing, name, None):
                yield str(text)
    yield from filter(None, (verb.line for verb in VERBS.values()))
    for one in getattr(command, "commands", {}).values():
        if not one.hidden:
            yield from helps(one)


def _translation(language: Language, message: Message, was: Message | None) -> str | tuple[str, ...]:
    if language is Language.EN:
        return str(message.id).replace("_", " ")
    if message.context == COUNTRY:
        return country_names(language)[str(message.id)]
    told = texts(was.string) if was is not None else ()
    if isinstance(message.id, str):
        return told[0] if len(told) == 1 else ""
    return told if len(told) == RUSSIAN_FORMS else ("",) * RUSSIAN_FORMS


def compiled(catalogue: Catalog) -> bytes:
    """As gettext reads it."""
    buffer = BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def written(catalogue: Catalog) -> bytes:
    """As people read it."""
    buffer = BytesIO()
    write_po(buffer, catalogue, width=100, include_lineno=False, sort_output=True)
    return buffer.getvalue()


def _new(language: Language | None) -> Catalog:
    return Catalog(
        locale=language,
        project="Obzvon",
        version="1",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        header_comment="# Obzvon: what people read. `make words` takes new sentences in and compiles.",
        creation_date=MADE_AT,
        revision_date=MADE_AT,
        fuzzy=False,
    )


def texts(message: str | Sequence[str] | None) -> tuple[str, ...]:
    """Its forms: one, or one for each plural."""
    return (message,) if isinstance(message, str) else tuple(message or ())


def _titles() -> Iterator[tuple[str, str, str]]:
    """Name, file and context of every argument of `titled`."""
    for path in sorted((ROOT / "dialer").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == TITLED:
                named = {one.arg: ast.literal_eval(one.value) for one in node.keywords}
                for one in node.args:
                    if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value:
                        yield one.value, str(path.relative_to(ROOT)), named.get("context", COLUMN)


def main() -> None:
    """Takes new sentences in and compiles; exit code 1 while a translation is missing."""
    missing = 0
    for language in Language:
        catalogue = updated(language)
        path_of(language).write_bytes(written(catalogue))
        path_of(language, ".mo").write_bytes(compiled(catalogue))
        empty = [one for one in catalogue if one.id and not all(texts(one.string))]
        missing += len(empty)
        sys.stdout.write(
            f"{path_of(language)}: {len(catalogue)} sentences, {len(empty)} without translation\n"
        )
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
