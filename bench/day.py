"""A supervisor's day at the command line, on a real service with a pretend carrier: `python -m bench day`.

docs/a-supervisors-day.md shows what is typed here; tests/cli/test_day.py holds the two together.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.page import ROOT, commit, put
from dialer.demo.service import Service
from dialer.domain.errors import Fatal
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed

PAGE = ROOT / "docs" / "a-supervisors-day.md"
MARKS = ("<!-- the day: written by `python -m bench day --write` -->", "<!-- end of the day -->")
CALL = "CALL"  # in a command: the id of a call that was found before
TEAM_LOGIN, TEAM_READY = "dialer operator login 101-112", "dialer operator ready 101-112"
PHONES, PERSON = 12, "8 916 123-45-01"
WITHIN_S, LOOK_S = 300.0, 0.5
LIST = (
    "Список клиентов ООО «Ромашка» на 01.12.2026;;;\n;;;\n№;ФИО;Телефон;Город\n"
    "1;Иванов Иван;8 916 123-45-01;Тверь\n2;Петров Пётр;8 916 123-45-02;Омск\n"
)
WORLD = Plan(seed=1, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.2), talk_s=fixed(2)),))


@dataclass(frozen=True, slots=True)
class Task:
    """What a supervisor wants, what is typed for it, and the same by REST."""

    title: str
    commands: tuple[str, ...]
    rest: str


TASKS = (
    Task("Twelve operators", ("dialer operator add 101-112",), "POST /v1/operators"),
    Task(
        "A campaign with hours, a trunk and its people, whose talks are recorded",
        (
            "dialer campaign add spring --schedule 'Mon-Fri 9-20' --trunks carrier --operators 101-112"
            " --record yes",
        ),
        "POST /v1/campaigns",
    ),
    Task(
        "What people hear when nobody is free",
        ("dialer campaign message spring message.wav",),
        "POST /v1/campaigns/{campaign}/message",
    ),
    Task(
        "A list, looked at before it is taken",
        (
            "dialer import clients.csv --campaign spring --dry-run",
            "dialer import clients.csv --campaign spring",
        ),
        "POST /v1/campaigns/{campaign}/imports",
    ),
    Task(
        "Who of it can be called, when, and why not before",
        ("dialer campaign outlook spring",),
        "GET /v1/campaigns/{campaign}/outlook",
    ),
    Task("Start", ("dialer campaign start spring",), "POST /v1/campaigns/{campaign}/start"),
    Task(
        "Bring the operators to work (or each presses *10 and *11)",
        (TEAM_LOGIN, TEAM_READY),
        "POST /v1/operators/{operator}/ready",
    ),
    Task(
        "Is anybody called, and what holds the rest",
        ("dialer explain spring",),
        "GET /v1/campaigns/{campaign}/explain",
    ),
    Task("Today so far", ("dialer today",), "GET /v1/today"),
    Task(
        "Send somebody to lunch; who is in a pause, and why",
        ("dialer operator pause 103 --reason lunch", "dialer operator list"),
        "GET /v1/operators",
    ),
    Task("The calls with a number", (f"dialer calls find {PERSON}",), "GET /v1/cdrs"),
    Task(
        "Where the recording of a talk lies (`play` plays it)",
        (f"dialer recording path {CALL}",),
        "GET /v1/cdrs/{call}/recording",
    ),
    Task(
        "Call those again who did not answer an hour ago or earlier",
        ("dialer lead work requeue spring --outcome no_answer --last-before 1h",),
        "POST /v1/campaigns/{campaign}/leads/work",
    ),
    Task(
        "Pause one list, and go on with it",
        ("dialer import --list --campaign spring", "dialer import --pause 1", "dialer import --resume 1"),
        "POST /v1/imports/{import_id}/pause",
    ),
    Task("Never call a number again", ("dialer dnc add 8 916 123-45-02",), "POST /v1/dnc"),
    Task(
        "Another pace: three lines for two free operators",
        ("dialer campaign set spring --mode power --ratio 1.5",),
        "PATCH /v1/campaigns/{campaign}",
    ),
    Task(
        "No calls on public holidays",
        ("dialer campaign set spring --holidays RU",),
        "PATCH /v1/campaigns/{campaign}",
    ),
    Task(
        "The same campaign once more, for another list",
        ("dialer campaign copy spring summer --with-operators",),
        "POST /v1/campaigns/{campaign}/copy",
    ),
    Task(
        "The day and its calls for Excel",
        ("dialer export today --xlsx today.xlsx", "dialer export records --xlsx calls.xlsx"),
        "GET /v1/cdrs.csv",
    ),
    Task(
        "Stop everything at once, and send the people home",
        ("dialer stop", "dialer operator logout 101-112"),
        "POST /v1/stop",
    ),
    Task(
        "The next morning",
        (
            "dialer campaign start spring",
            TEAM_LOGIN,
            TEAM_READY,
        ),
        "POST /v1/campaigns/{campaign}/start",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typed:
    """One command: its exit code, what it said, and how long that took by the clock."""

    command: str
    code: int
    said: str
    seconds: float

    @property
    def keys(self) -> int:
        """Without completion, with Enter."""
        return len(self.command) + 1


Say = Callable[[str], None]


async def measure(say: Say) -> list[tuple[Task, list[Typed]]]:
    """The whole day; Fatal where a command is refused."""
    load = os.getloadavg()[0]
    options, done = Options(plan=WORLD, phones=PHONES, is_heard=False), []
    async with Lab.start(options, progress=say) as lab, opened(lab) as desk:
        for task in TASKS:
            typed = await desk.do(task)
            done.append((task, typed))
            keys, seconds = sum(one.keys for one in typed), sum(one.seconds for one in typed)
            say(f"{task.title}: {keys} keys, {seconds:.1f} s")
    for line in table(done, load):
        say(line)
    return done


@asynccontextmanager
async def opened(lab: Lab) -> AsyncIterator[Desk]:
    """A running service as an administrator leaves it: a trunk, and the phones' passwords."""
    env = {**lab.environment(), "DIALER_LANGUAGE": "en"}
    secrets = Path(env["DIALER_DATA_DIR"]) / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    for phone in lab.handsets:
        (secrets / f"operator-{phone.number}").touch(mode=0o600)
        (secrets / f"operator-{phone.number}").write_text(phone.password)
    folder = lab.folder / "desk"
    folder.mkdir()
    (folder / "clients.csv").write_text(LIST, encoding="utf-8-sig")
    shutil.copy(lab.sounds / "message.wav", folder / "message.wav")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    desk = Desk(lab, {**plain, **env, "PATH": path}, folder)
    account = lab.trunk
    service = Service(env, lab.folder / "service.log")
    service.ready_s = WITHIN_S
    async with service:
        await desk.type(
            f"dialer trunk add carrier --host {account.host} --port {account.port} --caller-ids 84951234567"
        )
        yield desk
        await service.stop(drain_s=30.0)


