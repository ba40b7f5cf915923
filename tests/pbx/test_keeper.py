"""The link dies, Asterisk notices nothing: its process and its connection stay, and every event is heard."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

from dialer.demo.service import children_of
from dialer.lab.lab import Lab, Options
from tests.pbx.linked import PLAN, idle, polled

LIVELY = 2000  # bytes of events that a new life has written down before it is killed in turn


def connections(port: int) -> set[str]:
    """The far ends of the established connections to a port of ours, as the kernel has them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[2] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}


async def by_carrier(lab: Lab) -> Counter[str]:
    """How often each number was called, by the carrier's own count."""
    told = await lab.world.carrier.instance.cli("database show calls")
    rows = (line.split(":") for line in told.splitlines() if line.startswith("/calls/"))
    return Counter({key.split("/")[2].strip(): int(count) for key, count in rows})


def events(folder: Path) -> str:
    file = folder / "events"
    return file.read_text() if file.exists() else ""


async def kill_often(lab: Lab, kills: int, folder: Path) -> None:
    """kill -9 at random moments, at 80 calls/s; then the carrier's count is compared with what was heard."""
    moments, place = random.Random(7), lab.environment()
    given = {
        "FLOODER_SECRET": lab.values["ARI_PASSWORD"],
        "FLOODER_TRUNK": f"{lab.trunk.host}:{lab.trunk.port}",
    }
    environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    flooder = [sys.executable, "-m", "tests.pbx.flooder", str(folder)]
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dialer.keeper.parent", *flooder), env={**environment, **place, **given}
    )
    try:
        calls = await _killing(lab, kills, folder, parent.pid, int(place["DIALER_ARI_PORT"]), moments)
    finally:
        with contextlib.suppress(ProcessLookupError):
            parent.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(parent.wait(), 20)
    assert parent.returncode == 0
    heard = Counter(line.split()[1] for line in events(folder).splitlines() if "Destroyed" in line)
    lost = {number for number in calls if not heard[f"c-{number}"]}
    print(f"\n{kills} kills, {sum(calls.values())} calls at the carrier, {len(lost)} ends not heard")
    assert not lost


async def _killing(
    lab: Lab, kills: int, folder: Path, parent: int, port: int, moments: random.Random
) -> Counter[str]:
    """The calls by the carrier's count, once all are over."""

    async def is_busy() -> bool:
        return "ChannelDestroyed" in events(folder)

    await polled(is_busy, "calls are heard", timeout_s=20)
    pid, link = lab.pbx.pid, connections(port)
    assert len(link) == 1
    for kill in range(kills):
        await asyncio.sleep(moments.uniform(0.0, 0.6))
        (child,) = children_of(parent)
        before = len(events(folder))
        os.kill(child, signal.SIGKILL)

        async def is_back(before: int = before, child: int = child) -> bool:
            is_new = children_of(parent) not in ([], [child])
            return is_new and len(events(folder)) > before + LIVELY

        await polled(is_back, f"life {kill + 2} hears", timeout_s=30)
        assert (lab.pbx.pid, connections(port)) == (pid, link), f"at kill {kill + 1}"
    (folder / "stop").touch()
    await polled(lambda: idle(lab), "all calls are over", timeout_s=30)
    size = -1
    while size != (size := len(events(folder))):  # noqa: ASYNC110  another process writes
        await asyncio.sleep(0.3)
    return await by_carrier(lab)


async def test_a_link_that_is_killed_again_and_again_keeps_its_connection_and_loses_no_event(
    tmp_path: Path,
) -> None:
    async with Lab.start(Options(plan=PLAN, phones=0, is_heard=False)) as lab:
        await kill_often(lab, 6, tmp_path)
