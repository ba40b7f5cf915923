"""`python -m bench.pacing`: days of the product's policies, beside the published figures."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from statistics import mean

from rich.console import Console
from rich.table import Table

from bench.pacing.days import KINDS, kind_of
from bench.pacing.parts import WITHOUT, without
from bench.pacing.port import Product, Seer
from bench.pacing.rivals import Textbook, Vicidial
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
# Worlds whose leads differ: (without odds and giving up, good, ambitious), from the same place.
FIGURES_MIXED: Mapping[str, tuple[float, float, float]] = {
    "3_25_150_mix": (74.5, 76.8, 79.7),
    "10_08_45_mix": (66.8, 72.2, 72.9),
    "10_25_150_mix": (82.0, 84.3, 85.5),
    "30_25_45_mix": (84.1, 87.1, 87.6),
    "30_25_300_mix": (91.8, 93.2, 93.5),
    "100_25_150_mix": (94.8, 95.8, 96.1),
}
SAFE_CEILING = 0.0275
POLICIES: Mapping[str, Callable[[Kind], Pacing]] = {
    "predictive": Product,
    "safe": lambda kind: Product(kind, ceiling=SAFE_CEILING),
    "best first": lambda kind: Product(kind, at_hand=200, best_first=True),
    "true odds": Seer,
    "power 1.5": lambda kind: Product(kind, Mode.POWER, ratio=1.5),
    "power 2": lambda kind: Product(kind, Mode.POWER, ratio=2.0),
    "power 3": lambda kind: Product(kind, Mode.POWER, ratio=3.0),
    "progressive": lambda kind: Product(kind, Mode.PROGRESSIVE),
    "vicidial": Vicidial,
    "textbook": Textbook,
}
OVER = 0.033  # no single day may be over


def one_day(work: tuple[str, str, int, float]) -> tuple[Day, float]:
    """A day, and the seconds of CPU that it took."""
    policy, name, seed, hours = work
    policy, _, part = policy.partition(" without ")
    kind = kind_of(name, hours=hours)
    with without(part) if part else nullcontext():
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
        "deepest_lead": round(mean(day.deepest for day in every)),
        "us_per_decision": round(1e6 * cpu_s / sum(day.decisions for day in every)),
        "calls_per_cpu_minute": round(60 * dials / cpu_s),
    }


def main() -> None:
    """A table on the terminal, or JSON with --json."""
    parser = argparse.ArgumentParser(prog="bench.pacing", description=__doc__)
    parser.add_argument("worlds", nargs="*", default=list(FIGURES),
                        help=f"operators_answer%%_talk-seconds[_mix][+day], a day of {', '.join(KINDS)}",
                        )  # fmt: skip
    parser.add_argument("--policies", default="progressive,predictive",
                        help=f"of {', '.join(POLICIES)}; also `... without ...`: {', '.join(WITHOUT)}",
                        )  # fmt: skip
    parser.add_argument("--seeds", type=int, help="days; by default 20, and 5 above 30 operators")
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    with ProcessPoolExecutor(asked.workers) as pool:
        for name in asked.worlds:
            days = asked.seeds or (20 if Kind.named(name.partition("+")[0]).operators <= 30 else 5)
            seeds = range(asked.first_seed, asked.first_seed + days)
            for policy in asked.policies.split(","):
                works = [(policy, name, seed, asked.hours) for seed in seeds]
                rows.append(row(policy, name, list(pool.map(one_day, works))))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if asked.json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(*rows[0], "textbook", "good", "goal")
    for each in rows:
        figures = {**FIGURES, **FIGURES_MIXED}.get(str(each["world"]), ())
        table.add_row(*(str(value) for value in each.values()), *(f"{figure:g}" for figure in figures))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
