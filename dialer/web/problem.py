"""Errors as the API tells them: RFC 9457 problems with a stable id, a sentence and the place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_jsonable_python
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dialer.domain import disposition, errors
from dialer.domain.said import said

MEDIA_TYPE = "application/problem+json"
REF = {"$ref": "#/components/schemas/Problem"}


class Fault(BaseModel):
    """One value that is not acceptable."""

    place: str = Field(description="where it is: body, query, path or header, then a JSON pointer")
    detail: str = Field(description="what is wrong with it")
    allowed: str = Field("", description="what would be acceptable, where that can be said shortly")


class Problem(BaseModel):
    """What every error looks like (RFC 9457)."""

    type: str = Field(description="page about this kind of error, relative to the server")
    id: str = Field(description="stable name of the kind of error: scripts may test it")
    title: str
    status: int
    detail: str = Field(description="one sentence for a person")
    errors: list[Fault] = Field(default_factory=list, description="each value that is not acceptable")


# id: (status, title). The ids of domain.errors, then those that only a request can cause.
KINDS: Mapping[str, tuple[int, str]] = {
    errors.Mistake.id: (400, said("This cannot be done as asked")),
    errors.BadValue.id: (422, said("A value is not acceptable")),
    errors.Missing.id: (404, said("There is no such thing")),
    errors.Conflict.id: (409, said("The present state does not allow it")),
    errors.Stale.id: (409, said("Somebody has changed it since")),
    errors.Forbidden.id: (403, said("A law, a rule or a role forbids it")),
    errors.NetworkTrouble.id: (502, said("The network or Asterisk failed")),
    errors.LinkDown.id: (503, said("Asterisk is not connected")),
    errors.TimedOut.id: (504, said("Asterisk did not answer in time")),
    errors.Refused.id: (502, said("Asterisk refused it")),
    errors.StoreDown.id: (503, said("The database cannot be reached")),
    errors.EngineAway.id: (503, said("The engine is not running")),
    errors.StoreDamaged.id: (503, said("The database is damaged")),
    errors.StoreRefused.id: (422, said("The database does not take a value")),
    errors.DiskTrouble.id: (507, said("The disk would not take it")),
    "internal": (500, "The service made an error"),
    "key-used": (422, said("The key belongs to another request")),
    "key-under-way": (409, said("The first request with this key is still under way")),
    "shown-once": (409, said("The answer was shown once and is not kept")),
    "unauthorized": (401, "A valid token is needed"),
    "bad-request": (400, "The request cannot be read"),
    "bad-body": (400, "The body cannot be read"),
    "no-route": (404, "There is no such address"),
    "wrong-method": (405, "This address does not know this method"),
    "too-slow": (408, "The body did not come in time"),
    "too-large": (413, "The body is too large"),
    "wrong-media-type": (415, "The body has a type that is not read here"),
    "no-such-range": (416, "The file has no such part"),
    "too-many-requests": (429, "Too many wrong tokens came from this address"),
    "wrong-host": (421, "This server does not answer for that host"),
}
_BY_STATUS = {401: "unauthorized", 403: "forbidden", 404: "no-route", 405: "wrong-method", 408: "too-slow",
              413: "too-large"}  # fmt: skip
_OUTSIDE = {"leg": "leg_kind", "rest": "rest_s", "abandoned_rest": "abandoned_rest_s", "pin_hash": "pin",
            "sip_password_file": "sip_password", "password_file": "password"}  # fmt: skip
_SECRET = {"pin_hash", "sip_password_file", "password_file"}
_CTX = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "lt": "less than {}",
    "pattern": "pattern {}",
    "expected": "{}",
    "min_length": "length at least {}",
    "max_length": "length at most {}",
}


def respond(
    kind: str,
    detail: str,
    *,
    faults: Sequence[Fault] = (),
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    speak: Callable[[str], str] = str,
) -> Response:
    """The problem as a response, told by `speak`. Lone surrogates come out as escapes, not as a failure."""
    usual, title = KINDS[kind]
    status = usual if status is None else status
    problem = Problem(
        type=f"/docs#{kind}",
        id=kind,
        title=speak(title),
        status=status,
        detail=speak(detail),
        errors=list(faults),
    )
    body = json.dumps(problem.model_dump(), ensure_ascii=False).encode("utf-8", "backslashreplace")
    again = {"Retry-After": "2"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(body, status, again | dict(headers or {}), MEDIA_TYPE)


def from_domain(request: Request, error: Exception, speak: Callable[[str], str] = str) -> Response:
    """An error of the domain: the caller's and the network's are told, our own is only named."""
    assert isinstance(error, errors.ObzvonError)
    if error.id not in KINDS:
        raise error
    if isinstance(error, errors.BadField):
        place = f"{'query' if request.method == 'GET' else 'body'}/{error.field}"
        fault = Fault(place=place, detail=speak(error.why))
        return respond(
            error.id, said("{place}: {why}", place=place, why=error.why), faults=[fault], speak=speak
        )
    if isinstance(error, errors.Stale):
        return respond(error.id, error.sentence, faults=list(_differing(error.fields, speak)), speak=speak)
    return respond(error.id, error.sentence, speak=speak)


def _differing(values: Mapping[str, object], speak: Callable[[str], str]) -> Iterator[Fault]:
    """What fields are now, by the API's names and in its form; a secret is only said to be another one."""
    for name, value in values.items():
        place = f"body/{_OUTSIDE.get(name, name)}"
        if name in _SECRET:
            yield Fault(place=place, detail=speak(said("is another one now")))
            continue
        if name == disposition.FIELD and isinstance(value, tuple):
            value = [disposition.plain(one) for one in value]  # noqa: PLW2901 in the API's form
        plain = json.dumps(to_jsonable_python(value, timedelta_mode="float"), ensure_ascii=False)
        yield Fault(place=place, detail=speak(said("is now {value}", value=plain)))


