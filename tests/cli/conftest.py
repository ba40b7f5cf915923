"""The command line as a user meets it: a data folder of its own, an empty shop or one with people in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal import Said, run

Dialer = Callable[..., Said]


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A database with a trunk, three operators and a campaign, made once and copied."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(sqlite_template, folder / "obzvon.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIALER_DATA_DIR", str(folder))
        assert run("trunk", "add", "main", "--host", "127.0.0.9", "--caller-ids", "84951234567").code == 0
        for number in ("101", "102", "103"):
            assert run("operator", "add", number, "--name", f"Operator {number}").code == 0
        assert run("campaign", "add", "demo", "--operators", "101-103", "--trunks", "main").code == 0
    return folder / "obzvon.db"


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with an empty database; the environment points there."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    shutil.copy(sqlite_template, folder / "obzvon.db")
    monkeypatch.setenv("DIALER_DATA_DIR", str(folder))
    monkeypatch.setenv("DIALER_LANGUAGE", "en")
    return folder


@pytest.fixture
def dialer(home: Path) -> Dialer:
    """Runs `dialer ARGS...`."""
    return run


@pytest.fixture
def shop(dialer: Dialer, home: Path, shop_template: Path) -> Dialer:
    """A trunk, three operators, a campaign: what a list can be imported into."""
    shutil.copy(shop_template, home / "obzvon.db")
    return dialer
