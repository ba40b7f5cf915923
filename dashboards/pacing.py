"""A campaign and its pacing: what was foreseen, what came, and what keeps dialing back."""

from __future__ import annotations

from dashboards.board import Board, Colour, Kind, Look, Panel, Query, Row, Step, Unit
from dashboards.terms import BY_CAMPAIGN, CAMPAIGN, CEILING, OUTCOMES, named, quantile
from dialer.domain.said import said

LIMITS = {
    "operators": Look(said("no operator free"), Colour.GREEN),
    "risk": Look(said("the risk is too high"), Colour.BLUE),
    "leads": Look(said("no lead is due"), Colour.YELLOW),
    "lines": Look(said("no line or calls per second left"), Colour.ORANGE),
    "cap": Look(said("the campaign's own cap"), Colour.PURPLE),
    "off": Look(said("not running"), Colour.GREY),
}
GATES = {
    "status": Look(said("campaign stopped meanwhile")),
    "list": Look(said("list paused meanwhile")),
    "law": Look(said("law")),
    "number": Look(said("number or trunk's prefixes")),
    "dnc": Look(said("do-not-call list")),
    "attempts": Look(said("out of attempts")),
    "hours": Look(said("calling hours")),
    "rest": Look(said("rest of the number")),
}
LEADS = {
    "new": Look(said("new"), Colour.BLUE),
    "retry_due": Look(said("to be tried again, due"), Colour.PURPLE),
    "retry_later": Look(said("to be tried again, later"), Colour.GREY),
    "paused": Look(said("in a paused list"), Colour.GREY),
    "leased": Look(said("at hand or in a call"), Colour.YELLOW),
    "done": Look(said("done"), Colour.GREEN),
    "exhausted": Look(said("out of attempts"), Colour.ORANGE),
    "excluded": Look(said("excluded"), Colour.RED),
}


def summed(metric: str) -> str:
    """Over cells, by campaign."""
    return named(f"sum by (campaign) ({metric}{{{CAMPAIGN}}})")


def risen(metric: str, window: str = "1h") -> str:
    """How much a counter rose, by campaign."""
    return f"sum by (campaign) (increase({metric}{{{CAMPAIGN}}}[{window}]))"


def share(of: str, to: str) -> str:
    """Of two counters over an hour, where there is something to divide by."""
    return named(f"{risen(of)} / ({risen(to)} > 0)")


