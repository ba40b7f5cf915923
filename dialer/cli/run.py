"""`dialer run`: a small parent that starts an engine and a web, and watches both until it is told to stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, NoReturn

import typer

from dialer.keeper.store import BESIDE, ENGINE, EVERYTHING, MARK, PAIR, WEB, Holder, holder_of


def run(
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Run only engine, web or agi (may be repeated).",
        ),
    ] = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring the tables of PostgreSQL up to date first.")
    ] = False,
) -> None:
    """Run the service: engine, API, FastAGI and metrics; Ctrl-C lets talks end, twice ends them."""
    parts = frozenset(only or EVERYTHING)
    is_pair = parts >= {ENGINE, WEB}
    if MARK not in os.environ and (is_pair or (ENGINE in parts and holder_of(os.environ) is Holder.NOBODY)):
        become_keeper(parts, is_pair=is_pair)
    from dialer.cli.life import live  # noqa: PLC0415  half the time of a start: the parent needs none of it

    live(parts, migrate=migrate)


def become_keeper(parts: frozenset[str], *, is_pair: bool) -> NoReturn:
    """From here on this process is the small parent, which starts the service as it was started itself."""
    me, words = sys.executable, sys.orig_argv[1:]
    service = [me, *(narrowed(words, parts - {WEB}) if is_pair else words)]
    beside = [BESIDE, me, *narrowed(words, {WEB})] if is_pair else []
    told = {PAIR: "1"} if is_pair else {}
    os.execve(me, [me, "-m", "dialer.keeper.parent", *service, *beside], {**os.environ, **told})  # noqa: S606  ours


def narrowed(words: Sequence[str], parts: AbstractSet[str]) -> list[str]:
    """The same command line for these parts alone; tables are the engine's to bring up to date."""
    kept: list[str] = []
    for word in words:
        if kept[-1:] == ["--only"]:
            kept.pop()
        elif not word.startswith("--only=") and (word != "--migrate" or ENGINE in parts):
            kept.append(word)
    return [*kept, *(f"--only={part}" for part in sorted(parts))]
