"""The floor as it is now: for the supervisor's wall."""

from __future__ import annotations

from dashboards.board import Board, Colour, Column, Kind, Look, Panel, Query, Row, Step, Unit
from dashboards.terms import (
    AT_WORK,
    BY_CAMPAIGN,
    BY_CELL,
    CAMPAIGN,
    CEILING,
    CELL,
    IN_FLIGHT,
    any_of,
    falling,
    named,
    of_chosen,
    recorded,
    rising,
)
from dialer.domain.call import State
from dialer.domain.operators import State as At
from dialer.domain.said import said, word
from dialer.domain.types import CampaignStatus, Mode

NOW = (
    Panel(
        Kind.STAT,
        said("Operators by state"),
        said("Who is at work, and at what. Many in pause or in wrap-up while calls wait: speak to them."),
        [Query(f'sum by (state) (dialer_operators{{{CELL}, state!="offline"}})', "{{state}}")],
        width=12,
        height=5,
        looks=AT_WORK,
        leads_to="operators",
    ),
    Panel(
        Kind.STAT,
        said("Ready longest"),
        said(
            "How long the operator who waits longest has been ready. Minutes of it mean that too little is"
            " dialled: the board of pacing says what keeps it back."
        ),
        [Query(f"max(time() - dialer_operator_since_seconds{{{CELL}, {any_of([At.READY])}}}) or vector(0)")],
        unit=Unit.SECONDS,
        width=4,
        height=5,
        decimals=0,
        steps=rising(60, 180),
        leads_to="pacing",
    ),
    Panel(
        Kind.STAT,
        said("Occupancy, 1 h"),
        said(
            "Talk and wrap-up as a share of the time at work, pauses apart. Under 60 % people wait too much;"
            " over 90 % they tire."
        ),
        [Query(f"avg(cell:dialer_occupancy:ratio1h{{{CELL}}})")],
        unit=Unit.SHARE,
        width=4,
        height=5,
        decimals=0,
        most=1,
        steps=(*falling(0.3, 0.6), Step(0.9, Colour.ORANGE)),
        leads_to="operators",
    ),
    Panel(
        Kind.STAT,
        said("Abandoned, 24 h"),
        said(
            "People who answered and found no operator in time, as a share of all who answered. The ceiling"
            " is 3 % or less: docs/runbooks/abandon-budget.md."
        ),
        [Query(named("campaign:dialer_abandoned:share24h"), "{{name}}")],
        unit=Unit.SHARE,
        width=4,
        height=5,
        decimals=1,
        steps=CEILING,
        leads_to="abandoned",
    ),
)
PEOPLE = Panel(
    Kind.TABLE,
    said("Operators now"),
    said(
        "State of each operator and since when. Connecting or reserved for over three minutes is a fault:"
        " docs/runbooks/operator-stuck.md."
    ),
    [Query(f'sum by (operator, state) (time() - dialer_operator_since_seconds{{{CELL}, state!="offline"}})')],
    width=8,
    height=13,
    columns=(
        Column("operator", said("Operator")),
        Column("state", said("State"), looks=AT_WORK),
        Column("#0", said("For"), Unit.CLOCK, 0),
    ),
    leads_to="operators",
)
CALLS = Panel(
    Kind.LINES,
    said("Calls in flight"),
    said(
        "What is dialled, rings and talks. Orange waits for an operator, red hears the message: a moment of"
        " either is in order, a band is not."
    ),
    [
        Query(
            f"sum by (state) (dialer_calls{{{CELL}, {any_of(State(one) for one in IN_FLIGHT)}}})", "{{state}}"
        )
    ],
    width=16,
    height=7,
    decimals=0,
    stacked=True,
    looks=IN_FLIGHT,
)
MINUTE = Panel(
    Kind.LINES,
    said("Each minute"),
    said("Dialled, answered, connected, abandoned in the last minute, all chosen campaigns together."),
    [
        Query(of_chosen("campaign:dialer_originated:increase1m"), said("dialled")),
        Query(of_chosen("campaign:dialer_answered_live:increase1m"), said("answered")),
        Query(of_chosen("campaign:dialer_connected:increase1m"), said("connected")),
        Query(of_chosen("campaign:dialer_abandoned:increase1m"), said("abandoned")),
    ],
    width=16,
    height=6,
    decimals=0,
)
HOUR = Panel(
    Kind.TABLE,
    said("Campaigns, last hour"),
    said(
        "A campaign with leads to call and ready operators that dials nothing wants a look:"
        " docs/howto/when-nothing-is-dialled.md."
    ),
    [
        Query(f"max by (campaign, name, mode, status) (dialer_campaign_info{{{CAMPAIGN}}})"),
        Query(f'sum by (campaign) (dialer_leads{{{CAMPAIGN}, status=~"new|retry_due|leased"}})'),
        Query(f"sum by (campaign) (dialer_ready_operators{{{CAMPAIGN}}})"),
        Query(recorded("campaign:dialer_originated:increase1h")),
        Query(recorded("campaign:dialer_answered_live:increase1h")),
        Query(recorded("campaign:dialer_connected:increase1h")),
        Query(recorded("campaign:dialer_abandoned:share1h")),
        Query(recorded("campaign:dialer_air_seconds:increase1h")),
    ],
    width=24,
    height=7,
    columns=(
        Column("name", said("Campaign")),
        Column("mode", said("Mode"), looks={str(mode): Look(word(mode)) for mode in Mode}),
        Column("status", said("Status"), looks={str(one): Look(word(one)) for one in CampaignStatus}),
        Column("#1", said("Leads to call"), decimals=0),
        Column("#2", said("Ready operators"), decimals=0),
        Column("#3", said("Dialled"), decimals=0),
        Column("#4", said("Answered"), decimals=0),
        Column("#5", said("Connected"), decimals=0),
        Column("#6", said("Abandoned"), Unit.SHARE, 1, CEILING),
        Column("#7", said("Air time"), Unit.CLOCK, 0),
    ),
    leads_to="pacing",
)
BOARD = Board(
    "floor",
    said("Obzvon: the floor now"),
    said("Operators, calls and campaigns as they are at this moment: for the supervisor's wall."),
    (BY_CELL, BY_CAMPAIGN),
    (
        Row(said("Now"), NOW),
        Row(said("People and calls"), (PEOPLE, CALLS, MINUTE)),
        Row(said("Campaigns"), (HOUR,)),
    ),
    since="now-1h",
    refresh="5s",
)
