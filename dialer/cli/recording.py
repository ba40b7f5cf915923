"""`dialer recording`: where the recording of a call lies, and how it sounds."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from typing import Annotated

import typer

from dialer.adapters.listening import finished, listened
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.errors import Missing, Mistake
from dialer.domain.said import listed, said
from dialer.domain.types import CallId
from dialer.office import records
from dialer.ports.stores import Stores
from dialer.settings import Settings, recordings_dir

app = typer.Typer(no_args_is_help=True, help="Recordings of calls: where they lie, how they sound.")
Call = Annotated[
    str, typer.Argument(metavar="CALL", help="The id of its record: `dialer calls find`.", show_default=False)
]
PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--no-video", "--really-quiet"),
    ("play", "-q"),
    ("paplay",),
    ("aplay", "-q"),
)


@app.command("path")
def path(call: Call) -> None:
    """Print the path of a call's recording."""
    print(_path(call))


@app.command("play")
def play(call: Call) -> None:
    """Play a call's recording: the person on the left, the operator on the right."""
    file = _path(call)
    for player, *options in PLAYERS:
        if found := shutil.which(player):
            ended = subprocess.run([found, *options, file], check=False)  # noqa: S603 a path of ours
            if ended.returncode:
                raise Mistake(said("{player} could not play {file}", player=player, file=file))
            return
    names = listed(player for player, *_ in PLAYERS)
    raise Missing(said("nothing here plays sound (looked for {names}): {file}", names=names, file=file))


def _path(call: str) -> str:
    async def work(settings: Settings, stores: Stores) -> str:
        means = records.RecordingMeans(partial(finished, recordings_dir(settings)), listened)
        return await records.recording(CallId(call), OWNER, stores, means)

    return with_stores(work)
