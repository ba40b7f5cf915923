"""What every process tells Prometheus of itself, and the registry that a cell adds its own metrics to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from dialer.adapters.metrics_table import COMMON, STANDARD, Kind, Row
from dialer.domain.types import CellId, masked


class _Families(Collector):
    """What was collected already."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> list[Family]:
        return self._families


# What engine and web both tell of themselves, as families are named; answers of the API are the web's alone.
OF_EACH = frozenset(row.name.removesuffix("_total") for row in (*COMMON, *STANDARD)) - {"dialer_api_seconds"}
METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
OTHER = "other"  # a client may send any word as its method
_DIGITS = re.compile(r"\+?\d{7,}")
Metric = Counter | Gauge | Histogram


def safe_label(text: str) -> str:
    """A label value of someone's choosing, with anything that could be a phone number masked."""
    return _DIGITS.sub(lambda match: masked(match.group()), text)


class ProcessMetrics:
    """Version, start, CPU, memory, answers of the API; of a process that runs no cell it is all.

    A link that is down there, or operators who are none, would be false alarms.
    """

    def __init__(
        self, *, version: str, cell: CellId, started_at: datetime, rows: Iterable[Row] = COMMON
    ) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # its names and words are the same everywhere
        self._metrics = {row.name: self._made(row) for row in rows}
        self._found: dict[
            tuple[object, ...], Metric
        ] = {}  # by name and labels: finding one is most of its work
        self._gauge("dialer_build_info", version, cell).set(1)
        self._gauge("dialer_started_seconds").set(started_at.timestamp())
        for what in ("operator", "phone"):
            self._count("dialer_pin_locks_total", what, by=0)  # `increase` does not see a first value

    def page(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def page_with(self, engine: str) -> tuple[bytes, str]:
        """The engine's exposition (empty: it is away) and ours; what both tell is ours if `part` is web."""
        families = {family.name: family for family in text_string_to_metric_families(engine)}
        for own in self.registry.collect():
            its = families.setdefault(own.name, Family(own.name, own.documentation, own.type))
            ours = {"part": "web"} if own.name in OF_EACH else {}  # also while the engine is away
            its.samples += [sample._replace(labels={**sample.labels, **ours}) for sample in own.samples]
        return generate_latest(_Families(list(families.values()))), CONTENT_TYPE_LATEST

    def engine_answers(self, *, is_up: bool) -> None:
        """Whether the engine beside this process told its figures when they were asked for."""
        self._gauge("dialer_engine_up").set(is_up)

    def answered(self, method: str, status: int, seconds: float) -> None:
        """One answer of the API."""
        said_as = method if method in METHODS else OTHER
        self._observe("dialer_api_seconds", seconds, said_as, f"{status // 100}xx")

    def pin_locked(self, what: str) -> None:
        """Too many wrong PINs: `operator` or `phone` is locked for a while."""
        self._count("dialer_pin_locks_total", what)

    def agi_refused(self) -> None:
        """Somebody spoke to FastAGI who is not our Asterisk."""
        self._count("dialer_agi_refused_total")

    # --- the registry ------------------------------------------------------------------------------------

    def _made(self, row: Row) -> Metric:
        match row.kind:
            case Kind.COUNTER:
                return Counter(row.name, row.meaning, row.labels, registry=self.registry)
            case Kind.GAUGE:
                return Gauge(row.name, row.meaning, row.labels, registry=self.registry)
            case Kind.HISTOGRAM:
                return Histogram(
                    row.name, row.meaning, row.labels, registry=self.registry, buckets=row.buckets
                )

    def _of(self, name: str, labels: tuple[object, ...]) -> Metric:
        """The series, which is there from now on: `increase()` does not see a first value."""
        found = self._found.get((name, *labels))
        if found is None:
            metric = self._metrics[name]
            found = metric.labels(*(safe_label(str(label)) for label in labels)) if labels else metric
            self._found[name, *labels] = found
        return found

    def _remove(self, name: str, *labels: object) -> None:
        self._found.pop((name, *labels), None)
        self._metrics[name].remove(*(safe_label(str(label)) for label in labels))

    def _count(self, name: str, *labels: object, by: float = 1.0) -> None:
        metric = self._of(name, labels)
        assert isinstance(metric, Counter)
        metric.inc(by)

    def _gauge(self, name: str, *labels: object) -> Gauge:
        metric = self._of(name, labels)
        assert isinstance(metric, Gauge)
        return metric

    def _observe(self, name: str, seconds: float | None, *labels: object) -> None:
        if seconds is None:
            return
        metric = self._of(name, labels)
        assert isinstance(metric, Histogram)
        metric.observe(seconds)
