"""What stands before every request: limits, host check, security headers, the last word on errors."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Collection
from pathlib import PurePath

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialer.web.problem import respond

BODY_LIMIT = 1024 * 1024
BODY_S = 30.0  # between two pieces of a body
UPLOAD_LIMIT = 64 * 1024 * 1024
_UPLOADS = ("/imports", "/message")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

_PORT = re.compile(r":[0-9]*$")

log = structlog.get_logger(__name__)


class Shield:
    """The outermost layer. `hosts` empty: any Host header is accepted."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refuse(scope)
        if refusal is not None:
            await refusal(scope, receive, send_safely)
            return
        try:
            await self._app(scope, _limited(scope, receive), send_safely)
        except Exception as error:  # the boundary: whatever it was, the user gets a problem, we get the log
            log.error(
                "a request failed: this is our fault",
                method=scope["method"],
                path=scope["path"],
                error=f"{type(error).__name__}: {error}",
                trace=_trace(error),
            )
            if started:
                raise
            refusal = respond("internal", "The service made an error; its log says which.")
            await refusal(scope, receive, send_safely)

    def _refuse(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):
            return respond("bad-request", "The address holds a NUL character.")
        if self._hosts and _PORT.sub("", headers.get("host", "")).lower() not in self._hosts:
            return respond("wrong-host", "Ask for this server by one of its own names.")
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:20]) > _limit_of(scope["path"]):
            return respond("too-large", _too_large(scope["path"]))
        return None


def _limited(scope: Scope, receive: Receive) -> Receive:
    """The body, counted as it comes: a chunked one says no length beforehand. It may not stay away."""
    taken, is_whole = 0, False

    async def take() -> Message:
        nonlocal taken, is_whole
        try:
            async with asyncio.timeout(None if is_whole else BODY_S):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"The rest of the body did not come within {BODY_S:g} s.") from None
        is_whole = not message.get("more_body", False)
        taken += len(message.get("body", b""))
        if taken > _limit_of(scope["path"]):
            raise HTTPException(413, _too_large(scope["path"]))
        return message

    return take


def _trace(error: BaseException) -> str:
    """Where it came from, innermost last; without values, which may be secrets."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return " > ".join(f"{PurePath(one.filename).name}:{one.lineno} {one.name}" for one in frames)


def _limit_of(path: str) -> int:
    return UPLOAD_LIMIT if path.endswith(_UPLOADS) else BODY_LIMIT


def _too_large(path: str) -> str:
    return f"The body is larger than {_limit_of(path) // 1024} KiB: send less at a time."
