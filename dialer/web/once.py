"""A POST with an Idempotency-Key is done once: whoever sends it again is given the first answer again."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from typing import IO

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialer.domain.access import Caller
from dialer.domain.errors import BadValue, ObzvonError
from dialer.domain.said import Said, said
from dialer.ports.between import Clock
from dialer.ports.requests import Kept, Requests
from dialer.web import problem
from dialer.web.bodies import read_again, whole
from dialer.web.parts import KEY, KEY_PATTERN, speak_to

REPLAYED = "Idempotent-Replayed"
KEPT = timedelta(hours=24)
LEASE_S = 30.0  # renewed while the request is under way; a process that died frees its keys by it
FORGET_EVERY_S, FORGET_PAUSE_S = 60.0, 0.05
FORGET_AT_ONCE, FORGET_TIMES = 500, 20
UNDER_WAY = said("a request with this key is still under way: ask again in a few seconds for its answer")
USED_OTHERWISE = said(
    "this key was used for a request with another address or body: use a new key for each request"
)
log = structlog.get_logger(__name__)


def shown_once(request: Request, instead: Said) -> None:
    """The answer holds a secret, so it is not kept: whoever asks again is refused with this sentence."""
    request.state.instead = instead


class Once:
    """Stands behind the check of tokens: a key counts for one token."""

    def __init__(self, app: ASGIApp, *, requests: Requests, clock: Clock) -> None:
        self._app = app
        self._requests = requests
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        keys = Headers(scope=scope).getlist(KEY) if _may_repeat(scope) else []
        if not keys:
            await self._app(scope, receive, send)
            return
        answer = await self._answered(scope, receive, keys)
        await answer(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, keys: list[str]) -> Response:
        request = Request(scope)
        if len(keys) > 1 or not re.fullmatch(KEY_PATTERN, keys[0]):
            return _refused_key(request)
        try:
            body, asked = await whole(scope, receive)
        except HTTPException as error:
            return problem.from_http(request, error)
        except ConnectionError:
            return Response(status_code=408)  # nobody is there to read it
        with body:
            try:
                return await self._once(request, body, asked, keys[0])
            except ObzvonError as error:
                return problem.from_domain(request, error, speak_to(request))

    async def _once(self, request: Request, body: IO[bytes], asked: str, key: str) -> Response:
        who = request.state.caller
        assert isinstance(who, Caller)
        mine = _Attempt(self._requests, self._clock, who.token, key, token_hex(8))
        known = await mine.begin(asked)
        if known is None:
            return await self._do(request, body, mine, asked)
        if not hmac.compare_digest(known.asked, asked):
            return problem.respond("key-used", USED_OTHERWISE, speak=speak_to(request))
        if known.status is None:
            again = {"Retry-After": "2"}
            return problem.respond("key-under-way", UNDER_WAY, headers=again, speak=speak_to(request))
        return Response(known.body, known.status, {REPLAYED: "true"}, known.media_type or None)

    async def _do(self, request: Request, body: IO[bytes], mine: _Attempt, asked: str) -> Response:
        """The answer of the application, kept before anybody hears of it."""
        caught = _Caught()
        async with mine.renewed():
            try:
                await self._app(request.scope, read_again(body), caught)
            except Exception:
                await mine.free()
                raise
            answer = caught.response()
            if answer.status_code >= 500:
                await mine.free()
            else:
                await mine.keep(_kept(request, answer, asked))
        return answer


async def forget_old(requests: Requests, clock: Clock) -> None:
    """Until cancelled: every minute what nobody asks for any more goes, beside the requests.

    At most FORGET_TIMES short transactions in a row, with a pause between two: others write meanwhile, and
    what is left has its turn a minute later.
    """
    while True:
        try:
            for _ in range(FORGET_TIMES):
                if await requests.forget(clock(), limit=FORGET_AT_ONCE) < FORGET_AT_ONCE:
                    break
                await asyncio.sleep(FORGET_PAUSE_S)
        except ObzvonError as trouble:
            log.warning("old answers are forgotten later", reason=str(trouble))
        except Exception as fault:  # the boundary: what is not cleaned today is cleaned tomorrow
            log.error("old answers could not be forgotten", exc_info=fault)
        await asyncio.sleep(FORGET_EVERY_S)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One request's hold on its key."""

    requests: Requests
    clock: Clock
    token: int
    key: str
    holder: str

    async def begin(self, asked: str) -> Kept | None:
        now = self.clock()
        until_at = now + timedelta(seconds=LEASE_S)
        return await self.requests.begin(
            self.token, self.key, asked, holder=self.holder, now=now, until_at=until_at
        )

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """While the request is under way its key stays ours."""
        renewing = asyncio.create_task(self._renew(), name="key of a request")
        try:
            yield
        finally:
            renewing.cancel()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            until_at = self.clock() + timedelta(seconds=LEASE_S)
            try:
                await self.requests.renew(self.token, self.key, holder=self.holder, until_at=until_at)
            except ObzvonError as trouble:
                log.warning("the key of a request could not be renewed", reason=str(trouble))

    async def keep(self, kept: Kept) -> None:
        """The deed is done: where its answer cannot be kept, the caller hears it all the same."""
        until_at = self.clock() + KEPT
        try:
            await self.requests.answer(self.token, self.key, kept, holder=self.holder, until_at=until_at)
        except ObzvonError as trouble:
            log.warning("the answer to a request with a key could not be kept", reason=str(trouble))

    async def free(self) -> None:
        try:
            await self.requests.free(self.token, self.key, holder=self.holder)
        except ObzvonError as trouble:
            log.warning("the key of a request is free when its lease ends", reason=str(trouble))


class _Caught:
    """What the application answers, held back until it is kept."""

    def __init__(self) -> None:
        self._start: Message = {}
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._body.append(message.get("body", b""))

    def response(self) -> Response:
        response = Response(b"".join(self._body), self._start["status"])
        response.raw_headers = list(self._start["headers"])
        return response


def _may_repeat(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "POST" and "caller" in scope.get("state", {})


def _kept(request: Request, answer: Response, asked: str) -> Kept:
    instead = getattr(request.state, "instead", None)
    if instead is not None:
        answer = problem.respond("shown-once", instead, speak=speak_to(request))
    return Kept(asked, answer.status_code, answer.headers.get("content-type", ""), bytes(answer.body))


def _refused_key(request: Request) -> Response:
    speak = speak_to(request)
    why = said("send it once, with 1 to 255 printable characters of ASCII")
    fault = problem.Fault(place=f"header/{KEY}", detail=speak(why))
    detail = said("{place}: {why}", place=fault.place, why=why)
    return problem.respond(BadValue.id, detail, faults=[fault], speak=speak)
