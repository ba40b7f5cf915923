"""The systemd units fit the service that they start: settings, folders, users, verbs, times."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dialer.adapters.systemd import BEAT_S, BEATS
from dialer.cli.main import app
from dialer.keeper.store import EVERYTHING, MOST
from dialer.settings import Settings

SYSTEMD = Path(__file__).parents[2] / "systemd"
ONE, PART, ASTERISK = (SYSTEMD / f"{name}.service" for name in ("obzvon", "obzvon@", "asterisk"))
OURS = pytest.mark.parametrize("unit", [ONE, PART], ids=lambda unit: unit.name)
LONGEST_ROUND_S = 5.0  # DIALER_PACE_INTERVAL_S at most
TREE: Any = typer.main.get_command(app)


def lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def values(unit: Path, key: str) -> list[str]:
    return [line.partition("=")[2] for line in lines(unit) if line.startswith(f"{key}=")]


def value(unit: Path, key: str) -> str:
    (found,) = values(unit, key)
    return found


def settings() -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines(SYSTEMD / "env"))


def folders() -> dict[str, list[str]]:
    """What tmpfiles.d makes: mode, owner and group by path."""
    rows = (line.split() for line in lines(SYSTEMD / "tmpfiles.conf"))
    return {path: rest[:3] for _, path, *rest in rows}


def users() -> set[str]:
    return {line.split()[1] for line in lines(SYSTEMD / "sysusers.conf") if line.startswith("u ")}


# --- settings and folders ---------------------------------------------------------------------------------


def test_every_name_in_env_is_a_setting() -> None:
    assert {name.removeprefix("DIALER_").lower() for name in settings()} <= Settings.model_fields.keys()


def test_every_folder_of_env_is_made_with_the_rights_that_its_readers_need() -> None:
    made, wanted = folders(), settings()
    assert made[wanted["DIALER_DATA_DIR"]] == ["0700", "obzvon", "obzvon"]
    assert made[wanted["DIALER_SOUNDS_DIR"]] == ["2750", "obzvon", "asterisk"]
    assert made[wanted["DIALER_RECORDINGS_DIR"]] == ["2770", "obzvon", "asterisk"]
    for name in ("DIALER_ARI_PASSWORD_FILE", "DIALER_AMI_PASSWORD_FILE"):
        assert str(Path(wanted[name]).parent) in made


def test_who_owns_a_folder_or_runs_a_unit_is_a_user_that_is_made() -> None:
    owners = {name for _, owner, group in folders().values() for name in (owner, group)}
    assert owners - {"root"} <= users()
    assert {value(unit, "User") for unit in (ONE, PART, ASTERISK)} == users()


@OURS
def test_the_service_may_write_to_the_folders_that_it_has_and_to_nothing_else(unit: Path) -> None:
    (place,) = value(unit, "ReadWritePaths").split()
    ours = [path for path, (_, owner, _) in folders().items() if owner == "obzvon"]
    assert all(path == place or path.startswith(f"{place}/") for path in ours)
    assert value(unit, "ProtectSystem") == "strict"
    reports = re.search(r"TMPDIR=(\S+)", value(unit, "Environment"))
    assert reports
    assert reports[1] in ours


def test_asterisk_in_a_root_of_its_own_sees_what_it_must() -> None:
    seen = value(ASTERISK, "BindPaths").split()
    wanted = settings()
    assert {wanted["DIALER_SOUNDS_DIR"], wanted["DIALER_RECORDINGS_DIR"], "/etc/asterisk"} <= set(seen)


# --- verbs and times --------------------------------------------------------------------------------------


@OURS
def test_the_verb_that_is_started_exists_with_its_options(unit: Path) -> None:
    program, verb, *rest = shlex.split(value(unit, "ExecStart"))
    assert program.endswith("/.venv/bin/dialer")
    assert program in (SYSTEMD / "dialer").read_text()
    flags = {flag for each in TREE.commands[verb].params for flag in each.opts}
    assert {word for word in rest if word.startswith("-")} <= flags


@OURS
def test_a_drain_may_last_as_long_as_the_setting_says(unit: Path) -> None:
    assert int(value(unit, "TimeoutStopSec")) >= Settings.model_fields["drain_s"].default + 20


@OURS
def test_systemd_holds_the_sockets_and_the_next_life_comes_soon(
    unit: Path,
) -> None:
    assert int(value(unit, "FileDescriptorStoreMax")) >= MOST
    assert int(value(unit, "RestartSec")) <= 1


@OURS
def test_the_watchdog_waits_longer_than_any_round_lasts(unit: Path) -> None:
    assert value(unit, "Type") == "notify"
    assert int(value(unit, "WatchdogSec")) >= BEATS * max(BEAT_S, LONGEST_ROUND_S)
    assert value(unit, "Restart") == "on-failure"


def test_one_process_and_its_parts_are_run_in_the_same_way() -> None:
    apart = {"Description", "Conflicts", "ExecStart"}

    def rest(unit: Path) -> Iterator[str]:
        return (line for line in lines(unit) if line.partition("=")[0] not in apart)

    assert list(rest(ONE)) == list(rest(PART))


def test_the_page_names_every_part() -> None:
    page = (SYSTEMD / "README.md").read_text()
    assert {part for part in EVERYTHING if f"obzvon@{part}" in page} == EVERYTHING
    assert {file.name for file in SYSTEMD.iterdir()} == {
        *re.findall(r"^\| ([\w.@]+) \| `/", page, re.M),
        "README.md",
    }


# --- as systemd itself reads them -------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
@pytest.mark.parametrize("unit", [ONE, PART, ASTERISK], ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name.replace("@", "@engine")
    text = re.sub(r"^(Exec\w+=)\S+", rf"\1{sys.executable}", unit.read_text(), flags=re.MULTILINE)
    copy.write_text(
        re.sub(r"^RootDirectory=.*\n", "", text, flags=re.MULTILINE)
    )  # it has programs of its own
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if unit.stem.rstrip("@") in line] == []
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("sh"), reason="there is no shell here")
def test_the_settings_are_read_alike_by_systemd_and_by_the_shell(tmp_path: Path) -> None:
    names = " ".join(f'"${name}"' for name in settings())
    done = subprocess.run(
        ["sh", "-euc", f"set -a; . {SYSTEMD / 'env'}; printf '%s\\n' {names}"],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert done.stdout.splitlines() == list(settings().values())
