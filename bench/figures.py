"""What one probe measured, and what it is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

PRODUCT, BARE = "product", "bare"
LEAST_SHARE = 0.98  # of the asked rate
MOST_WAIT_MS = 100.0  # answer to bridge, p99


@dataclass(frozen=True, slots=True)
class Load:
    """One probe to be made: so many calls per second, counted for `seconds` after a warm-up."""

    rate: int
    seconds: float
    warm_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Tick:
    """The CPU seconds of driver, PBX and web at one moment, and the buckets of the event lag until then."""

    at_s: float
    cpu_s: float
    switch_cpu_s: float
    lag: Mapping[float, float] = field(default_factory=dict)
    web_cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Probe:
    """What became of the calls that were begun in the window."""

    side: str
    media: bool
    asked: int
    seconds: float
    calls: int
    failures: Mapping[str, int]
    waits_ms: Sequence[float]  # answer to bridge, by Asterisk's clock, of each connected call
    cpu_ms: float  # of the driving process, per call; of the service that is its engine
    switch_cpu_ms: float  # of the PBX, per call
    lag_p99_ms: float | None
    web_cpu_ms: float = 0.0  # of the service's web, which shows the calls and drives none

    @property
    def rate(self) -> float:
        return self.calls / self.seconds

    @property
    def flaw(self) -> str:
        """Why the rate was not held; empty: it was."""
        wait = percentile(self.waits_ms, 0.99)
        if self.rate < LEAST_SHARE * self.asked:
            return f"only {self.rate:.1f}/s"
        if self.failures:
            return ", ".join(f"{count} {what}" for what, count in self.failures.items())
        if wait is None or wait >= MOST_WAIT_MS:
            return "answer to bridge p99 of 100 ms or more"
        return ""

    def plain(self) -> dict[str, object]:
        return {
            "side": self.side,
            "media": self.media,
            "asked": self.asked,
            "seconds": round(self.seconds, 1),
            "calls": self.calls,
            "rate": round(self.rate, 2),
            "held": not self.flaw,
            "flaw": self.flaw,
            "answer_to_bridge_ms": {
                "p50": rounded(percentile(self.waits_ms, 0.5)),
                "p99": rounded(percentile(self.waits_ms, 0.99)),
            },
            "cpu_ms_per_call": round(self.cpu_ms, 2),
            "switch_cpu_ms_per_call": round(self.switch_cpu_ms, 2),
            "web_cpu_ms_per_call": round(self.web_cpu_ms, 2),
            "event_lag_p99_ms": rounded(self.lag_p99_ms),
        }


@dataclass(frozen=True, slots=True)
class Result:
    """Every probe of one run, and the rates that each side held: one per turn."""

    probes: Sequence[Probe]
    held: Mapping[tuple[str, bool], Sequence[float]]  # (side, media) -> by turn
    confirmed: Mapping[tuple[str, bool], Probe]  # the long ones

    def ratio(self, *, media: bool) -> float | None:
        """Product over bare, of the rates that were confirmed, else of the medians of the turns."""
        rates = [self._rate(side, media=media) for side in (PRODUCT, BARE)]
        return round(rates[0] / rates[1], 3) if rates[0] and rates[1] else None

    def _rate(self, side: str, *, media: bool) -> float:
        both = [(PRODUCT, media), (BARE, media)]
        if all(key in self.confirmed and not self.confirmed[key].flaw for key in both):
            return self.confirmed[side, media].asked
        rates = self.held.get((side, media), ())
        return median(rates) if rates else 0.0

    def cpu_ms(self, side: str, *, media: bool) -> float | None:
        """CPU of the driving process per call, the median of the probes that held."""
        spent = [p.cpu_ms for p in self.probes if (p.side, p.media) == (side, media) and not p.flaw]
        return round(median(spent), 2) if spent else None


def between(begin: Tick, end: Tick, calls: int) -> tuple[float, float, float | None]:
    """Per call the CPU of the driver and of the PBX in ms; the p99 of the lag in ms."""
    lag = {bound: count - begin.lag.get(bound, 0.0) for bound, count in end.lag.items()}
    per_call = 1000 / max(calls, 1)
    return (
        (end.cpu_s - begin.cpu_s) * per_call,
        (end.switch_cpu_s - begin.switch_cpu_s) * per_call,
        lag_quantile_ms(lag, 0.99),
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest rank; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def lag_quantile_ms(buckets: Mapping[float, float], share: float) -> float | None:
    """Of cumulative buckets, between the bounds of the one it lies in."""
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    below, low = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= share * total:
            if bound == float("inf"):
                return low * 1000
            inside = buckets[bound] - below
            return 1000 * (low + (bound - low) * (share * total - below) / inside)
        below, low = buckets[bound], bound
    return None


def counted(what: Sequence[str]) -> dict[str, int]:
    return dict(Counter(what).most_common())


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
