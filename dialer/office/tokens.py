"""Bearer tokens of the API: made, revoked, listed by an administrator alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from dialer.domain import bounds
from dialer.domain.access import Caller, Permission, demand, expiry, parse_role
from dialer.domain.errors import Conflict
from dialer.domain.said import said
from dialer.ports.stores import Stores, Token

Draw = Callable[[], tuple[str, str]]  # a new token's text, and the hash to keep


async def make(
    name: str, role: str, days: int, who: Caller, stores: Stores, *, now: datetime, draw: Draw
) -> tuple[Token, str]:
    """The token, and its text, which is kept nowhere."""
    demand(who, Permission.MANAGE_TOKENS)
    bounds.check({"name": name}, bounds.TOKEN)
    parse_role(role)
    expires_at = expiry(days, now)
    text, sha256 = draw()
    return await stores.tokens.add(name, role, sha256=sha256, now=now, expires_at=expires_at), text


async def every(who: Caller, stores: Stores) -> Sequence[Token]:
    """The revoked ones too."""
    demand(who, Permission.MANAGE_TOKENS)
    return await stores.tokens.all()


async def revoke(name: str, who: Caller, stores: Stores, *, now: datetime) -> None:
    """It stops working at once; nobody revokes the token that he comes with."""
    demand(who, Permission.MANAGE_TOKENS)
    if who.token and name == who.user:
        raise Conflict(said("{name} is the token of this request: revoke it with another one", name=name))
    await stores.tokens.revoke(name, now)
