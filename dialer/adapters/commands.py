"""Commands and their answers as plain values, for every wire between processes."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from dialer.adapters.codec import loosen
from dialer.domain import errors
from dialer.domain.errors import BadValue, EngineAway, ObzvonError, Refused, TimedOut
from dialer.domain.said import heard, plain, said
from dialer.domain.types import CellId
from dialer.ports.between import Command

log = structlog.get_logger()

TIMEOUT_S = 10.0
SLOW_S: Mapping[str, float] = {"test": 180.0}  # verbs that make a whole call
AT_ONCE = 64  # commands under way in one engine
LONGEST = 64_000  # characters of a command
VERB = re.compile(r"[a-z_]{1,32}")
TARGET = re.compile(r"[a-z]{1,16}:[A-Za-z0-9._+-]{1,80}")
KEY = re.compile(r"[ -~]{0,500}")


def check(command: Command) -> None:
    """BadValue for what no cell would understand."""
    if not VERB.fullmatch(command.verb):
        raise BadValue(said("{verb!r} is no verb", verb=command.verb[:40]))
    if not TARGET.fullmatch(command.target):
        raise BadValue(
            said("{target!r} is no target: write kind:id, such as operator:101", target=command.target[:40])
        )
    if not KEY.fullmatch(command.key):
        raise BadValue(said("the idempotency key must be at most 500 printable characters"))
    if sum(len(name) + len(value) for name, value in command.args.items()) > LONGEST:
        raise BadValue(said("the arguments of {verb} are too long", verb=command.verb))


async def result(doing: Callable[[], Awaitable[Any]], about: str) -> str:
    """What it answers or raises as JSON, for `opened` at the other end."""
    try:
        return json.dumps({"answer": loosen(await doing())})
    except Refused as error:
        told = {"id": error.id, "status": error.status, "text": error.reason}
    except ObzvonError as error:
        told = {"id": error.id, "text": plain(error.sentence)}
    except Exception:  # the boundary: one bad command must not end the engine's ear for all others
        log.exception("command_failed", verb=about)
        told = {"id": ObzvonError.id, "text": "the engine failed at this command; its log says why"}
    return json.dumps({"error": told})


def opened(found: str | Mapping[str, Any]) -> Any:
    """The answer, or the error as it was raised at the other end."""
    try:
        found = json.loads(found) if isinstance(found, str) else found
        if "error" not in found:
            return found["answer"]
        error = found["error"]
        kind = ERRORS.get(error["id"], ObzvonError)
        raised = Refused(error["status"], error["text"]) if kind is Refused else kind(heard(error["text"]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as flaw:
        raise ObzvonError(said("the engine's answer cannot be read: {why}", why=repr(flaw)[:200])) from None
    raise raised


def nobody_there(cell: CellId) -> EngineAway:
    """For who asks while no engine is there."""
    return EngineAway(said("no engine of the cell {cell} is running: start it with `dialer run`", cell=cell))


def unanswered(cell: CellId, timeout_s: float, *, undone: bool) -> TimedOut:
    """For who has waited in vain."""
    end = said("nothing was done") if undone else said("look whether it has done what was asked")
    return TimedOut(
        said(
            "the engine of the cell {cell} did not answer within {timeout_s:g} s: {end}",
            cell=cell,
            timeout_s=timeout_s,
            end=end,
        )
    )


def _all_errors() -> dict[str, type[ObzvonError]]:
    """By the id that each has of its own: one that has its parent's comes back as the parent."""
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    return {kind.id: kind for kind in kinds if issubclass(kind, ObzvonError) and "id" in vars(kind)}


ERRORS = _all_errors()
