"""A link without an engine, as a process that is made to be killed: 80 calls/s, each event written down.

python -m dialer.keeper.parent python -m tests.pbx.flooder FOLDER
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from dialer.adapters.ari.bulk import Bulk
from dialer.adapters.ari.connection import RawEvent
from dialer.adapters.ari.listener import Credentials, Listener
from dialer.adapters.ari.switch import AriSwitch
from dialer.adapters.systemd import Systemd
from dialer.domain.errors import NetworkTrouble
from dialer.domain.trunk import Trunk
from dialer.domain.types import CellId, ChannelId
from dialer.keeper.store import DescriptorStore
from dialer.ports.asterisk import ChannelNews, Outgoing, PhoneNews
from tests.ports.board import BUSY, CALLER, GONE_AT_ONCE, TRUNK

CALLS_PER_S = 80


class Ear:
    """Hears for nobody; knows when the link is ready."""

    def __init__(self, systemd: Systemd) -> None:
        self._systemd = systemd
        self.is_ready = asyncio.Event()

    def heard(self, news: ChannelNews | PhoneNews) -> None: ...

    def ready(self, booted_at: datetime) -> None:
        self._systemd.ready()
        self.is_ready.set()

    def down(self) -> None:
        self.is_ready.clear()

    def request_failed(self, why: str) -> None: ...
    def saw_lag(self, lag_s: float) -> None: ...
    def saw_link(self, is_ready: bool) -> None: ...


class Writer(AriSwitch):
    """Writes each event down before anything else; the kernel keeps it, whatever becomes of us."""

    file: int

    def took(self, event: RawEvent) -> None:
        channel = (event.get("channel") or event.get("peer") or {}).get("id", "")
        os.write(self.file, f"{event['type']} {channel}\n".encode())
        super().took(event)


async def flood(switch: AriSwitch, life: int, folder: Path) -> None:
    """Numbers that end at once; no number twice, in whichever life."""
    loop, jobs = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    began_s = loop.time()

    async def call(n: int) -> None:
        number = f"{(GONE_AT_ONCE, BUSY)[n % 2]}{life:03d}{n:05d}"
        with contextlib.suppress(NetworkTrouble):
            await switch.originate(
                Outgoing(
                    ChannelId(f"c-{number}"),
                    endpoint=f"PJSIP/{number}@{TRUNK}",
                    context="obz-out",
                    exten="answered",
                    caller_id=CALLER,
                    timeout_s=30,
                    variables={"OBZ_MESSAGE": "beep"},
                )
            )

    n = 0
    while not (folder / "stop").exists():
        job = asyncio.create_task(call(n))
        jobs.add(job)
        job.add_done_callback(jobs.discard)
        n += 1
        await asyncio.sleep(max(began_s + n / CALLS_PER_S - loop.time(), 0))


async def main(folder: Path) -> None:
    place, secret = os.environ, os.environ["FLOODER_SECRET"]
    with (folder / "lives").open("a+") as lives:
        lives.write(f"{os.getpid()}\n")
        lives.flush()
        lives.seek(0)
        life = len(lives.readlines())
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    ear, user = Ear(Systemd(place)), place["DIALER_ARI_USER"]
    async with Bulk(place["DIALER_ARI_HTTP_URL"], user, secret) as bulk:
        cell = CellId(place["DIALER_CELL"])
        switch = Writer(cell, place["DIALER_ARI_APP"], ear, ear, bulk)
        switch.file = os.open(folder / "events", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        host, port = place["FLOODER_TRUNK"].split(":")
        switch.want_trunk(Trunk(TRUNK, host, int(port)), "")
        bind = (place["DIALER_ARI_BIND"], int(place["DIALER_ARI_PORT"]))
        listener = Listener(*bind, store=DescriptorStore(place))
        listener.add(switch.link, Credentials(user, secret))
        await listener.start()
        await ear.is_ready.wait()
        flooding = asyncio.create_task(flood(switch, life, folder))
        await stop.wait()
        flooding.cancel()
        await listener.stop()
        await switch.wish_again()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
