"""What pacing has learned outlives the process that learned it."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from dialer.domain.errors import BadValue
from dialer.ports.stores import Stores
from tests.ports.made import AT, SOON

CURVE = {"rate": 0.1 + 0.2, "calls": 2**53, "tiny": 5e-324, "hours": [0.25, None, True], "лист": {"a": []}}


async def test_what_was_learned_comes_back_and_the_latest_word_counts(stores: Stores) -> None:
    assert await stores.learned.load() == {}
    await stores.learned.save({"campaign:3": CURVE, "trunk:main": {"calls": 1}}, AT)
    await stores.learned.save({"trunk:main": {"calls": 2}, "product": {}}, SOON)
    await stores.learned.save({}, SOON)
    assert await stores.learned.load() == {"campaign:3": CURVE, "trunk:main": {"calls": 2}, "product": {}}


async def test_what_is_kept_does_not_change_with_the_value_that_was_given(stores: Stores) -> None:
    state: dict[str, Any] = {"counts": [1, 2]}
    await stores.learned.save({"product": state}, AT)
    state["counts"].append(3)
    (await stores.learned.load())["product"]["counts"].append(4)
    assert await stores.learned.load() == {"product": {"counts": [1, 2]}}


async def test_large_states_are_kept_whole(stores: Stores) -> None:
    states = {f"campaign:{n}": {"curve": [n + k / 7 for k in range(6_000)]} for n in range(40)}
    await stores.learned.save(states, AT)  # some 100 kB each
    assert await stores.learned.load() == states


@pytest.mark.parametrize("flaw", [nan, inf, {1, 2}])
async def test_a_state_that_json_cannot_hold_is_refused_with_all_that_came_with_it(
    stores: Stores, flaw: object
) -> None:
    with pytest.raises(BadValue, match="is no JSON"):
        await stores.learned.save({"product": {"calls": 1}, "campaign:3": {"rate": flaw}}, AT)
    assert await stores.learned.load() == {}
