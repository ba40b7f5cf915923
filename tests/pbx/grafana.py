"""Asks Prometheus what Grafana would ask for a board, with its variables in place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

BOARDS = Path(__file__).parents[2] / "docker/grafana/dashboards"
POINTS = 1000  # about the pixels of a panel
SCRAPE_S = 1
EVERY = ".*"
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query gave: its series, each with the last value, and with the greatest over the time."""

    board: str
    panel: str
    letter: str
    expr: str
    last: Sequence[tuple[Labels, float]]
    peak: float = math.nan

    @property
    def total(self) -> float:
        """Of the last values."""
        return sum(value for _, value in self.last)


@dataclass(slots=True)
class Viewer:
    """Somebody who looks at the boards of one Prometheus, over the time from `since_s` on."""

    http: aiohttp.ClientSession
    url: str
    since_s: float = 0.0
    picked: dict[str, dict[str, str]] = field(default_factory=dict)  # by board and variable, in place of all

    async def ask(self, path: str, **query: str) -> Any:
        """Prometheus' data; fails with its own words."""
        async with self.http.post(f"{self.url}/api/v1/{path}", data=query) as response:
            answer = await response.json()
        assert answer["status"] == "success", f"{query}: {answer}"
        assert not answer.get("warnings"), answer["warnings"]
        return answer["data"]

    async def now_s(self) -> float:
        """By Prometheus' clock."""
        return float((await self.ask("query", query="time()"))["result"][0])

    async def choices(self, variable: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(text, value) of all that a variable of kind query offers."""
        query = variable["query"]
        if found := re.fullmatch(r"label_values\((\w+), (\w+)\)", query):
            metric, label = found.groups()
            values = await self._values(metric, label)
            return [(value, value) for value in values]
        found = re.fullmatch(r"query_result\((.*)\)", query)
        assert found is not None, query
        lines = []
        for one in (await self.ask("query", query=found[1]))["result"]:
            labels = ",".join(f'{name}="{value}"' for name, value in one["metric"].items())
            lines.append(f"{{{labels}}} {one['value'][1]} {one['value'][0] * 1000:.0f}")
        pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
        matches = [match for line in lines if (match := pattern.search(line))]
        return [(match["text"], match["value"]) for match in matches]

    async def _values(self, metric: str, label: str) -> list[str]:
        query = {"match[]": metric, "start": str(self.since_s), "end": str(await self.now_s())}
        async with self.http.get(f"{self.url}/api/v1/label/{label}/values", params=query) as response:
            return list((await response.json())["data"])

    async def look(self, board: Mapping[str, Any]) -> list[Answer]:
        """Every query of every panel."""
        now_s = await self.now_s()
        values = {"datasource": "prometheus"}
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                values[variable["name"]] = EVERY
            elif variable["type"] == "custom":
                values[variable["name"]] = variable["current"]["value"]
        values |= self.picked.get(board["uid"], {})
        return [
            await self._target(board, panel, target, values, now_s)
            for panel in board["panels"]
            for target in panel.get("targets", ())
        ]

    async def _target(
        self,
        board: Mapping[str, Any],
        panel: Mapping[str, Any],
        target: Mapping[str, Any],
        values: Mapping[str, str],
        now_s: float,
    ) -> Answer:
        range_s = max(1, round(now_s - self.since_s))
        step_s = max(SCRAPE_S, math.ceil(range_s / POINTS))
        expr = filled(target["expr"], values, range_s, step_s)
        named = (board["uid"], panel["title"], target["refId"], target["expr"])
        if target.get("instant"):
            result = (await self.ask("query", query=expr, time=f"{now_s}"))["result"]
            return Answer(*named, [(one["metric"], float(one["value"][1])) for one in result])
        start_s, end_s = (math.floor(at_s / step_s) * step_s for at_s in (self.since_s, now_s))
        query = {"query": expr, "start": str(start_s), "end": str(end_s), "step": str(step_s)}
        result = (await self.ask("query_range", **query))["result"]
        last = [(one["metric"], float(one["values"][-1][1])) for one in result]
        every = [float(value) for one in result for _, value in one["values"]]
        finite = [value for value in every if math.isfinite(value)]
        return Answer(*named, last, max(finite, default=math.nan))


def filled(expr: str, values: Mapping[str, str], range_s: int, step_s: int) -> str:
    """The query as Grafana sends it."""
    rate_s = max(step_s + SCRAPE_S, 4 * SCRAPE_S)
    known = {"__rate_interval": f"{rate_s}s", "__range": f"{range_s}s", "__range_s": f"{range_s}", **values}
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda match: known[match[1] or match[2]], expr)


def boards(language: str = "en") -> list[dict[str, Any]]:
    """As they are provisioned."""
    return [json.loads(path.read_text("utf-8")) for path in sorted((BOARDS / language).glob("*.json"))]
