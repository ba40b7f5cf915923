"""What may be done to a trunk, by whom, and what is refused."""

from __future__ import annotations

import pytest

from dialer.adapters.numbering import checker
from dialer.domain.abilities import Abilities
from dialer.domain.access import Caller
from dialer.domain.dialable import DialRules
from dialer.domain.errors import BadField, BadValue, Conflict, Forbidden, Unworkable
from dialer.domain.operators import Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import OperatorId, PhoneKind, PhoneNumber, TrunkId
from dialer.office import trunks
from dialer.ports.stores import Stores
from tests.parts.office.conftest import ADMIN, ANNA, BOSS, NOBODY, WALL, Cell

MAIN = TrunkId("main")
kept: list[str] = []


async def keep(name: str, secret: str) -> str:
    kept.append(name)
    return f"/secrets/{name}"


async def able(trunk: Trunk) -> Abilities:
    return Abilities(codecs=frozenset({"alaw", "ulaw"}))


MEANS = trunks.Means(checker(DialRules(frozenset({"RU"}))), able, keep_secret=keep)


@pytest.mark.parametrize("who", [NOBODY, WALL, ANNA, BOSS], ids=lambda who: who.user)
async def test_only_an_administrator_changes_trunks(stores: Stores, cell: Cell, who: Caller) -> None:
    was = await stores.trunks.all()
    for refused in (
        trunks.add("spare", {"host": "a.b"}, who, cell, stores, means=MEANS),
        trunks.change(MAIN, {"lines": 5}, who, cell, stores, means=MEANS),
        trunks.remove(MAIN, who, cell, stores),
        trunks.tell(MAIN, "test", who, cell, stores, number="+79160000001"),
    ):
        with pytest.raises(Forbidden, match="needs the role admin"):
            await refused
    assert (await stores.trunks.all(), cell.told) == (was, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", ""),
        ("host", "a.b;transport=tls"),
        ("host", "a\r\nb"),
        ("port", 0),
        ("user", "a@b"),
        ("password", "short"),
        ("codecs", ()),
        ("codecs", ("a,b",)),
        ("caller_ids", ("8916",)),
        ("lines", 0),
        ("calls_per_s", 0.0),
        ("prefixes", ("7",)),
        ("price", -1.0),
        ("currency", "x" * 11),
        ("money_per_day", 5.0),
        ("register", True),
    ],
)
async def test_a_value_out_of_its_bounds_is_told_by_its_field_and_changes_nothing(
    stores: Stores, cell: Cell, field: str, value: object
) -> None:
    kept.clear()
    was = await stores.trunks.get(MAIN)
    with pytest.raises(BadField) as refusal:
        await trunks.change(MAIN, {"password": "long-enough", field: value}, ADMIN, cell, stores, means=MEANS)
    assert (refusal.value.field, kept, await stores.trunks.get(MAIN)) == (field, [], was)


async def test_a_sound_that_asterisk_cannot_translate_is_refused(stores: Stores, cell: Cell) -> None:
    with pytest.raises(Unworkable, match="g729"):
        await trunks.change(MAIN, {"codecs": ("g729",)}, ADMIN, cell, stores, means=MEANS)
    cell.is_away = True  # nobody can be asked: it is checked when Asterisk gets the trunk
    asked = trunks.Means(MEANS.check_number, trunks.asked_by(ADMIN, cell))
    told = await trunks.change(MAIN, {"codecs": ("g729",)}, ADMIN, cell, stores, means=asked)
    assert (told.trunk.codecs, told.pushed.pushed) == (("g729",), False)


async def test_an_address_that_cannot_work_is_refused(stores: Stores, cell: Cell) -> None:
    with pytest.raises(BadValue, match="IPv6"):
        await trunks.change(MAIN, {"host": "[::1]"}, ADMIN, cell, stores, means=MEANS)


async def test_a_trunk_that_is_in_use_stays(stores: Stores, cell: Cell) -> None:
    with pytest.raises(Conflict, match="used by campaign 'spring'"):
        await trunks.remove(MAIN, ADMIN, cell, stores)
    await trunks.add("spare", {"host": "a.b"}, ADMIN, cell, stores, means=MEANS)
    spare = TrunkId("spare")
    number = PhoneNumber("+79160000001")
    await stores.accounts.add(
        Account(OperatorId("102"), "Boris", phone=PhoneKind.OUTSIDE, number=number, trunk=spare)
    )
    with pytest.raises(Conflict, match="used by operator 102"):
        await trunks.remove(spare, ADMIN, cell, stores)
    with pytest.raises(Conflict, match="operator 102"):
        await trunks.change(spare, {"prefixes": ("+375",)}, ADMIN, cell, stores, means=MEANS)


async def test_a_trunk_is_made_pushed_and_taken_away(stores: Stores, cell: Cell) -> None:
    told = await trunks.add(
        "spare",
        {"host": "a.b", "register": True, "user": "u", "password": "long-enough"},
        ADMIN,
        cell,
        stores,
        means=MEANS,
    )
    assert told.trunk.password_file == "/secrets/trunk-spare"
    with pytest.raises(Conflict, match="already"):
        await trunks.add("spare", {"host": "a.b"}, ADMIN, cell, stores, means=MEANS)
    assert (await trunks.remove(TrunkId("spare"), ADMIN, cell, stores)).pushed
    assert cell.told == ["push trunk:spare", "push trunk:spare"]
    assert [row.id for row in await stores.trunks.all()] == [MAIN]
