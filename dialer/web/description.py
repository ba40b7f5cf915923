"""The OpenAPI of the routes, as programs read it: our problems, keys, for each schema a name of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from dialer.web import problem
from dialer.web.parts import KEY, KEY_PATTERN

_KEY = {
    "name": KEY,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": KEY_PATTERN},
    "description": "the same request with the same key is done once",
}
_OF_MODULE = re.compile(
    r"(?:\w+?__)*(\w+?)__(\w+)"
)  # the framework's name where several modules have the same
_OF_PAGE = re.compile(r"Page_(\w+)_")
_AT = "#/components/schemas/"


def described(made: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The description that the framework makes of the routes, made whole."""
    schema = made()
    known = problem.Problem.model_json_schema(ref_template=f"{_AT}{{model}}")
    schema["components"]["schemas"].update(known.pop("$defs", {}) | {"Problem": known})
    for operations in schema["paths"].values():
        for method, operation in operations.items():
            if method == "post":
                operation.setdefault("parameters", []).append(_KEY)
                operation["responses"].setdefault("409", problem.told(409)[409])
            if "requestBody" in operation:
                operation["responses"].update({str(k): v for k, v in problem.told(415).items()})
                for content in operation["requestBody"]["content"].values():
                    content["schema"] = _alone(content["schema"])
    return _named(schema)


def _alone(schema: dict[str, Any]) -> dict[str, Any]:
    """A body that may be left away, without the `null` that it may be as well: clients would send that."""
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema


def _named(schema: dict[str, Any]) -> dict[str, Any]:
    """Makers of clients name classes by titles: of two schemas with one title the routes of one are lost."""
    names = {old: _name(old) for old in schema["components"]["schemas"]}
    text = json.dumps(schema, ensure_ascii=False)
    for old, new in names.items():
        text = text.replace(f'"{_AT}{old}"', f'"{_AT}{new}"')
    named: dict[str, Any] = json.loads(text)
    components: Mapping[str, dict[str, Any]] = named["components"]["schemas"]
    named["components"]["schemas"] = {
        names[old]: {**one, "title": _title(names[old])} for old, one in components.items()
    }
    return named


def _name(old: str) -> str:
    """`dialer__domain__operators__State` as `OperatorState`."""
    if (found := _OF_MODULE.fullmatch(old)) is None:
        return old
    return f"{found[1].removesuffix('s').title().replace('_', '')}{found[2]}"


def _title(name: str) -> str:
    found = _OF_PAGE.fullmatch(name)
    return f"PageOf{found[1]}" if found else name
