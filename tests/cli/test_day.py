"""The page of a supervisor's day is what works: each command of it, on a real service."""

from __future__ import annotations

import re

import pytest

from bench.day import PAGE, PHONES, TASKS, WORLD, Typed, opened
from bench.page import ROOT
from dialer.lab.lab import Lab, Options

REST = ROOT / "docs" / "reference" / "api.md"


def rows() -> list[tuple[str, list[str], int, str]]:
    """(task, commands, keys, REST) of the page's table."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 5 and cells[2].isdigit():
            found.append((cells[0], re.findall(r"`([^`]+)`", cells[1]), int(cells[2]), cells[4].strip("`")))
    return found


def test_the_page_shows_every_task_with_its_commands_and_keys() -> None:
    keys = [sum(Typed(one, 0, "", 0).keys for one in task.commands) for task in TASKS]
    wanted = [(one.title, list(one.commands), n, one.rest) for one, n in zip(TASKS, keys, strict=True)]
    assert rows() == wanted


@pytest.mark.parametrize("rest", sorted({task.rest for task in TASKS}))
def test_the_page_names_addresses_that_the_api_has(rest: str) -> None:
    assert f"### {rest}\n" in REST.read_text(encoding="utf-8")


@pytest.mark.timeout(900)
async def test_each_command_of_the_day_does_what_the_page_says() -> None:
    said: dict[str, str] = {}
    async with Lab.start(Options(plan=WORLD, phones=PHONES, is_heard=False)) as lab, opened(lab) as desk:
        for task in TASKS:
            for typed in await desk.do(task):
                said[typed.command] = typed.said
        assert (lab.folder / "desk" / "calls.xlsx").stat().st_size > 0
        assert (lab.folder / "desk" / "today.xlsx").stat().st_size > 0
    assert "2 leads" in said["dialer import clients.csv --campaign spring"]
    assert "is running" in said["dialer campaign start spring"]
    assert "of 2 leads" in said["dialer campaign outlook spring"]
    lunch = [line for line in said["dialer operator list"].splitlines() if "lunch" in line]
    assert [line.split()[0] for line in lunch] == ["103"]
    assert "connected" in said["dialer calls find 8 916 123-45-01"]
    assert said["dialer recording path CALL"].strip().endswith(".wav")
    assert "list 1 is paused" in said["dialer import --pause 1"]
    assert "+79161234502 is never dialled" in said["dialer dnc add 8 916 123-45-02"]
    assert "paused: spring" in said["dialer stop"]
    assert "operator 112 is ready" in said["dialer operator ready 101-112"]
