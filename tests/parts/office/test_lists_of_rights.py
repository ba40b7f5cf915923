"""Tokens and the do-not-call list: by whom they are changed, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from dialer.adapters.secrets import new_token
from dialer.domain.access import Caller, Role, caller
from dialer.domain.dnc import Entry, Listed
from dialer.domain.errors import BadField, BadValue, Conflict, Forbidden, Missing
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId, LeadId, PhoneNumber
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
        dnc.bar("+79160000001", dnc.Wish(), who, stores, now=NOW),
        dnc.bar_all({"+79160000001": None}, dnc.Wish(), who, stores, now=NOW),
        dnc.free("+79160000001", None, who, stores),
        dnc.free_source("file", None, who, stores),
    ):
        with pytest.raises(Forbidden, match="needs the role supervisor"):
            await refused
    for nobodys in (NOBODY, WALL):
        with pytest.raises(Forbidden, match="needs the role operator"):
            await dnc.page(Listed(), nobodys, stores)
        with pytest.raises(Forbidden, match="needs the role operator"):
            await dnc.sources(nobodys, stores)
    assert await dnc.page(Listed(), ANNA, stores) == []


async def test_what_is_barred_for_one_campaign_is_freed_for_that_one(stores: Stores) -> None:
    with pytest.raises(Missing):
        await dnc.bar("+7916*", dnc.Wish(CampaignId(9)), BOSS, stores, now=NOW)
    await dnc.bar("+7916*", dnc.Wish(SPRING, "x" * 300), BOSS, stores, now=NOW)
    (row,) = await dnc.page(Listed(), ANNA, stores)
    assert (row.entry, row.campaign, row.reason, row.by) == ("+7916*", SPRING, "x" * 200, "supervisor")
    with pytest.raises(Missing, match=r"\+7916\* is not on the do-not-call list$"):
        await dnc.free("+7916*", None, BOSS, stores)
    await dnc.free("+7916*", SPRING, BOSS, stores)
    with pytest.raises(Missing, match="of 'spring'"):
        await dnc.free("+7916*", SPRING, BOSS, stores)


async def named(stores: Stores, source: str | None = None) -> list[str]:
    return [one.entry for one in await dnc.page(Listed(source=source), BOSS, stores)]


async def test_a_register_is_renewed_and_nobody_whom_both_lists_name_is_free_in_between(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dnc, "CHUNK", 7)
    first = [f"+7916000{n:04}" for n in range(40)]
    second, later = first[25:] + [f"+7921000{n:04}" for n in range(5)], NOW + timedelta(days=30)
    register, named_now = dnc.Wish(source="register"), dict.fromkeys(second)
    assert await dnc.bar_all(dict.fromkeys(first), register, BOSS, stores, now=NOW) == dnc.Barred(40, 40, 0)
    await dnc.bar(first[0], dnc.Wish(reason="asked"), BOSS, stores, now=NOW)
    await dnc.bar_all(dict.fromkeys(first[:2]), dnc.Wish(SPRING, source="register"), BOSS, stores, now=NOW)
    tried = await dnc.bar_all(named_now, register, BOSS, stores, now=later, replaces=True, dry_run=True)
    assert (tried, len(await named(stores, "register"))) == (dnc.Barred(20, 5, 25), 42)

    seen: list[int] = []
    freed = stores.numbers.unblock_all

    async def watched(entries: Sequence[Entry]) -> int:
        both = set(first[25:])
        seen.append(len(both - {one.entry for one in await dnc.page(Listed(), BOSS, stores)}))
        return await freed(entries)

    monkeypatch.setattr(stores.numbers, "unblock_all", watched)
    done: list[int] = []
    told = await dnc.bar_all(
        named_now, register, BOSS, stores, now=later, replaces=True, on_progress=done.append
    )
    assert (told, done) == (dnc.Barred(20, 5, 25), [7, 14, 20])
    assert set(seen) == {0}
    everywhere = [one for one in await dnc.page(Listed(), BOSS, stores) if one.source and not one.campaign]
    assert sorted(one.entry for one in everywhere) == sorted(second)
    assert {one.at for one in everywhere if one.entry in first} == {NOW}, "since when they are barred stays"
    (mine, its) = [one for one in await dnc.sources(BOSS, stores) if one.source == "register"]
    assert (mine.entries, mine.seen_at, its.campaign, its.entries) == (20, later, SPRING, 2)
    assert await dnc.barring(PhoneNumber(first[0]), BOSS, stores) != [], "a person had asked besides"
    assert await dnc.free_source("register", None, BOSS, stores) == 22
    assert await named(stores) == first[:1]
    with pytest.raises(Missing, match="nothing from the source register"):
        await dnc.free_source("register", None, BOSS, stores)


async def test_what_would_empty_a_source_by_mistake_is_refused(stores: Stores) -> None:
    await dnc.bar_all({"+79160000001": None}, dnc.Wish(source="register"), BOSS, stores, now=NOW)
    with pytest.raises(BadValue, match="stays as it is"):
        await dnc.bar_all({}, dnc.Wish(source="register"), BOSS, stores, now=NOW, replaces=True)
    with pytest.raises(BadField, match="which source"):
        await dnc.bar_all({"+79160000002": None}, dnc.Wish(), BOSS, stores, now=NOW, replaces=True)
    for refused in (
        dnc.bar("+79160000001", dnc.Wish(until_at=NOW), BOSS, stores, now=NOW),
        dnc.bar("+7916*", dnc.Wish(), BOSS, stores, now=NOW, with_person=True),
    ):
        with pytest.raises(BadField):
            await refused
    assert await named(stores) == ["+79160000001"]


async def test_with_the_person_the_other_numbers_of_the_lead_are_barred(stores: Stores) -> None:
    numbers = tuple(PhoneNumber(one) for one in ("+79160000001", "+79210000001", "+74950000001"))
    lead = Lead(LeadId(0), SPRING, numbers, extensions={numbers[2]: "12"})
    await stores.leads.import_list(SPRING, "a", [lead], now=NOW)
    barred = await dnc.bar(numbers[0], dnc.Wish(reason="asked"), BOSS, stores, now=NOW, with_person=True)
    assert [one.entry for one in barred] == list(numbers[:2])
    assert await named(stores) == list(numbers[:2])
