"""Draws the tables of calls, operators and outcomes as pages of docs/reference/."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from dialer.domain import call, duty, endings, operators, reactions
from dialer.domain.campaign import DEFAULT_RETRIES, DISTURBING
from dialer.domain.causes import AFTER_RINGING, BY_A_PERSON, BY_CAUSE, BY_SIP, OF_A_PERSON, UNSPECIFIC
from dialer.domain.duty import TABLE as SHIFT_TABLE
from dialer.domain.moves import CROSSING, FROM_ASTERISK
from dialer.domain.moves import TABLE as CALL_TABLE
from dialer.domain.types import Outcome

MADE = "Made from the code; `make docs` writes it anew."

Rows = Mapping[Any, Any]  # (state, event) -> move of a call or of an operator: what to `do`, and `to` where

MEANING: Mapping[Outcome, str] = {
    Outcome.CONNECTED: "a person and an operator heard each other",
    Outcome.ABANDONED: f"answered, and nobody on the line within {endings.IN_TIME_S:g} s",
    Outcome.OPERATOR_LOST: "the operator's phone vanished in the talk and nobody could take over",
    Outcome.HUNG_UP_EARLY: f"the person hung up within {endings.IN_TIME_S:g} s, no operator was there yet",
    Outcome.BUSY: "the line is engaged",
    Outcome.NO_ANSWER: "rang as long as it may, or the network says that nobody answers",
    Outcome.GIVEN_UP: "pacing ended the ringing: nobody would have been free",
    Outcome.UNALLOCATED: "the network says that there is no such number",
    Outcome.CONGESTION: "no line, no capacity",
    Outcome.REJECTED: "the person's phone, or the network for it, does not take the call",
    Outcome.MOVED: "another number was named instead (SIP 302 and its kind); it is not called",
    Outcome.TRUNK_REFUSED: "the carrier refuses us: account, credit, caller id, what we ask; see below",
    Outcome.NETWORK_FAILURE: "the network says nothing at all, or fails in another way; Asterisk stopped",
    Outcome.CANCELLED: "taken back by us while it rang",
    Outcome.INTERRUPTED: "the service was away, and nobody knows what came of the ringing",
    Outcome.NOT_DIALLED: "never reached the network: no record, no attempt, the lead goes back",
}


# --- parts ------------------------------------------------------------------------------------------------


def words(kind: type[Any]) -> str:
    """`EnteredBridge` as `entered bridge`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    columns = list(head)
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return [*lines, *(f"| {' | '.join(cells)} |" for cells in rows)]


def diagram(rows: Rows, start: StrEnum, end: StrEnum | None = None) -> list[str]:
    """A mermaid state diagram: one arrow for each pair of states, with the events that lead that way."""
    arrows: dict[tuple[StrEnum, StrEnum], list[str]] = {}
    for (state, event), move in rows.items():
        for to in sorted(move.to - {state}):
            arrows.setdefault((state, to), []).append(words(event))
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}"]
    lines += [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    return [*lines, *([f"    {end} --> [*]"] if end else []), "```"]


def moves_of(rows: Rows, state: StrEnum, idle: Callable[..., Any]) -> list[str]:
    """What each event does in this state, as a table; those that change nothing are left out."""
    found = [
        (f"`{event.__name__}`", ", ".join(sorted(move.to - {state})) or "stays", _first_line(move.do))
        for (where, event), move in rows.items()
        if where is state and move.do is not idle
    ]
    return _table(("event", "to", "what happens"), found)


def _kinds(module: Any, base: type[Any]) -> list[type[Any]]:
    """The events of a module, in the order in which it tells them."""
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, base) and kind is not base
    ]


# --- pages ------------------------------------------------------------------------------------------------


def calls_page() -> str:
    """A call's states, moves, events and effects."""
    lines = [
        "# A call",
        "",
        f"{MADE} The table is `TABLE` in `dialer/domain/moves.py`, the handlers are in"
        " `dialer/domain/reactions.py` and `endings.py`. Asterisk may say anything at any moment:"
        " an event that is not listed for a state changes nothing there. An event that only we can send, in a"
        " state where we cannot have sent it, is an error of ours.",
        "",
        *diagram(CALL_TABLE, call.State.LEASED, call.State.ENDED),
    ]
    for state in call.State:
        lines += ["", f"## {state}", "", *moves_of(CALL_TABLE, state, reactions.nothing)]
    lines += ["", "## Events", ""]
    lines += _table(
        ("event", "who says so", "meaning"),
        ((f"`{kind.__name__}`", _source(kind), _meaning(kind)) for kind in _kinds(call, call.Event)),
    )
    effects = call.Effect.__args__
    lines += ["", "## Effects", ""]
    lines += _table(("effect", "meaning"), ((f"`{kind.__name__}`", _meaning(kind)) for kind in effects))
    return "\n".join(lines) + "\n"


