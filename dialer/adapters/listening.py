"""What leaves the house, and who took it: recordings that are listened to, tables that are exported."""

from __future__ import annotations

import asyncio
import syslog
from dataclasses import asdict
from pathlib import Path

import structlog

from dialer.domain.export import Taken
from dialer.domain.masking import clean
from dialer.domain.types import CallId

log = structlog.get_logger()


async def finished(folder: Path, file: str) -> str | None:
    """The WAV that a record names, if it is there; whatever would lead out of the folder is not."""

    def look() -> str | None:
        path = (folder / file).resolve()
        inside = path.is_relative_to(folder.resolve()) and path.suffix == ".wav"
        return str(path) if inside and path.is_file() else None

    return await asyncio.to_thread(look)


def listened(call: CallId, by: str) -> None:
    """Kept in the log: a recording is somebody's voice."""
    log.info("a recording is listened to", call=call, by=by)


def exported(taken: Taken) -> None:
    """Kept in the log: a table holds people."""
    log.info("a table is exported", **_told(taken))


def exported_by_hand(taken: Taken) -> None:
    """By the command line, whose own lines nobody keeps: the system's log does."""
    words = " ".join(f"{name}={value!r}" for name, value in _told(taken).items())
    syslog.openlog("dialer")
    syslog.syslog(syslog.LOG_NOTICE, clean(f"a table is exported: {words}"))


def _told(taken: Taken) -> dict[str, object]:
    asked = ", ".join(f"{name}={value}" for name, value in taken.asked.items())
    return asdict(taken) | {"asked": asked or "all"}
