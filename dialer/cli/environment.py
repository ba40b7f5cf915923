"""The settings that hold here."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from dialer.cli.screen import show_times_in
from dialer.domain.errors import BadValue
from dialer.domain.said import Said, either, listed, said, said_by
from dialer.settings import Settings, office_zone

PREFIX = "DIALER_"
_KINDS = {
    "int": said("a whole number"),
    "float": said("a number"),
    "bool": said("true or false"),
    "Path": said("a path"),
    "str": said("text"),
}


def load_settings() -> Settings:
    """The settings of the environment; BadValue has one sentence per wrong one."""
    try:
        settings = Settings()
    except ValidationError as flaws:
        raise BadValue(listed((_sentence(flaw) for flaw in flaws.errors()), "\n")) from None
    show_times_in(office_zone(settings))
    return settings


def _sentence(flaw: Any) -> Said:
    name = str(flaw["loc"][0])
    field = Settings.model_fields[name]
    what: str = f"{PREFIX}{name.upper()}"
    if field.annotation is not SecretStr:
        what = said("{name} is {value!r}", name=what, value=str(flaw["input"])[:60])
    if flaw["type"] == "value_error":
        return said("{what}: {error}.", what=what, error=said_by(flaw["ctx"]["error"]))
    return said("{what}, wanted is {allowed}.", what=what, allowed=allowed(field))


def allowed(field: FieldInfo) -> Said:
    """The values that a setting takes, in words."""
    kind = str(getattr(field.annotation, "__name__", field.annotation))
    words = _KINDS.get("Path" if "Path" in str(field.annotation) else kind, _KINDS["str"])
    bounds = [told for mark in field.metadata if (told := _bound(mark))]
    pattern = next((mark.pattern for mark in field.metadata if getattr(mark, "pattern", None)), "")
    if choice := re.fullmatch(r"\^\(([a-z|]+)\)\$", pattern):
        return either(choice[1].split("|"))
    what = listed([words, *bounds[:1]], " ")
    for bound in bounds[1:]:
        what = said("{one} and {other}", one=what, other=bound)
    return said("{what} of the form {pattern}", what=what, pattern=pattern) if pattern else what


def _bound(mark: object) -> Said | None:
    match mark:
        case Ge(bound):
            return said("at least {bound}", bound=bound)
        case Gt(bound):
            return said("more than {bound}", bound=bound)
        case Le(bound):
            return said("at most {bound}", bound=bound)
        case Lt(bound):
            return said("less than {bound}", bound=bound)
        case _:
            return None


def unknown_names() -> list[Said]:
    """A sentence for each DIALER_ name in the environment that is no setting: most likely mistyped."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    found = []
    for name in sorted(os.environ):  # names only: the values are read by Settings and nobody else
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, 1)
            if near:
                told = said(
                    "{name} is not a setting and has no effect: is it {near}?", name=name, near=near[0]
                )
            else:
                told = said("{name} is not a setting and has no effect.", name=name)
            found.append(told)
    return found