def _source(kind: type[Any]) -> str:
    if kind in FROM_ASTERISK:
        return "Asterisk"
    return "we, may come late" if kind in CROSSING else "we"


def _meaning(kind: type[Any]) -> str:
    """The first line of its docstring; a dataclass without one has its signature there."""
    text = re.sub(r"^[A-Z][a-z]+: ", "", _first_line(kind))
    return "" if text.startswith(f"{kind.__name__}(") else text


def operators_page() -> str:
    """An operator's states and moves."""
    lines = [
        "# An operator",
        "",
        f"{MADE} The table is `TABLE` in `dialer/domain/duty.py`. What a person asks for in a state that"
        " does not list it is refused with the reason; everything else that is not listed changes nothing."
        " A leg that is not the operator's any more concerns nobody. Whichever way a talk ends, its wrap-up"
        " is written once.",
        "",
        *diagram(SHIFT_TABLE, operators.State.OFFLINE),
    ]
    for state in operators.State:
        lines += ["", f"## {state}", "", *moves_of(SHIFT_TABLE, state, duty.changes_nothing)]
    return "\n".join(lines) + "\n"


def outcomes_page() -> str:
    """What becomes of an attempt, and by which word of the network."""
    lines = ["# Outcomes", "", f"{MADE} The tables are in `dialer/domain/causes.py` and `campaign.py`.", ""]
    lines += _table(
        ("outcome", "meaning", "the number rests after it", "tried again after (default)"),
        (
            (f"`{outcome}`", MEANING[outcome], "yes" if outcome in DISTURBING else "no", _again(outcome))
            for outcome in Outcome
        ),
    )
    lines += [
        "",
        "A call that was answered is connected, abandoned, hung up early, or has lost its operator. One that"
        " was not, and that we ended, is named by who ended it:",
        "",
        *_table(("ended by", "outcome"), ((f"`{by}`", f"`{o}`") for by, o in endings.UNANSWERED.items())),
        "",
        "Else the network's word counts, and `network` has ended it. A Q.850 cause that the network gave"
        " itself wins over the SIP status: 480 with cause 1 is a number that does not exist. Causes"
        f" {_listed(UNSPECIFIC)} explain nothing, there and where Asterisk made the cause from the status the"
        f" status counts. Neither known: `{Outcome.NETWORK_FAILURE}`.",
        "",
        *_table(("SIP status", "outcome"), ((str(code), f"`{o}`") for code, o in sorted(BY_SIP.items()))),
        "",
        "After a 180 some words are the far end's: a phone that rings proves that the carrier took the call.",
        "",
        *_table(("SIP status", "outcome"), ((str(code), f"`{o}`") for code, o in AFTER_RINGING.items())),
        "",
        *_table(("Q.850 cause", "outcome"), ((str(code), f"`{o}`") for code, o in sorted(BY_CAUSE.items()))),
        "",
        "Cause 21 beside 401, 402, 403 or 407 and before any ringing is the carrier's:"
        f" `{Outcome.TRUNK_REFUSED}`.",
        "",
        "## Who ended an answered call",
        "",
        f"The person, where the BYE has no reason, or one of the causes {_listed(BY_A_PERSON)} (Asterisk"
        f" shows them as no status or as {_listed(OF_A_PERSON)}). Any other cause or status is the network's:"
        " no usable sound, an error in the dialog, a timer. Somebody who answered and whom the network ended"
        f" before an operator was on the line is `{Outcome.ABANDONED}`.",
        "",
        "## When the carrier refuses us",
        "",
        f"`{Outcome.TRUNK_REFUSED}` is not the number's fault: the lead goes back, no attempt is counted, and"
        " it is tried again after a minute. A number that alone draws it while the trunk carries other calls"
        f" is what is refused: the {endings.MOST_REFUSALS}rd time it is `{Outcome.REJECTED}`. What the trunk"
        " does: [why](../why/refused-by-the-carrier.md).",
    ]
    return "\n".join(lines) + "\n"


def _listed(codes: Iterable[int]) -> str:
    return ", ".join(str(code) for code in sorted(codes))


def _again(outcome: Outcome) -> str:
    if outcome is Outcome.NOT_DIALLED:
        return "at once"
    if outcome is Outcome.TRUNK_REFUSED:
        return "1 min, no attempt is counted"
    retry = DEFAULT_RETRIES.get(outcome)
    if retry is None:
        return "never"
    delays = ", ".join(_span(delay) for delay in retry.delays)
    return "; ".join(filter(None, (delays, "the lead's next number first" if retry.next_number else "")))


def _span(delay: timedelta) -> str:
    minutes = int(delay.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


PAGES: Mapping[str, Callable[[], str]] = {
    "calls.md": calls_page,
    "operators.md": operators_page,
    "outcomes.md": outcomes_page,
}
