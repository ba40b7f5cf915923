"""The command line as a user meets it: arguments in; exit code, stdout and stderr out."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from dialer.cli.main import main


@dataclass(frozen=True, slots=True)
class Said:
    """What one run of `dialer` said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as JSON, which must be all of it."""
        return json.loads(self.out)


Dialer = Callable[..., Said]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Logging as it was: the command line sets it up for its own process."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    yield
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


def call(*args: object) -> int:
    """Runs `dialer ARGS...` in this process; the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["dialer", *map(str, args)])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A database with a trunk, three operators and a campaign, made once and copied."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(sqlite_template, folder / "obzvon.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIALER_DATA_DIR", str(folder))
        assert call("trunk", "add", "main", "--host", "127.0.0.9", "--caller-ids", "84951234567") == 0
        for number in ("101", "102", "103"):
            assert call("operator", "add", number, "--name", f"Operator {number}") == 0
        assert call("campaign", "add", "demo", "--operators", "101-103", "--trunks", "main") == 0
    return folder / "obzvon.db"


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with an empty database; the environment points there."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    shutil.copy(sqlite_template, folder / "obzvon.db")
    monkeypatch.setenv("DIALER_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def dialer(home: Path, capsys: pytest.CaptureFixture[str]) -> Dialer:
    """Runs `dialer ARGS...`."""

    def run(*args: object) -> Said:
        capsys.readouterr()
        code = call(*args)
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def shop(dialer: Dialer, home: Path, shop_template: Path) -> Dialer:
    """A trunk, three operators, a campaign: what a list can be imported into."""
    shutil.copy(shop_template, home / "obzvon.db")
    return dialer
