"""Hashes of PINs: argon2, off the event loop."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dialer.adapters.secrets import LONGEST  # argon2 would take gigabytes
from dialer.domain.errors import BadValue
from dialer.domain.said import said

log = structlog.get_logger()

_hasher = PasswordHasher()  # the library's defaults: RFC 9106, low-memory profile, 64 MiB
_threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")  # each holds 64 MiB while it works


@cache
def _nobody() -> str:
    """Checked where there is no hash, so that it takes as long."""
    return _hasher.hash(secrets.token_urlsafe())


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
    nobody = _nobody()  # asked for each time: making it, once, must not tell who has a hash
    try:
        return _hasher.verify(hashed or nobody, secret) and bool(hashed)
    except VerificationError:
        return False
    except InvalidHashError:
        log.warning("a stored hash is no argon2 hash: set the PIN or token again")
        return False
