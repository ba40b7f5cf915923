"""Tokens and the do-not-call list: by whom they are changed, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dialer.adapters.secrets import new_token
from dialer.domain.access import Caller, Role, caller
from dialer.domain.errors import BadField, BadValue, Conflict, Forbidden, Missing
from dialer.domain.types import CampaignId
from dialer.office import dnc, tokens
from dialer.ports.stores import Stores
from tests.parts.office.conftest import ADMIN, ANNA, BOSS, NOBODY, WALL

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SPRING = CampaignId(1)


@pytest.mark.parametrize("who", [NOBODY, WALL, ANNA, BOSS], ids=lambda who: who.user)
async def test_only_an_administrator_sees_or_makes_tokens(stores: Stores, who: Caller) -> None:
    for refused in (
        tokens.make("x", "viewer", 5, who, stores, now=NOW, draw=new_token),
        tokens.every(who, stores),
        tokens.revoke("x", who, stores, now=NOW),
    ):
        with pytest.raises(Forbidden, match="needs the role admin"):
            await refused
    assert await stores.tokens.all() == []


async def test_a_token_is_made_once_and_its_text_is_kept_nowhere(stores: Stores) -> None:
    token, text = await tokens.make("wall", "viewer", 5, ADMIN, stores, now=NOW, draw=new_token)
    assert text not in str(await tokens.every(ADMIN, stores))
    with pytest.raises(Conflict):
        await tokens.make("wall", "viewer", 5, ADMIN, stores, now=NOW, draw=new_token)
    itself = caller("wall", Role.ADMIN, token=token.id)
    with pytest.raises(Conflict, match="the token of this request"):
        await tokens.revoke("wall", itself, stores, now=NOW)
    await tokens.revoke("wall", ADMIN, stores, now=NOW)
    assert [row.revoked_at for row in await tokens.every(ADMIN, stores)] == [NOW]


@pytest.mark.parametrize(
    ("name", "role", "days"), [("a b", "viewer", 5), ("x", "root", 5), ("x", "viewer", 0), ("", "viewer", 5)]
)
async def test_what_is_no_token_is_not_made(stores: Stores, name: str, role: str, days: int) -> None:
    with pytest.raises(BadValue):
        await tokens.make(name, role, days, ADMIN, stores, now=NOW, draw=new_token)
    with pytest.raises(BadField):
        await tokens.make("../x", "viewer", 5, ADMIN, stores, now=NOW, draw=new_token)
    assert await stores.tokens.all() == []


@pytest.mark.parametrize("who", [NOBODY, WALL, ANNA], ids=lambda who: who.user)
async def test_a_supervisor_bars_numbers_and_nobody_below(stores: Stores, who: Caller) -> None:
    for refused in (
        dnc.bar("+79160000001", None, "", who, stores, now=NOW),
        dnc.free("+79160000001", None, who, stores),
    ):
        with pytest.raises(Forbidden, match="needs the role supervisor"):
            await refused
    for nobodys in (NOBODY, WALL):
        with pytest.raises(Forbidden, match="needs the role operator"):
            await dnc.page(None, nobodys, stores)
    assert await dnc.page(None, ANNA, stores) == []


async def test_what_is_barred_for_one_campaign_is_freed_for_that_one(stores: Stores) -> None:
    with pytest.raises(Missing):
        await dnc.bar("+7916*", CampaignId(9), "", BOSS, stores, now=NOW)
    await dnc.bar("+7916*", SPRING, "x" * 300, BOSS, stores, now=NOW)
    (row,) = await dnc.page(None, ANNA, stores)
    assert (row["entry"], row["campaign"], row["reason"]) == ("+7916*", SPRING, "x" * 200)
    with pytest.raises(Missing, match=r"\+7916\* is not on the do-not-call list$"):
        await dnc.free("+7916*", None, BOSS, stores)
    await dnc.free("+7916*", SPRING, BOSS, stores)
    with pytest.raises(Missing, match="of 'spring'"):
        await dnc.free("+7916*", SPRING, BOSS, stores)
