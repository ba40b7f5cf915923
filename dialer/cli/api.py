"""The running service as the command line sees it: its REST API on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import h11

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
    place = quote(path)  # a name may be anything that was typed
    target = f"{place}?{urlencode(query)}" if query else place
    try:
        async with asyncio.timeout(timeout_s):
            answer = await _exchange(address, method, target, headers, body)
    except (ConnectionError, h11.RemoteProtocolError):
        raise NotRunning(_sentence(settings.data_dir / TOKEN_FILE)) from None
    except TimeoutError:
        raise NetworkTrouble(
            said("the service did not answer {path} within {timeout_s:g} s", path=path, timeout_s=timeout_s)
        ) from None
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise _refusal(answer)
    return json.loads(answer.content) if answer.content else None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    reason: str
    content: bytes


async def _exchange(
    address: str, method: str, target: str, headers: Mapping[str, str], body: object
) -> _Answer:
    """One request on a connection of its own; ConnectionError, RemoteProtocolError: nobody answers there."""
    place = urlsplit(address)
    try:
        async with asyncio.timeout(PROBE_S):
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
    except (OSError, TimeoutError):
        raise ConnectionError from None
    content = b"" if body is None else json.dumps(body).encode()
    own = {"Host": place.netloc, "Content-Type": "application/json", "Content-Length": str(len(content))}
    try:
        http = h11.Connection(h11.CLIENT)
        request = h11.Request(method=method, target=target, headers=list({**headers, **own}.items()))
        for event in (request, h11.Data(content), h11.EndOfMessage()):
            writer.write(http.send(event) or b"")
        return await _answer(http, reader)
    finally:
        writer.close()


async def _answer(http: h11.Connection, reader: asyncio.StreamReader) -> _Answer:
    head, content = h11.Response(status_code=HTTPStatus.BAD_GATEWAY, headers=[]), bytearray()
    while True:
        match http.next_event():
            case h11.NEED_DATA:
                http.receive_data(await reader.read(65_536))
            case h11.Response() as head:
                pass
            case h11.Data() as part:
                content += part.data
            case h11.EndOfMessage():
                return _Answer(head.status_code, head.reason.decode("ascii", "replace"), bytes(content))
            case h11.ConnectionClosed():
                raise ConnectionError
            case _:  # an informational response
                pass


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


def _refusal(answer: _Answer) -> Told:
    try:
        problem = json.loads(answer.content)
        return Told(str(problem["id"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return Told(
            "http", said("the service answered {status} {reason}", status=answer.status, reason=answer.reason)
        )
