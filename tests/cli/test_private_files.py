"""Files that verbs make are their owner's alone, under the loosest umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Dialer

LIST = "phone;name\n8 916 123-45-67;Anna\n12;Ivan\n"
FOR_ASTERISK = {"sounds", "moh"}  # another user reads them; no secret is there


@pytest.fixture(autouse=True)
def loose() -> Iterator[None]:
    before = os.umask(0)
    yield
    assert os.umask(before) == 0  # a verb has put it back


def open_to_others(folder: Path, *, but: frozenset[str] = frozenset()) -> dict[str, str]:
    """Files and folders that somebody else could read or write, with their rights."""
    found = {}
    for path in folder.rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & 0o077 and not but.intersection(path.relative_to(folder).parts):
            found[str(path.relative_to(folder))] = f"{mode:04o}"
    return found


def test_what_a_verb_writes_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialer: Dialer, home: Path
) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir(mode=0o700)
    monkeypatch.chdir(fresh)
    monkeypatch.setenv("DIALER_DATA_DIR", str(fresh / "data"))
    people = fresh / "people.csv"
    people.write_text(LIST)
    people.chmod(0o600)
    for verb in (
        ("migrate",),
        ("trunk", "add", "main", "--host", "127.0.0.9", "--caller-ids", "84951234567"),
        ("operator", "add", "101", "--name", "Anna"),
        ("campaign", "add", "spring", "--operators", "101", "--trunks", "main"),
        ("import", people, "--campaign", "spring"),
        ("dnc", "add", "89161234568"),
        ("token", "add", "crm", "--role", "viewer"),
    ):
        said = dialer(*verb)
        assert said.code == 0, said.err
    assert {"obzvon.db", "secrets"} <= {path.name for path in (fresh / "data").iterdir()}
    assert (fresh / "people.rejects.csv").exists()
    assert open_to_others(fresh) == {}


def test_a_rejects_file_that_was_there_for_all_is_private_now(shop: Dialer, tmp_path: Path) -> None:
    people, rejects = tmp_path / "people.csv", tmp_path / "people.rejects.csv"
    people.write_text(LIST)
    rejects.touch(mode=0o666)
    assert shop("import", people, "--campaign", "demo").code == 0
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600


def test_asterisks_configuration_is_its_groups_and_its_sounds_are_read_by_all(
    dialer: Dialer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ARI", "AMI"):
        secret = tmp_path / f"{name}.secret"
        secret.write_text("geheimgeheim\n")
        secret.chmod(0o600)
        monkeypatch.setenv(f"DIALER_{name}_PASSWORD_FILE", str(secret))
    target = tmp_path / "asterisk"
    said = dialer("asterisk", "--to", target, "--set", f"MOH_DIR={home}/sounds/moh")
    assert said.code == 0, said.err
    assert stat.S_IMODE(target.stat().st_mode) == 0o750
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.iterdir()} == {0o640}
    for path in (home / "sounds", *(home / "sounds").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
