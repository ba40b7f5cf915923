"""The whole job by the command line alone: a trunk, operators, a list, calls, records."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dialer.demo.service import engine_of, web_of
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests import terminal

PLAN = Plan(
    seed=7,
    rules=(
        Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.2), talk_s=fixed(1.5)),
        Rule("7901*", {Does.BUSY: 1}),
    ),
)
LIST = "Имя;Телефон\nИван;79160000001\nПётр;79160000002\nОльга;79010000001\n"
Until = Callable[..., Awaitable[None]]


@dataclass(slots=True)
class Desk:
    """A terminal with the lab's settings; the service is a process of its own."""

    lab: Lab

    async def start(self, *args: object) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dialer.cli", *map(str, args)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *args: object, code: int = 0) -> str:
        """What a verb says on stdout; fails the test on any other exit code."""
        said = await asyncio.to_thread(terminal.run, *args)
        assert said.code == code, f"{args}: {said}"
        return said.out

    async def ask(self, *args: object) -> Any:
        return json.loads(await self.run(*args, "--json"))


@asynccontextmanager
async def service(desk: Desk, until: Until) -> AsyncIterator[asyncio.subprocess.Process]:
    """`dialer run`, ready; ended with SIGINT, which must be taken in good order."""
    process = await desk.start("run")
    token = desk.lab.folder / "service" / "cli.token"

    async def is_up() -> bool:
        if process.returncode is not None:
            pytest.fail((await process.communicate())[1].decode())
        return token.exists()

    try:
        await until(is_up, "the service is up", timeout_s=40.0)
        yield process
    finally:
        for _ in range(2):  # once lets talks end, twice ends them
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                await asyncio.sleep(0.5)
        _, err = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in err, err.decode()


async def equip(desk: Desk) -> None:
    """What must be there before a list can be called; the service is not needed for it."""
    lab = desk.lab
    where = ("--host", lab.trunk.host, "--port", lab.trunk.port)
    await desk.run("trunk", "add", "carrier", *where, "--caller-ids", "84951234567")
    for handset in lab.handsets:
        secret = lab.folder / "secrets" / f"phone-{handset.number}"
        secret.touch(mode=0o600)
        secret.write_text(handset.password)
        await desk.run("operator", "add", handset.number, "--sip-password-file", secret)
    numbers = ",".join(handset.number for handset in lab.handsets)
    times = ("--schedule", "00:00-24:00", "--wrap-up-s", "0.2")
    await desk.run("campaign", "add", "demo", "--operators", numbers, "--trunks", "carrier", *times)
    await desk.run("campaign", "message", "demo", lab.sounds / "message.wav")


async def test_a_list_is_called_by_the_command_line_alone(
    until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.csv").write_text(LIST)
    async with Lab.start(Options(plan=PLAN, phones=1)) as lab:
        for name, value in {**lab.environment(), "DIALER_LANGUAGE": "en"}.items():
            monkeypatch.setenv(name, value)
        desk, operator = Desk(lab), lab.handsets[0].number
        await equip(desk)
        async with service(desk, until) as keeper:
            await lab.world.phone(operator).registered()
            steps = (await desk.ask("trunk", "test", "carrier", "+79160000099"))["steps"]
            assert any("answered" in step for step in steps)
            assert (await desk.ask("operator", "test", operator))["ok"]
            refused = await desk.run("trunk", "test", "carrier", "+79010000099", code=1)
            assert "busy" in refused
            await desk.run("import", tmp_path / "list.csv", "--campaign", "demo")
            await desk.run("campaign", "start", "demo")
            assert "operators" in closed(await desk.ask("explain", "demo"))
            assert "logged in" in (await desk.ask("lead", "why", "1"))["summary"]
            await desk.run("operator", "login", operator)
            await until(lambda: stands(desk, operator, "paused"), "the operator is logged in", 20.0)
            await desk.run("operator", "ready", operator)
            await until(lambda: has_records(desk, 3), "three attempts are closed", 40.0)
            records = await desk.ask("cdr", "list", "--campaign", "demo")
            outcomes = sorted(record["outcome"] for record in records)
            assert outcomes == ["busy", "connected", "connected"]
            assert {record["operator"] for record in records if record["talk_s"]} == {operator}
            assert (await desk.ask("check"))["differences"] == []
            await dies_and_comes_back(desk, keeper.pid, until)
            assert (await desk.ask("check"))["differences"] == []
            await desk.run("operator", "logout", operator)
            await desk.run("campaign", "stop", "demo")


async def dies_and_comes_back(desk: Desk, keeper: int, until: Until) -> None:
    """kill -9 of the engine, then of the web: the other one goes on, and Asterisk has not noticed either."""
    pid, web, switch = engine_of(keeper), web_of(keeper), desk.lab.pbx.pid
    os.kill(pid, signal.SIGKILL)
    lines: dict[str, Any] = {}

    async def passes() -> bool:
        told = (await asyncio.to_thread(terminal.run, "doctor", "--json")).json
        lines.update({line["name"]: line for line in told})
        return bool(lines["service"]["level"] == "pass")

    async def is_back() -> bool:
        return engine_of(keeper) not in (0, pid) and await passes()

    async def is_seen_again() -> bool:
        return web_of(keeper) not in (0, web) and await passes()

    await until(is_back, "the next life is up", timeout_s=40.0)
    assert (desk.lab.pbx.pid, web_of(keeper)) == (switch, web)
    pid = engine_of(keeper)
    os.kill(web, signal.SIGKILL)
    await until(is_seen_again, "the next web answers", timeout_s=40.0)
    assert (desk.lab.pbx.pid, engine_of(keeper)) == (switch, pid)
    assert lines["keeper"]["level"] == "pass"
    assert "parent process" in lines["keeper"]["text"]


async def stands(desk: Desk, operator: str, state: str) -> bool:
    found = {one["id"]: one["state"] for one in await desk.ask("operator", "list")}
    return bool(found[operator] == state)


async def has_records(desk: Desk, count: int) -> bool:
    return len(await desk.ask("cdr", "list")) >= count


def closed(explanation: Any) -> set[str]:
    return {gate["name"].split()[0] for gate in explanation["gates"] if not gate["is_open"]}
