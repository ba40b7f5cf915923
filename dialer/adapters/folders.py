"""Folders that another user works in as well: Asterisk reads sounds there, or writes recordings."""

from __future__ import annotations

from pathlib import Path

READ_BY_ALL = 0o755
SHARED_BY_GROUP = 0o750


def make_folder(path: Path, mode: int) -> None:
    """Makes it, and what is missing above it, with these rights whatever the umask is; raises OSError.

    A folder that is there keeps its own rights.
    """
    if not path.parent.exists():
        make_folder(path.parent, mode)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    path.chmod(mode)
