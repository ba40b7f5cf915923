"""Abandoned calls over 24 hours and 30 days, against the ceiling."""

from __future__ import annotations

from dashboards.board import Board, Colour, Column, Kind, Panel, Query, Row, Step, Unit
from dashboards.terms import BY_CAMPAIGN, CAMPAIGN, CEILING, named, recorded, rising
from dialer.domain.said import said

LIMIT = f"max by (campaign) (dialer_campaign_ceiling_ratio{{{CAMPAIGN}}})"
SPENT = (Step(None, Colour.RED), Step(0, Colour.ORANGE), Step(1, Colour.GREEN))


def left(window: str) -> str:
    """Calls that may still be abandoned in the window; below zero the ceiling is passed."""
    return (
        f"{LIMIT} * on (campaign) campaign:dialer_answered_live:increase{window}"
        f" - on (campaign) campaign:dialer_abandoned:increase{window}"
    )


NOW = (
    Panel(
        Kind.STAT,
        said("Abandoned, 24 h"),
        said(
            "Of those who answered, the share that found no operator within 2 s. Orange from four fifths of"
            " 3 % on: docs/runbooks/abandon-budget.md."
        ),
        [Query(named("campaign:dialer_abandoned:share24h"), "{{name}}")],
        unit=Unit.SHARE,
        width=6,
        height=5,
        decimals=2,
        steps=CEILING,
    ),
    Panel(
        Kind.STAT,
        said("Abandoned, 30 days"),
        said("The same over 30 days, as far back as Prometheus remembers: it must keep 40 days for it."),
        [Query(named("campaign:dialer_abandoned:share30d"), "{{name}}")],
        unit=Unit.SHARE,
        width=6,
        height=5,
        decimals=2,
        steps=CEILING,
    ),
    Panel(
        Kind.STAT,
        said("May still be abandoned, 24 h"),
        said("Calls until the campaign's ceiling. Below zero: progressive mode until tomorrow, or a pause."),
        [Query(named(left("24h")), "{{name}}")],
        width=6,
        height=5,
        decimals=1,
        least=None,
        steps=SPENT,
    ),
    Panel(
        Kind.STAT,
        said("May still be abandoned, 30 days"),
        said("Calls until the campaign's ceiling over 30 days."),
        [Query(named(left("30d")), "{{name}}")],
        width=6,
        height=5,
        decimals=1,
        least=None,
        steps=SPENT,
    ),
)
COURSE = (
    Panel(
        Kind.LINES,
        said("Share abandoned, and the ceiling"),
        said("Both windows as they moved. It falls by answers that find an operator, and by time alone."),
        [
            Query(named("campaign:dialer_abandoned:share24h"), said("{{name}}: 24 h")),
            Query(named("campaign:dialer_abandoned:share30d"), said("{{name}}: 30 days")),
            Query(named(LIMIT), said("{{name}}: ceiling")),
        ],
        unit=Unit.SHARE,
        width=12,
        height=9,
        decimals=2,
        steps=CEILING,
    ),
    Panel(
        Kind.LINES,
        said("Abandoned, last hour"),
        said(
            "When it happened. One peak: a link, a phone or a break of the whole team; all day long: pacing."
        ),
        [Query(named("campaign:dialer_abandoned:increase1h"), "{{name}}")],
        width=6,
        height=9,
        decimals=0,
        bars=True,
        leads_to="pacing",
    ),
    Panel(
        Kind.LINES,
        said("From the answer to an operator, p99"),
        said(
            "Of the last hour. Milliseconds are well; over 0.5 s people hang up before they hear anybody:"
            " docs/runbooks/bridge-slow.md."
        ),
        [Query(named("campaign:dialer_answer_to_bridge_seconds:p99_1h"), "{{name}}")],
        unit=Unit.SECONDS,
        width=6,
        height=9,
        steps=rising(0.5, 2),
        leads_to="health",
    ),
)
BOOK = Panel(
    Kind.TABLE,
    said("Campaign by campaign"),
    said(
        "Counters of Prometheus, for the watch. What an inspector is shown are the records: `dialer cdr list"
        " --outcome abandoned`."
    ),
    [
        Query(f"max by (campaign, name) (dialer_campaign_info{{{CAMPAIGN}}})"),
        Query(LIMIT),
        Query(recorded("campaign:dialer_answered_live:increase24h")),
        Query(recorded("campaign:dialer_abandoned:increase24h")),
        Query(recorded("campaign:dialer_abandoned:share24h")),
        Query(recorded("campaign:dialer_answered_live:increase30d")),
        Query(recorded("campaign:dialer_abandoned:increase30d")),
        Query(recorded("campaign:dialer_abandoned:share30d")),
    ],
    width=24,
    height=8,
    columns=(
        Column("name", said("Campaign")),
        Column("#1", said("Ceiling"), Unit.SHARE, 1),
        Column("#2", said("Answered, 24 h"), decimals=0),
        Column("#3", said("Abandoned, 24 h"), decimals=0),
        Column("#4", said("Share, 24 h"), Unit.SHARE, 2, CEILING),
        Column("#5", said("Answered, 30 days"), decimals=0),
        Column("#6", said("Abandoned, 30 days"), decimals=0),
        Column("#7", said("Share, 30 days"), Unit.SHARE, 2, CEILING),
    ),
)
BOARD = Board(
    "abandoned",
    said("Obzvon: abandoned calls"),
    said("People who answered and found nobody, over 24 hours and 30 days, against the campaign's ceiling."),
    (BY_CAMPAIGN,),
    (
        Row(said("Now"), NOW),
        Row(said("How it came"), COURSE),
        Row(said("In figures"), (BOOK,)),
    ),
    since="now-24h",
    refresh="1m",
)
