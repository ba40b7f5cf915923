"""Verbs that several operators get at once: `101-112,115`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import typer

from dialer.cli.knobs import operators
from dialer.cli.screen import complain
from dialer.cli.versions import in_full
from dialer.domain.errors import BadValue, Mistake, ObzvonError
from dialer.domain.said import said, said_by
from dialer.domain.types import OperatorId

T = TypeVar("T")
Ids = Annotated[
    str, typer.Argument(metavar="IDS", help="One operator, 101, or several: 101-112,115.", show_default=False)
]


def ids_of(text: str) -> list[OperatorId]:
    """In the order of their numbers; BadValue names what is no operator and no range."""
    try:
        found = operators(text)
    except ValueError as flaw:
        raise BadValue(said("{text!r}: {flaw}.", text=text[:60], flaw=said_by(flaw))) from None
    if not found:
        raise BadValue(said("name an operator, 101, or several: 101-112,115"))
    return sorted(found, key=lambda one: (len(one), one))


async def each(
    ids: Sequence[OperatorId], do: Callable[[OperatorId], Awaitable[T]], tell: Callable[[T], object]
) -> None:
    """One after the other; what one of them is refused is told, and the others go on.

    Mistake in the end where one of several was refused; a single one's error is raised as it is.
    """
    refused: list[OperatorId] = []
    for one in ids:
        try:
            done = await do(one)
        except ObzvonError as trouble:
            if len(ids) == 1:
                raise
            complain(said("operator {operator}: {why}", operator=one, why=in_full(trouble)))
            refused.append(one)
        else:
            tell(done)
    if refused:
        raise Mistake(
            said(
                "not done for {refused} of {all} operators: {which}",
                refused=len(refused),
                all=len(ids),
                which=", ".join(refused),
            )
        )
