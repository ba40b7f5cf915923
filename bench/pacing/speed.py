"""`python -m bench.pacing.speed`: what one decision takes, beside progressive on the same snapshots."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from rich.console import Console
from rich.table import Table

from bench.pacing.days import kind_of
from bench.pacing.port import Product
from bench.pacing.world import World
from dialer.domain.pacing.decision import Decision, Snapshot
from dialer.domain.pacing.policies import Policies
from dialer.domain.types import CallId, LeadId, Mode, PhoneNumber

# Worlds and hours: long enough for the floor to be in its stride.
FLOORS = (("10_25_150", 0.6), ("100_25_150", 0.3), ("500_50_300", 0.3))
KEPT, ROUNDS = 400, 7
CROWDS = (1, 2, 4, 8)  # times as many calls in flight, as if the network rang longer


def lived(name: str, hours: float) -> tuple[Policies, Sequence[Snapshot]]:
    """What the policy has learned of these hours, and their last snapshots."""
    kind = kind_of(name, hours=hours)
    product = Product(kind)
    seen: list[Snapshot] = []
    decide = product.policies.decide

    def watched(snapshot: Snapshot) -> Decision:
        seen.append(snapshot)
        return decide(snapshot)

    product.policies.decide = watched  # type: ignore[method-assign]
    World(kind, 1, product).run()
    product.policies.decide = decide  # type: ignore[method-assign]
    return product.policies, seen[-KEPT:]


def microseconds(policies: Policies, snapshots: Sequence[Snapshot]) -> float:
    """Of CPU for one decision: the best of some rounds: a machine is seldom quiet."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for snapshot in snapshots:
            policies.decide(snapshot)
        best = min(best, time.process_time() - began)
    return 1e6 * best / len(snapshots)


def crowded(snapshot: Snapshot, times: int) -> Snapshot:
    """So many times the calls, each a call of its own."""
    calls = [
        replace(call, id=CallId(f"{call.id}-{n}"), lead=LeadId(-1), number=PhoneNumber(f"{call.number}{n}"))
        for call in snapshot.calls
        for n in range(times)
    ]
    return replace(snapshot, calls=calls)


def row(name: str, policies: Policies, snapshots: Sequence[Snapshot]) -> dict[str, object]:
    """Both modes on the same snapshots."""
    progressive = [
        replace(one, campaigns=[replace(each, mode=Mode.PROGRESSIVE) for each in one.campaigns])
        for one in snapshots
    ]
    predictive_us, progressive_us = microseconds(policies, snapshots), microseconds(Policies(), progressive)
    return {
        "floor": name,
        "operators": len(snapshots[0].operators),
        "calls": round(mean(len(one.calls) for one in snapshots)),
        "predictive us": round(predictive_us),
        "progressive us": round(progressive_us),
        "ratio": round(predictive_us / progressive_us, 1),
    }


def main() -> None:
    """A table, or JSON with --json."""
    parser = argparse.ArgumentParser(prog="bench.pacing.speed", description=__doc__)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for name, hours in FLOORS:
        policies, snapshots = lived(name, hours)
        rows.append(row(name, policies, snapshots))
        if name == FLOORS[-1][0]:
            for times in CROWDS[1:]:
                more = [crowded(one, times) for one in snapshots[:100]]
                rows.append(row(f"{name}, {times} times the calls", policies, more))
    if asked.json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(*rows[0])
    for each in rows:
        table.add_row(*(str(value) for value in each.values()))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
