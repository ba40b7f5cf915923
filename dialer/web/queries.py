"""Names in addresses and forms: one that is mistyped is refused, not read as if it were not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

Names = Mapping[str, frozenset[str]]  # by method, what may stand behind the question mark


def by_address(schema: Mapping[str, Any]) -> Sequence[tuple[re.Pattern[str], Names]]:
    """From the OpenAPI description: each address as a pattern, and the names that it knows."""
    return [
        (
            pattern_of(path),
            {
                method.upper(): frozenset(
                    one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"
                )
                for method, operation in operations.items()
            },
        )
        for path, operations in schema["paths"].items()
    ]


def pattern_of(path: str) -> re.Pattern[str]:
    """Of an address with {places}."""
    return re.compile(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(path)))


async def known_names(request: Request) -> None:
    """Raises RequestValidationError for a name in the address that it does not know."""
    if not request.query_params:
        return
    known: set[str] = set()
    for pattern, names in request.app.state.query_names:
        if pattern.fullmatch(request.url.path):
            known |= names.get(request.method, frozenset())
    _refuse("query", request.query_params.keys() - known, known)


async def one_file(request: Request) -> None:
    """Raises RequestValidationError for anything in a form beside its file: options stand in the address."""
    form = await request.form()
    _refuse("body", form.keys() - {"file"}, {"file"})


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
