"""Reads a scenario file. A mistake becomes one sentence that names file, key, value and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import Mode
from dialer.sim.scenario import (
    AUTOMATIC,
    Breaks,
    Curve,
    Dialing,
    Leads,
    Line,
    Scenario,
    Segment,
    Shift,
    Talks,
    flaw_of,
    named,
)
from dialer.worlds import Reader, parse

TEN = "10_25_150"  # what a file changes that names no other base
SAMPLE = Path(__file__).with_name("scenario.toml")
PREFIX = re.compile(r"\+[1-9][0-9]{0,6}")
MOST_OPERATORS, MOST_LEADS, MOST_HOURS, MOST_LINES = 2000, 2_000_000, 24.0, 100_000
SHARE = (0.0, 1.0)
KEYS = (
    *("base", "name", "hours", "seed", "operators", "shift", "breaks"),
    *("answers", "times", "talks", "leads", "segment", "dialing", "trunk"),
)


def read(path: Path) -> Scenario:
    """The scenario in a file; raises BadValue."""
    scenario = ScenarioReader(str(path)).scenario(parse(path), path.stem)
    if why := flaw_of(scenario):
        raise BadValue(said("{path}: this cannot be: {why}", path=path, why=why))
    return scenario


class ScenarioReader(Reader):
    """The keys of a scenario; what is not said is as in its base."""

    def scenario(self, data: Mapping[str, Any], name: str) -> Scenario:
        """The whole file."""
        self.only(data, KEYS, "the file")
        base = named(self._text(data.get("base", TEN), "base"))
        times = self.table(data.get("times", {}), "times")
        self.only(times, ("setup_s", "ring_s", "wrap_up_s"), "times")
        answers = self.table(data.get("answers", {}), "answers")
        self.only(answers, ("share", "steps", "drift", "busy", "fails"), "answers")
        return replace(
            base,
            name=self._text(data.get("name", name), "name"),
            hours=self.figure(data.get("hours", base.hours), "hours", 0.1, MOST_HOURS),
            seed=self.whole(data.get("seed", base.seed), "seed", 0, 2**31 - 1),
            shifts=self._shifts(data, base.shifts),
            breaks=self._breaks(data.get("breaks"), base.breaks),
            answers=self._curve(answers, base.answers),
            busy=self.figure(answers.get("busy", base.busy), "answers.busy", *SHARE),
            fails=self.figure(answers.get("fails", base.fails), "answers.fails", *SHARE),
            setup_s=self.length(times.get("setup_s"), "times.setup_s", base.setup_s),
            ring_s=self.length(times.get("ring_s"), "times.ring_s", base.ring_s),
            wrap_up_s=self.length(times.get("wrap_up_s"), "times.wrap_up_s", base.wrap_up_s),
            talks=self._talks(self.table(data.get("talks", {}), "talks"), base.talks),
            leads=self._leads(data, base.leads),
            dialing=self._dialing(self.table(data.get("dialing", {}), "dialing"), base.dialing),
            line=self._line(self.table(data.get("trunk", {}), "trunk"), base.line),
        )

    def _text(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= 80 or not value.isprintable():
            raise self.bad(key, value, "a text of up to 80 letters")
        return value

    # --- who works

    def _shifts(self, data: Mapping[str, Any], base: tuple[Shift, ...]) -> tuple[Shift, ...]:
        if "operators" in data and "shift" in data:
            raise self.bad("operators", data["operators"], "either operators or [[shift]], not both")
        if "operators" in data:
            return (Shift(self.whole(data["operators"], "operators", 1, MOST_OPERATORS)),)
        if "shift" not in data:
            return base
        tables = self.tables(data["shift"], "shift")
        return tuple(self._shift(table, f"shift {index}") for index, table in enumerate(tables, 1))

    def _shift(self, data: Mapping[str, Any], place: str) -> Shift:
        self.only(
            data,
            ("operators", "from_h", "until_h", "lunch_at_h", "lunch_min", "lunch_groups"),
            place,
        )
        until, lunch = data.get("until_h"), data.get("lunch_at_h")
        shift = Shift(
            self.whole(data.get("operators"), f"{place}.operators", 1, MOST_OPERATORS),
            from_h=self._hour(data.get("from_h", 0), f"{place}.from_h"),
            until_h=None if until is None else self._hour(until, f"{place}.until_h"),
            lunch_at_h=None if lunch is None else self._hour(lunch, f"{place}.lunch_at_h"),
            lunch_min=self.figure(data.get("lunch_min", 30), f"{place}.lunch_min", 1, 240),
            lunch_groups=self.whole(data.get("lunch_groups", 1), f"{place}.lunch_groups", 1, 100),
        )
        if shift.until_h is not None and shift.until_h <= shift.from_h:
            raise self.bad(f"{place}.until_h", until, f"later than from_h, {shift.from_h:g}")
        return shift

    def _hour(self, value: Any, key: str) -> float:
        return self.figure(value, key, 0, MOST_HOURS)

    def _breaks(self, data: Any, base: Breaks | None) -> Breaks | None:
        if data is None or data is False:
            return None if data is False else base
        table = self.table(data, "breaks")
        self.only(table, ("every_min", "length_s"), "breaks")
        base = base or Breaks()
        return Breaks(
            self.figure(table.get("every_min", base.every_min), "breaks.every_min", 1, 1440),
            self.length(table.get("length_s"), "breaks.length_s", base.length_s),
        )

    # --- who is called

    def _curve(self, data: Mapping[str, Any], base: Curve) -> Curve:
        kinds = [key for key in ("share", "steps", "drift") if key in data]
        if not kinds:
            return base
        if len(kinds) > 1:
            raise self.bad("answers", ", ".join(kinds), "one of share, steps, drift")
        key = f"answers.{kinds[0]}"
        if kinds[0] == "share":
            return Curve(((0.0, self.figure(data["share"], key, *SHARE)),))
        points = data[kinds[0]]
        if not isinstance(points, list) or not points:
            raise self.bad(key, points, "a list of [hour, share], such as [[0, 0.25], [4, 0.15]]")
        read = tuple(self._point(point, key) for point in points)
        if any(one[0] >= other[0] for one, other in pairwise(read)):
            raise self.bad(key, points, "each hour later than the one before")
        return Curve(read, is_line=kinds[0] == "drift")

    def _point(self, point: Any, key: str) -> tuple[float, float]:
        if not isinstance(point, list) or len(point) != 2:
            raise self.bad(key, point, "[hour, share]")
        return self._hour(point[0], key), self.figure(point[1], key, *SHARE)

    def _talks(self, data: Mapping[str, Any], base: Talks) -> Talks:
        self.only(data, ("mean_s", "refusals", "refusal_s", "sigma"), "talks")
        return Talks(
            self.figure(data.get("mean_s", base.mean_s), "talks.mean_s", 1, 3600),
            self.figure(data.get("refusals", base.refusals), "talks.refusals", 0, 0.99),
            self.length(data.get("refusal_s"), "talks.refusal_s", base.refusal_s),
            self.figure(data.get("sigma", base.sigma), "talks.sigma", 0, 3),
        )

    def _leads(self, data: Mapping[str, Any], base: Leads) -> Leads:
        table = self.table(data.get("leads", {}), "leads")
        self.only(table, ("count", "spread", "again"), "leads")
        segments = base.segments
        if "segment" in data:
            tables = self.tables(data["segment"], "segment")
            segments = tuple(self._segment(one, f"segment {index}") for index, one in enumerate(tables, 1))
        if not segments or not sum(segment.share for segment in segments):
            raise self.bad("segment", data.get("segment"), "at least one, with a share above 0")
        return Leads(
            self.whole(table.get("count", base.count), "leads.count", 0, MOST_LEADS),
            self.figure(table.get("spread", base.spread), "leads.spread", 0, 5),
            self.figure(table.get("again", base.again), "leads.again", 0.01, 100),
            segments,
        )

    def _segment(self, data: Mapping[str, Any], place: str) -> Segment:
        self.only(data, ("name", "share", "odds", "prefix", "zone"), place)
        base = Segment("", 1.0)
        prefix = data.get("prefix", base.prefix)
        if not isinstance(prefix, str) or not PREFIX.fullmatch(prefix):
            raise self.bad(f"{place}.prefix", prefix, 'a plus and up to 7 digits, such as "+7916"')
        return Segment(
            self._text(data.get("name", place), f"{place}.name"),
            self.figure(data.get("share", base.share), f"{place}.share", 0, 1e6),
            self.figure(data.get("odds", base.odds), f"{place}.odds", 0.01, 100),
            prefix,
            self._zone(data.get("zone", base.zone), f"{place}.zone"),
        )

    def _zone(self, value: Any, key: str) -> str:
        name = self._text(value, key)
        try:
            ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            raise self.bad(key, value, 'the name of a zone, such as "Europe/Moscow"') from None
        return name

    # --- what lies between them

    def _dialing(self, data: Mapping[str, Any], base: Dialing) -> Dialing:
        self.only(data, ("mode", "ratio", "target", "ring_s", "interval_s"), "dialing")
        mode = data.get("mode", base.mode.value)
        if mode not in AUTOMATIC:
            raise self.bad("dialing.mode", mode, f"one of {', '.join(AUTOMATIC)}")
        interval_s = data.get("interval_s", base.interval_s)
        if interval_s is not None:
            interval_s = self.figure(interval_s, "dialing.interval_s", 0.05, 5)
        return Dialing(
            Mode(mode),
            self.figure(data.get("ratio", base.ratio), "dialing.ratio", 1, 10),
            self.figure(data.get("target", base.target), "dialing.target", *SHARE),
            self.figure(data.get("ring_s", base.ring_s), "dialing.ring_s", 5, 120),
            interval_s,
        )

    def _line(self, data: Mapping[str, Any], base: Line) -> Line:
        self.only(data, ("lines", "calls_per_s"), "trunk")
        return Line(
            self.whole(data.get("lines", base.lines), "trunk.lines", 0, MOST_LINES),
            self.figure(data.get("calls_per_s", base.calls_per_s), "trunk.calls_per_s", 0, 1000),
        )
