"""`dialer stop`: one switch for everything."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from dialer.cli.api import ask
from dialer.cli.environment import load_settings
from dialer.cli.screen import AsJson, print_json, say
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.errors import BadValue, NetworkTrouble
from dialer.domain.said import listed, said
from dialer.office import campaigns as office
from dialer.ports.stores import Stores
from dialer.settings import Settings

TALKS = ("go-on", "end")
PATIENCE_S = 10.0


def stop(
    talks: Annotated[
        str, typer.Option("--talks", metavar="go-on|end", help="What becomes of people who have answered.")
    ] = "go-on",
    as_json: AsJson = False,
) -> None:
    """Dial nobody any more, in no campaign; each is started again by hand."""
    if talks not in TALKS:
        raise BadValue(said("--talks takes {known}; not {talks}", known=listed(TALKS), talks=talks))
    asked = ask(load_settings(), "POST", "/v1/stop", body={"talks": talks}, timeout_s=PATIENCE_S)
    try:
        told = asyncio.run(asked)
    except NetworkTrouble:  # the web is away or hangs: an engine reads by itself what the database has
        told = _alone()
    if as_json:
        print_json(told)
        return
    names = told["campaigns"]
    say(said("paused: {names}", names=listed(names)) if names else said("no campaign was running"))
    if told["pushed"]:
        say(
            said(
                "{given_up} calls were given up, {ended} were ended, {go_on} go on",
                given_up=told["given_up"],
                ended=told["ended"],
                go_on=told["go_on"],
            )
        )
    else:
        why = told["push_note"] or said("the API does not answer here")
        say(said("{why}: an engine that runs dials nobody new within a second, its calls go on", why=why))


def _alone() -> dict[str, Any]:
    async def work(settings: Settings, stores: Stores) -> list[str]:
        return list((await office.stop_all(OWNER, None, stores)).campaigns)

    return {
        **{"campaigns": with_stores(work), "given_up": 0, "ended": 0, "go_on": 0},
        **{"pushed": False, "push_note": ""},
    }
