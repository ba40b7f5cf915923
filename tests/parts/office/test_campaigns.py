"""What may be done to a campaign, by whom, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.domain.access import Caller
from dialer.domain.campaign import Campaign, Retry
from dialer.domain.errors import BadField, BadValue, Conflict, Forbidden, Missing
from dialer.domain.law import LAWFUL_RING_S
from dialer.domain.types import CampaignId, CampaignStatus, OperatorId, Outcome, Purpose, TrunkId
from dialer.office import campaigns
from dialer.ports.stores import Stores
from tests.parts.office.conftest import ANNA, BOSS, NOBODY, WALL, Cell

SPRING = CampaignId(1)
WAV = b"RIFF\x00\x00\x00\x00WAVE" + bytes(100)


async def keep(name: str, wav: bytes) -> float:
    return 2.5


async def change(stores: Stores, cell: Cell | None, **changes: Any) -> campaigns.Saved:
    return await campaigns.change(SPRING, changes, BOSS, cell, stores, shortest_ring_s=LAWFUL_RING_S)


@pytest.mark.parametrize("who", [NOBODY, WALL, ANNA], ids=lambda who: who.user)
async def test_who_may_not_change_campaigns_changes_none(stores: Stores, cell: Cell, who: Caller) -> None:
    was = await stores.campaigns.all()
    for refused in (
        campaigns.add({"name": "x"}, who, stores, shortest_ring_s=15),
        campaigns.change(SPRING, {"ratio": 2.0}, who, cell, stores, shortest_ring_s=15),
        campaigns.give_message(SPRING, WAV, who, cell, stores, keep=keep),
        campaigns.start(SPRING, who, cell, stores, lab=True),
        campaigns.pause(SPRING, who, cell, stores),
        campaigns.stop(SPRING, who, cell, stores),
    ):
        with pytest.raises(Forbidden, match="needs the role supervisor"):
            await refused
    assert (await stores.campaigns.all(), cell.told) == (was, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\nb"),
        ("name", "x" * 101),
        ("country", "ru"),
        ("ratio", 99.0),
        ("priority", 1001),
        ("weight", 0),
        ("ring_s", 5.0),
        ("ring_s", 301.0),
        ("wrap_up_s", -1.0),
        ("message", "../etc/passwd"),
        ("caller_id", "12"),
        ("longest_talk_s", 9.0),
        ("max_attempts", 0),
        ("rest", timedelta(days=366)),
        ("retries", {Outcome.BUSY: Retry((timedelta(days=366),))}),
        ("retries", {Outcome.BUSY: Retry((timedelta(minutes=1),) * 51)}),
        ("cap", -1),
        ("ceiling", 0.06),
        ("operators", frozenset({OperatorId("x")})),
        ("operators", frozenset({OperatorId("102")})),
        ("trunks", (TrunkId("main"), TrunkId("gone"))),
    ],
)
async def test_a_value_out_of_its_bounds_is_told_by_its_field_and_changes_nothing(
    stores: Stores, cell: Cell, field: str, value: object
) -> None:
    was = await stores.campaigns.get(SPRING)
    with pytest.raises(BadField) as refusal:
        await change(stores, cell, **{field: value, "best_first": True})
    assert refusal.value.field.partition("/")[0] == field
    with pytest.raises(BadField):
        await campaigns.add({"name": "new", field: value}, BOSS, stores, shortest_ring_s=LAWFUL_RING_S)
    assert await stores.campaigns.all() == [was]


async def test_a_number_that_a_trunk_may_not_show_is_refused(stores: Stores) -> None:
    with pytest.raises(BadValue, match="none of trunk main's"):
        await change(stores, None, caller_id="+74951111111")
    told = await change(stores, None, caller_id="+74950000000")
    assert told.campaign.caller_id == "+74950000000"


async def test_a_running_campaign_is_told_to_the_cell_and_a_cell_that_is_away_hears_of_it_later(
    stores: Stores, cell: Cell
) -> None:
    assert (await change(stores, cell, ratio=2.0)).pushed.pushed
    assert cell.told == []  # it does not run: nobody is told
    await stores.campaigns.set_status(SPRING, CampaignStatus.RUNNING)
    assert (await change(stores, cell, ratio=3.0)).pushed.pushed
    assert cell.told == ["reload campaign:1"]
    cell.is_away = True
    told = await change(stores, cell, ratio=4.0)
    assert (told.pushed.pushed, told.pushed.push_note) == (False, "Asterisk is not connected.")
    assert (await stores.campaigns.get(SPRING)).ratio == 4.0


async def test_a_campaign_is_found_by_name_or_by_id_and_what_there_is_is_told(stores: Stores) -> None:
    assert (await campaigns.named("spring", WALL, stores)).id == SPRING
    assert (await campaigns.named("1", WALL, stores)).id == SPRING
    with pytest.raises(Missing, match="there are 'spring'"):
        await campaigns.named("autumn", WALL, stores)
    with pytest.raises(Forbidden):
        await campaigns.named("spring", NOBODY, stores)


async def test_what_is_missing_keeps_a_campaign_from_starting(stores: Stores, cell: Cell) -> None:
    with pytest.raises(Conflict, match=r"'spring' cannot start:\n- .*no message"):
        await campaigns.start(SPRING, BOSS, cell, stores, lab=False)
    with pytest.raises(Conflict, match="draft: only a running one"):
        await campaigns.pause(SPRING, BOSS, cell, stores)
    told, seconds = await campaigns.give_message(SPRING, WAV, BOSS, cell, stores, keep=keep)
    assert (told.campaign.message[:11], seconds) == ("campaign-1-", 2.5)
    started = await campaigns.start(SPRING, BOSS, cell, stores, lab=False, key="k")
    assert started.campaign.status is CampaignStatus.RUNNING
    assert (await campaigns.pause(SPRING, BOSS, cell, stores)).campaign.status is CampaignStatus.PAUSED
    assert (await campaigns.stop(SPRING, BOSS, cell, stores)).campaign.status is CampaignStatus.STOPPED
    assert cell.told == [f"{verb} campaign:1" for verb in ("start", "pause", "stop")]
    assert (await stores.campaigns.get(SPRING)).status is CampaignStatus.STOPPED


async def test_a_law_that_forbids_it_is_told_as_forbidden(stores: Stores, cell: Cell) -> None:
    row = await stores.campaigns.get(SPRING)
    await stores.campaigns.save(replace(row, purpose=Purpose.ADVERTISING, message="m"))
    with pytest.raises(Forbidden, match="38-FZ"):
        await campaigns.start(SPRING, BOSS, cell, stores, lab=False)
    assert cell.told == []


@pytest.mark.parametrize("wav", [b"", b"no wav at all", WAV[:20]])
async def test_what_is_no_sound_is_no_message(stores: Stores, cell: Cell, wav: bytes) -> None:
    with pytest.raises(BadField, match="not a WAV"):
        await campaigns.give_message(SPRING, wav, BOSS, cell, stores, keep=keep)
    assert (await stores.campaigns.get(SPRING)).message == ""


async def test_new_content_has_a_new_name(stores: Stores, cell: Cell) -> None:
    """A message that is being played is never written over."""
    names = [
        (await campaigns.give_message(SPRING, WAV + more, BOSS, cell, stores, keep=keep))[0].campaign.message
        for more in (b"a", b"b", b"a")
    ]
    assert names[0] == names[2] != names[1]


async def test_a_new_campaign_is_a_draft_with_what_was_set(stores: Stores) -> None:
    made = await campaigns.add({"name": "autumn", "ratio": 1.5}, BOSS, stores, shortest_ring_s=15)
    assert made == replace(Campaign(made.id, "autumn"), ratio=1.5)
    assert (await stores.campaigns.get(made.id)).status is CampaignStatus.DRAFT
