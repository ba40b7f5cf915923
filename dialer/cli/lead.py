"""`dialer lead`: search a list, export it, and do one thing to all leads that are chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from dialer.adapters.clock import utc_now
from dialer.cli.campaign import find_campaign
from dialer.cli.exporting import Excel, To, Xlsx, tell_where, write
from dialer.cli.knobs import Knob, Read, one_of, whole, with_knobs
from dialer.cli.one_lead import change, why
from dialer.cli.records import by_office, past
from dialer.cli.screen import AsJson, print_json, print_table, say
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.choice import Choice
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.listwork import Act, Left
from dialer.domain.said import counted, listed, said, titled, word
from dialer.domain.types import LeadId, LeadStatus, Outcome
from dialer.office import exports
from dialer.office import lists as office
from dialer.ports.stores import Stores
from dialer.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Leads of a campaign: search, export, and work on many at once.")
PAGE = 1000
SHOWN = titled(
    "id", "numbers", "name", "company", "status", "attempts", "last_outcome", "next_at", "priority"
)


def _each(read: Read) -> Callable[[Sequence[str]], Any]:
    """Of an option that may be given several times."""
    return lambda texts: [read(text) for text in texts]


CampaignName = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="By name or id.", show_default=False)]
NARROWS = (
    Knob("search", "TEXT", "Words of name, company, ref or INN; any part of a number in any form."),
    Knob("statuses", "STATUS", f"{', '.join(LeadStatus)}.", _each(one_of(LeadStatus)), "status", many=True),
    Knob("outcomes", "OUTCOME", "Of the last attempt.", _each(one_of(Outcome)), "outcome", many=True),
    Knob("imports", "ID", "Of this import.", _each(whole), "import", many=True),
    Knob("leads", "ID", "This lead.", _each(whole), "lead", many=True),
    Knob(
        "last_since_at",
        "WHEN",
        "The last attempt ended at or after, or within: 2026-02-03, 1h.",
        past,
        "last_since",
    ),
    Knob(
        "last_before_at",
        "WHEN",
        "The last attempt ended before, or longer ago than: 2026-02-03, 1h.",
        past,
        "last_before",
    ),
    Knob("attempts_least", "N", "So many attempts or more.", whole),
    Knob("attempts_most", "N", "So many attempts or fewer.", whole),
)


async def _choice(settings: Settings, stores: Stores, campaign: str, given: Mapping[str, Any]) -> Choice:
    many = {name: frozenset(given.get(name, ())) for name in ("statuses", "outcomes", "imports")}
    alone = ("search", "attempts_least", "attempts_most")
    return Choice(
        (await find_campaign(stores, campaign)).id,
        **many,  # type: ignore[arg-type]  # each knob reads its own kind
        leads=frozenset(map(LeadId, given.get("leads", ()))),
        **{name: given[name] for name in alone if name in given},
        last_since_at=by_office(given.get("last_since_at"), settings),
        last_before_at=by_office(given.get("last_before_at"), settings),
    )


app.command("set")(change)
app.command("why")(why)


@app.command("list")
@with_knobs((*NARROWS, Knob("limit", "N", "At most this many, 100 if not said; the first.", whole)))
def list_leads(campaign: CampaignName, *, as_json: AsJson = False, given: Mapping[str, Any]) -> None:
    """List leads of a campaign, those that are sought."""
    limit = given.get("limit", 100)
    if not 1 <= limit <= PAGE:
        raise BadValue(said("--limit: take 1 to {most}", most=PAGE))

    async def work(settings: Settings, stores: Stores) -> Sequence[Lead]:
        return await office.find(await _choice(settings, stores, campaign, given), OWNER, stores, limit=limit)

    found = with_stores(work)
    if as_json:
        print_json(found)
        return
    print_table(SHOWN, map(_row, found), empty=said("There is no such lead."))


def _row(lead: Lead) -> tuple[object, ...]:
    outcome = word(lead.last_outcome) if lead.last_outcome else ""
    where = (lead.status.value, lead.attempts, outcome, lead.next_at, lead.priority)
    return (lead.id, lead.numbers, lead.name, lead.company, *where)


@app.command("export")
@with_knobs(NARROWS)
def export(
    campaign: CampaignName,
    *,
    to: To = None,
    excel: Excel = False,
    xlsx: Xlsx = None,
    given: Mapping[str, Any],
) -> None:
    """Write leads of a campaign to a file; a spreadsheet takes nothing in it for a formula."""

    async def work(settings: Settings, stores: Stores) -> int:
        made = await exports.of_leads(await _choice(settings, stores, campaign, given), OWNER, stores)
        return await write(made, settings, stores, to=to, excel=excel, xlsx=xlsx)

    tell_where(with_stores(work), xlsx or to)


@app.command("work")
@with_knobs(
    (
        *NARROWS,
        Knob("priority", "N", "For the act priority: -1000 to 1000.", whole),
        Knob("to", "CAMPAIGN", "For the act move."),
    )
)
def work_list(
    act: Annotated[str, typer.Argument(metavar="ACT", help=f"{', '.join(Act)}.", show_default=False)],
    campaign: CampaignName,
    *,
    whole_list: Annotated[bool, typer.Option("--whole-list", help="Nothing narrows it: all leads.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    as_json: AsJson = False,
    given: Mapping[str, Any],
) -> None:
    """Do one thing to all leads that are chosen; safe while the campaign runs."""
    try:
        which = one_of(Act)(act)
    except ValueError as flaw:
        raise BadValue(said("{act!r} {flaw}", act=act, flaw=str(flaw))) from None

    async def work(settings: Settings, stores: Stores) -> office.Worked:
        order = office.Order(
            which,
            await _choice(settings, stores, campaign, given),
            priority=given.get("priority"),
            to=(await find_campaign(stores, given["to"])).id if "to" in given else None,
            whole_list=whole_list,
        )
        told = office.Worked(next=0)
        while told.next is not None:
            some = await office.work(order, OWNER, stores, now=utc_now(), dry_run=dry_run, after=told.next)
            told = office.Worked(
                told.chosen + some.chosen,
                told.changed + some.changed,
                told.left_out + some.left_out,
                some.next,
            )
        return told

    told = with_stores(work)
    if as_json:
        print_json(told)
        return
    _tell(told, dry_run=dry_run)


def _tell(told: office.Worked, *, dry_run: bool) -> None:
    total = sum(told.chosen.values())
    if dry_run:
        say(
            counted(
                "{changed} of {n} lead would be changed; nothing is yet",
                "{changed} of {n} leads would be changed; nothing is yet",
                total,
                changed=told.changed,
            )
        )
    else:
        say(
            counted(
                "{changed} of {n} lead is changed",
                "{changed} of {n} leads are changed",
                total,
                changed=told.changed,
            )
        )
    if told.left_out:
        say(said("left out: {why}", why=listed(_reasons(told.left_out))))


def _reasons(left_out: Counter[Left]) -> list[str]:
    return [listed([word(why), str(n)], " ") for why, n in left_out.most_common()]
