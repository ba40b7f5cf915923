"""The howto's turning of Asterisk's logs, on a real one: nothing is lost, and it writes on in new files."""

from __future__ import annotations

import asyncio
import re
import socket
import stat
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.servers import binary

Until = Callable[..., Awaitable[None]]
PAGE = Path(__file__).parents[2] / "docs/howto/run-as-a-service.md"
REGISTER = (
    "REGISTER sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{n}\r\nMax-Forwards: 70\r\n"
    "From: <sip:intruder{n}@x>;tag=1\r\nTo: <sip:intruder{n}@x>\r\nCall-ID: {n}\r\nCSeq: 1 REGISTER\r\n"
    "Contact: <sip:intruder{n}@127.0.0.1:{port}>\r\nContent-Length: 0\r\n\r\n"
)


def turning(log: Path, reload: str) -> str:
    """The page's block for an Asterisk elsewhere, whose files are the tester's."""
    block = re.search(r"brought none,\n\n((?: {4}.*\n)+)", PAGE.read_text())
    assert block is not None
    text = re.sub(r"(?m)^ {4}", "", block[1]).replace("/var/log/asterisk", str(log))
    text, asked = re.subn(r"/usr/sbin/asterisk -rx 'logger reload'", reload, text)
    text, owned = re.subn(r"create 0640 asterisk asterisk", "create 0640", text)
    assert asked == owned == 1
    return text


def run(*words: str) -> str:
    return subprocess.run(
        words, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout


async def test_asterisks_logs_are_turned_and_written_on_as_the_page_says(
    ari: Any, tmp_path: Path, until: Until
) -> None:
    pbx = ari.lab.pbx
    log = pbx.folder / "log"
    reload = " ".join(
        pbx._asterisk.command("-C", str(pbx.folder / "etc/asterisk.conf"), "-rx", "'logger reload'")
    )
    conf = tmp_path / "asterisk"
    conf.write_text(turning(log, reload))
    host, port = ari.lab.sip.host, ari.lab.sip.port
    turn = [binary("logrotate"), "-s", str(tmp_path / "state"), str(conf)]

    def intrude(n: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind((host, 0))
            mine = phone.getsockname()[1]
            phone.sendto(REGISTER.format(to=f"{host}:{port}", port=mine, n=n).encode(), (host, port))

    async def is_told(n: str) -> None:
        async def told() -> bool:
            return all(f"intruder{n}" in (log / name).read_text() for name in ("messages", "security"))

        await until(told, f"both logs tell of intruder{n}")

    intrude("before")
    await is_told("before")
    assert "error" not in await asyncio.to_thread(run, *turn, "-d")
    await asyncio.to_thread(run, *turn, "-f")
    for name in ("messages", "security"):
        assert "intruderbefore" in (log / f"{name}.1").read_text(), "nothing is lost"
        assert stat.S_IMODE((log / name).stat().st_mode) == 0o640
    intrude("after")
    await is_told("after")
    assert "intruderafter" not in (log / "messages.1").read_text(), "it let go of the old file"
