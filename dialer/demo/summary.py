"""What the demo has shown: figures folded from the records, and whether all is well."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from dialer.domain.cdr import Cdr
from dialer.domain.said import counted, said
from dialer.domain.types import Outcome

BUCKET = re.compile(r'^dialer_event_lag_seconds_bucket\{.*?le="([^"]+)".*?\} (\S+)$', re.MULTILINE)
TOO_BUSY = re.compile(r"^dialer_busy_seconds_total(?:\{.*?\})? (\S+)$", re.MULTILINE)
DIALLED = re.compile(r"^dialer_originated_total(?:\{.*?\})? (\S+)$", re.MULTILINE)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest rank; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def double_booked(cdrs: Iterable[Cdr]) -> int:
    """Talks that began before the same operator's last one ended, by Asterisk's own instants."""
    talks: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for cdr in cdrs:
        if cdr.operator and cdr.bridge_at:
            talks[cdr.operator].append((cdr.bridge_at, cdr.end_at))
    count = 0
    for spans in talks.values():
        spans.sort()
        count += sum(begin < before for (_, before), (begin, _) in pairwise(spans))
    return count


def attempts_in(metrics: str) -> int:
    """How many requests to dial the service has sent, by its own counter."""
    return round(sum(float(value) for value in DIALLED.findall(metrics)))


def too_busy_s(metrics: str) -> float:
    """How long dialing waited because the machine did not keep up, by the service's own counter."""
    return round(sum(float(value) for value in TOO_BUSY.findall(metrics)), 1)


def lag_ms(metrics: str, share: float) -> float | None:
    """A quantile of the event lag, between the bounds of its bucket."""
    buckets: dict[float, float] = defaultdict(float)
    for bound, count in BUCKET.findall(metrics):
        buckets[float(bound)] += float(count)
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if not total:
        return None
    wanted, below, low = share * total, 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= wanted:
            if bound == float("inf"):
                return round(low * 1000, 2)
            inside = buckets[bound] - below
            return round((low + (bound - low) * ((wanted - below) / inside if inside else 0)) * 1000, 2)
        below, low = buckets[bound], bound
    return None


@dataclass(frozen=True, slots=True)
class Spans:
    """How long was dialled, and how long the talks then took to end."""

    dialling_s: float
    drain_s: float


def summarise(
    cdrs: Sequence[Cdr], hours: Sequence[Mapping[str, Any]], metrics: str, spans: Spans, *, operators: int
) -> dict[str, Any]:
    """Everything that the demo promises to report; docs/quickstart.md says what each key means.

    `hours` are those of the time of dialling: while the last talks end, who has none is idle on purpose.
    """
    waits = [cdr.wait_s * 1000 for cdr in cdrs if cdr.wait_s is not None]
    busy = sum(row["states"].get("talking", 0) + row["states"].get("wrap_up", 0) for row in hours)
    present = sum(row["logged_in_s"] - row["states"].get("paused", 0) for row in hours)
    outcomes = Counter(cdr.outcome.value for cdr in cdrs)
    return {
        "attempts": attempts_in(metrics),
        "by_outcome": dict(sorted(outcomes.items())),
        "answered_live": sum(cdr.answer_at is not None for cdr in cdrs),
        "connected": outcomes[Outcome.CONNECTED],
        "abandoned": outcomes[Outcome.ABANDONED],
        "cdrs": len(cdrs),
        "double_booked": double_booked(cdrs),
        "answer_to_bridge_ms": {"p50": _ms(waits, 0.5), "p99": _ms(waits, 0.99)},
        "event_lag_ms": {"p50": lag_ms(metrics, 0.5), "p99": lag_ms(metrics, 0.99)},
        "too_busy_s": too_busy_s(metrics),
        "air_time_s": round(sum(cdr.talk_s for cdr in cdrs), 1),
        "occupancy": round(busy / present, 3) if present > 0 else None,
        "operators": operators,
        "seconds": round(spans.dialling_s, 1),
        "drain_seconds": round(spans.drain_s, 1),
    }


def _ms(values: Sequence[float], share: float) -> float | None:
    found = percentile(values, share)
    return None if found is None else round(found, 1)


def too_busy(summary: Mapping[str, Any]) -> str:
    """The machine was too busy, in a sentence; empty: it kept up."""
    if not summary["too_busy_s"]:
        return ""
    return said(
        "this machine was too busy for {s:g} s, and nothing was dialled then", s=summary["too_busy_s"]
    )


def is_well(summary: Mapping[str, Any], *, progressive: bool) -> list[str]:
    """What is wrong, in sentences; empty when the demo did what it promises."""
    wrong: list[str] = []
    if summary["attempts"] != summary["cdrs"]:
        wrong.append(
            said(
                "{attempts} attempts but {records} records",
                attempts=summary["attempts"],
                records=summary["cdrs"],
            )
        )
    if summary["double_booked"]:
        wrong.append(
            counted(
                "{n} talk overlaps another at one operator",
                "{n} talks overlap at one operator",
                summary["double_booked"],
            )
        )
    if progressive and summary["abandoned"]:
        wrong.append(
            counted(
                "{n} person was abandoned in progressive mode",
                "{n} people were abandoned in progressive mode",
                summary["abandoned"],
            )
        )
    if not summary["connected"]:
        wrong.append(said("nobody was connected"))
    return wrong
