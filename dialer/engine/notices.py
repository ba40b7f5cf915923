"""News for other processes: how calls, operators, campaigns, trunks and gates are now. Only put down here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dialer.domain.call import Call, Event, State
from dialer.domain.campaign import Campaign
from dialer.domain.operators import Operator, StateChange
from dialer.domain.said import plain
from dialer.engine.cell import Cell
from dialer.engine.guard import Guard
from dialer.engine.pacer import Pacer
from dialer.ports.between import About, Clock, Publishing

EVERY_S = 1.0  # of what is looked at: campaigns, trunks, gates
BEFORE_THE_ANSWER = frozenset({State.LEASED, State.ORIGINATING, State.RINGING})


class Announcer:
    """An Observer of calls and operators; what nobody tells of is looked at once a second.

    No number and no name of a person is in a notice: whoever may see them reads them elsewhere.
    """

    def __init__(self, board: Publishing, guard: Guard) -> None:
        self._board = board
        self._guard = guard
        self._told: dict[tuple[About, str], Mapping[str, Any]] = {}

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        """The operator is taken, the person answers, the two talk, one is on hold, it is over."""
        was = (State.LEASED, None, False) if before is None else _step(before)
        if _step(after) == was or (after.state in BEFORE_THE_ANSWER and after.operator == was[1]):
            return
        self._board.publish(About.CALL, after.id, call_body(after))

    def moved(self, change: StateChange, operator: Operator) -> None:
        self._board.publish(About.OPERATOR, operator.id, operator_body(operator))

    async def run(self, cell: Cell, clock: Clock) -> None:
        """Until cancelled."""
        while True:
            self._guard.run("notices", self.look, cell, clock())
            await asyncio.sleep(EVERY_S)

    def look(self, cell: Cell, at: datetime) -> None:
        """What has changed of campaigns, trunks and gates since the last look."""
        pacer = cell.pacer
        now: dict[tuple[About, str], Mapping[str, Any]] = {
            (About.CAMPAIGN, str(one.id)): campaign_body(pacer, one) for one in pacer.campaigns.values()
        }
        for id_, view in pacer.trunk_views(at).items():
            told = {"usable": view.usable, "why": plain(view.why), "lines_free": view.lines_free}
            now[About.TRUNK, id_] = told
        for name, ask in pacer.holds.items():
            now[About.GATE, name] = {"why": plain(ask())}
        for thing, body in now.items():
            if self._told.get(thing) != body:
                self._board.publish(*thing, body)
        for thing in self._told.keys() - now.keys():
            self._board.publish(*thing, {"gone": True})
        self._told = now


def _step(call: Call) -> tuple[State, str | None, bool]:
    return call.state, call.operator, call.on_hold


def call_body(call: Call) -> dict[str, Any]:
    """A call as notices have it."""
    return {
        "state": call.state.value,
        "campaign": call.campaign,
        "lead": call.lead,
        "operator": call.operator or call.talked_with,
        "direction": call.direction.value,
        "on_hold": call.on_hold,
        "answer_at": _instant(call.answer_at),
        "bridge_at": _instant(call.bridge_at),
        "end_at": _instant(call.end_at),
        "outcome": call.outcome.value if call.outcome else None,
    }


def operator_body(operator: Operator) -> dict[str, Any]:
    """An operator as notices have it."""
    return {
        "state": operator.state.value,
        "reason": operator.reason,
        "since_at": _instant(operator.since_at),
        "leg": operator.leg.value,
        "reachable": not operator.unreachable,
        "call": operator.call,
        "campaign": operator.campaign,
        "then": operator.then.value if operator.then else None,
        "then_reason": operator.then_reason,
        "wrap_until_at": _instant(operator.wrap_until_at),
        "disposition": operator.disposition,
        "callback_at": _instant(operator.callback_at),
    }


def campaign_body(pacer: Pacer, campaign: Campaign) -> dict[str, Any]:
    """A campaign as notices have it: its status, the pacer's word on it, and the figures of that decision."""
    outlook = pacer.outlooks.get(campaign.id)
    figures = None
    if outlook is not None:
        figures = {
            "lines": outlook.lines,
            "ringing": outlook.ringing,
            "answers": round(outlook.answers, 2),
            "free": round(outlook.free, 2),
            "budget": round(outlook.budget, 2),
        }
    return {
        "status": campaign.status.value,
        "version": campaign.edition.version,
        "reason": plain(pacer.reasons.get(campaign.id, "")),
        "figures": figures,
    }


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
