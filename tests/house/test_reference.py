"""The reference pages say what the code does: every metric, every setting, every route."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import SecretStr

from dialer.adapters import prometheus
from dialer.adapters.metrics_table import COMMON, TABLE, VIEW
from dialer.adapters.process_metrics import ProcessMetrics
from dialer.domain.types import CellId
from dialer.settings import Settings
from tests.web.world import NOW
from tools import api_page, metrics_page

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \|$", re.MULTILINE)


def rows(page: str) -> dict[str, list[str]]:
    """Name: the other cells, of every table row whose first cell is code."""
    return {name: [cell.strip() for cell in re.split(r"(?<!\\)\|", rest)] for name, rest in ROW.findall(page)}


def read(name: str) -> str:
    return (DOCS / "reference" / name).read_text("utf-8")


def test_every_metric_is_on_its_page_with_type_labels_and_meaning_and_no_other() -> None:
    page = read("metrics.md")
    told = rows(page.partition("## Buckets")[0])
    table = {
        row.name: [row.kind, ", ".join(f"`{label}`" for label in row.labels), row.meaning] for row in TABLE
    }
    assert told == table
    assert page == metrics_page.markdown_page(), "make docs"


def test_every_metric_of_the_registry_is_in_the_table_and_no_other() -> None:
    cell = prometheus.Metrics(version="x", cell=CellId("main"), started_at=NOW)
    view = ProcessMetrics(version="x", cell=CellId("main"), started_at=NOW, rows=(*COMMON, *VIEW))
    made = {family.name for each in (cell, view) for family in each.registry.collect()}
    assert made == {row.name.removesuffix("_total") for row in TABLE}


def test_every_setting_is_on_its_page_with_its_default_and_no_other() -> None:
    told = {name: cells[0].strip("`") for name, cells in rows(read("settings.md")).items()}
    assert told == {f"DIALER_{name.upper()}": default_of(name) for name in Settings.model_fields}


def test_every_setting_has_a_meaning() -> None:
    for name, (_, meaning) in rows(read("settings.md")).items():
        assert len(meaning) > 10, name


def default_of(name: str) -> str:
    default = Settings.model_fields[name].default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)


def test_the_api_page_is_the_api() -> None:
    assert read("api.md") == api_page.api_page(), "make docs"
