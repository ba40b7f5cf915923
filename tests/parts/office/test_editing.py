"""Two people change the same thing at once: nothing that either of them did is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from dialer.domain.abilities import Abilities
from dialer.domain.errors import Stale
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, OperatorId, TrunkId
from dialer.office import campaigns, operators, trunks
from dialer.ports.stores import Stores
from tests.parts.office.conftest import ADMIN, BOSS, Cell

Change = Callable[..., Coroutine[Any, Any, Any]]


async def unknown(trunk: Trunk) -> Abilities | None:
    return None


def changes(stores: Stores, cell: Cell) -> dict[str, tuple[Change, tuple[str, str], tuple[Any, Any]]]:
    """How a thing is changed, two of its fields, and what they are set to."""

    async def hashed(pin: str) -> str:
        return f"#{pin}"

    def dialled(*_: Any) -> None:
        return

    phones, ways = operators.Means(dialled, hashed), trunks.Means(dialled, unknown)
    anna, main = OperatorId("101"), TrunkId("main")
    return {
        "campaign": (
            lambda sent, **seen: campaigns.change(
                CampaignId(1), sent, BOSS, cell, stores, shortest_ring_s=15, **seen
            ),
            ("ratio", "priority"),
            (2.0, 7),
        ),
        "operator": (
            lambda sent, **seen: operators.change(anna, sent, ADMIN, cell, stores, means=phones, **seen),
            ("name", "enabled"),
            ("Bea", False),
        ),
        "trunk": (
            lambda sent, **seen: trunks.change(main, sent, ADMIN, cell, stores, means=ways, **seen),
            ("lines", "calls_per_s"),
            (30, 2.0),
        ),
    }


async def present(stores: Stores, kind: str) -> Any:
    match kind:
        case "campaign":
            return await stores.campaigns.get(CampaignId(1))
        case "operator":
            return await stores.accounts.get(OperatorId("101"))
        case _:
            return await stores.trunks.get(TrunkId("main"))


@pytest.mark.parametrize("kind", ["campaign", "operator", "trunk"])
async def test_who_changes_other_fields_at_the_same_moment_loses_nothing(
    stores: Stores, cell: Cell, kind: str
) -> None:
    change, (one, other), (value, another) = changes(stores, cell)[kind]
    await asyncio.gather(*(change(sent) for sent in ({one: value}, {other: another}) * 4))
    now = await present(stores, kind)
    assert (getattr(now, one), getattr(now, other)) == (value, another)
    assert now.edition.version == 9


@pytest.mark.parametrize("kind", ["campaign", "operator", "trunk"])
async def test_who_says_what_he_has_seen_is_told_what_somebody_else_made_of_it(
    stores: Stores, cell: Cell, kind: str
) -> None:
    change, (one, other), (value, another) = changes(stores, cell)[kind]
    seen = (await present(stores, kind)).edition.version
    await change({one: value}, version=seen)
    with pytest.raises(Stale, match=f"you saw version {seen}, it is version {seen + 1} now") as told:
        await change({other: another}, version=seen)
    assert told.value.fields == {one: value}
    assert getattr(await present(stores, kind), other) != another
    await change({other: another}, version=seen + 1)
    now = await present(stores, kind)
    assert (getattr(now, one), getattr(now, other)) == (value, another)


async def test_an_operator_who_is_taken_out_leaves_a_campaign_that_is_being_changed(
    stores: Stores, cell: Cell
) -> None:
    change, _, _ = changes(stores, cell)["campaign"]
    await asyncio.gather(
        *(change({"ratio": ratio}) for ratio in (1.5, 2.0)),
        operators.remove(OperatorId("101"), ADMIN, stores),
        change({"priority": 3}),
    )
    now = await present(stores, "campaign")
    assert (now.operators, now.priority) == (frozenset(), 3)
    assert now.ratio in (1.5, 2.0)
