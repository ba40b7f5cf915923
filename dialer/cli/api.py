"""The running service as the command line sees it: its REST API on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from dialer.domain.errors import BadValue, NetworkTrouble, ObzvonError
from dialer.domain.said import said
from dialer.settings import Settings

TOKEN_FILE = "cli.token"  # noqa: S105 the name of a file; the service writes its address and a token there
TIMEOUT_S = 70.0  # a trial call rings for 40 s
PROBE_S = 2.0


class NotRunning(NetworkTrouble):
    """The service does not run here."""

    id = "not-running"


class Told(ObzvonError):
    """What the service says against it."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.id = kind


async def ask(
    settings: Settings,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: object = None,
    timeout_s: float = TIMEOUT_S,
) -> Any:
    """The JSON that the service answers; NotRunning, TimedOut, or what the service says against it."""
    address, token = _place(settings.data_dir / TOKEN_FILE)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": settings.language}
    timeout = aiohttp.ClientTimeout(total=timeout_s, connect=PROBE_S)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as http,
            http.request(method, f"{address}{path}", json=body, params=query or {}) as answer,
        ):
            if answer.status >= 300:
                raise await _refusal(answer)
            return await answer.json() if answer.content_length != 0 else None
    except aiohttp.ClientConnectionError:
        raise NotRunning(_sentence(settings.data_dir / TOKEN_FILE)) from None
    except TimeoutError:
        raise NetworkTrouble(
            said("the service did not answer {path} within {timeout_s:g} s", path=path, timeout_s=timeout_s)
        ) from None


async def is_running(settings: Settings) -> bool:
    """Whether the service answers."""
    try:
        await ask(settings, "GET", "/healthz", timeout_s=PROBE_S)
    except ObzvonError:
        return False
    return True


def ask_now(settings: Settings, method: str, path: str, *, body: object = None) -> Any:
    """As `ask`, for a verb that does nothing else."""
    return asyncio.run(ask(settings, method, path, body=body))


def _place(path: Path) -> tuple[str, str]:
    try:
        address, token, *_ = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise NotRunning(_sentence(path)) from None
    except OSError as failure:
        raise BadValue(
            said(
                "{path} cannot be read ({strerror}): run this as the user of the service",
                path=path,
                strerror=failure.strerror,
            )
        ) from None
    except ValueError:
        raise BadValue(
            said("{path} is not as the service writes it: restart the service", path=path)
        ) from None
    return address, token


def _sentence(path: Path) -> str:
    return said("the service does not run (looked for {path}): start it with `dialer run`", path=path)


async def _refusal(answer: aiohttp.ClientResponse) -> Told:
    try:
        problem = await answer.json(content_type=None)
        return Told(str(problem["id"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return Told(
            "http", said("the service answered {status} {reason}", status=answer.status, reason=answer.reason)
        )