NOW = (
    Panel(
        Kind.LINES,
        said("Forecast: answers and free operators"),
        said(
            "What the last decision expected within its horizon. Answers keep a little under operators: the"
            " distance is the caution that the ceiling asks for."
        ),
        [
            Query(summed("dialer_forecast_answers"), said("{{name}}: answers")),
            Query(summed("dialer_forecast_free_operators"), said("{{name}}: operators free")),
        ],
        decimals=1,
    ),
    Panel(
        Kind.LINES,
        said("Risk and its price"),
        said(
            "The chance that one line more finds nobody, and how much of it is allowed. Over the price no"
            " more is dialled; a price near zero means that the budget is spent."
        ),
        [
            Query(named(f"max by (campaign) (dialer_pacing_risk{{{CAMPAIGN}}})"), said("{{name}}: risk")),
            Query(named(f"max by (campaign) (dialer_pacing_price{{{CAMPAIGN}}})"), said("{{name}}: price")),
        ],
        unit=Unit.SHARE,
        decimals=1,
    ),
    Panel(
        Kind.LINES,
        said("Abandon budget"),
        said(
            "Calls that may still be abandoned at the share aimed at. Below zero pacing only lets safe calls"
            " out until answers have made up for it: docs/runbooks/abandon-budget.md."
        ),
        [Query(named(f"min by (campaign) (dialer_abandon_budget_calls{{{CAMPAIGN}}})"), "{{name}}")],
        width=8,
        decimals=1,
        least=None,
        steps=(Step(None, Colour.RED), Step(0, Colour.ORANGE), Step(1, Colour.GREEN)),
        leads_to="abandoned",
    ),
    Panel(
        Kind.LINES,
        said("Abandoned in the last hour, and the ceiling"),
        said("The share of those who answered. What counts before the law is the board of abandoned calls."),
        [
            Query(named(f"campaign:dialer_abandoned:share1h{{{CAMPAIGN}}}"), "{{name}}"),
            Query(
                named(f"max by (campaign) (dialer_campaign_ceiling_ratio{{{CAMPAIGN}}})"),
                said("{{name}}: ceiling"),
            ),
        ],
        unit=Unit.SHARE,
        width=8,
        decimals=1,
        steps=CEILING,
        leads_to="abandoned",
    ),
    Panel(
        Kind.LINES,
        said("What kept dialing back"),
        said(
            "Every decision ends with a reason; here they are counted. Operators is how it should be; leads"
            " want a list, lines want the board of trunks: docs/howto/when-nothing-is-dialled.md."
        ),
        [
            Query(
                f"sum by (limit) (rate(dialer_decision_limits_total{{{CAMPAIGN}}}[$__rate_interval]))",
                "{{limit}}",
            )
        ],
        unit=Unit.PER_SECOND,
        width=8,
        looks=LIMITS,
        stacked=True,
        leads_to="trunks",
    ),
)
TRUTH = (
    Panel(
        Kind.LINES,
        said("Came of each one expected, 1 h"),
        said(
            "1 is true. Answers under 1: too many were expected and operators wait; over 1: people may find"
            " nobody. An hour after a new list it finds its way back by itself."
        ),
        [
            Query(
                share("dialer_forecast_answers_seen_total", "dialer_forecast_answers_expected_total"),
                said("{{name}}: answers"),
            ),
            Query(
                share("dialer_forecast_free_seen_total", "dialer_forecast_free_expected_total"),
                said("{{name}}: operators free"),
            ),
        ],
        decimals=2,
        steps=(Step(None, Colour.ORANGE), Step(0.7, Colour.GREEN), Step(1.3, Colour.ORANGE)),
    ),
    Panel(
        Kind.LINES,
        said("A forecast is off by, 1 h"),
        said(
            "Mean absolute error of a forecast, in answers and in operators; chance alone makes some of it."
        ),
        [
            Query(
                share("dialer_forecast_answers_off_total", "dialer_forecasts_checked_total"),
                said("{{name}}: answers"),
            ),
            Query(
                share("dialer_forecast_free_off_total", "dialer_forecasts_checked_total"),
                said("{{name}}: operators free"),
            ),
        ],
        decimals=2,
    ),
)
RESULTS = (
    Panel(
        Kind.BARS,
        said("Attempts by outcome"),
        said(
            "All attempts in the chosen time. Much unallocated: a stale list. Much congestion: the board of"
            " trunks."
        ),
        [Query(f"sum by (outcome) (increase(dialer_attempts_total{{{CAMPAIGN}}}[$__range]))", "{{outcome}}")],
        width=8,
        height=9,
        decimals=0,
        looks=OUTCOMES,
        leads_to="trunks",
    ),
    Panel(
        Kind.BARS,
        said("Leads by status"),
        said("Where the list stands. Nothing new and nothing due: bring a list, or wait for the retries."),
        [Query(f"sum by (status) (dialer_leads{{{CAMPAIGN}}})", "{{status}}")],
        width=8,
        height=9,
        decimals=0,
        looks=LEADS,
    ),
    Panel(
        Kind.BARS,
        said("Refused at the moment of dialing"),
        said("Leads that a gate kept from being dialled, in the chosen time; `dialer explain` says more."),
        [Query(f"sum by (gate) (increase(dialer_refused_total{{{CAMPAIGN}}}[$__range]))", "{{gate}}")],
        width=8,
        height=9,
        decimals=0,
        looks=GATES,
    ),
    Panel(
        Kind.LINES,
        said("How long people let it ring, and talk"),
        said("Medians of the last hour. Pacing learns both; a jump means other people or another script."),
        [
            Query(
                quantile(0.5, f'dialer_ring_seconds_bucket{{{CAMPAIGN}, answered="yes"}}', window="1h"),
                said("ringing until the answer"),
            ),
            Query(quantile(0.5, f"dialer_talk_seconds_bucket{{{CAMPAIGN}}}", window="1h"), said("talk")),
        ],
        unit=Unit.SECONDS,
        width=24,
        height=7,
    ),
)
BOARD = Board(
    "pacing",
    said("Obzvon: campaign and pacing"),
    said("What pacing foresaw and what came, what it may still risk, and what keeps it from dialing more."),
    (BY_CAMPAIGN,),
    (
        Row(said("What pacing sees"), NOW),
        Row(said("How true it was"), TRUTH),
        Row(said("What came of it"), RESULTS),
    ),
)
