"""`dialer explain`, `check`, `cdr`: why it dials or does not, and whether the figures are right."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any

import typer

from dialer.adapters.clock import utc_now
from dialer.cli.api import ask
from dialer.cli.campaign import find_campaign
from dialer.cli.environment import load_settings
from dialer.cli.knobs import Knob, length, whole, with_knobs
from dialer.cli.screen import AsJson, print_json, print_pairs, print_table, say
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.cdr import Cdr
from dialer.domain.days import begins_at, day_of, read_day, read_instant, span_of, told_day
from dialer.domain.errors import BadValue, Mistake
from dialer.domain.explain import Standing
from dialer.domain.said import Said, counted, listed, said, titled, word
from dialer.domain.types import OperatorId, Outcome
from dialer.office import records as office
from dialer.ports.stores import CdrQuery, Stores
from dialer.settings import Settings, office_zone

LOOKS = (
    4  # live sums may be off by the closings of the last second: looked at again before they are called wrong
)
LOOK_AGAIN_S = 1.0
FIGURES = ("attempts", "answered", "connected", "abandoned", "talk_s", "duration_s")
GATES = {
    str(name): name
    for name in titled(
        "status", "settings", "law", "link", "trunk", "schedule", "operators", "cap", "lists", "leads",
        "pacing", "list", "lead", "number", "dnc", "attempts", "hours", "rest", "turn", context="gate",
    )
}  # fmt: skip
SAME = 1e-3  # seconds; sums of floats

app = typer.Typer(no_args_is_help=True, help="Records of attempts.")


# --- explain ----------------------------------------------------------------------------------------------


def explain(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="By name or id.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Say why a campaign dials, or why nothing is being dialled: each gate, and when it opens."""

    async def work(settings: Settings, stores: Stores) -> Any:
        one = await find_campaign(stores, campaign)
        asking = settings.model_copy(update={"language": "en"}) if as_json else settings
        told = await ask(asking, "GET", f"/v1/campaigns/{one.id}/explain")
        return told | {"depth": await ask(asking, "GET", f"/v1/campaigns/{one.id}/depth")}

    told = with_stores(work)
    if as_json:
        print_json(told)
        return
    say(told["summary"])
    print_gates(told["gates"])
    if told["held_back"]:
        say(said("leads held back by:"))
        print_pairs((_held(why), count) for why, count in told["held_back"].items())
    say(told["depth"]["sentence"])


def print_gates(gates: Sequence[Mapping[str, Any]]) -> None:
    """Each with what it says and when it opens."""
    rows = [
        (_door(gate["is_open"]), _gate(gate["name"]), gate["value"], _local(gate["opens_at"]))
        for gate in gates
    ]
    print_table(titled("", "gate", "now", "opens"), rows)


def _gate(name: str) -> str:
    """A way out is called by its own name after the word."""
    what, _, which = name.partition(" ")
    return listed([GATES.get(what, what), which], " ") if which else GATES.get(what, what)


def _door(is_open: bool) -> Said:
    return said("open") if is_open else said("CLOSED")


def _held(why: str) -> str:
    return word(Standing(why)) if why in set(Standing) else why


def _local(instant: str | None) -> datetime | None:
    return datetime.fromisoformat(instant) if instant else None


# --- check ------------------------------------------------------------------------------------------------


