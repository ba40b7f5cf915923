"""Who asks, and what they may: bearer tokens, kept as hashes, each with a role."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dialer.domain.errors import BadValue, Forbidden, ObzvonError
from dialer.domain.said import said
from dialer.domain.types import OPERATOR_NUMBER, OperatorId
from dialer.ports.between import Clock
from dialer.ports.stores import Tokens
from dialer.web.patience import Patience
from dialer.web.problem import KINDS, respond

PREFIX = "obz_"  # makes a leaked token easy to find
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}")
_NOTE_USE_EVERY = timedelta(minutes=1)
log = structlog.get_logger(__name__)
DEFAULT_DAYS, MOST_DAYS = 365, 3650  # that a token lasts
OPEN = frozenset({"/v1/openapi.json"})


class Role(StrEnum):
    """Each may do what those before it may; an operator's own verbs are for that operator only."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return tuple(Role).index(self)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent this request."""

    token: int
    name: str
    role: Role
    operator: OperatorId | None = None


def new_token() -> tuple[str, str]:
    """A new token's text, to be shown once, and the hash to keep."""
    text = PREFIX + secrets.token_urlsafe(32)
    return text, hashed(text)


def hashed(text: str) -> str:
    """SHA-256 of a token's text, in hexadecimal digits.

    Slow, salted hashes protect words that people choose and that can be guessed. A token is 256 random bits:
    nobody can try them all, however fast the hash, so a fast one is right, and each request can afford it.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def expiry(days: int, now: datetime) -> datetime:
    """When a token made now expires."""
    if not 1 <= days <= MOST_DAYS:
        raise BadValue(said("a token lasts 1 to {most} days, not {days}", most=MOST_DAYS, days=days))
    return now + timedelta(days=days)


def parse_role(text: str) -> tuple[Role, OperatorId | None]:
    """`admin`, `supervisor`, `viewer`, or `operator:101`: the role of that one operator."""
    name, _, operator = text.partition(":")
    if name == Role.OPERATOR and OPERATOR_NUMBER.fullmatch(operator):
        return Role.OPERATOR, OperatorId(operator)
    if name in set(Role) - {Role.OPERATOR} and not operator and ":" not in text:
        return Role(name), None
    raise BadValue(
        said("{text!r} is no role: take viewer, supervisor, admin, or operator:NUMBER", text=text[:40])
    )


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
    return Caller(found.id, found.name, role, operator)


class Guard:
    """Turns away whoever has no token before anything of the body is read."""

    def __init__(self, app: ASGIApp, *, tokens: Tokens, clock: Clock) -> None:
        self._app = app
        self._tokens = tokens
        self._clock = clock
        self._noted: dict[int, float] = {}
        self._patience = Patience(time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path + "/").startswith("/v1/") or path in OPEN:
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get("authorization", "")
        try:
            caller = await authenticate(self._tokens, header, self._clock())
            if caller is not None:
                await self._note_use(caller)
        except Expired as expired:
            await _turn_away(str(expired))(scope, receive, send)
            return
        except ObzvonError as error:
            kind = error.id if error.id in KINDS else "internal"
            await respond(kind, str(error))(scope, receive, send)
            return
        if caller is None:
            await (await self._refusal(scope, header))(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
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

    async def _note_use(self, caller: Caller) -> None:
        now = self._clock()
        if now.timestamp() - self._noted.get(caller.token, 0.0) >= _NOTE_USE_EVERY.total_seconds():
            self._noted[caller.token] = now.timestamp()
            await self._tokens.used(caller.token, now)


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
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


AnyCaller = Annotated[Caller, Depends(_caller)]


def _at_least(role: Role) -> Callable[[Caller], Awaitable[Caller]]:
    async def check(caller: AnyCaller) -> Caller:
        if caller.role.rank < role.rank:
            raise Forbidden(
                said(
                    "this needs the role {role}; the token {name!r} has {role2}",
                    role=role,
                    name=caller.name,
                    role2=caller.role,
                )
            )
        return caller

    return check


Viewer = Annotated[Caller, Depends(_at_least(Role.VIEWER))]
OperatorOrMore = Annotated[Caller, Depends(_at_least(Role.OPERATOR))]
Supervisor = Annotated[Caller, Depends(_at_least(Role.SUPERVISOR))]
Admin = Annotated[Caller, Depends(_at_least(Role.ADMIN))]


def may_act_for(caller: Caller, operator: OperatorId) -> None:
    """An operator's token works for that operator only; Forbidden says so."""
    if caller.role is Role.OPERATOR and caller.operator != operator:
        raise Forbidden(
            said(
                "the token {name!r} is for operator {operator}, not {operator2}",
                name=caller.name,
                operator=caller.operator,
                operator2=operator,
            )
        )
