"""`dialer stop`: one switch for everything."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dialer.cli.api import NotRunning, ask_now
from dialer.cli.environment import load_settings
from dialer.cli.screen import AsJson, print_json, say
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.errors import BadValue
from dialer.domain.said import listed, said
from dialer.office import campaigns as office
from dialer.ports.stores import Stores
from dialer.settings import Settings

TALKS = ("go-on", "end")


def stop(
    talks: Annotated[
        str, typer.Option("--talks", metavar="go-on|end", help="What becomes of people who have answered.")
    ] = "go-on",
    as_json: AsJson = False,
) -> None:
    """Dial nobody any more, in no campaign; each is started again by hand."""
    if talks not in TALKS:
        raise BadValue(said("--talks takes {known}; not {talks}", known=listed(TALKS), talks=talks))
    try:
        told = ask_now(load_settings(), "POST", "/v1/stop", body={"talks": talks})
    except NotRunning:
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
        say(told["push_note"] or said("the service does not run here; it reads this when it starts"))


def _alone() -> dict[str, Any]:
    async def work(settings: Settings, stores: Stores) -> list[str]:
        return list((await office.stop_all(OWNER, None, stores)).campaigns)

    return {
        **{"campaigns": with_stores(work), "given_up": 0, "ended": 0, "go_on": 0},
        **{"pushed": False, "push_note": ""},
    }
