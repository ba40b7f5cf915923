"""`python -m bench.pacing`: days of the product's policies, beside the published figures."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import mean

from rich.console import Console
from rich.table import Table

from bench.pacing.port import Product
from bench.pacing.world import Day, Kind, Pacing, World
from dialer.domain.types import Mode

# Occupancy in percent: (textbook, good, goal), as named in the project's brief on pacing.
FIGURES: Mapping[str, tuple[float, float, float]] = {
    "3_08_150": (49.5, 60.2, 64),
    "3_25_150": (67.8, 73.2, 77),
    "3_50_300": (89.8, 90.9, 91.8),
    "10_08_45": (55.1, 68.7, 72),
    "10_25_150": (74.7, 82.4, 83.5),
    "10_50_300": (90.3, 91.9, 92.6),
    "30_08_150": (80.9, 88.0, 89.5),
    "30_25_45": (74.3, 84.9, 86.5),
    "30_25_300": (88.0, 92.2, 93),
    "100_25_150": (89.9, 95.1, 95.5),
    "500_50_300": (95.5, 98.8, 99),
}
POLICIES: Mapping[str, Callable[[Kind], Pacing]] = {
    "predictive": Product,
    "power 2": lambda kind: Product(kind, Mode.POWER, ratio=2.0),
    "progressive": lambda kind: Product(kind, Mode.PROGRESSIVE),
}
OVER = 0.033  # no single day may be over


def one_day(work: tuple[str, str, int, float]) -> tuple[Day, float]:
    """A day, and the seconds of CPU that it took."""
    policy, name, seed, hours = work
    kind = Kind.named(name, hours=hours)
    began = time.process_time()
    day = World(kind, seed, POLICIES[policy](kind)).run()
    return day, time.process_time() - began


def row(policy: str, name: str, days: Sequence[tuple[Day, float]]) -> dict[str, object]:
    """The figures of some days."""
    every = [day for day, _ in days]
    dials, cpu_s = sum(day.dials for day in every), sum(s for _, s in days)
    return {
        "policy": policy,
        "world": name,
        "occupancy": round(100 * mean(day.occupancy for day in every), 1),
        "abandoned": round(100 * mean(day.abandon for day in every), 2),
        "worst_day": round(100 * max(day.abandon for day in every), 2),
        "days_over": sum(day.abandon > OVER for day in every),
        "days": len(every),
        "idle_s_per_call": round(
            sum(day.idle_s for day in every) / max(1, sum(d.connected for d in every)), 1
        ),
        "dials_per_operator_hour": round(3600 * dials / sum(day.logged_s for day in every), 1),
        "contacts_per_1000_dials": round(1000 * sum(day.connected for day in every) / max(1, dials)),
        "us_per_decision": round(1e6 * cpu_s / sum(day.decisions for day in every)),
        "calls_per_cpu_minute": round(60 * dials / cpu_s),
    }


def main() -> None:
    """A table on the terminal, or JSON with --json."""
    parser = argparse.ArgumentParser(prog="bench.pacing", description=__doc__)
    parser.add_argument("worlds", nargs="*", default=list(FIGURES), help="operators_answer%%_talk-seconds")
    parser.add_argument("--policies", default="progressive,predictive", help=f"of {', '.join(POLICIES)}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    rows = []
    with ProcessPoolExecutor(asked.workers) as pool:
        for name in asked.worlds:
            for policy in asked.policies.split(","):
                works = [(policy, name, seed, asked.hours) for seed in seeds]
                rows.append(row(policy, name, list(pool.map(one_day, works))))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if asked.json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(*rows[0], "textbook", "good", "goal")
    for each in rows:
        figures = FIGURES.get(str(each["world"]), ())
        table.add_row(*(str(value) for value in each.values()), *(f"{figure:g}" for figure in figures))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
