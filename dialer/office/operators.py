"""Operators: make, change, take out, unlock, and the verbs of a shift."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dialer.domain import bounds
from dialer.domain.access import Caller, Permission, demand, may
from dialer.domain.campaign import Campaign
from dialer.domain.dialable import CheckNumber
from dialer.domain.errors import BadField, Conflict, Forbidden
from dialer.domain.guesses import key_of_operator, key_of_phone
from dialer.domain.numbers import dial_string
from dialer.domain.operators import Account, Operator
from dialer.domain.said import said
from dialer.domain.types import CellId, OperatorId, PhoneKind, PhoneNumber
from dialer.office.cell import Pushed, do, faults, tell_later
from dialer.office.editing import edited
from dialer.office.records import number_seen
from dialer.ports.between import Desk, Shown
from dialer.ports.stores import Stores

Changes = Mapping[str, Any]  # by the fields of an Account; `sip_password` and `pin` as they were typed


@dataclass(frozen=True, slots=True)
class Means:
    """What the composition root gives for phones and secrets."""

    check_number: CheckNumber
    hash_pin: Callable[[str], Awaitable[str]]
    keep_secret: Callable[[str, str], Awaitable[str]] | None = None  # (name, secret): gives the path
    new_secret: Callable[[str], Awaitable[str]] | None = None  # (name): made unless it is there


@dataclass(frozen=True, slots=True)
class Saved:
    """An account as it is now, and whether its phone is in Asterisk."""

    account: Account
    pushed: Pushed


@dataclass(frozen=True, slots=True)
class AtWork:
    """An account with the state of this moment."""

    account: Account
    live: Operator
    number: PhoneNumber | None = None  # with whom, as the caller may see it
    fault: str = ""  # why the phone is set aside


async def at_work(who: Caller, live: Shown, desk: Desk, cell: CellId, stores: Stores) -> Sequence[AtWork]:
    """Every operator; an operator's token sees with whom that operator talks, and no other.

    Their own outside phones are people's numbers as well.
    """
    demand(who, Permission.SEE_OPERATORS)
    there = {operator.id: operator for operator in await live.operators()}
    numbers = {call.id: call.number for call in await live.calls()}
    aside = await faults(desk, cell)
    found = []
    for account in await stores.accounts.all():
        its = there.get(account.id, Operator(account.id))
        number = (
            numbers.get(its.call) if its.call and may(who, Permission.SEE_OPERATORS, account.id) else None
        )
        seen = None if number is None else number_seen(who, number)
        own = None if account.number is None else number_seen(who, account.number)
        found.append(AtWork(replace(account, number=own), its, seen, aside.get(account.id, "")))
    return found


async def one_at_work(
    operator: OperatorId, who: Caller, live: Shown, desk: Desk, stores: Stores, *, cell: CellId
) -> AtWork:
    """As `at_work`; Missing, where there is none."""
    demand(who, Permission.SEE_OPERATORS)
    await stores.accounts.get(operator)
    return next(row for row in await at_work(who, live, desk, cell, stores) if row.account.id == operator)


async def one(operator: OperatorId, who: Caller, stores: Stores) -> Account:
    """The account as it is set; Missing."""
    demand(who, Permission.SEE_OPERATORS)
    return await stores.accounts.get(operator)


async def every(who: Caller, stores: Stores) -> tuple[Sequence[Account], Mapping[str, str]]:
    """All accounts, and why some could not be read, by their numbers."""
    demand(who, Permission.SEE_OPERATORS)
    return await stores.accounts.all(), stores.accounts.unread


async def add(
    operator: str, changes: Changes, who: Caller, desk: Desk | None, stores: Stores, *, means: Means
) -> Saved:
    """A new account."""
    demand(who, Permission.CHANGE_OPERATORS)
    bounds.check({"id": operator}, bounds.ACCOUNT)
    if operator in {row.id for row in await stores.accounts.all()}:
        raise Conflict(said("there is an operator {operator} already: change that one", operator=operator))
    account = await _changed(Account(OperatorId(operator), ""), {"name": "", **changes}, stores, means)
    account = await stores.accounts.add(account)
    return Saved(account, await tell_later(who, desk, "push", f"operator:{operator}"))


async def change(
    operator: OperatorId,
    changes: Changes,
    who: Caller,
    desk: Desk | None,
    stores: Stores,
    *,
    means: Means,
    version: int | None = None,
) -> Saved:
    """What is named is changed; a new password reaches Asterisk at once.

    With the version that was seen: Stale where somebody has changed it since.
    """
    demand(who, Permission.CHANGE_OPERATORS)

    async def changed(was: Account) -> Account:
        return await _changed(was, changes, stores, means)

    account = await edited(lambda: stores.accounts.get(operator), changed, stores.accounts.save, version)
    return Saved(account, await tell_later(who, desk, "push", f"operator:{operator}"))


async def remove(operator: OperatorId, who: Caller, stores: Stores) -> None:
    """Out of every campaign, and may not log in; records keep the name."""
    demand(who, Permission.CHANGE_OPERATORS)
    await stores.accounts.get(operator)

    async def without(row: Campaign) -> Campaign:
        return replace(row, operators=row.operators - {operator})

    async def closed(row: Account) -> Account:
        return replace(row, enabled=False, pin_hash="")

    for campaign in await stores.campaigns.all():
        if operator in campaign.operators:
            await edited(partial(stores.campaigns.get, campaign.id), without, stores.campaigns.save)
    await edited(lambda: stores.accounts.get(operator), closed, stores.accounts.save)


async def unlock(operator: OperatorId, who: Caller, stores: Stores) -> bool:
    """Forgets the wrong PINs of this operator and of the phone of this number; False: there were none."""
    demand(who, Permission.LOOK_AFTER_OPERATORS)
    account = await stores.accounts.get(operator)
    return any(
        [await stores.pins.drop(key) for key in (key_of_operator(account.id), key_of_phone(account.id))]
    )


NEEDS = {"push": Permission.CHANGE_OPERATORS, "test": Permission.LOOK_AFTER_OPERATORS}


async def tell(
    operator: OperatorId, verb: str, who: Caller, desk: Desk, stores: Stores, /, *, key: str = "", **args: str
) -> Mapping[str, Any]:
    """One verb of a shift, or of the phone, done by the cell; what it answers."""
    demand(who, NEEDS.get(verb, Permission.WORK), operator)
    await stores.accounts.get(operator)
    return await do(who, desk, verb, f"operator:{operator}", key, **args)


async def _changed(was: Account, changes: Changes, stores: Stores, means: Means) -> Account:
    """With what was sent; secrets go to files and hashes when all the rest is right."""
    bounds.check(changes, bounds.ACCOUNT)
    kept = {name: value for name, value in changes.items() if name not in ("sip_password", "pin")}
    account = replace(was, **kept)
    await _check(account, stores, means.check_number)
    password, pin = changes.get("sip_password"), changes.get("pin")
    if password is not None and means.keep_secret:
        account = replace(account, sip_password_file=await means.keep_secret(f"operator-{was.id}", password))
    elif means.new_secret and account.phone is PhoneKind.SIP and not account.sip_password_file:
        account = replace(account, sip_password_file=await means.new_secret(f"operator-{was.id}"))
    return account if pin is None else replace(account, pin_hash=await means.hash_pin(pin))


async def _check(account: Account, stores: Stores, check_number: CheckNumber) -> None:
    outside = account.phone is PhoneKind.OUTSIDE
    if outside and (account.number is None or account.trunk is None):
        why = said("an outside phone needs its number and the trunk by which it is called")
        raise BadField("number" if account.number is None else "trunk", why)
    trunks = {trunk.id: trunk for trunk in await stores.trunks.all()}
    if account.trunk is not None and account.trunk not in trunks:
        raise BadField("trunk", said("there is no trunk {trunk}: add it first", trunk=account.trunk))
    if outside and account.number and account.trunk:
        trunk = trunks[account.trunk]
        try:
            dial_string(account.number, trunk)
            check_number(account.number, (trunk,), "")
        except Forbidden as closed:
            raise BadField("number", closed.sentence) from None
