"""What people read at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table

from bench.figures import BARE, PRODUCT, Probe, Result, percentile
from bench.parts import Part

TITLE = "Answer to bridge (p50, p99) by Asterisk's clock; CPU per call: driver, its web, PBX; all in ms"
COLUMNS = ("side", "sound", "asked", "made", "held?", "p50", "p99", "CPU", "web", "PBX", "lag p99")


def show(result: Result, console: Console) -> None:
    """One row per probe, and the ratios below."""
    table = Table(*COLUMNS, title=TITLE)
    for probe in result.probes:
        table.add_row(*_cells(probe))
    console.print(table)
    for line in summary(result):
        console.print(line, highlight=False)


def summary(result: Result) -> Iterator[str]:
    """A sentence per kind of load."""
    for media in sorted({probe.media for probe in result.probes}):
        sound = "with sound" if media else "without sound"
        ratio, rates = result.ratio(media=media), []
        for side in (PRODUCT, BARE):
            long = result.confirmed.get((side, media))
            short = ", ".join(f"{rate:g}" for rate in result.held.get((side, media), ()))
            told = f"{long.asked}/s for {long.seconds:.0f} s" if long and not long.flaw else "not confirmed"
            cpu_ms = result.cpu_ms(side, media=media)
            rates.append(f"{side} {told} (turns: {short or 'none'}; CPU {cpu_ms} ms)")
        yield f"{sound}: {'; '.join(rates)}; ratio {ratio if ratio is not None else 'unknown'}"


def show_parts(parts: Iterable[Part], console: Console) -> None:
    table = Table("part", "per second", "baseline", "per second", "ratio", title="Parts; medians")
    for part in parts:
        rates = (f"{part.ours_per_s:,.0f}", f"{part.baseline_per_s:,.0f}")
        table.add_row(part.name, rates[0], part.baseline, rates[1], f"{part.ratio:.2f}")
    console.print(table)


def plain(result: Result) -> dict[str, object]:
    """For --json."""
    kinds = sorted({probe.media for probe in result.probes})
    return {
        "probes": [probe.plain() for probe in result.probes],
        "held": {
            "with_media" if media else "without_media": {
                "product": list(result.held.get((PRODUCT, media), ())),
                "bare": list(result.held.get((BARE, media), ())),
                "confirmed": {
                    side: result.confirmed[side, media].plain()
                    for side in (PRODUCT, BARE)
                    if (side, media) in result.confirmed
                },
                "ratio": result.ratio(media=media),
                "cpu_ms_per_call": {side: result.cpu_ms(side, media=media) for side in (PRODUCT, BARE)},
            }
            for media in kinds
        },
    }


def _cells(probe: Probe) -> tuple[str, ...]:
    waits = (percentile(probe.waits_ms, 0.5), percentile(probe.waits_ms, 0.99))
    return (
        probe.side,
        "yes" if probe.media else "no",
        f"{probe.asked} x {probe.seconds:.0f} s",
        f"{probe.rate:.1f}",
        probe.flaw or "held",
        *(f"{wait:.1f}" if wait is not None else "-" for wait in waits),
        f"{probe.cpu_ms:.2f}",
        f"{probe.web_cpu_ms:.2f}" if probe.web_cpu_ms else "-",
        f"{probe.switch_cpu_ms:.2f}",
        f"{probe.lag_p99_ms:.1f}" if probe.lag_p99_ms is not None else "-",
    )
