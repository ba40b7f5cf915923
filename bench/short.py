"""The fixed short form: some quick turns of the service and of the loop, held against what was written last.

One rate, no sound, five turns each. What counts are ratios taken turn by turn: calls made, and CPU per call.
A machine that is slow or busy is so for both sides.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import page
from bench.calls import Wish, measure
from bench.figures import BARE, PRODUCT, Probe, Result

RATE, PROBE_S, TURNS = 20, 4.0, 5
WARM_S = 1.0
WISH = Wish(media=(False,), rates=(RATE,), most=RATE, probe_s=PROBE_S, warm_s=WARM_S, turns=TURNS, tries=1)
LEAST = 0.9  # of the last written ratio
KEPT = Path(__file__).with_name("short.json")


@dataclass(frozen=True, slots=True)
class Ratios:
    """The service's over the loop's, medians of the turns."""

    calls: float  # made in the same time: 1 is as many
    cpu: float  # of the loop's CPU for a call, over the service's: 1 is as little
    product_cpu_ms: float
    bare_cpu_ms: float
    commit: str
    at: str

    def line(self) -> str:
        return (
            f"calls {self.calls:.3f} of the loop's, CPU per call {self.product_cpu_ms:.2f} ms"
            f" where the loop takes {self.bare_cpu_ms:.2f}: {self.cpu:.3f}"
        )


async def run(say: Callable[[str], None], within_s: float, stop: asyncio.Event) -> Ratios | None:
    """None when it was stopped, or out of time, before the end."""
    result, is_whole = await measure(WISH, say, within_s, stop)
    return ratios_of(result) if is_whole else None


def ratios_of(result: Result) -> Ratios:
    """Turn by turn: the two probes that followed each other are compared."""
    ours = [probe for probe in result.probes if probe.side == PRODUCT]
    loops = [probe for probe in result.probes if probe.side == BARE]
    pairs = list(zip(ours, loops, strict=True))
    return Ratios(
        calls=round(median(_made(one) / max(_made(other), 0.01) for one, other in pairs), 3),
        cpu=round(median(other.cpu_ms / max(one.cpu_ms, 0.01) for one, other in pairs), 3),
        product_cpu_ms=round(median(probe.cpu_ms for probe in ours), 2),
        bare_cpu_ms=round(median(probe.cpu_ms for probe in loops), 2),
        commit=page.commit(),
        at=datetime.now(UTC).date().isoformat(),
    )


def _made(probe: Probe) -> float:
    """Connected calls a second: one that failed is not made."""
    return (probe.calls - sum(probe.failures.values())) / probe.seconds


def flaws(now: Ratios, before: Ratios) -> list[str]:
    """What fell below nine tenths of what was written last; empty: nothing."""
    return [
        f"{what}: {ours:.3f}, less than {LEAST} of {theirs:.3f}, the figure of {before.at} ({before.commit})"
        for what, ours, theirs in (
            ("calls made", now.calls, before.calls),
            ("CPU per call", now.cpu, before.cpu),
        )
        if ours < LEAST * theirs
    ]


def read() -> Ratios:
    """As it was written last."""
    return Ratios(**json.loads(KEPT.read_text(encoding="utf-8")))


def write(now: Ratios) -> None:
    """For the next check, and on docs/bench.md."""
    KEPT.write_text(json.dumps(asdict(now), indent=2) + "\n", encoding="utf-8")
    page.put(page.SHORT, table(now))


def table(now: Ratios) -> str:
    rows: Mapping[str, str] = {
        "calls made, of the loop's": f"**{now.calls:.3f}**",
        "CPU of the loop's process per call, of the service's": f"**{now.cpu:.3f}**",
        "CPU per call, service / loop": f"{now.product_cpu_ms:.2f} / {now.bare_cpu_ms:.2f} ms",
    }
    lines = "".join(f"| {what} | {figure} |\n" for what, figure in rows.items())
    return (
        f"Commit {now.commit}, {now.at}: {RATE} calls a second, {TURNS} turns of {PROBE_S:g} s, no sound;"
        " medians.\n\n"
        f"| ratio | figure |\n|---|---|\n{lines}"
    )
