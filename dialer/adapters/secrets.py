"""The files in which secrets lie."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

import structlog

from dialer.domain.access import hashed
from dialer.domain.errors import BadValue, Conflict
from dialer.domain.said import said

log = structlog.get_logger()

LONGEST = 1024  # characters of a secret
RANDOM_BYTES = 24


def read_secret(path: Path) -> str:
    """The first line of a secret file; raises BadValue; warns when others than the owner may read it."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(LONGEST + 2)
    except OSError as failure:
        raise BadValue(
            said("the secret file {path} cannot be read: {strerror}", path=path, strerror=failure.strerror)
        ) from None
    try:
        secret = raw.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise BadValue(
            said("the secret file {path} is not text: put the secret there on one line", path=path)
        ) from None
    if not secret.strip():
        raise BadValue(said("the secret file {path} is empty: put the secret there on one line", path=path))
    if len(raw) > LONGEST or any(ord(character) < 32 for character in secret):
        raise BadValue(
            said(
                "the secret file {path} must hold one line of at most {longest} characters",
                path=path,
                longest=LONGEST,
            )
        )
    if mode & 0o077:
        log.warning(f"others may read the secret file {path} (mode {mode:04o}): chmod 600 {path}")
    return secret


def kept_secret(path: Path, *, owner: Path) -> str:
    """The secret of this file; a new one, of whoever owns the folder `owner`, where there is no file yet."""
    with contextlib.suppress(Conflict):  # another process of ours was faster
        if not path.exists():
            write_secret(path)
            its = owner.stat()
            for made in (path, path.parent):
                if os.geteuid() == 0:
                    os.chown(made, its.st_uid, its.st_gid)
    return read_secret(path)


def stamp_of(path: str) -> tuple[int, ...] | None:
    """Another one when the file was written or replaced; None while there is none. Tells no secret."""
    try:
        its = os.stat(path)
    except (OSError, ValueError):
        return None
    return its.st_dev, its.st_ino, its.st_size, its.st_mtime_ns, its.st_ctime_ns


def write_secret(path: Path, secret: str = "") -> str:
    """Puts a secret (a new random one, if none is given) in a new file of mode 0600, and gives it back."""
    secret = secret or secrets.token_urlsafe(RANDOM_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(
            said("the secret file {path} exists already: delete it to have a new secret", path=path)
        ) from None
    except OSError as failure:
        raise BadValue(
            said("the secret file {path} cannot be written: {strerror}", path=path, strerror=failure.strerror)
        ) from None
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)  # whatever the umask is
        file.write(secret + "\n")
    return secret


PREFIX = "obz_"  # makes a leaked token easy to find


def new_token() -> tuple[str, str]:
    """A new token's text, to be shown once, and the hash to keep."""
    text = PREFIX + secrets.token_urlsafe(32)
    return text, hashed(text)
