"""Lists in pages: `after` is where the last page ended, `limit` how much is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field, StringConstraints

Item = TypeVar("Item")
Row = TypeVar("Row")


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(None, description="send it as `after` for the next page; null: this is the last")


Limit = Annotated[int, Query(ge=1, le=1000, description="most items of one page")]
After = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+*.:-]{0,80}$")],
    Query(description="`next` of the page before"),
]
AfterId = Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before")]


def next_of(rows: Sequence[Row], limit: int, key: Callable[[Row], object]) -> str | None:
    """A full page may have a successor; an unfilled one has none."""
    return str(key(rows[-1])) if len(rows) >= limit else None


def cut(
    rows: Sequence[Row], key: Callable[[Row], str], *, after: str, limit: int
) -> tuple[list[Row], str | None]:
    """One page of a list that is held whole, in the order of its keys."""
    rest = sorted((row for row in rows if key(row) > after), key=key)
    return rest[:limit], (key(rest[limit - 1]) if len(rest) > limit else None)