def from_http(request: Request, error: Exception) -> Response:
    """An error of the framework: unknown address, wrong method, unreadable body, too large a body."""
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code, "bad-body")
    detail = {
        "no-route": f"There is nothing at {request.url.path}: /docs lists every address.",
        "wrong-method": f"{request.method} is not known at {request.url.path}; Allow lists what is.",
        "too-large": f"{error.detail}",
        "bad-body": "The body cannot be read: send it as the type that its Content-Type names, in UTF-8.",
    }.get(kind, error.detail)
    return respond(kind, detail, status=error.status_code, headers=error.headers)


def from_validation(request: Request, error: Exception) -> Response:
    """Values that do not fit: each with its place and what would be acceptable. Values are not repeated."""
    assert isinstance(error, RequestValidationError)
    raw = error.errors()
    if any(one["type"] == "json_invalid" for one in raw):
        where = next(one["loc"][-1] for one in raw if one["type"] == "json_invalid")
        return respond("bad-body", f"The body is not JSON: the fault is at character {where}.")
    if isinstance(error.body, bytes):
        return respond(
            "wrong-media-type", f"{request.url.path} reads JSON: send Content-Type: application/json."
        )
    faults = [_fault(one) for one in raw[:50]]
    more = f" (and {len(raw) - 1} more)" if len(raw) > 1 else ""
    return respond(errors.BadValue.id, f"{faults[0].place}: {faults[0].detail}{more}.", faults=faults)


def _fault(one: Mapping[str, Any]) -> Fault:
    detail = str(one["msg"]).removeprefix("Value error, ").removesuffix(".")
    match one["type"]:
        case "missing":
            detail = "is required"
        case "extra_forbidden":
            detail = "is not a field of this"
    ctx = one.get("ctx") or {}
    allowed = ", ".join(text.format(ctx[key]) for key, text in _CTX.items() if ctx.get(key) is not None)
    return Fault(place=place_of(one["loc"]), detail=detail, allowed=allowed)


def place_of(loc: Sequence[Any]) -> str:
    """`("body", "schedule", 0, "start")` as `body/schedule/0/start`, escaped as a JSON pointer."""
    return "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in loc)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route says in OpenAPI about its errors; those that any route may give are always there."""
    return told(400, 401, 403, 413, 422, 429, 500, 503, *statuses)


def told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses as OpenAPI describes them."""
    kinds = {
        status: "; ".join(f"`{kind}`: {title}" for kind, (code, title) in KINDS.items() if code == status)
        for status in sorted(set(statuses))
    }
    return {
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": REF}}}
        for status, text in kinds.items()
    }


VERB_ERRORS = (404, 409, 502, 504)
