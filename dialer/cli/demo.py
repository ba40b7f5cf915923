"""`dialer demo`: the whole job on this machine, with a pretend carrier, customers and operators."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dialer.cli.screen import tell
from dialer.demo.play import WORLD, Play, play
from dialer.demo.summary import too_busy
from dialer.domain import law
from dialer.domain.errors import BadValue
from dialer.domain.said import said, word
from dialer.domain.types import Mode
from dialer.settings import spoken_language

FEWEST, MOST = 1, 60


def demo(
    *,
    operators: Annotated[int, typer.Option(help="Operators with SIP phones.", min=FEWEST, max=MOST)] = 8,
    mode: Annotated[Mode, typer.Option(help="progressive, power or predictive.")] = Mode.PROGRESSIVE,
    ratio: Annotated[float, typer.Option(help="Lines per free operator in power mode.", min=1, max=5)] = 1.5,
    for_s: Annotated[
        float | None, typer.Option("--for", help="Seconds of dialing; without it until Ctrl-C.", min=1)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON summary on stdout, progress on stderr, no table.")
    ] = False,
    world: Annotated[
        Path, typer.Option(help="What the pretend customers do: a world.toml.", show_default=False)
    ] = WORLD,
) -> None:
    """Dial 500 pretend leads through a private Asterisk; Ctrl-C lets talks end, twice ends them."""
    if mode not in law.AUTOMATIC:
        raise BadValue(
            said(
                "the demo cannot dial in mode {mode}: take progressive, power or predictive",
                mode=word(mode),
            )
        )
    screen = Console(stderr=True)
    wish = Play(
        operators=operators,
        mode=mode,
        ratio=ratio,
        for_s=for_s,
        is_shown=not as_json and screen.is_terminal,
        world=world,
        language=spoken_language(),
    )
    summary, wrong = asyncio.run(play(wish, lambda sentence: screen.out(tell(sentence)), screen))
    sys.stdout.write(json.dumps(summary, ensure_ascii=False, indent=None if as_json else 2) + "\n")
    if sentence := too_busy(summary):
        screen.out(tell(sentence))
    for sentence in wrong:
        screen.out(tell(said("not as it should be: {what}", what=sentence)))
    if wrong:
        raise typer.Exit(1)
