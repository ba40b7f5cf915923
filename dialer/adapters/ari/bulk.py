"""Asterisk's own HTTP: for long lists, which would hold up every request on the link, and without a link."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from dialer.adapters.ari.connection import Request, checked
from dialer.domain.abilities import Abilities, abilities
from dialer.domain.errors import LinkDown, Refused, TimedOut
from dialer.domain.trunk import Transport


class Bulk:
    """Reads from one Asterisk; open it with `async with`."""

    def __init__(self, url: str, user: str, password: str, *, timeout_s: float = 10.0) -> None:
        self._url = url.rstrip("/")
        credentials = aiohttp.encode_basic_auth(user, password)
        self._headers = {"Authorization": credentials}  # in an address it would end up in logs
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Bulk:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            connector=aiohttp.TCPConnector(limit=2),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def date(self) -> datetime:
        """What Asterisk's clock shows, in whole seconds; raises as `get`."""
        if self._session is None:
            raise LinkDown("the connection for lists is not open")
        try:
            async with self._session.get(f"{self._url}/asterisk/info", params={"only": "status"}) as answer:
                return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
        except TimeoutError:
            raise TimedOut(f"Asterisk did not say its time within {self._timeout_s:g} s") from None
        except (aiohttp.ClientError, KeyError, ValueError) as failure:
            raise LinkDown(f"Asterisk's HTTP at {self._url} does not say its time: {failure!r}") from failure

    async def get(self, path: str, **query: str) -> Any:
        """The JSON at `path` below /ari; raises Refused, TimedOut, LinkDown."""
        return await self.ask(Request("GET", path, query))

    async def ask(self, request: Request) -> Any:
        """The answer's JSON, None if it has none; raises Refused, TimedOut, LinkDown."""
        if self._session is None:
            raise LinkDown("the connection for lists is not open")
        url = f"{self._url}/{request.path}"
        try:
            async with self._session.request(
                request.method, url, params=dict(request.query), json=request.body
            ) as answer:
                return checked(request, answer.status, answer.reason or "", await answer.text())
        except TimeoutError:
            raise TimedOut(
                f"Asterisk did not answer {request.method} {request.path} within {self._timeout_s:g} s"
            ) from None
        except aiohttp.ClientError as failure:
            raise LinkDown(f"Asterisk's HTTP at {self._url} cannot be reached: {failure}") from failure


async def able(bulk: Bulk) -> Abilities:
    """What this Asterisk can do for a trunk; a transport that could not be set up is none."""
    rows = await bulk.get("asterisk/modules")
    running = [row["name"] for row in rows if row["status"] == "Running"]
    return abilities(running, [each for each in Transport if await _has(bulk, f"transport/{each}")])


async def _has(bulk: Bulk, item: str) -> bool:
    try:
        await bulk.get(f"asterisk/config/dynamic/res_pjsip/{item}")
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return False
    return True
