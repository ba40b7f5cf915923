"""What several boards share: choices, names of campaigns, words and colours of states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from dashboards.board import Choice, Colour, Look, Step
from dialer.domain import call, operators
from dialer.domain.said import said, word
from dialer.domain.types import Outcome

CAMPAIGN, OPERATOR, TRUNK, CELL = (f'{name}=~"${name}"' for name in ("campaign", "operator", "trunk", "cell"))
# One name for each campaign, also at the moment when one cell has a new name and another the old one.
INFO = f"topk by (campaign) (1, max by (campaign, name) (dialer_campaign_info{{{CAMPAIGN}}}))"

BY_CAMPAIGN = Choice(
    "campaign",
    said("Campaign"),
    "query_result(max by (campaign, name) (dialer_campaign_info))",
    '/campaign="(?<value>[^"]+)".*name="(?<text>[^"]+)"/',
)
BY_OPERATOR = Choice("operator", said("Operator"), "label_values(dialer_operator_calls_total, operator)")
BY_TRUNK = Choice("trunk", said("Trunk"), "label_values(dialer_originated_total, trunk)")
BY_CELL = Choice("cell", said("Cell"), "label_values(dialer_link_up, cell)")


def named(expr: str) -> str:
    """Figures by campaign, of those chosen, with its name as a label."""
    return f"({expr}) * on (campaign) group_left (name) {INFO}"


def recorded(record: str) -> str:
    """A recorded figure of the campaigns chosen, as a column of a table: without its name."""
    return f"sum by (campaign) ({record}{{{CAMPAIGN}}})"


def of_chosen(record: str) -> str:
    """The sum over the campaigns chosen of a recorded figure."""
    return f"sum({record}{{{CAMPAIGN}}})"


def quantile(share: float, buckets: str, *by: str, window: str = "$__rate_interval") -> str:
    """Of a histogram; `buckets` is its selector."""
    labels = ", ".join((*by, "le"))
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({buckets}[{window}])))"


def rising(orange: float, red: float) -> tuple[Step, ...]:
    """Much is bad."""
    return Step(None, Colour.GREEN), Step(orange, Colour.ORANGE), Step(red, Colour.RED)


def falling(red: float, orange: float) -> tuple[Step, ...]:
    """Little is bad: red below the first, orange below the second."""
    return Step(None, Colour.RED), Step(red, Colour.ORANGE), Step(orange, Colour.GREEN)


CEILING = rising(0.024, 0.03)  # four fifths of 3 %, as the alerts have it, and 3 %

YES_NO = {"0": Look(said("no"), Colour.RED), "1": Look(said("yes"), Colour.GREEN)}

_STATES = {
    operators.State.READY: Colour.BLUE,
    operators.State.RESERVED: Colour.PURPLE,
    operators.State.TALKING: Colour.GREEN,
    operators.State.WRAP_UP: Colour.YELLOW,
    operators.State.PAUSED: Colour.ORANGE,
    operators.State.CONNECTING: Colour.GREY,
}
AT_WORK = {str(state): Look(word(state, "-"), colour) for state, colour in _STATES.items()}
IN_ORDER = {str(n): look for n, look in enumerate(AT_WORK.values(), start=1)}  # a state as a figure

IN_FLIGHT: Mapping[str, Look] = {
    str(state): Look(word(state), colour)
    for state, colour in (
        (call.State.ORIGINATING, Colour.GREY),
        (call.State.RINGING, Colour.BLUE),
        (call.State.BRIDGED, Colour.GREEN),
        (call.State.HELD_BACK, Colour.ORANGE),
        (call.State.MESSAGE, Colour.RED),
    )
}
OUTCOMES = {str(outcome): Look(word(outcome)) for outcome in Outcome} | {
    str(Outcome.CONNECTED): Look(word(Outcome.CONNECTED), Colour.GREEN),
    str(Outcome.ABANDONED): Look(word(Outcome.ABANDONED), Colour.RED),
}


def state_as_figure() -> str:
    """1 ready, 2 reserved ...: what a timeline is drawn from."""
    since = f"dialer_operator_since_seconds{{{OPERATOR}, state="
    each = (f'{n} * ({since}"{state}"}} > bool 0)' for n, state in enumerate(AT_WORK, start=1))
    return f"max by (operator) ({' or '.join(each)})"


def any_of(states: Iterable[StrEnum]) -> str:
    """A selector of these."""
    return f'state=~"{"|".join(states)}"'
