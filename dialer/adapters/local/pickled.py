"""Values of the domain as bytes and back, between two processes of one version on one machine.

Whoever reads may be root and whoever writes the service's user, so nothing is made but plain values, instants
and what the rooms of OWN define: no function of anybody's is called.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from enum import Enum
from types import FunctionType
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from dialer.domain.errors import BadValue
from dialer.domain.said import said

OWN = ("dialer.domain.", "dialer.ports.")
PROTOCOL = 5


def zone(name: str) -> ZoneInfo:
    """A zone by its name: its own way of being pickled takes a function to fetch others with."""
    return ZoneInfo(name)


KNOWN: Mapping[tuple[str, str], Any] = {
    (one.__module__, one.__qualname__): one
    for one in (dict, str, set, frozenset, date, datetime, time, timedelta, timezone, zone)
}


class _Writer(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, ZoneInfo):
            return zone, (value.key,)
        if isinstance(value, Enum):
            return type(value), (value.value,)
        if isinstance(value, str) and not type(value).__module__.startswith(OWN):
            return str, ("".join((value,)),)  # a database's name of a column
        if isinstance(value, Mapping) and not isinstance(value, dict):
            return dict, (), None, None, iter(value.items())
        return NotImplemented


class _Reader(pickle._Unpickler):  # the one in C does not let us look at BUILD
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def load_build(self) -> None:
        """State is for a value just made: set on a class or a function, it would change this process."""
        if isinstance(self.stack[-2], type | FunctionType | Enum):  # type: ignore[attr-defined]  # no stub has it
            raise pickle.UnpicklingError("state for what is there already")
        super().load_build()  # type: ignore[misc]  # nor that

    dispatch[pickle.BUILD[0]] = load_build

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in KNOWN:
            return KNOWN[module, name]
        if module.startswith(OWN) and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name}")


def dump(value: object) -> bytes:
    """The value as `load` reads it."""
    buffer = io.BytesIO()
    _Writer(buffer, PROTOCOL).dump(value)
    return buffer.getvalue()


def load(content: bytes) -> Any:
    """The value back again; BadValue for bytes that hold anything else."""
    try:
        return _Reader(io.BytesIO(content)).load()
    except Exception as flaw:  # broken bytes raise nearly anything
        raise BadValue(
            said("what came over the socket cannot be read: {why}", why=repr(flaw)[:200])
        ) from None
