"""A request with a key is begun by one alone, and what came of it is kept as long as was promised."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from dialer.ports.requests import Kept
from dialer.ports.stores import Stores
from tests.ports.made import AT

LATER = AT + timedelta(seconds=30)
TOMORROW = AT + timedelta(days=1)
MADE = Kept("print", 201, "application/json", b'{"id": 1, "\xd0\xb8": "\\u0000"}')


async def begin(
    stores: Stores,
    holder: str = "a",
    *,
    token: int = 1,
    key: str = "k",
    asked: str = "print",
    now: datetime = AT,
) -> Kept | None:
    until_at = now + timedelta(seconds=30)
    return await stores.requests.begin(token, key, asked, holder=holder, now=now, until_at=until_at)


async def test_of_many_at_once_one_begins(stores: Stores) -> None:
    for n in range(5):
        begun = await asyncio.gather(*(begin(stores, str(one), key=f"k{n}") for one in range(12)))
        assert begun.count(None) == 1
        assert begun.count(Kept("print")) == 11


async def test_a_key_counts_for_one_token_and_is_told_from_its_likes(stores: Stores) -> None:
    assert await begin(stores) is None
    for token, key in ((2, "k"), (1, "K"), (1, "k "), (1, "k" * 255), (0, "k")):
        assert await begin(stores, token=token, key=key) is None
    assert await begin(stores, asked="another") == Kept("print")


async def test_an_answer_is_kept_byte_by_byte_until_its_time_is_over(stores: Stores) -> None:
    assert await begin(stores) is None
    assert await stores.requests.answer(1, "k", MADE, holder="a", until_at=TOMORROW)
    assert await begin(stores, now=TOMORROW - timedelta(microseconds=1)) == MADE
    assert await begin(stores, now=TOMORROW) is None
    empty = Kept("print", 204)
    assert await stores.requests.answer(1, "k", empty, holder="a", until_at=TOMORROW + timedelta(days=1))
    assert await begin(stores, now=TOMORROW) == empty


async def test_whoever_was_away_too_long_spoils_nothing_of_the_next(stores: Stores) -> None:
    assert await begin(stores, "dead") is None
    assert await begin(stores, "next", now=LATER - timedelta(seconds=1)) == Kept("print")
    assert await begin(stores, "next", now=LATER) is None
    assert not await stores.requests.renew(1, "k", holder="dead", until_at=TOMORROW)
    assert not await stores.requests.answer(1, "k", MADE, holder="dead", until_at=TOMORROW)
    await stores.requests.free(1, "k", holder="dead")
    assert await begin(stores, now=LATER) == Kept("print")
    assert await stores.requests.answer(1, "k", MADE, holder="next", until_at=TOMORROW)
    assert not await stores.requests.answer(1, "k", Kept("x", 500), holder="next", until_at=TOMORROW)
    await stores.requests.free(1, "k", holder="next")  # an answer is no lease
    assert await begin(stores, now=LATER) == MADE


async def test_a_renewed_lease_holds_and_a_freed_key_is_free(stores: Stores) -> None:
    assert await begin(stores) is None
    assert await stores.requests.renew(1, "k", holder="a", until_at=TOMORROW)
    assert await begin(stores, now=LATER) == Kept("print")
    await stores.requests.free(1, "k", holder="a")
    assert await begin(stores, now=LATER) is None


async def test_what_ran_out_is_forgotten_a_few_at_a_time(stores: Stores) -> None:
    for n in range(7):
        assert await begin(stores, key=f"k{n}") is None
    assert await begin(stores, key="young", now=LATER) is None
    assert [await stores.requests.forget(LATER, limit=5) for _ in range(3)] == [5, 2, 0]
    assert await begin(stores, key="young", now=LATER) == Kept("print")
