"""Finished recordings for those who listen: where they lie, and who did."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

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
