"""Hashes of PINs and tokens (argon2, off the event loop), and the files in which secrets lie."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dialer.domain.errors import BadValue, Conflict
from dialer.domain.said import said

log = structlog.get_logger()

LONGEST = 1024  # characters of a secret; argon2 would take gigabytes
RANDOM_BYTES = 24

_hasher = PasswordHasher()  # the library's defaults: RFC 9106, low-memory profile, 64 MiB
_threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")  # each holds 64 MiB while it works
_NOBODY = _hasher.hash(secrets.token_urlsafe())  # checked where there is no hash, so that it takes as long


async def hash_secret(secret: str) -> str:
    """The hash to keep; raises BadValue when the secret is empty or absurdly long."""
    if not 0 < len(secret) <= LONGEST:
        raise BadValue(
            said("a secret has 1 to {longest} characters, this one has {n}", longest=LONGEST, n=len(secret))
        )
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, secret)


async def is_right(hashed: str, secret: str) -> bool:
    """Whether this secret has this hash; an empty or broken hash is never right, and takes as long."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _verify, hashed, secret[:LONGEST])


def _verify(hashed: str, secret: str) -> bool:
    try:
        return _hasher.verify(hashed or _NOBODY, secret) and bool(hashed)
    except VerificationError:
        return False
    except InvalidHashError:
        log.warning("a stored hash is no argon2 hash: set the PIN or token again")
        return False


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
