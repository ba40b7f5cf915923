"""The boards are those of their source, and Grafana can take them: ids, places, units, links, names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.__main__ import BOARDS, FOLDER, files
from dashboards.board import Unit
from dialer.adapters.metrics_table import TABLE, Kind
from dialer.domain.types import Language

ROOT = Path(__file__).parents[2]
RECORDS = (ROOT / "docker/prometheus/rules/records.yml").read_text("utf-8")
PROVISIONING = ROOT / "docker/grafana/provisioning"
COLUMNS = 24
THEIRS = {"up", "ALERTS"}  # Prometheus' own
OURS = {f"{language}/{name}": FOLDER / language / f"{name}.json" for language in Language for name in BOARDS}
every_board = pytest.mark.parametrize("path", OURS.values(), ids=OURS.keys())


def board_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def queries(board: dict[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]


def test_what_is_provisioned_is_what_the_source_draws() -> None:
    drawn = dict(files())
    assert set(FOLDER.rglob("*.json")) == drawn.keys()
    stale = [path.name for path, text in drawn.items() if path.read_text("utf-8") != text]
    assert stale == [], "make dashboards"


def test_the_ids_of_the_boards_are_those_of_every_bookmark() -> None:
    names = ("floor", "pacing", "operators", "trunks", "health", "abandoned")
    uids = [board_of(path)["uid"] for path in OURS.values()]
    assert sorted(uids) == sorted(f"obzvon-{name}-{language}" for name in names for language in ("en", "ru"))
    titles = [board_of(path)["title"] for path in OURS.values()]
    assert len(set(titles)) == len(titles)


@every_board
def test_panels_have_ids_of_their_own_and_lie_beside_each_other(path: Path) -> None:
    panels = board_of(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} covers {taken[x, y]}"
                taken[x, y] = panel["title"]


@every_board
def test_every_panel_says_what_it_is_and_what_to_do_in_its_language(path: Path) -> None:
    for panel in board_of(path)["panels"]:
        if panel["type"] == "row":
            continue
        for text in (panel["title"], panel["description"]):
            assert text
            if path.parent.name == Language.RU:
                assert re.search("[а-я]", text), text
            else:
                assert not re.search("[а-яА-Я]", text), text
        assert len(panel["description"]) > 20


@every_board
def test_units_are_those_that_grafana_knows(path: Path) -> None:
    units = [
        found for panel in board_of(path)["panels"] if panel["type"] != "row" for found in units_of(panel)
    ]
    assert units
    assert set(units) <= set(Unit)


def units_of(panel: dict[str, Any]) -> Iterator[str]:
    yield panel["fieldConfig"]["defaults"]["unit"]
    for override in panel["fieldConfig"]["overrides"]:
        yield from (one["value"] for one in override["properties"] if one["id"] == "unit")


def known_labels() -> dict[str, set[str]]:
    """Every name that a query may use, with its labels."""
    target = {"cell", "instance", "job", "part"}
    labels: dict[str, set[str]] = {}
    for row in TABLE:
        ends = ("_bucket", "_count", "_sum") if row.kind is Kind.HISTOGRAM else ("",)
        for end in ends:
            labels[f"{row.name}{end}"] = {*row.labels, *target, *(["le"] if end == "_bucket" else [])}
    for name in re.findall(r"record: (\S+)", RECORDS):
        labels[name] = {name.partition(":")[0], "cell"}
    return labels


@every_board
def test_every_metric_and_label_is_the_products(path: Path) -> None:
    known = known_labels()
    for query in queries(board_of(path)):
        used = re.findall(
            r"(?<![\w:$])((?:\w+:)?(?:dialer|process)_\w+(?::\w+)?|up|ALERTS)\b(?:\{([^}]*)\})?", query
        )
        assert used, query
        for name, selector in used:
            if name not in THEIRS:
                assert name in known, f"{name} in {query}"
                labels = set(re.findall(r'(\w+)(?:=~|!~|!=|=)["`]', selector))
                assert labels <= known[name], f"{name}{{{selector}}}"


@every_board
def test_every_variable_in_a_query_is_offered_by_its_board(path: Path) -> None:
    board = board_of(path)
    offered = {variable["name"] for variable in board["templating"]["list"]}
    used = {name for query in queries(board) for name in re.findall(r"\$\{?(\w+)", query)}
    assert used - {"__range", "__range_s", "__rate_interval"} <= offered
    assert offered - used == {"datasource"}, "nobody asks for these"


@every_board
def test_every_link_leads_to_a_board_and_every_page_that_is_named_exists(path: Path) -> None:
    uids = {board_of(other)["uid"] for other in OURS.values() if other.parent == path.parent}
    text = path.read_text("utf-8")
    assert set(re.findall(r'"/d/([\w-]+)', text)) <= uids
    pages = set(re.findall(r"docs/[\w/-]+\.md", text))
    assert all((ROOT / page).exists() for page in pages), pages
    tags = [tag for link in board_of(path)["links"] for tag in link["tags"]]
    assert tags == [f"obzvon-{path.parent.name}"]


def test_both_languages_show_the_same() -> None:
    def bones(value: Any) -> Any:
        """Without words."""
        if isinstance(value, dict):
            return {key: bones(one) for key, one in value.items()}
        if isinstance(value, list):
            return [bones(one) for one in value]
        return "" if isinstance(value, str) else value

    def laid(path: Path) -> Any:
        board = board_of(path)
        return [(panel["gridPos"], panel["type"], bones(panel.get("targets"))) for panel in board["panels"]]

    for name in BOARDS:
        english, russian = (FOLDER / language / f"{name}.json" for language in ("en", "ru"))
        assert laid(english) == laid(russian)
        assert list(queries(board_of(english))) == list(queries(board_of(russian)))


def test_the_page_of_figures_has_a_line_for_each_query_that_was_ever_tried() -> None:
    page = (ROOT / "docs/bench-boards.md").read_text("utf-8")
    tried = re.findall(r"^\| (\w+) \| (.+?) \| ([A-Z]) \|", page, re.MULTILINE)
    there = [
        (name, panel["title"], target["refId"])
        for name in sorted(BOARDS)
        for panel in board_of(FOLDER / "en" / f"{name}.json")["panels"]
        for target in panel.get("targets", ())
    ]
    assert tried == there, "a panel is new: write docs/bench-boards.md anew, it says how"


def test_what_is_provisioned_finds_prometheus_and_the_boards() -> None:
    source = (PROVISIONING / "datasources/prometheus.yml").read_text("utf-8")
    boards = (PROVISIONING / "dashboards/obzvon.yml").read_text("utf-8")
    for path in OURS.values():
        variables = {one["name"]: one for one in board_of(path)["templating"]["list"]}
        chosen = variables["datasource"]["current"]
        assert f"uid: {chosen['value']}\n" in source
        assert f"name: {chosen['text']}\n" in source
        assert f"path: /etc/grafana/dashboards/{path.parent.name}\n" in boards
    scrape = re.search(
        r"scrape_interval: (\S+)", (ROOT / "docker/prometheus/prometheus.yml").read_text("utf-8")
    )
    assert scrape is not None
    assert f"timeInterval: {scrape[1]} " in source
