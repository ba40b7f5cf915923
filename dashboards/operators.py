"""Operators: hours, calls, air time, occupancy."""

from __future__ import annotations

from dashboards.board import Board, Choice, Column, Kind, Panel, Query, Row, Unit
from dashboards.terms import BY_OPERATOR, IN_ORDER, OPERATOR, any_of, state_as_figure
from dialer.adapters.metrics_table import TALK_S
from dialer.domain.operators import State
from dialer.domain.said import said

AT_LEAST = Choice(
    "at_least",
    said("A call counts from"),
    options=[(f"{s:.1f}", said("{s:g} s", s=s)) for s in sorted(TALK_S, key=lambda s: (s != 30, s))],
)
BUSY = (State.TALKING, State.WRAP_UP)
PRESENT = tuple(state for state in State if state not in (State.OFFLINE, State.PAUSED))


def hours(*states: State) -> str:
    """Seconds in these states over the chosen time, by operator."""
    selector = f"{OPERATOR}, {any_of(states)}"
    return f"sum by (operator) (increase(dialer_operator_state_seconds_total{{{selector}}}[$__range]))"


def risen(metric: str) -> str:
    """How much a counter rose over the chosen time, by operator."""
    return f"sum by (operator) (increase({metric}{{{OPERATOR}}}[$__range]))"


LONG = (
    f"{risen('dialer_operator_call_seconds_count')} - sum by (operator) (increase("
    f'dialer_operator_call_seconds_bucket{{{OPERATOR}, le="$at_least"}}[$__range]))'
)
LOGGED_IN = hours(*(state for state in State if state is not State.OFFLINE))
OCCUPANCY = f"{hours(*BUSY)} / ({hours(*PRESENT)} > 0)"
TOTALS = (
    Panel(
        Kind.STAT,
        said("Hours logged in"),
        said("All chosen operators together, in the chosen time, pauses included."),
        [Query(f"sum({LOGGED_IN})")],
        unit=Unit.CLOCK,
        width=6,
        height=4,
        decimals=0,
    ),
    Panel(
        Kind.STAT,
        said("Calls"),
        said("Persons with whom an operator was connected."),
        [Query(f"sum({risen('dialer_operator_calls_total')})")],
        width=6,
        height=4,
        decimals=0,
    ),
    Panel(
        Kind.STAT,
        said("Calls over ${at_least:text}"),
        said("Calls that have ended and lasted longer than chosen above: the plan counts these."),
        [Query(f"sum({LONG})")],
        width=6,
        height=4,
        decimals=0,
    ),
    Panel(
        Kind.STAT,
        said("Air time"),
        said("Time connected with people; holds and wrap-up are not in it."),
        [Query(f"sum({risen('dialer_operator_air_seconds_total')})")],
        unit=Unit.CLOCK,
        width=6,
        height=4,
        decimals=0,
    ),
)
EACH = Panel(
    Kind.TABLE,
    said("Operators in the chosen time"),
    said(
        "Hours by state, calls and air time of each. The books are the records: `dialer cdr list` and the"
        " hours of the API; these figures are good to a percent."
    ),
    [
        Query(LOGGED_IN),
        Query(hours(State.TALKING)),
        Query(hours(State.WRAP_UP)),
        Query(hours(State.READY)),
        Query(hours(State.PAUSED)),
        Query(risen("dialer_operator_calls_total")),
        Query(LONG),
        Query(risen("dialer_operator_air_seconds_total")),
        Query(OCCUPANCY),
    ],
    width=24,
    height=11,
    columns=(
        Column("operator", said("Operator")),
        Column("#0", said("Logged in"), Unit.CLOCK, 0),
        Column("#1", said("Talking"), Unit.CLOCK, 0),
        Column("#2", said("Wrap-up"), Unit.CLOCK, 0),
        Column("#3", said("Ready"), Unit.CLOCK, 0),
        Column("#4", said("Paused"), Unit.CLOCK, 0),
        Column("#5", said("Calls"), decimals=0),
        Column("#6", said("Long calls"), decimals=0),
        Column("#7", said("Air time"), Unit.CLOCK, 0),
        Column("#8", said("Occupancy"), Unit.SHARE, 0),
    ),
)
DAY = (
    Panel(
        Kind.TIMELINE,
        said("The day of each operator"),
        said(
            "States one after another; gaps are time logged out. Long pauses at the same hour: plan breaks."
        ),
        [Query(state_as_figure(), "{{operator}}")],
        width=24,
        height=10,
        values=IN_ORDER,
    ),
    Panel(
        Kind.LINES,
        said("Calls, last hour"),
        said("Persons connected within the hour before each moment, by operator."),
        [Query(f"operator:dialer_connected:increase1h{{{OPERATOR}}}", "{{operator}}")],
        width=8,
        decimals=0,
    ),
    Panel(
        Kind.LINES,
        said("Air time, last hour"),
        said("Time connected with people within the hour before each moment; an hour has 60 minutes."),
        [Query(f"operator:dialer_air_seconds:increase1h{{{OPERATOR}}}", "{{operator}}")],
        unit=Unit.SECONDS,
        width=8,
        most=3600,
    ),
    Panel(
        Kind.LINES,
        said("Occupancy, last hour"),
        said(
            "Talk and wrap-up as a share of the time at work, pauses apart. One far under the others: a phone"
            " that fails, or a state that is stuck: docs/runbooks/operator-stuck.md."
        ),
        [Query(f"operator:dialer_occupancy:ratio1h{{{OPERATOR}}}", "{{operator}}")],
        unit=Unit.SHARE,
        width=8,
        most=1,
    ),
)
BOARD = Board(
    "operators",
    said("Obzvon: operators"),
    said("Hours by state, calls, air time and occupancy, today unless another time is chosen."),
    (BY_OPERATOR, AT_LEAST),
    (
        Row(said("Together"), TOTALS),
        Row(said("One by one"), (EACH,)),
        Row(said("Through the day"), DAY),
    ),
    since="now/d",
    refresh="1m",
)
