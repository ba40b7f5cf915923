"""What may be done to an operator's account and shift, by whom, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.adapters.numbering import checker
from dialer.domain.access import Caller
from dialer.domain.dialable import DialRules
from dialer.domain.errors import BadField, Conflict, Forbidden, Missing
from dialer.domain.guesses import Guesses, key_of_operator
from dialer.domain.operators import Account
from dialer.domain.types import CampaignId, OperatorId, PhoneKind, PhoneNumber, TrunkId
from dialer.office import operators
from dialer.ports.stores import Stores
from tests.parts.office.conftest import ADMIN, ANNA, BOSS, NOBODY, WALL, Cell

ONE, OTHER = OperatorId("101"), OperatorId("102")
OUTSIDE = {"phone": PhoneKind.OUTSIDE, "number": PhoneNumber("+79160000001"), "trunk": TrunkId("main")}
kept: list[str] = []


async def keep(name: str, secret: str) -> str:
    kept.append(name)
    return f"/secrets/{name}"


async def hashed(pin: str) -> str:
    return f"hash-of-{len(pin)}"


MEANS = operators.Means(checker(DialRules(frozenset({"RU"}))), hashed, keep_secret=keep)


@pytest.mark.parametrize("who", [NOBODY, WALL, ANNA, BOSS], ids=lambda who: who.user)
async def test_only_an_administrator_changes_accounts(stores: Stores, cell: Cell, who: Caller) -> None:
    was = await stores.accounts.all()
    for refused in (
        operators.add("102", {"name": "x"}, who, cell, stores, means=MEANS),
        operators.change(ONE, {"name": "x"}, who, cell, stores, means=MEANS),
        operators.remove(ONE, who, stores),
        operators.tell(ONE, "push", who, cell, stores),
    ):
        with pytest.raises(Forbidden, match=r"needs the role admin"):
            await refused
    assert (await stores.accounts.all(), cell.told) == (was, [])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"sip_password": "short"}, "sip_password"),
        ({"pin": "12ab"}, "pin"),
        ({"phone": PhoneKind.OUTSIDE}, "number"),
        (OUTSIDE | {"trunk": None}, "trunk"),
        (OUTSIDE | {"trunk": TrunkId("gone")}, "trunk"),
        (OUTSIDE | {"number": PhoneNumber("+375290000001")}, "number"),
        (OUTSIDE | {"number": PhoneNumber("8916")}, "number"),
    ],
)
async def test_what_is_not_right_is_told_by_its_field_and_no_secret_is_kept(
    stores: Stores, cell: Cell, changes: dict[str, object], field: str
) -> None:
    kept.clear()
    sent = {"sip_password": "long enough"[:4] + "-enough", **changes}
    with pytest.raises(BadField) as refusal:
        await operators.change(ONE, sent, ADMIN, cell, stores, means=MEANS)
    assert (refusal.value.field, kept) == (field, [])
    assert await stores.accounts.get(ONE) == Account(ONE, "Anna")


async def test_an_account_is_made_with_its_secrets_apart(stores: Stores, cell: Cell) -> None:
    sent = {"name": "Boris", "sip_password": "eight-signs", "pin": "4711"}
    told = await operators.add("102", sent, ADMIN, cell, stores, means=MEANS)
    assert told.account == replace(
        Account(OTHER, "Boris"), sip_password_file="/secrets/operator-102", pin_hash="hash-of-4"
    )
    assert (told.pushed.pushed, cell.told) == (True, ["push operator:102"])
    with pytest.raises(Conflict, match="already"):
        await operators.add("102", sent, ADMIN, cell, stores, means=MEANS)
    with pytest.raises(BadField, match="id"):
        await operators.add("1", sent, ADMIN, cell, stores, means=MEANS)


async def test_an_operator_works_for_itself_and_a_supervisor_for_everybody(
    stores: Stores, cell: Cell
) -> None:
    await stores.accounts.add(Account(OTHER, "Boris"))
    await operators.tell(ONE, "ready", ANNA, cell, stores, key="k")
    await operators.tell(OTHER, "ready", BOSS, cell, stores)
    assert cell.told == ["ready operator:101", "ready operator:102"]
    for who, verb in ((ANNA, "ready"), (WALL, "ready"), (ANNA, "test")):
        with pytest.raises(Forbidden):
            await operators.tell(OTHER, verb, who, cell, stores)
    with pytest.raises(Missing):
        await operators.tell(OperatorId("999"), "ready", BOSS, cell, stores)
    assert len(cell.told) == 2


async def test_who_is_taken_out_is_in_no_campaign_and_may_not_log_in(stores: Stores) -> None:
    await operators.remove(ONE, ADMIN, stores)
    account = await stores.accounts.get(ONE)
    assert (account.enabled, account.pin_hash, account.name) == (False, "", "Anna")
    assert (await stores.campaigns.get(CampaignId(1))).operators == frozenset()


async def test_wrong_pins_are_forgotten_once(stores: Stores) -> None:
    await stores.pins.keep(key_of_operator(ONE), Guesses())
    assert await operators.unlock(ONE, BOSS, stores)
    assert not await operators.unlock(ONE, BOSS, stores)
    with pytest.raises(Forbidden):
        await operators.unlock(ONE, ANNA, stores)
