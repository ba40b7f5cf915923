"""Trunks: make, change, take away, push, try."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dialer.domain import bounds
from dialer.domain.abilities import Abilities, check_abilities
from dialer.domain.access import Caller, Permission, demand
from dialer.domain.dialable import CheckNumber
from dialer.domain.errors import BadField, Conflict, Mistake, NetworkTrouble
from dialer.domain.outside import check_phones
from dialer.domain.said import listed, said
from dialer.domain.spending import NOTHING, SideCall, SideKind, Spent
from dialer.domain.trunk import Trunk, check_trunk
from dialer.domain.types import PhoneKind, TrunkId
from dialer.office.cell import Pushed, do, tell_later
from dialer.office.editing import edited
from dialer.office.records import number_seen
from dialer.ports.between import Desk
from dialer.ports.stores import Stores

Changes = Mapping[str, Any]  # by the fields of a Trunk; `password` as it was typed
Asked = Callable[[Trunk], Awaitable[Abilities | None]]  # what Asterisk can do; None: it cannot be asked
ASKED_OF_ASTERISK = frozenset({"codecs", "transport", "srtp"})


@dataclass(frozen=True, slots=True)
class Means:
    """What the composition root gives for numbers, secrets and Asterisk."""

    check_number: CheckNumber
    asked: Asked
    check_prefixes: Callable[[Sequence[str]], None] = lambda prefixes: None  # BadValue: one leads nowhere
    keep_secret: Callable[[str, str], Awaitable[str]] | None = None  # (name, secret): gives the path
    check_whole: Callable[[Trunk], None] = lambda trunk: None  # BadValue: Asterisk would not take it


@dataclass(frozen=True, slots=True)
class Saved:
    """A trunk as it is now, and whether Asterisk has it."""

    trunk: Trunk
    pushed: Pushed


async def one(name: TrunkId, who: Caller, stores: Stores) -> Trunk:
    """As it is set; Missing."""
    demand(who, Permission.SEE_TRUNKS)
    return await stores.trunks.get(name)


async def every(who: Caller, stores: Stores) -> tuple[Sequence[Trunk], Mapping[str, str]]:
    """All of them, and why some could not be read, by their names."""
    demand(who, Permission.SEE_TRUNKS)
    return await stores.trunks.all(), stores.trunks.unread


async def add(
    name: str, changes: Changes, who: Caller, desk: Desk | None, stores: Stores, *, means: Means
) -> Saved:
    """A new trunk; it is pushed into Asterisk at once."""
    demand(who, Permission.CHANGE_TRUNKS)
    bounds.check({"id": name}, bounds.TRUNK)
    if name in {row.id for row in await stores.trunks.all()}:
        raise Conflict(said("there is a trunk {name} already: change that one", name=name))
    trunk = await _changed(Trunk(TrunkId(name), ""), {"host": "", **changes}, means)
    trunk = await stores.trunks.add(trunk)
    return Saved(trunk, await tell_later(who, desk, "push", f"trunk:{name}"))


async def change(
    name: TrunkId,
    changes: Changes,
    who: Caller,
    desk: Desk | None,
    stores: Stores,
    *,
    means: Means,
    version: int | None = None,
) -> Saved:
    """What is named is changed; Asterisk gets it at once.

    With the version that was seen: Stale where somebody has changed it since.
    """
    demand(who, Permission.CHANGE_TRUNKS)

    async def changed(was: Trunk) -> Trunk:
        trunk = await _changed(was, changes, means)
        check_phones(trunk, await stores.accounts.all(), means.check_number)
        return trunk

    trunk = await edited(lambda: stores.trunks.get(name), changed, stores.trunks.save, version)
    return Saved(trunk, await tell_later(who, desk, "push", f"trunk:{name}"))


async def remove(name: TrunkId, who: Caller, desk: Desk | None, stores: Stores) -> Pushed:
    """One that no campaign and no operator's phone uses; Asterisk loses it."""
    demand(who, Permission.CHANGE_TRUNKS)
    await stores.trunks.get(name)
    users = [
        said("campaign {name!r}", name=row.name) for row in await stores.campaigns.all() if name in row.trunks
    ]
    users += [
        said("operator {operator}", operator=row.id)
        for row in await stores.accounts.all()
        if row.phone is PhoneKind.OUTSIDE and row.trunk == name
    ]
    if users:
        used = listed(users[:5])
        raise Conflict(
            said("trunk {name} is used by {users}: take it out there first", name=name, users=used)
        )
    await stores.trunks.remove(name)
    return await tell_later(who, desk, "push", f"trunk:{name}")


async def tell(
    name: TrunkId, verb: str, who: Caller, desk: Desk, stores: Stores, /, *, key: str = "", **args: str
) -> Mapping[str, Any]:
    """`push`, or `test` with a number: done by the cell; what it answers."""
    demand(who, Permission.CHANGE_TRUNKS)
    await stores.trunks.get(name)
    return await do(who, desk, verb, f"trunk:{name}", key, **args)


def asked_by(who: Caller, desk: Desk) -> Asked:
    """What the running cell says of its Asterisk."""

    async def ask(trunk: Trunk) -> Abilities | None:
        try:
            answer = await do(who, desk, "abilities", f"trunk:{trunk.id}")
        except (NetworkTrouble, Mistake):
            return None
        if not (codecs := answer.get("codecs")):
            return None
        return Abilities(frozenset(codecs), frozenset(answer["transports"]), bool(answer["srtp"]))

    return ask


async def used(who: Caller, stores: Stores, *, span: tuple[datetime, datetime]) -> Mapping[TrunkId, Spent]:
    """What each trunk has used in a span, by all cells, as the records have it."""
    demand(who, Permission.SEE_TRUNKS)
    sums: dict[TrunkId, Spent] = {}
    for (_, trunk), spent in (await stores.records.spent(*span)).items():
        sums[trunk] = sums.get(trunk, NOTHING) + spent
    return sums


async def side_calls(
    who: Caller,
    stores: Stores,
    *,
    trunk: TrunkId | None = None,
    kind: SideKind | None = None,
    limit: int = 100,
) -> Sequence[SideCall]:
    """Calls of no campaign, the newest first: tests, and operators' outside phones."""
    demand(who, Permission.SEE_TRUNKS)
    found = await stores.records.side_calls(trunk=trunk, kind=kind, limit=limit)
    return [replace(side, number=number_seen(who, side.number)) for side in found]


async def _changed(was: Trunk, changes: Changes, means: Means) -> Trunk:
    """With what was sent; the password goes to its file when all the rest is right."""
    bounds.check(changes, bounds.TRUNK)
    password = changes.get("password")
    trunk = replace(was, **{name: value for name, value in changes.items() if name != "password"})
    check_trunk(trunk)
    if "prefixes" in changes:
        means.check_prefixes(trunk.prefixes)
    if trunk.money_per_day and not (trunk.price or trunk.price_per_call):
        raise BadField("money_per_day", said("it needs a price, or a price per call, to be counted by"))
    if trunk.register and not (trunk.user and (trunk.password_file or password)):
        raise BadField("register", said("registering at a carrier needs user and password"))
    means.check_whole(trunk)
    is_new = not was.host
    if (is_new or changes.keys() & ASKED_OF_ASTERISK) and (able := await means.asked(trunk)):
        check_abilities(trunk, able)
    if password is None or means.keep_secret is None:
        return trunk
    return replace(trunk, password_file=await means.keep_secret(f"trunk-{was.id}", password))