class Desk:
    """A shell beside the service."""

    def __init__(self, lab: Lab, env: Mapping[str, str], folder: Path) -> None:
        self._lab = lab
        self._env = env
        self._folder = folder
        self._call = ""

    async def do(self, task: Task) -> list[Typed]:
        """All of its commands, and what the next task needs of the world."""
        if TEAM_READY in task.commands:  # a busy machine registers phones late, and loses some again
            await asyncio.gather(
                *(self._lab.world.phone(one.number).registered(WITHIN_S) for one in self._lab.handsets)
            )
        typed = [await self._patiently(command) for command in task.commands]
        match task.commands[-1].split():
            case ["dialer", "campaign", "add", *_]:  # so that the day can be worked at any hour
                await self.type("dialer campaign set spring --schedule 00:00-24:00")
            case ["dialer", "operator", "login" | "ready", *_] if not self._call:
                self._call = await self._recorded()
        return typed

    async def _patiently(self, command: str) -> Typed:
        """Whose phone was lost logs in once more."""
        until = time.monotonic() + WITHIN_S
        while command == TEAM_READY and time.monotonic() < until:
            try:
                return await self.type(command)
            except Fatal:
                with suppress(Fatal):  # those who are there already are refused
                    await self.type(TEAM_LOGIN)
                await asyncio.sleep(LOOK_S)
        return await self.type(command)

    async def type(self, command: str) -> Typed:
        """As a shell takes it; Fatal with what was said where the exit code is not 0."""
        began = time.monotonic()
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-c", command.replace(CALL, self._call or CALL)),
            cwd=self._folder,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await shell.communicate()
        done = Typed(command, shell.returncode or 0, said.decode(), time.monotonic() - began)
        if done.code and " logout " not in command:  # a phone that a busy machine lost is out already
            raise Fatal(f"{command}: {done.said}")
        return done

    async def _recorded(self) -> str:
        """The id of the first talk, once its recording is there."""
        until = time.monotonic() + WITHIN_S
        while time.monotonic() < until:
            found = json.loads((await self.type(f"dialer calls find {PERSON} --json")).said)
            if found and found[-1]["outcome"] == "connected":
                try:
                    await self.type(f"dialer recording path {found[-1]['id']}")
                except Fatal:
                    pass
                else:
                    return str(found[-1]["id"])
            await asyncio.sleep(LOOK_S)
        raise Fatal(f"nobody talked with {PERSON} within {WITHIN_S:g} s")


def table(done: Sequence[tuple[Task, Sequence[Typed]]], load: float) -> Iterator[str]:
    """What the page shows."""
    day, cores = datetime.now(UTC).date().isoformat(), len(os.sched_getaffinity(0))
    keys = sum(one.keys for _, typed in done for one in typed)
    yield (
        f"Measured on {day}, commit {commit()}, {cores} cores for everything at a load of {load:.0f}:"
        f" {keys} keys for all of it, Enter counted and no completion used; seconds by the clock, from Enter"
        " to the prompt."
    )
    yield ""
    yield "| task | what is typed | keys | seconds | by REST |"
    yield "|---|---|---|---|---|"
    for task, typed in done:
        commands = "<br>".join(f"`{one.command}`" for one in typed)
        figures = f"{sum(one.keys for one in typed)} | {sum(one.seconds for one in typed):.1f}"
        yield f"| {task.title} | {commands} | {figures} | `{task.rest}` |"


def write(done: Sequence[tuple[Task, Sequence[Typed]]], load: float) -> None:
    put(MARKS, "".join(f"{line}\n" for line in table(done, load)), PAGE)
