"""`python -m bench.pacing.odds_report`: how well the chance of an answer is learned within one day."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.pacing.leads import Population, World
from dialer.domain.pacing.odds import Odds
from dialer.domain.pacing.traits import LESSONS, Features, dividing, features
from dialer.domain.types import Outcome

DAY_S = 8 * 3600.0
COUNTS = (1_000, 5_000, 20_000)
BINS = 10
AFTER = (25, 50, 100, 200, 400)  # calls since the list went bad
LEARNED_AFTER_S = 15.0  # a call's end teaches, not its dial

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Day:
    """One day's dials in order: the true chance, what was foretold, the running rate, what came."""

    true: Numbers
    foretold: Numbers
    rate: Numbers
    came: Numbers
    at_s: Numbers


def drifting(at_s: float) -> float:
    """From a low morning to a high afternoon."""
    return -1.0 + 2.0 * at_s / DAY_S


def bad_list(at_s: float) -> float:
    """An hour in mid-day in which hardly anybody answers."""
    return -1.5 if 4 * 3600 <= at_s < 5 * 3600 else 0.0


def worlds(seed: int) -> Iterable[tuple[str, World]]:
    for mean_p in (0.25, 0.08):
        yield f"mix {mean_p}", World(mean_p, seed)
        yield f"drift {mean_p}", World(mean_p, seed, shift=drifting)
        yield f"bad list {mean_p}", World(mean_p, seed, shift=bad_list)
        yield f"all alike {mean_p}", World(mean_p, seed, differ=0.0)


def lived(world: World, dials: int) -> Day:
    """Dial through the day in list order, learning from each call when it is over."""
    people, odds = Population(world), Odds()
    columns = dividing(people.due(world.start_at, 300))
    rows: list[tuple[float, float, float, float, float]] = []
    pending: list[tuple[float, Features, float | None]] = []
    over, tried, answers = 0, 1.0, 0.2
    for i in range(dials):
        at_s = DAY_S * i / dials
        at = world.start_at + timedelta(seconds=at_s)
        while over < len(pending) and pending[over][0] <= at_s:
            odds.learn(*pending[over][1:])
            tried, answers, over = tried + 1, answers + (pending[over][2] or 0.0), over + 1
        lead = people.due(at)[0]
        people.take(lead)
        seen = features(lead, at, offset=people.offset(lead), trunk="main", columns=columns)
        true, fate = people.chance(lead, at), people.fate(lead, at)
        live = float(fate is Outcome.CONNECTED)
        rows.append((true, odds.p(seen), answers / tried, live, at_s))
        pending.append((at_s + LEARNED_AFTER_S, seen, LESSONS[fate]))
        people.result(lead, fate, at)
    return Day(*np.array(rows).T)


# --- measures ---------------------------------------------------------------------------------------------


def auc(p: Numbers, came: Numbers) -> float:
    """The chance that an answered call was rated above an unanswered one; equals count half."""
    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    rank = (count.cumsum() - (count - 1) / 2)[place]
    live = came.sum()
    return float((rank[came > 0].sum() - live * (live + 1) / 2) / (live * (len(came) - live)))


def log_loss(p: Numbers, came: Numbers) -> float:
    return float(-np.mean(np.where(came > 0, np.log(p), np.log(1 - p))))


def deciles(p: Numbers, came: Numbers) -> list[tuple[float, float, int]]:
    """Mean foretold, share that came, calls: in ten parts of equal size, lowest first."""
    parts = np.array_split(np.argsort(p, kind="stable"), BINS)
    return [(float(p[part].mean()), float(came[part].mean()), len(part)) for part in parts]


def calibration_error(p: Numbers, came: Numbers) -> float:
    """Expected calibration error: mean distance of foretold and came, weighted by calls."""
    return sum(abs(said - seen) * n for said, seen, n in deciles(p, came)) / len(p)


def speed_us(dials: int = 4000) -> list[float]:
    """Microseconds of CPU for `features`, `p`, `learn`: the best of five rounds."""
    people, odds = Population(World(0.25)), Odds()
    at, leads = people.world.start_at, people.due(people.world.start_at, dials)
    columns = dividing(leads[:300])
    seen = [features(lead, at, trunk="main", columns=columns) for lead in leads]
    tasks: tuple[Callable[[], object], ...] = (
        lambda: [features(lead, at, trunk="main", columns=columns) for lead in leads],
        lambda: [odds.p(one) for one in seen],
        lambda: _teach(odds, seen),
    )
    return [min(_cpu_s(task) for _ in range(5)) / dials * 1e6 for task in tasks]


