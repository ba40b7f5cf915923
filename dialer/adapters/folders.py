"""Folders that another user works in as well: Asterisk reads sounds there, or writes recordings."""

from __future__ import annotations

from pathlib import Path

READ_BY_ALL = 0o755
SHARED_BY_GROUP = 0o750


def make_folder(path: Path, mode: int) -> None:
    """Makes it with these rights, whatever the umask is; one that is there keeps its own. Raises OSError."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    path.chmod(mode)
