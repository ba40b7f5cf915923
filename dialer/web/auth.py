"""Who asks: bearer tokens, kept as hashes, each with a role."""

from __future__ import annotations

import asyncio
import hmac
import re
import time
from datetime import datetime, timedelta
from typing import Annotated

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dialer.domain.access import Caller, Permission, caller, demand, hashed, parse_role
from dialer.domain.errors import BadValue, Forbidden, ObzvonError
from dialer.domain.said import said
from dialer.ports.between import Clock
from dialer.ports.stores import Tokens
from dialer.web.patience import Patience
from dialer.web.problem import KINDS, respond

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}")
_NOTE_USE_EVERY = timedelta(minutes=1)
log = structlog.get_logger(__name__)
OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/docs", "/v1/openapi.json"})  # all else wants a token


class Expired(Forbidden):
    """The token was right, its time is over."""


async def authenticate(tokens: Tokens, header: str, now: datetime) -> Caller | None:
    """The caller that an Authorization header names, or None; raises Expired.

    The store is asked for a hash, so what it compares says nothing about any token's text; the last
    comparison takes the same time whatever it finds.
    """
    scheme, _, text = header.partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(text):
        return None
    digest = hashed(text)
    found = await tokens.find(digest)
    if found is None or not hmac.compare_digest(found.sha256, digest) or found.revoked_at is not None:
        return None
    if found.expires_at is not None and found.expires_at <= now:
        raise Expired(
            said(
                "The token {name!r} expired at {at}: `dialer token add` makes a new one.",
                name=found.name,
                at=found.expires_at.isoformat(timespec="minutes"),
            )
        )
    try:
        role, operator = parse_role(found.role)
    except BadValue as error:
        log.error("a token opens nothing", token=found.name, reason=str(error))
        return None
    return caller(found.name, role, operator, token=found.id)


class Guard:
    """Turns away whoever has no token before anything of the body is read."""

    def __init__(self, app: ASGIApp, *, tokens: Tokens, clock: Clock) -> None:
        self._app = app
        self._tokens = tokens
        self._clock = clock
        self._noted: dict[int, float] = {}
        self._patience = Patience(time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("path", "") in OPEN:
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get("authorization", "")
        try:
            who = await authenticate(self._tokens, header, self._clock())
            if who is not None:
                await self._note_use(who)
        except Expired as expired:
            await _turn_away(str(expired))(scope, receive, send)
            return
        except ObzvonError as error:
            kind = error.id if error.id in KINDS else "internal"
            await respond(kind, str(error))(scope, receive, send)
            return
        if who is None:
            await (await self._refusal(scope, header))(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = who
        await self._app(scope, receive, send)

    async def _refusal(self, scope: Scope, header: str) -> ASGIApp:
        """After a while, where this address has sent many wrong tokens; without a token nothing was tried."""
        if not header:
            return _turn_away()
        source = (scope.get("client") or ("",))[0]
        waits_s = self._patience.wrong(source)
        if waits_s is None:
            return respond(
                "too-many-requests",
                "Too many wrong tokens came from this address: check the token, and come back later.",
                headers={"Retry-After": "60"},
            )
        if waits_s:
            await asyncio.sleep(waits_s)
        return _turn_away()

    async def _note_use(self, who: Caller) -> None:
        now = self._clock()
        if now.timestamp() - self._noted.get(who.token, 0.0) >= _NOTE_USE_EVERY.total_seconds():
            self._noted[who.token] = now.timestamp()
            await self._tokens.used(who.token, now)


SEND_ONE = "Send a valid token: Authorization: Bearer obz_...; `dialer token add` makes one."


def _turn_away(why: str = SEND_ONE) -> ASGIApp:
    return respond(
        "unauthorized",
        why,
        headers={"WWW-Authenticate": 'Bearer realm="obzvon"'},
    )


_scheme = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token made by `dialer token add` or POST /v1/tokens.",
)


def _caller(request: Request, _: Annotated[object, Security(_scheme)]) -> Caller:
    who = request.state.caller
    assert isinstance(who, Caller)
    return who


AnyCaller = Annotated[Caller, Depends(_caller)]


class Needs:
    """A route's condition, asked before its body is read: `Annotated[Caller, Depends(Needs(...))]`."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, who: AnyCaller) -> Caller:
        demand(who, self.permission)
        return who
