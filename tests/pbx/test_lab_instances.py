"""Asterisks as processes: side by side, crashed, frozen, killed, and none left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from dialer.domain.errors import TimedOut
from dialer.lab import instance as instances
from dialer.lab import tones
from dialer.lab.instance import AsteriskDied, Instance, PortTaken
from dialer.lab.lab import Lab, Options

ONE_PHONE = Options(phones=1)


async def test_two_labs_stand_side_by_side_and_do_not_hear_each_other(ask: Any) -> None:
    async with Lab.start(ONE_PHONE) as one, Lab.start(ONE_PHONE) as two:
        assert not set(one.environment().values()) & set(two.environment().values()) - SAME
        async with ask(one) as first, ask(two) as second:
            await asyncio.gather(first.push_all(), second.push_all())
            calls = [(ari, await ari.call("79161234567")) for ari in (first, second)]
            for ari, channel in calls:
                await ari.up(channel)
                assert await ari.lab.world.in_call() == ["79161234567"]
            await first.hang_up(calls[0][1])
            await first.gone(calls[0][1])
            assert await second.state(calls[1][1]) == "Up"


SAME = {"lab", "127.0.0.1", "dialer", "true"}  # what two labs share: names, addresses, no port and no secret


async def test_a_lab_is_ready_within_seconds_and_leaves_nothing_behind() -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    async with Lab.start(ONE_PHONE) as lab:
        assert clock() - began < 5, "aim: 2 s on an idle machine"
        pids = [lab.pbx.pid, *(part.instance.pid for part in lab.world.parts)]
        folder, real = lab.folder, real_path(lab.folder)
        assert len(pids) == 3
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)
    assert not is_there(folder)
    assert not is_there(real)


async def test_secrets_are_new_for_each_lab_and_closed_to_others() -> None:
    async with Lab.start(ONE_PHONE) as lab:
        for name in ("DIALER_ARI_PASSWORD_FILE", "DIALER_AMI_PASSWORD_FILE"):
            path = Path(lab.environment()[name])
            assert mode(path) == 0o600
            assert len(secret(path)) >= 32
        assert mode(lab.folder) & 0o077 == 0
        assert all(
            mode(lab.folder / "pbx/etc" / name) == 0o640 for name in os.listdir(lab.folder / "pbx/etc")
        )


async def test_a_crash_is_reported_with_the_tail_of_the_log() -> None:
    crashes: asyncio.Queue[AsteriskDied] = asyncio.Queue()
    async with Lab.start(Options(phones=1, on_crash=crashes.put_nowait)) as lab:
        assert lab.pbx.pid
        os.kill(lab.pbx.pid, signal.SIGSEGV)
        crash = str(await asyncio.wait_for(crashes.get(), 5))
        assert crash.startswith("Asterisk pbx was killed by SIGSEGV; its log ends:\n")
        assert "Asterisk 2" in crash, "the log itself is missing"
        await lab.pbx.start()
        assert "fully booted" in await lab.pbx.cli("core waitfullybooted")
        assert lab.pbx.crash is None
    assert crashes.empty(), "stopping is no crash"


def twin_of(lab: Lab) -> Instance:
    """A second Asterisk with the configuration of the lab's PBX in a folder of its own."""
    folder = lab.folder / f"twin-{secrets.token_hex(3)}"
    shutil.copytree(lab.folder / "pbx/etc", folder / "etc")
    for conf in (folder / "etc").iterdir():
        conf.write_text(conf.read_text().replace(f"{lab.folder}/pbx", str(folder)))
    for name in ("run", "log", "lib"):
        (folder / name).mkdir()
    return Instance(lab.asterisk, "twin", folder)


async def test_an_asterisk_that_cannot_start_says_why(lab: Lab) -> None:
    twin = twin_of(lab)
    (twin.folder / "etc/modules.conf").write_text("[modules]\nautoload = no\nrequire = no_such_module.so\n")
    with pytest.raises(AsteriskDied, match=r"(?s)Asterisk twin did not start; its log ends:.*no_such_module"):
        await twin.start()
    assert twin.pid is None


async def test_a_taken_port_is_noticed_and_not_taken_for_success(lab: Lab) -> None:
    twin = twin_of(lab)
    with pytest.raises(PortTaken, match="Asterisk twin"):
        await twin.start()
    assert twin.pid is None


async def test_a_frozen_asterisk_answers_nothing_and_goes_on_afterwards(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.pbx.suspend()
    monkeypatch.setattr(instances, "CLI_TIMEOUT_S", 0.5)
    try:
        with pytest.raises(TimedOut, match="did not answer `core show uptime`"):
            await lab.pbx.cli("core show uptime")
    finally:
        lab.pbx.resume()
    monkeypatch.undo()
    assert "System uptime" in await lab.pbx.cli("core show uptime")


async def is_on_disk(lab: Lab, family: str) -> bool:
    """Whether Asterisk has written such a key for good: it collects for up to a second."""
    database = sqlite3.connect(f"file:{lab.folder}/pbx/lib/astdb.sqlite3?mode=ro", uri=True)
    with contextlib.closing(database):
        return bool(database.execute("select 1 from astdb where key like ?", (f"/{family}/%",)).fetchone())


async def test_phones_and_trunks_survive_a_kill_of_the_pbx(ask: Any, until: Any) -> None:
    async with Lab.start(ONE_PHONE) as lab, ask(lab) as ari:
        await ari.push_all()
        # a phone that is not pushed yet is refused and tries again: beside other tests that once took 10 s
        await until(lambda: is_on_disk(lab, "obz_contact"), "the registration written to disk", timeout_s=30)
        await lab.pbx.kill9()
        await lab.pbx.start()
        person, operator = await ari.call("79161234567"), await ari.ring("101")
        await ari.up(operator)
        await ari.talk(person, operator)
        await tones.listen_for(lab.world.heard_by("79161234567"), lab.world.phone("101").hertz)


HOLDER = """
import asyncio, signal, sys
from dialer.lab.lab import Lab, Options
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background inherit that it is ignored
async def hold():
    async with Lab.start(Options(phones=1)) as lab:
        print(lab.pbx.pid, *(part.instance.pid for part in lab.world.parts), flush=True)
        await asyncio.sleep(60)
asyncio.run(hold())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_no_asterisk_outlives_its_lab_however_that_ends(how: signal.Signals, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("wb") as words:
        holder = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HOLDER, stdout=asyncio.subprocess.PIPE, stderr=words
        )
    assert holder.stdout
    pids = (await asyncio.wait_for(holder.stdout.readline(), 60)).split()  # three starts on a full machine
    assert len(pids) == 3, (tmp_path / "stderr").read_text()
    os.kill(holder.pid, how)
    await asyncio.wait_for(holder.wait(), 20)
    async with asyncio.timeout(5):
        while any(is_alive(int(pid)) for pid in pids):  # noqa: ASYNC110 the kernel ends them
            await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_there(path: Path) -> bool:
    return os.path.lexists(path)


def real_path(path: Path) -> Path:
    return path.resolve()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def secret(path: Path) -> str:
    return path.read_text()
