"""The live table of the demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

STATE_STYLE = {
    "offline": "dim",
    "connecting": "cyan",
    "ready": "bright_blue",
    "reserved": "cyan",
    "talking": "green",
    "wrap_up": "yellow",
    "paused": "magenta",
}
SIGN = {
    "offline": "-",
    "connecting": "◌",
    "ready": "○",
    "reserved": "◐",
    "talking": "●",
    "wrap_up": "◆",
    "paused": "‖",
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


def clock(seconds: float) -> str:
    """0:38, 6:41, 1:05:10."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def render(view: View, *, seconds: float, footer: str) -> Group:
    """Everything on one screen."""
    return Group(
        Panel(_figures(view, seconds), title="Obzvon demo", border_style="dim"),
        _operators(view.operators),
        Text(f" {_in_flight(view.calls)}"),
        Text(f" Pacing: {view.reason or 'no decision yet'}", style="italic"),
        Text(footer, style="dim"),
    )


def _figures(view: View, seconds: float) -> Text:
    total = view.total
    occupancy = f"{view.occupancy:.0%}" if view.occupancy is not None else "-"
    out = [call for call in view.calls if call["dialled_at"]]
    waiting = sum(view.leads.get(status, 0) for status in ("new", "retry_due", "leased")) - len(out)
    parts = [
        ("dialled", str(total.get("attempts", 0) + len(out))),
        ("answered", str(total.get("answered", 0) + sum(bool(call["answer_at"]) for call in out))),
        ("connected", str(total.get("connected", 0) + sum(bool(call["bridge_at"]) for call in out))),
        ("abandoned", str(total.get("abandoned", 0))),
        ("air time", clock(total.get("talk_s", 0.0))),
        ("occupancy", occupancy),
        ("leads to call", str(max(0, waiting))),
        ("running", clock(seconds)),
    ]
    text = Text()
    for label, value in parts:
        text.append(f"{label} ", style="dim")
        text.append(f"{value}   ", style="bold")
    return text


def _operators(operators: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=True, header_style="dim")
    for column in ("operator", "name", "state", "for", "phone"):
        table.add_column(column)
    for row in operators:
        state = row["state"]
        said = f"{SIGN[state]} {state.replace('_', '-')}" + (f" ({row['reason']})" if row["reason"] else "")
        since = _since(row["since_at"])
        table.add_row(row["id"], row["name"], Text(said, style=STATE_STYLE[state]), since, row["leg"])
    return table


def _since(at: str | None) -> str:
    if at is None:
        return ""
    return clock((datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds())


def _in_flight(calls: Sequence[Mapping[str, Any]]) -> str:
    states = Counter(call["state"] for call in calls)
    if not states:
        return "No calls in flight."
    return "In flight: " + ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in states.items())
