"""What several people may change at once: the version that somebody has seen, and what differs by now."""

from __future__ import annotations

import json
from typing import Annotated, Optional

import typer

from dialer.adapters.codec import loosen
from dialer.domain.errors import ObzvonError, Stale
from dialer.domain.said import listed, said

# read at run time by typer, which wants it so
Seen = Annotated[
    Optional[int],  # noqa: UP045 read at run time by typer
    typer.Option(
        "--version",
        metavar="N",
        min=1,
        show_default=False,
        help="The version that you have seen: refused, with what differs, if it is another one by now.",
    ),
]
SECRET = frozenset({"pin_hash"})


def in_full(error: ObzvonError) -> str:
    """Its sentence; of a change that came too late, a line more for each field that somebody else has set."""
    if not isinstance(error, Stale):
        return error.sentence
    lines = [
        said("{place}: {why}", place=name, why=said("is another one now") if name in SECRET else _now(value))
        for name, value in error.fields.items()
    ]
    return listed([error.sentence, *lines], "\n")


def _now(value: object) -> str:
    return said("is now {value}", value=json.dumps(loosen(value), ensure_ascii=False))