def check(
    day: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="By the office's clock; today if not said.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Prove that the live sums of a day equal the records; exit code 1 with the differences if not."""
    settings = load_settings()
    which = day_in(day, settings)
    wrong, rows = asyncio.run(compare(settings, which))
    if as_json:
        print_json({"day": which.isoformat(), "rows": rows, "differences": wrong})
    else:
        names = titled("operator", "campaign", "figure", "live", "recorded")
        if wrong:
            print_table(names, [tuple(one[name] for name in names) for one in wrong])
    if wrong:
        raise Mistake(
            counted(
                "{n} live figure of {day} differs from the records",
                "{n} live figures of {day} differ from the records",
                len(wrong),
                day=told_day(which),
            )
        )
    if not as_json:
        say(
            counted(
                "the live sums of {day} equal the records ({n} row)",
                "the live sums of {day} equal the records ({n} rows)",
                rows,
                day=told_day(which),
            )
        )


async def compare(settings: Settings, day: date) -> tuple[list[dict[str, Any]], int]:
    """The differences of a day, after they had time to go away, and the number of rows."""
    since_at, until_at = span_of(day, office_zone(settings))
    span = {"since_at": since_at.isoformat(), "until_at": until_at.isoformat()}
    wrong: list[dict[str, Any]] = []
    rows = 0
    for look in range(LOOKS):
        if look:
            await asyncio.sleep(LOOK_AGAIN_S)
        live = await ask(settings, "GET", "/v1/tallies", query={"day": day.isoformat()})
        recorded = await ask(settings, "GET", "/v1/tallies/recorded", query=span)
        wrong, rows = differences(live["rows"], recorded["rows"]), len(recorded["rows"])
        if not wrong:
            break
    return wrong, rows


def differences(live: list[dict[str, Any]], recorded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each figure that is not the same in both."""
    theirs, ours = _by_key(recorded), _by_key(live)
    found = []
    for key in sorted(theirs.keys() | ours.keys()):
        for figure in FIGURES:
            a, b = ours.get(key, {}).get(figure, 0), theirs.get(key, {}).get(figure, 0)
            if abs(a - b) > SAME:
                operator, campaign = key
                found.append(
                    {"operator": operator, "campaign": campaign, "figure": figure, "live": a, "recorded": b}
                )
    return found


def _by_key(rows: list[dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    return {(row["operator"] or "", row["campaign"]): row for row in rows}


def day_in(text: str, settings: Settings) -> date:
    """What `--day` names; the office's today if nothing was said."""
    try:
        return read_day(text) if text else day_of(utc_now(), office_zone(settings))
    except ValueError:
        raise BadValue(said("--day {text!r} is not a day, such as 2026-02-03", text=text)) from None


# --- cdr --------------------------------------------------------------------------------------------------


def instant(text: str) -> datetime:
    """`2026-02-03`, `2026-02-03T10:00`, `03.02.2026 10:00`: by the office's clock unless it names a zone."""
    try:
        return read_instant(text)
    except ValueError:
        raise ValueError(
            said("is not a day or an instant, such as 2026-02-03 or 2026-02-03T10:00+03:00")
        ) from None


def past(text: str) -> datetime:
    """As `instant`, or so long ago: `90m`, `1h`, `2d`."""
    if text.strip()[-1:].isalpha():
        with suppress(ValueError, OverflowError):
            return utc_now() - length(text)
    try:
        return instant(text)
    except ValueError:
        raise ValueError(
            said("is not a day, an instant or so long ago, such as 2026-02-03, 2026-02-03T10:00+03:00 or 1h")
        ) from None


def by_office(at: datetime | None, settings: Settings) -> datetime | None:
    """The instant by the office's clock where it names no zone."""
    return at.replace(tzinfo=office_zone(settings)) if at is not None and at.tzinfo is None else at


KNOBS = (
    Knob("campaign", "NAME", "Of this campaign."),
    Knob("operator", "ID", "Of this operator."),
    Knob("outcome", "OUTCOME", f"{', '.join(Outcome)}."),
    Knob(
        "since_at", "WHEN", "Dialled at or after, or so long ago: 1h, 2d; today if not said.", past, "since"
    ),
    Knob("until_at", "WHEN", "Dialled before, or more than so long ago.", past, "until"),
    Knob("limit", "N", "At most this many, 100 if not said; the first of them.", whole),
)


@app.command("list")
@with_knobs(KNOBS)
def list_cdrs(*, as_json: AsJson = False, given: Mapping[str, Any]) -> None:
    """List closed attempts in the order in which they were dialled."""
    if given.get("outcome", Outcome.BUSY) not in set(Outcome):
        raise BadValue(
            said(
                "--outcome {outcome!r}: take one of {outcomes}",
                outcome=given["outcome"],
                outcomes=", ".join(Outcome),
            )
        )
    if not 1 <= given.get("limit", 1) <= 100_000:
        raise BadValue(said("--limit: take 1 to 100000"))

    async def work(settings: Settings, stores: Stores) -> Any:
        today = begins_at(day_in("", settings), office_zone(settings))

        def _at(name: str) -> datetime | None:
            return by_office(given.get(name), settings)

        campaign = (await find_campaign(stores, given["campaign"])).id if "campaign" in given else None
        query = CdrQuery(
            campaign=campaign,
            operator=OperatorId(given["operator"]) if "operator" in given else None,
            outcome=given.get("outcome", ""),
            since_at=_at("since_at") or today,
            until_at=_at("until_at"),
            limit=given.get("limit", 100),
        )
        return await office.search(query, OWNER, stores)

    found = with_stores(work)
    if as_json:
        print_json(found)
        return
    _print_records(found)


def _print_records(found: Sequence[Cdr]) -> None:
    names = titled(
        "id",
        "dialled_at",
        "number",
        "trunk",
        "outcome",
        "ring_s",
        "wait_s",
        "talk_s",
        "operator",
        "disposition",
        "cause",
        "sip_code",
    )
    print_table(
        names,
        [tuple(getattr(one, name) for name in names) for one in found],
        empty=said("There are no records."),
    )
