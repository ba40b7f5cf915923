"""What pacing sees of calls and operators: made anew for those that have changed, kept for the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dialer.domain.call import Call
from dialer.domain.operators import Operator
from dialer.domain.pacing.decision import CallView, OperatorView
from dialer.domain.types import CallId, OperatorId
from dialer.engine.calls import Calls
from dialer.engine.floor import Floor


class Views:
    """Calls and operators are frozen: the same object looks the same."""

    def __init__(self, calls: Calls, floor: Floor) -> None:
        self._calls = calls
        self._floor = floor
        self._seen_calls: dict[CallId, tuple[Call, CallView]] = {}
        self._seen_operators: dict[OperatorId, tuple[Operator, OperatorView]] = {}

    def calls(self, now: datetime) -> Sequence[CallView]:
        seen, calls = self._seen_calls, self._calls.all()
        for call in calls:
            before = seen.get(call.id)
            if before is None or before[0] is not call:
                seen[call.id] = (call, _of_call(call, now))
        if len(seen) > len(calls):
            self._seen_calls = seen = {call.id: seen[call.id] for call in calls}
        return [seen[call.id][1] for call in calls]

    def operators(self, now: datetime) -> Sequence[OperatorView]:
        seen, views = self._seen_operators, list[OperatorView]()
        for operator in self._floor.all():
            known = seen.get(operator.id)
            if known is None or known[0] is not operator:
                free, summonable = self._floor.is_free(operator), self._floor.is_summonable(operator)
                view = _of_operator(operator, now, free=free, summonable=summonable)
                known = seen[operator.id] = (operator, view)
            views.append(known[1])
        return views


def _of_call(call: Call, now: datetime) -> CallView:
    since = call.message_at or call.talk_since_at or call.answer_at or call.ring_at or call.dialled_at
    return CallView(
        id=call.id,
        campaign=call.campaign,
        trunk=call.trunk,
        state=call.state,
        since_at=since or call.leased_at or now,
        ring_at=call.ring_at,
        operator=call.operator,
        number=call.number,
        lead=call.lead,
        hanging_up=call.hanging_up,
    )


def _of_operator(operator: Operator, now: datetime, *, free: bool, summonable: bool) -> OperatorView:
    return OperatorView(
        id=operator.id,
        state=operator.state,
        since_at=operator.since_at or now,
        ready_since_at=operator.ready_since_at,
        free=free,
        summonable=summonable,
        campaign=operator.campaign,
        leaving=operator.then is not None,
        unreachable=operator.unreachable,
    )