def _teach(odds: Odds, seen: list[Features]) -> None:
    for one in seen:
        odds.learn(one, 0.0)


def _cpu_s(task: Callable[[], object]) -> float:
    began = time.process_time()
    task()
    return time.process_time() - began


# --- tables -----------------------------------------------------------------------------------------------


def auc_of(day: Day, n: int) -> float:
    """Of what was foretold for the first n calls."""
    return auc(day.foretold[:n], day.came[:n])


def true_auc_of(day: Day, n: int) -> float:
    """Of the true chances."""
    return auc(day.true[:n], day.came[:n])


def mean(days: list[Day], figure: Callable[[Day], float]) -> float:
    return float(np.mean([figure(day) for day in days]))


def quality(days: dict[str, list[Day]]) -> Table:
    """Mean over the seeds; the true model's own ECE is the noise of so many calls."""
    counts = [n for n in COUNTS if n <= len(next(iter(days.values()))[0].came)]
    heads = [f"AUC of {n // 1000}k" for n in counts]
    table = Table("world", *heads, "log-loss", "running rate's", "ECE", "came - foretold")
    for name, group in days.items():
        cells = [
            f"{mean(group, partial(auc_of, n=n)):.3f} ({mean(group, partial(true_auc_of, n=n)):.3f})"
            for n in counts
        ]
        table.add_row(
            name,
            *cells,
            f"{mean(group, lambda d: log_loss(d.foretold, d.came)):.4f}"
            f" ({mean(group, lambda d: log_loss(d.true, d.came)):.4f})",
            f"{mean(group, lambda d: log_loss(d.rate, d.came)):.4f}",
            f"{mean(group, lambda d: calibration_error(d.foretold, d.came)):.4f}"
            f" ({mean(group, lambda d: calibration_error(d.true, d.came)):.4f})",
            f"{mean(group, lambda d: float((d.came - d.foretold).mean())):+.4f}",
        )
    return table


def reliability(days: dict[str, list[Day]]) -> Table:
    """Foretold and came by tenths, all seeds together."""
    table = Table(
        "world", *(str(i + 1) for i in range(BINS)), title="Foretold > came, % by tenths of the dials"
    )
    for name, group in days.items():
        foretold = np.concatenate([day.foretold for day in group])
        parts = deciles(foretold, np.concatenate([day.came for day in group]))
        table.add_row(name, *(f"{100 * said:.1f} > {100 * seen:.1f}" for said, seen, _ in parts))
    return table


def reaction(days: dict[str, list[Day]]) -> Table:
    """Foretold beside true, by calls since the list went bad and since it was good again."""
    spans = list(zip((0, *AFTER), AFTER, strict=False))
    table = Table(
        "world", "since", *(f"{a}-{b}" for a, b in spans), title="Foretold (true), % by calls since"
    )
    for name, group in days.items():
        if name.startswith("bad"):
            for what, hour in (("bad", 4), ("good again", 5)):
                table.add_row(name, what, *(_window(group, hour * 3600.0, a, b) for a, b in spans))
    return table


def _window(group: list[Day], from_s: float, a: int, b: int) -> str:
    def part(day: Day, figures: Numbers) -> float:
        first = int(np.searchsorted(day.at_s, from_s))
        return 100 * float(figures[first + a : first + b].mean())

    return f"{mean(group, lambda d: part(d, d.foretold)):.1f} ({mean(group, lambda d: part(d, d.true)):.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.pacing.odds_report", description=__doc__)
    parser.add_argument("--dials", type=int, default=20_000, help="in one day of eight hours")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    asked = parser.parse_args()
    days: dict[str, list[Day]] = {}
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        for name, world in worlds(seed):
            days.setdefault(name, []).append(lived(world, asked.dials))
    console = Console()
    console.print(f"{asked.seeds} days of {asked.dials} dials each; in brackets: by the true chances")
    for table in (quality(days), reliability(days), reaction(days)):
        console.print(table)
    names = ("features", "p", "learn")
    told = ", ".join(f"{name} {us:.1f}" for name, us in zip(names, speed_us(), strict=True))
    console.print(f"CPU, microseconds a call: {told}")


if __name__ == "__main__":
    main()
