"""The command line on this machine speaks to the API with a token that lasts as long as its file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from secrets import token_hex

from dialer.adapters.secrets import new_token
from dialer.domain.access import hashed
from dialer.domain.errors import Missing, StoreDown
from dialer.ports.between import Clock
from dialer.ports.stores import Tokens


@asynccontextmanager
async def cli_admitted(tokens: Tokens, path: Path, address: str, clock: Clock) -> AsyncIterator[None]:
    """Its name is drawn: other web processes on the same database have theirs."""
    if left_over := await tokens.find(hashed(_token_in(path))):  # by a service that was killed
        await tokens.revoke(left_over.name, clock())
    name, (text, sha256) = f"cli-{token_hex(4)}", new_token()
    await tokens.add(name, "admin", sha256=sha256, now=clock())
    try:
        _put_token(path, address, text)
        yield
    finally:
        _put_token(path)
        with suppress(Missing, StoreDown):
            await tokens.revoke(name, clock())


def _token_in(path: Path) -> str:
    """The token that the file has; '' for no such file, or for one that is broken."""
    try:
        return path.read_text(encoding="utf-8").splitlines()[1]
    except (OSError, ValueError, IndexError):
        return ""


def _put_token(path: Path, *lines: str) -> None:
    """A file of its owner's with these lines in place of the old one; without lines there is none."""
    path.unlink(missing_ok=True)
    if lines:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it follows no link
        with open(number, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
