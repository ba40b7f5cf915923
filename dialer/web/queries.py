"""Names in addresses and forms: one that is mistyped is refused, not read as if it were not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request


async def known_names(request: Request) -> None:
    """Raises RequestValidationError for a name in the address that it does not know."""
    if not request.query_params:
        return
    known = _names(request.scope["route"].dependant)
    _refuse("query", request.query_params.keys() - known, known)


def _names(dependant: Dependant) -> set[str]:
    """What may stand behind the question mark, for the function itself and for all that it depends on."""
    names = {field.alias for field in dependant.query_params}
    return names.union(*map(_names, dependant.dependencies))


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
