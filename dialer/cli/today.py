"""`dialer today`: a day by operator and by campaign, from the database: the service need not run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from dialer.adapters.clock import utc_now
from dialer.cli.records import day_in
from dialer.cli.screen import AsJson, clock, print_json, print_table, say
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.days import told_day
from dialer.domain.errors import BadValue
from dialer.domain.operators import State
from dialer.domain.said import Said, listed, said, titled, word
from dialer.domain.today import AT_LEAST_S, Line
from dialer.office import figures
from dialer.office.figures import OperatorDay
from dialer.ports.stores import Stores
from dialer.settings import Settings, office_zone

SHOWN = (State.READY, State.TALKING, State.WRAP_UP, State.PAUSED)
LONGEST_TALK_S = 86_400.0


def today(
    day: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="By the office's clock; today if not said.")
    ] = "",
    at_least: Annotated[
        float, typer.Option(metavar="SECONDS", help="Count talks of at least this length.")
    ] = AT_LEAST_S,
    as_json: AsJson = False,
) -> None:
    """Show a day by operator and by campaign."""
    if not 0 <= at_least <= LONGEST_TALK_S:
        raise BadValue(said("--at-least: take 0 to {most:g} seconds", most=LONGEST_TALK_S))

    async def work(settings: Settings, stores: Stores) -> figures.Today:
        which, zone = day_in(day, settings), office_zone(settings)
        return await figures.today(which, OWNER, stores, zone=zone, at_least_s=at_least, now=utc_now())

    told = with_stores(work)
    if as_json:
        print_json(told)
        return
    say(said("{day}: {n} calls, {live} answered", day=told_day(told.day), n=told.total.calls,
             live=told.total.live))  # fmt: skip
    if not told.operators:
        return
    long = said("{n:g} s and more", n=at_least)
    figured = [*titled("calls", "answered"), long, *titled("air time")]
    hours = [*titled("shift", "at work"), *(word(state) for state in SHOWN), *titled("occupancy")]
    outcomes = titled("outcomes")
    say("")
    print_table(
        [*titled("operator", "name"), *figured, *hours, *outcomes],
        [
            (one.operator or "-", one.name or _nobody(one), *_figures(one.line), *_hours(one),
             _outcomes(one.line))
            for one in told.operators
        ],
    )  # fmt: skip
    say("")
    print_table(
        [*titled("campaign", "name"), *figured, *outcomes],
        [(one.campaign, one.name, *_figures(one.line), _outcomes(one.line)) for one in told.campaigns]
        + [("", said("all"), *_figures(told.total), _outcomes(told.total))],
    )


def _nobody(one: OperatorDay) -> str:
    return "" if one.operator else said("no operator had them")


def _figures(line: Line) -> Sequence[object]:
    return (line.calls, line.live, line.long, clock(line.talk_s))


def _hours(one: OperatorDay) -> Sequence[object]:
    if not one.operator:
        return ("",) * (len(SHOWN) + 3)
    busy = "" if one.occupancy is None else f"{one.occupancy:.0%}"
    here = (clock(one.logged_in_s), clock(one.worked_s))
    return (*here, *(clock(one.states.get(state, 0.0)) for state in SHOWN), busy)


def _outcomes(line: Line) -> Said:
    return listed(said("{what} {n}", what=word(outcome), n=n) for outcome, n in line.outcomes.items())
