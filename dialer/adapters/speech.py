"""The prompts of the phones: shipped (tools/speech.py makes them), and laid where Asterisk reads them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dialer.adapters.folders import READ_BY_ALL, make_folder
from dialer.domain.prompts import FOLDER

SHIPPED = Path(__file__).parents[1] / FOLDER
LIST = (
    "shipped.json"  # what we laid there: a file that differs from it is somebody's own recording, and stays
)


def lay(sounds: Path) -> int:
    """Puts shipped prompts that are new or were ours into the folder of sounds; how many were written."""
    target = sounds / FOLDER
    before = _laid(target)
    now: dict[str, str] = {}
    written = 0
    for source in sorted(SHIPPED.glob("*/*.wav")):
        name = str(source.relative_to(SHIPPED))
        content, path = source.read_bytes(), target / name
        now[name] = _digest(content)
        is_there = _digest(path.read_bytes()) if path.is_file() else ""
        if is_there not in ("", before.get(name)) or is_there == now[name]:
            continue
        write(path, content)
        written += 1
    if now != before:
        write(target / LIST, json.dumps(now, indent=1).encode())
    return written


def _laid(target: Path) -> Mapping[str, str]:
    try:
        found = json.loads((target / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes) -> None:
    """A file that Asterisk may read, whole or not at all."""
    for folder in (path.parent.parent, path.parent):
        make_folder(folder, READ_BY_ALL)
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.chmod(fresh, 0o644)  # Asterisk runs as another user
    os.replace(fresh, path)
