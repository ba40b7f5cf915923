"""The settings that hold here, and the database that they lead to."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from typing import Any, TypeVar

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from dialer.bootstrap import open_database
from dialer.domain.errors import BadValue
from dialer.ports import Stores
from dialer.settings import Settings

T = TypeVar("T")

PREFIX = "DIALER_"
_SIGNS = {Ge: ("ge", "at least"), Gt: ("gt", "more than"), Le: ("le", "at most"), Lt: ("lt", "less than")}
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "Path": "a path",
    "str": "text",
}


def load_settings() -> Settings:
    """The settings of the environment; BadValue has one sentence per wrong one."""
    try:
        return Settings()
    except ValidationError as flaws:
        raise BadValue("\n".join(_sentence(flaw) for flaw in flaws.errors())) from None


def _sentence(flaw: Any) -> str:
    name = str(flaw["loc"][0])
    field = Settings.model_fields[name]
    value = "" if field.annotation is SecretStr else f" is {str(flaw['input'])[:60]!r}"
    if flaw["type"] == "value_error":
        return f"{PREFIX}{name.upper()}{value}: {flaw['ctx']['error']}."
    return f"{PREFIX}{name.upper()}{value}, wanted is {allowed(field)}."


def allowed(field: FieldInfo) -> str:
    """The values that a setting takes, in words."""
    kind = str(getattr(field.annotation, "__name__", field.annotation))
    words = _KINDS.get("Path" if "Path" in str(field.annotation) else kind, "text")
    bounds = [
        f"{word} {getattr(mark, name)}"
        for mark in field.metadata
        for sign, (name, word) in _SIGNS.items()
        if isinstance(mark, sign)
    ]
    pattern = next((mark.pattern for mark in field.metadata if getattr(mark, "pattern", None)), "")
    if choice := re.fullmatch(r"\^\(([a-z|]+)\)\$", pattern):
        return " or ".join(choice[1].split("|"))
    return " and ".join(filter(None, [" ".join(filter(None, [words, *bounds[:1]])), *bounds[1:]])) + (
        f" of the form {pattern}" if pattern else ""
    )


def unknown_names() -> list[str]:
    """A sentence for each DIALER_ name in the environment that is no setting: most likely mistyped."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    found = []
    for name in sorted(os.environ):  # names only: the values are read by Settings and nobody else
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, 1)
            found.append(
                f"{name} is not a setting and has no effect" + (f": is it {near[0]}?" if near else ".")
            )
    return found


def with_stores(work: Callable[[Settings, Stores], Awaitable[T]]) -> T:
    """Does the work with the database of the settings open."""
    settings = load_settings()

    async def do() -> T:
        async with open_database(settings) as stores:
            return await work(settings, stores)

    return asyncio.run(do())
