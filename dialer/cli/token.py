"""`dialer token`: who may use the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dialer.adapters.clock import utc_now
from dialer.adapters.secrets import new_token
from dialer.cli.screen import AsJson, print_json, print_table, remark, say
from dialer.cli.stores import OWNER, with_stores
from dialer.domain.access import DEFAULT_DAYS, MOST_DAYS
from dialer.domain.said import said, titled
from dialer.office import tokens as office
from dialer.ports.stores import Stores, Token
from dialer.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Bearer tokens of the API.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose it is.", show_default=False)]


@app.command("add")
def add(
    name: Name,
    role: Annotated[
        str,
        typer.Option(
            metavar="ROLE", help="viewer, supervisor, admin, or operator:101 for that one operator."
        ),
    ],
    days: Annotated[int, typer.Option(help="How long it lasts.", min=1, max=MOST_DAYS)] = DEFAULT_DAYS,
    as_json: AsJson = False,
) -> None:
    """Make a token; its text is shown this once."""

    async def work(settings: Settings, stores: Stores) -> tuple[Token, str]:
        return await office.make(name, role, days, OWNER, stores, now=utc_now(), draw=new_token)

    made, text = with_stores(work)
    if as_json:
        print_json(plain(made) | {"token": text})
    else:
        remark(
            said(
                "token {name} ({role}) for {days} days; it cannot be shown again:",
                name=name,
                role=role,
                days=days,
            )
        )
        say(text)


def plain(token: Token) -> dict[str, Any]:
    """What may be seen of a token."""
    return {
        name: getattr(token, name)
        for name in ("id", "name", "role", "created_at", "last_used_at", "revoked_at", "expires_at")
    }


@app.command("list")
def show_all(as_json: AsJson = False) -> None:
    """List the tokens, the revoked ones too."""
    rows = [plain(token) for token in with_stores(lambda _, stores: office.every(OWNER, stores))]
    if as_json:
        print_json(rows)
    else:
        names = titled("id", "name", "role", "created_at", "last_used_at", "revoked_at", "expires_at")
        print_table(
            names,
            [tuple(row.values()) for row in rows],
            empty=said("There is no token: `dialer token add NAME --role admin` makes one."),
        )


@app.command("revoke")
def revoke(name: Name) -> None:
    """Revoke a token; it stops working at once."""
    with_stores(lambda _, stores: office.revoke(name, OWNER, stores, now=utc_now()))
    say(said("token {name} is revoked", name=name))
