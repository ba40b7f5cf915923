"""The body of a request, read as a whole, with the fingerprint of all that was asked; then read once more."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import tempfile
from collections.abc import Callable
from typing import IO, Any

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

IN_MEMORY = 1024 * 1024  # bytes of a body; the rest lies in a file
_BOUNDARY = re.compile(rb'boundary="?([^";,\s]+)', re.ASCII)


async def whole(scope: Scope, receive: Receive) -> tuple[IO[bytes], str]:
    """The body, which the caller closes, and the fingerprint; ConnectionError when the sender has gone.

    The fingerprint is keyed with the sender's token, of which the database has a hash only: a PIN in a body
    cannot be found by trying all of them. The mark between the parts of a form is drawn anew each time that
    the form is sent, so it does not count.
    """
    headers = Headers(scope=scope)
    mark = _BOUNDARY.search(headers.get("content-type", "").encode("latin-1"))
    address = f"{scope['path']}?{scope['query_string'].decode('latin-1')}\n"
    asked = hmac.new(headers["authorization"].encode(), address.encode(), hashlib.sha256)
    body: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  the caller closes it
    note = without(mark[1] if mark else b"", asked.update)
    more = True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError  # noqa: TRY301  what is caught below is closed and goes on
            chunk = message.get("body", b"")
            if body.tell() + len(chunk) > IN_MEMORY:  # a disk may be slow
                await asyncio.to_thread(body.write, chunk)
            else:
                body.write(chunk)
            note(chunk)
            more = message.get("more_body", False)
    except BaseException:
        body.close()
        raise
    note(None)
    body.seek(0)
    return body, asked.hexdigest()


def without(mark: bytes, tell: Callable[[bytes], Any]) -> Callable[[bytes | None], None]:
    """Takes pieces, however they are cut, and tells all but the mark; None ends it."""
    rest = b""

    def take(chunk: bytes | None) -> None:
        nonlocal rest
        found = (rest + (chunk or b"")).replace(mark, b"") if mark else chunk or b""
        keep = 0 if chunk is None or not mark else min(len(mark) - 1, len(found))
        rest = found[len(found) - keep :]
        tell(found[: len(found) - keep])

    return take


def read_again(body: IO[bytes]) -> Receive:
    """The body as it came; then nothing more comes, as if the sender waited for the answer."""
    is_over = False

    async def receive() -> Message:
        nonlocal is_over
        if is_over:
            await asyncio.Event().wait()
        chunk = body.read(IN_MEMORY)
        is_over = len(chunk) < IN_MEMORY
        return {"type": "http.request", "body": chunk, "more_body": not is_over}

    return receive
