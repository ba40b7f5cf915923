"""The command line starts at once: a verb loads what it needs when it is called, and nothing before."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import typer

from dialer.cli.main import app
from dialer.cli.verbs import VERBS

ROOT: Any = typer.main.get_command(app)

STORE = ("sqlalchemy", "alembic", "aiosqlite", "asyncpg", "redis")
SERVICE = ("fastapi", "starlette", "uvicorn", "aiohttp", "panoramisk", "argon2", "prometheus_client")
WEB = ("fastapi", "starlette", "uvicorn", "openpyxl", "python_calamine", "dialer.web", "dialer.webtools")
ENGINE = ("numpy", "dialer.assembly", "dialer.engine")
LISTS = ("numpy", "phonenumbers", "python_calamine", "charset_normalizer", "holidays", "babel")
HEAVY = {
    *STORE,
    *SERVICE,
    *LISTS,
    *WEB,
    *ENGINE,
    "dialer.bootstrap",
    "dialer.rehearsal",
}


def loaded_by(*modules: str) -> set[str]:
    """The heavy ones among what a fresh Python has loaded after it imported these."""
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return HEAVY.intersection(done.stdout.split())


ALONE = {"demo", "simulate", "plan", "doctor", "migrate"}  # ask no service: they do the work


@pytest.mark.parametrize("verb", sorted({verb.place.partition(":")[0] for verb in VERBS.values()} - ALONE))
def test_a_verb_is_loaded_without_anything_heavy(verb: str) -> None:
    assert loaded_by("dialer.cli.main", f"dialer.cli.{verb}") == set()


def test_the_parent_of_the_service_loads_nothing_heavy_and_the_service_is_loaded_once() -> None:
    assert loaded_by("dialer.cli.main", "dialer.cli.run") == set()
    assert {"dialer.bootstrap"} <= loaded_by("dialer.cli.life")


def test_an_engine_loads_nothing_of_the_web() -> None:
    assert set(WEB).isdisjoint(loaded_by("dialer.cli.life", "dialer.bootstrap"))
    assert {"fastapi", "dialer.web", "dialer.webtools"} <= loaded_by("dialer.webtools", "dialer.web.app")


def test_a_web_loads_nothing_of_the_engine() -> None:
    assert set(ENGINE).isdisjoint(loaded_by("dialer.cli.life", "dialer.webtools", "dialer.web.app"))
    assert {"numpy", "dialer.engine"} <= loaded_by("dialer.assembly")


def test_alembic_is_loaded_only_to_change_tables_and_redis_only_where_it_is_used() -> None:
    assert {"alembic", "redis"}.isdisjoint(loaded_by("dialer.cli.life", "dialer.cli.migrate"))
    assert {"alembic"} <= loaded_by("dialer.adapters.sql.migrate")  # else this test would see nothing


@pytest.mark.parametrize("name", VERBS)
def test_help_says_of_each_verb_what_the_verb_says_of_itself(name: str) -> None:
    verb, line = ROOT.commands[name], VERBS[name].line
    assert verb.hidden == (not line)
    assert verb.help.startswith(line.removesuffix("."))
