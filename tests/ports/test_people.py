"""Campaigns, operators, trunks and tokens are kept whole, and a name stands for one of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import time, timedelta

import pytest

from dialer.domain import pauses
from dialer.domain.campaign import Campaign, Retry
from dialer.domain.disposition import Disposition, Then, Title
from dialer.domain.errors import Conflict, Missing, Stale
from dialer.domain.guesses import Guesses, key_of_operator, key_of_phone
from dialer.domain.operators import Account
from dialer.domain.pauses import PauseReason, PauseReasons
from dialer.domain.schedule import every_day
from dialer.domain.trunk import NumberFormat, Trunk
from dialer.domain.types import (
    CampaignId,
    CampaignStatus,
    LegKind,
    Mode,
    OperatorId,
    Outcome,
    PhoneKind,
    PhoneNumber,
    Purpose,
    TrunkId,
)
from dialer.ports.stores import Stores
from tests.ports.made import AT, SOON

SPRING = Campaign(
    CampaignId(0),
    "весна",
    purpose=Purpose.SURVEY,
    mode=Mode.POWER,
    ratio=1.5,
    operators=frozenset({OperatorId("101"), OperatorId("102")}),
    trunks=(TrunkId("b"), TrunkId("a")),
    schedule=every_day(time(9, 30), time(18)),
    retries={Outcome.BUSY: Retry((timedelta(minutes=5), timedelta(hours=1)), next_number=True)},
    abandoned_rest=timedelta(hours=72),
    tone=False,
    ceiling=0.02,
    best_first=True,
    weight=7,
    dispositions=(Disposition("later", Title("Позже", "Later"), "7", Then.RETRY, timedelta(hours=3)),),
)


async def test_a_campaign_comes_back_as_it_was_set(stores: Stores) -> None:
    added = await stores.campaigns.add(SPRING)
    assert added == replace(SPRING, id=added.id)
    assert await stores.campaigns.get(added.id) == added
    assert await stores.campaigns.by_name("весна") == added
    changed = replace(added, ratio=2.0, name="лето")
    await stores.campaigns.save(changed)
    assert await stores.campaigns.all() == [changed]
    assert await stores.campaigns.by_name("весна") is None


async def test_the_status_of_a_campaign_changes_alone(stores: Stores) -> None:
    added = await stores.campaigns.add(SPRING)
    await stores.campaigns.set_status(added.id, CampaignStatus.RUNNING)
    assert await stores.campaigns.get(added.id) == replace(added, status=CampaignStatus.RUNNING)


async def test_two_campaigns_cannot_have_one_name(stores: Stores) -> None:
    first = await stores.campaigns.add(SPRING)
    other = await stores.campaigns.add(replace(SPRING, name="autumn"))
    with pytest.raises(Conflict, match="'весна' already"):
        await stores.campaigns.add(SPRING)
    with pytest.raises(Conflict, match="'весна' already"):
        await stores.campaigns.save(replace(other, name="весна"))
    await stores.campaigns.save(first)  # its own name is no obstacle
    assert len(await stores.campaigns.all()) == 2


async def test_a_missing_campaign_is_named(stores: Stores) -> None:
    for missing in (CampaignId(9), CampaignId(0), CampaignId(2**64)):
        with pytest.raises(Missing, match=f"no campaign {missing}"):
            await stores.campaigns.get(missing)
        with pytest.raises(Missing, match=f"no campaign {missing}"):
            await stores.campaigns.save(replace(SPRING, id=missing))
        with pytest.raises(Missing, match=f"no campaign {missing}"):
            await stores.campaigns.set_status(missing, CampaignStatus.PAUSED)


async def test_an_account_comes_back_as_it_was_set(stores: Stores) -> None:
    ann = Account(
        OperatorId("102"),
        "Анна",
        LegKind.ON_DEMAND,
        PhoneKind.OUTSIDE,
        PhoneNumber("+79161234567"),
        TrunkId("m"),
    )
    bob = Account(OperatorId("101"), "Bob")
    await stores.accounts.add(ann)
    await stores.accounts.add(bob)
    assert await stores.accounts.all() == [bob, ann]
    await stores.accounts.save(replace(ann, enabled=False))
    assert await stores.accounts.get(ann.id) == replace(ann, enabled=False)
    with pytest.raises(Conflict, match="an operator 101 already"):
        await stores.accounts.add(bob)
    with pytest.raises(Missing, match="no operator 103"):
        await stores.accounts.get(OperatorId("103"))
    with pytest.raises(Missing, match="no operator 103"):
        await stores.accounts.save(replace(bob, id=OperatorId("103")))


async def test_of_two_who_change_the_same_version_the_later_one_is_told_what_differs(stores: Stores) -> None:
    campaign = await stores.campaigns.add(SPRING)
    account = await stores.accounts.add(Account(OperatorId("101"), "Bob"))
    trunk = await stores.trunks.add(Trunk(TrunkId("main"), "sip.example.org"))
    assert [one.edition.version for one in (campaign, account, trunk)] == [1, 1, 1]

    saved = await stores.campaigns.save(replace(campaign, ratio=2.0, tone=True))
    assert (saved.edition.version, saved.edition.since(1)) == (2, ["ratio", "tone"])
    assert (await stores.campaigns.get(campaign.id)).edition == saved.edition
    with pytest.raises(Stale, match="you saw version 1, it is version 2 now") as told:
        await stores.campaigns.save(replace(campaign, ratio=3.0))
    assert told.value.fields == {"ratio": 2.0, "tone": True}
    assert await stores.campaigns.get(campaign.id) == replace(campaign, ratio=2.0, tone=True)

    await stores.accounts.save(replace(account, name="Bea"))
    with pytest.raises(Stale) as told:
        await stores.accounts.save(replace(account, enabled=False))
    assert told.value.fields == {"name": "Bea"}
    await stores.trunks.save(replace(trunk, lines=30))
    with pytest.raises(Stale) as told:
        await stores.trunks.save(replace(trunk, lines=40))
    assert told.value.fields == {"lines": 30}
    every = [*await stores.accounts.all(), *await stores.trunks.all()]
    assert [one.edition.version for one in every] == [2, 2]


async def test_a_start_is_no_change_of_settings(stores: Stores) -> None:
    campaign = await stores.campaigns.add(SPRING)
    await stores.campaigns.set_status(campaign.id, CampaignStatus.RUNNING)
    saved = await stores.campaigns.save(replace(campaign, ratio=2.0))
    assert (saved.status, saved.edition.since(1)) == (CampaignStatus.RUNNING, ["ratio"])


async def test_a_trunk_comes_back_as_it_was_set(stores: Stores) -> None:
    main = Trunk(
        TrunkId("main"), "sip.example.org", number_format=NumberFormat.NATIONAL, prefixes=("+7", "+375")
    )
    await stores.trunks.add(main)
    assert await stores.trunks.get(main.id) == main
    await stores.trunks.save(replace(main, lines=30))
    assert await stores.trunks.all() == [replace(main, lines=30)]
    with pytest.raises(Conflict, match="a trunk main already"):
        await stores.trunks.add(main)
    await stores.trunks.remove(main.id)
    for verb in (stores.trunks.get, stores.trunks.remove):
        with pytest.raises(Missing, match="no trunk main"):
            await verb(main.id)


async def test_a_token_is_found_by_its_hash_until_it_is_revoked(stores: Stores) -> None:
    token = await stores.tokens.add("crm", "supervisor", sha256="ab" * 32, now=AT)
    assert await stores.tokens.find("ab" * 32) == token
    assert await stores.tokens.find("cd" * 32) is None
    await stores.tokens.used(token.id, SOON)
    assert await stores.tokens.all() == [replace(token, last_used_at=SOON)]
    await stores.tokens.revoke("crm", SOON)
    assert await stores.tokens.find("ab" * 32) is None
    assert [row.revoked_at for row in await stores.tokens.all()] == [SOON]
    with pytest.raises(Missing, match="no token named 'crm'"):
        await stores.tokens.revoke("crm", SOON)


async def test_a_name_of_a_token_is_free_again_when_it_is_revoked(stores: Stores) -> None:
    await stores.tokens.add("crm", "admin", sha256="ab" * 32, now=AT)
    with pytest.raises(Conflict, match="named 'crm' already"):
        await stores.tokens.add("crm", "admin", sha256="cd" * 32, now=AT)
    with pytest.raises(Conflict, match="in use already"):
        await stores.tokens.add("other", "admin", sha256="ab" * 32, now=AT)
    await stores.tokens.revoke("crm", AT)
    again = await stores.tokens.add("crm", "admin", sha256="cd" * 32, now=AT)
    assert await stores.tokens.find("cd" * 32) == again


async def test_wrong_pins_are_counted_by_operator_and_by_phone_until_they_are_forgiven(
    stores: Stores,
) -> None:
    operator, phone = key_of_operator("101"), key_of_phone("101")
    assert await stores.pins.of(operator) == Guesses()
    locked = Guesses(wrong=0, locks=2, locked_until_at=SOON, last_at=AT)
    await stores.pins.keep(operator, Guesses(wrong=4, last_at=AT))
    await stores.pins.keep(phone, Guesses(wrong=1))
    await stores.pins.keep(operator, locked)
    assert (await stores.pins.of(operator), await stores.pins.of(phone)) == (locked, Guesses(wrong=1))
    assert await stores.pins.drop(operator)
    assert not await stores.pins.drop(operator)
    assert (await stores.pins.of(operator), await stores.pins.of(phone)) == (Guesses(), Guesses(wrong=1))


async def test_wrong_pins_that_come_at_the_same_time_hinder_each_other_nowhere(stores: Stores) -> None:
    for turn in range(5):
        key = key_of_phone(str(turn))
        counted = [Guesses(wrong=wrong, last_at=AT) for wrong in (1, 2, 3, 4)]
        await asyncio.gather(*(stores.pins.keep(key, each) for each in counted))
        assert await stores.pins.of(key) in counted


async def test_pause_reasons_are_the_default_until_somebody_sets_others(stores: Stores) -> None:
    known = await stores.pauses.get()
    assert known.reasons == pauses.DEFAULT
    smoke = PauseReason("smoke", Title("Перекур", "Smoke"), "7", is_worked=True)
    saved = await stores.pauses.save(replace(known, reasons=(smoke,)))
    assert (saved, saved.edition.version) == (PauseReasons((smoke,)), known.edition.version + 1)
    assert (await stores.pauses.get()).edition == saved.edition
    with pytest.raises(Stale) as told:
        await stores.pauses.save(replace(known, reasons=pauses.DEFAULT))
    assert told.value.fields == {"reasons": (smoke,)}
    assert await stores.pauses.get() == saved


async def test_of_two_who_set_the_first_pause_reasons_at_once_one_is_told(stores: Stores) -> None:
    known = await stores.pauses.get()
    lists = [replace(known, reasons=pauses.DEFAULT[:n]) for n in (1, 2)]
    done = await asyncio.gather(*map(stores.pauses.save, lists), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["PauseReasons", "Stale"]
    assert await stores.pauses.get() in done
