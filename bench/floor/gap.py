"""What a side added to the lengths that were drawn: the price of a real network and of a busy machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter

from bench.figures import percentile
from bench.floor.cast import Cast
from bench.floor.figures import Seen
from dialer.domain.cdr import Cdr
from dialer.domain.operators import State, StateChange
from dialer.domain.types import CallId, OperatorId, Outcome
from dialer.sim import fate as sim

Added = Mapping[str, Sequence[float]]  # seconds more than drawn, one for each call
SHARES = (0.5, 0.9, 0.99)


def added(seen: Seen, cast: Cast, ring_s: float) -> Added:
    """By what was drawn; `ring_s` is how long an unanswered call is let ring."""
    calls = [(cdr, cast.fate(cdr.number, cdr.attempt_no)) for cdr in seen.cdrs]
    talks = [(cdr, fate) for cdr, fate in calls if cdr.outcome is Outcome.CONNECTED]
    return {
        "request to ringing": [cdr.setup_s - fate.setup_s for cdr, fate in calls if cdr.setup_s is not None],
        "ringing to answer": [
            cdr.ring_s - fate.after_s
            for cdr, fate in calls
            if cdr.answer_at is not None and cdr.ring_s is not None
        ],
        "ringing of no answer": [
            cdr.ring_s - ring_s
            for cdr, _ in calls
            if cdr.outcome is Outcome.NO_ANSWER and cdr.ring_s is not None
        ],
        "talk": [cdr.talk_s - fate.talk_s for cdr, fate in talks],
        "wrap-up": list(_wrap_ups(seen, talks)),
    }


def _wrap_ups(seen: Seen, talks: Sequence[tuple[Cdr, sim.Fate]]) -> Iterator[float]:
    """Of talks, until the operator was ready again or went on a break."""
    drawn: Mapping[CallId, float] = {cdr.id: fate.wrap_up_s for cdr, fate in talks}
    by_operator: dict[OperatorId, list[StateChange]] = {}
    for change in sorted(seen.changes, key=attrgetter("at")):
        by_operator.setdefault(change.operator, []).append(change)
    for changes in by_operator.values():
        for begins, ends in pairwise(changes):
            if begins.became is State.WRAP_UP and (call := begins.call) is not None and call in drawn:
                yield (ends.at - begins.at).total_seconds() - drawn[call]


def quantiles_ms(values: Sequence[float]) -> dict[str, float | None]:
    """p50, p90, p99 in milliseconds."""
    in_ms = [1000 * value for value in values]
    return {f"p{share:.0%}".rstrip("%"): percentile(in_ms, share) for share in SHARES}
