"""`dialer lead set`, `lead why`: one lead, corrected, and why it is not called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from dialer.cli.api import ask_now
from dialer.cli.environment import load_settings
from dialer.cli.knobs import Knob, phone, whole, with_knobs
from dialer.cli.later import checker, zone_named, zones_of
from dialer.cli.records import by_office, instant, print_gates
from dialer.cli.screen import AsJson, print_json, say
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.said import said
from dialer.domain.types import LeadId, PhoneNumber
from dialer.office import leads
from dialer.office import lists as office
from dialer.ports.stores import Stores
from dialer.settings import Settings, dial_rules

LeadArgument = Annotated[int, typer.Argument(metavar="ID", help="Of the lead.", show_default=False)]
OWN_FIELDS = ("name", "company", "inn", "email", "ref")
EXTENSION = "#"


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    """`name=Anna`, `city=Omsk`; an empty value takes a column away."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise ValueError(said("is not written as NAME=VALUE"))
        found[name.strip()] = value.strip()
    return found


def _zone(texts: Sequence[str]) -> tuple[str, ...]:
    """As people write them: Europe/Moscow, UTC+3, Омск."""
    zones = []
    for text in texts:
        if (zone := zone_named(text)) is None:
            raise ValueError(said("there is no such time zone: write it as Europe/Moscow or UTC+3"))
        zones.append(zone)
    return tuple(dict.fromkeys(zones))


def _next(text: str) -> datetime | None:
    return None if text == "now" else instant(text)


KNOBS = (
    Knob("phones", "NUMBER", "In any form, with #214 for an extension; several: all its numbers, in order.",
         list, "phone", many=True),
    Knob("zones", "ZONE", "Europe/Moscow, UTC+3, Омск.", _zone, "zone", many=True),
    Knob("fields", "NAME=VALUE", f"{', '.join(OWN_FIELDS)}, or any other column; empty: taken away.",
         _pairs, "field", many=True),
    Knob("priority", "N", "Higher is called first: -1000 to 1000.", whole),
    Knob("next_at", "WHEN|now", "When it is called next, by the office's clock unless it names a zone.",
         lambda text: (_next(text),), "next"),
)  # fmt: skip


@with_knobs(KNOBS)
def change(lead: LeadArgument, *, as_json: AsJson = False, given: Mapping[str, Any]) -> None:
    """Correct a lead: numbers, zone, fields, priority, next call; refused while it is in a call."""
    if not given:
        raise BadValue(said("say what to change: `dialer lead set --help` lists it"))

    async def work(settings: Settings, stores: Stores) -> Lead:
        row = await leads.one(LeadId(lead), OWNER, stores)
        changes = _changes(row, given, settings)
        return await office.edit(
            row.id,
            changes,
            {"extra": row.extra} if "extra" in changes else {},  # worked out from what it was
            OWNER,
            stores,
            check_number=checker(dial_rules(settings)),
            zones_of=zones_of,
        )

    told = with_stores(work)
    if as_json:
        print_json(told)
    else:
        say(said("lead {lead} is changed", lead=lead))


def _changes(row: Lead, given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """By the fields of a lead."""
    changes = {name: given[name] for name in ("zones", "priority") if name in given}
    if "phones" in given:
        changes |= _numbers(given["phones"], settings)
    fields = given.get("fields", {})
    changes |= {name: value for name, value in fields.items() if name in OWN_FIELDS}
    if others := {name: value for name, value in fields.items() if name not in OWN_FIELDS}:
        extra = {**row.extra, **others}
        changes["extra"] = {name: value for name, value in extra.items() if value}
    if "next_at" in given:
        (at,) = given["next_at"]
        changes["next_at"] = by_office(at, settings)
    return changes


def _numbers(texts: Sequence[str], settings: Settings) -> dict[str, Any]:
    extensions: dict[PhoneNumber, str] = {}
    numbers = []
    for text in texts:
        bare, _, extension = text.partition(EXTENSION)
        numbers.append(number := phone("--phone", bare, settings))
        if extension:
            extensions[number] = extension.strip()
    return {"numbers": tuple(dict.fromkeys(numbers)), "extensions": extensions}


def why(lead: LeadArgument, *, as_json: AsJson = False) -> None:
    """Say why a lead is not called: each condition, when it opens, and what opens it."""
    settings = load_settings()
    asking = settings.model_copy(update={"language": "en"}) if as_json else settings
    told = ask_now(asking, "GET", f"/v1/leads/{lead}/why")
    if as_json:
        print_json(told)
        return
    say(told["summary"])
    print_gates(told["reasons"])
