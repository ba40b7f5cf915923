"""Names in addresses, forms and bodies: one that is mistyped, or stands there twice, is refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from fastapi import APIRouter, Depends
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response


class _Once(Request):
    """Notes the names that stand twice in one object of its JSON: the last would win without a word."""

    async def json(self) -> Any:
        twice: list[str] = []

        def noted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found = dict(pairs)
            if len(found) < len(pairs):
                twice.extend(_twice(name for name, _ in pairs))
            return found

        content = json.loads(await self.body(), object_pairs_hook=noted)
        self.state.twice = twice
        return content


class EachNameOnce(APIRoute):
    """A route whose body is read with that in mind; `known_names` refuses it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def read(request: Request) -> Response:
            return await handle(_Once(request.scope, request.receive))

        return read


async def known_names(request: Request) -> None:
    """Raises RequestValidationError for a name that the address does not know, or that stands twice."""
    _refuse_twice("body", getattr(request.state, "twice", ()))
    if not request.query_params:
        return
    known = dict(_names(request.scope["route"].dependant))
    _refuse("query", request.query_params.keys() - known.keys(), known)
    twice = _twice(name for name, _ in request.query_params.multi_items())
    _refuse_twice("query", (name for name in twice if not _is_many(known[name])))


def resource(tag: str, prefix: str = "") -> APIRouter:
    """Where the routes of a resource are declared, with all that each has.

    A router that is included has its routes made twice, which was a sixth of the start of a web.
    """
    return APIRouter(
        route_class=EachNameOnce,
        prefix=f"/v1{prefix}",
        tags=[tag],
        dependencies=[Depends(known_names)],
        generate_unique_id_function=lambda route: route.name,
    )


def _names(dependant: Dependant) -> Iterator[tuple[str, Any]]:
    """What may stand behind the question mark, for the function itself and for all that it depends on."""
    for field in dependant.query_params:
        yield field.alias, field.field_info.annotation
    for one in dependant.dependencies:
        yield from _names(one)


def _is_many(annotation: Any) -> bool:
    """Whether a name may stand there again and again."""
    return get_origin(annotation) is list or any(map(_is_many, get_args(annotation)))


async def one_file(request: Request) -> None:
    """Raises RequestValidationError for anything in a form beside its file: options stand in the address."""
    form = await request.form()
    _refuse("body", form.keys() - {"file"}, {"file"})
    _refuse_twice("body", _twice(name for name, _ in form.multi_items()))


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _refuse_twice(where: str, names: Iterable[str]) -> None:
    why = "stands there twice: say it once"
    faults = [{"type": "name_twice", "loc": (where, name[:100]), "msg": why} for name in names]
    if faults:
        raise RequestValidationError(faults)


def _refuse(where: str, strange: Iterable[str], known: Iterable[str]) -> None:
    faults = []
    for name in sorted(strange):
        close = get_close_matches(name, known, n=1)
        if close:
            why = f"is not known here: did you mean {close[0]}"
        elif where == "body":
            why = "is not known here: options stand in the address, behind a question mark"
        else:
            why = f"is not known here, only: {', '.join(sorted(known)) or 'nothing'}"
        faults.append({"type": "unknown_name", "loc": (where, name[:100]), "msg": why})
    if faults:
        raise RequestValidationError(faults)
