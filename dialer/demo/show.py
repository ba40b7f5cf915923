"""The live table of the demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dialer.domain.call import State as CallState
from dialer.domain.operators import LegState, State
from dialer.domain.said import Said, listed, said, titled, word

Tell = Callable[[str], str]

STATE_STYLE = {
    State.OFFLINE: "dim",
    State.CONNECTING: "cyan",
    State.READY: "bright_blue",
    State.RESERVED: "cyan",
    State.TALKING: "green",
    State.WRAP_UP: "yellow",
    State.PAUSED: "magenta",
}
SIGN = {
    State.OFFLINE: "-",
    State.CONNECTING: "◌",
    State.READY: "○",
    State.RESERVED: "◐",
    State.TALKING: "●",
    State.WRAP_UP: "◆",
    State.PAUSED: "‖",
}


@dataclass(frozen=True, slots=True)
class View:
    """One look at the running service."""

    operators: Sequence[Mapping[str, Any]] = ()
    calls: Sequence[Mapping[str, Any]] = ()
    total: Mapping[str, Any] = field(default_factory=dict)
    leads: Mapping[str, int] = field(default_factory=dict)
    occupancy: float | None = None
    reason: str = ""
    forecast: Mapping[str, Any] | None = None


def clock(seconds: float) -> str:
    """0:38, 6:41, 1:05:10."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def render(view: View, *, seconds: float, footer: str, tell: Tell = str) -> Group:
    """Everything on one screen, told by `tell` in the language of whoever looks."""
    pacing = said("Pacing: {reason}", reason=view.reason or said("no decision yet"))
    return Group(
        Panel(_figures(view, seconds, tell), title=tell(said("Obzvon demo")), border_style="dim"),
        _operators(view.operators, tell),
        Text(f" {tell(_in_flight(view.calls))}"),
        Text(f" {tell(pacing)}", style="italic"),
        *(Text(f" {tell(line)}", style="italic") for line in _forecast(view.forecast)),
        Text(f" {tell(footer)}", style="dim"),
    )


def _figures(view: View, seconds: float, tell: Tell) -> Text:
    total = view.total
    share = view.occupancy
    out = [call for call in view.calls if call["dialled_at"]]
    waiting = sum(view.leads.get(status, 0) for status in ("new", "retry_due", "leased")) - len(out)
    parts: list[tuple[str, str]] = [
        (said("dialled"), _figure(total.get("attempts", 0) + len(out))),
        (said("answered"), _figure(total.get("answered", 0) + sum(bool(call["answer_at"]) for call in out))),
        (
            said("connected"),
            _figure(total.get("connected", 0) + sum(bool(call["bridge_at"]) for call in out)),
        ),
        (said("abandoned"), _figure(total.get("abandoned", 0))),
        (said("air time"), clock(total.get("talk_s", 0.0))),
        (said("occupancy"), Said("{share:.0%}", {"share": share}) if share is not None else "-"),
        (said("leads to call"), _figure(max(0, waiting))),
        (said("running"), clock(seconds)),
    ]
    text = Text()
    for label, value in parts:
        text.append(f"{tell(label)} ", style="dim")
        text.append(f"{tell(value)}   ", style="bold")
    return text


def _forecast(seen: Mapping[str, Any] | None) -> Iterator[Said]:
    """What predictive pacing foresees, and how true that was so far."""
    if seen is None:
        return
    yield said(
        "Forecast for {s:.0f} s: {answers:.1f} answers of {n} lines, {free:.1f} operators free; risk"
        " {risk:.1f} % at price {price:.1f} %, budget {budget:+.1f} calls",
        s=seen["within_s"],
        answers=seen["answers"],
        n=seen["lines"],
        free=seen["free"],
        risk=100 * seen["risk"],
        price=100 * seen["price"],
        budget=seen["budget"],
    )
    answers, free = seen["answers_calibration"], seen["free_calibration"]
    if answers is not None and free is not None:
        yield said(
            "Came of each one expected so far: {answers:.2f} answers, {free:.2f} operators",
            answers=answers,
            free=free,
        )


def _figure(n: int) -> Said:
    return Said("{n:,}", {"n": n})


def _operators(operators: Sequence[Mapping[str, Any]], tell: Tell) -> Table:
    table = Table(box=None, pad_edge=True, header_style="dim")
    for column in titled("operator", "name", "state", "for", "phone"):
        table.add_column(tell(column))
    for row in operators:
        state = State(row["state"])
        told = tell(word(state, "-"))
        if row["reason"]:
            told += f" ({tell(Said(row['reason'], context='reason'))})"
        leg = tell(word(LegState(row["leg"])))
        shown = Text(f"{SIGN[state]} {told}", style=STATE_STYLE[state])
        table.add_row(row["id"], row["name"], shown, _since(row["since_at"]), leg)
    return table


def _since(at: str | None) -> str:
    if at is None:
        return ""
    return clock((datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds())


def _in_flight(calls: Sequence[Mapping[str, Any]]) -> Said:
    states = Counter(CallState(call["state"]) for call in calls)
    if not states:
        return said("No calls in flight.")
    each = [said("{n} {state}", n=count, state=word(state)) for state, count in states.items()]
    return said("In flight: {calls}", calls=listed(each))
