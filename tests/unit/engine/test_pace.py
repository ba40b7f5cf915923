"""The pace of a campaign: what went out in the last half hour, as so many an hour."""

from __future__ import annotations

import asyncio

from dialer.domain.types import CampaignId
from dialer.engine.pace import Pace
from tests.unit.engine.virtual import in_virtual_time

ONE, TWO = CampaignId(1), CampaignId(2)


def dial(pace: Pace, times: int) -> None:
    for _ in range(times):
        pace.made(ONE)


@in_virtual_time
async def test_a_pace_is_that_of_the_last_half_hour() -> None:
    pace = Pace()
    assert pace.per_h(ONE) == 0
    dial(pace, 10)
    assert pace.per_h(ONE) == 60  # as if it had been ten minutes: a beginning is no pace
    await asyncio.sleep(29 * 60)
    dial(pace, 20)
    assert (pace.per_h(ONE), pace.per_h(TWO)) == (60, 0)
    await asyncio.sleep(10 * 60)
    assert pace.per_h(ONE) == 40
    await asyncio.sleep(30 * 60)
    assert pace.per_h(ONE) == 0


@in_virtual_time
async def test_after_a_long_rest_a_pace_begins_anew() -> None:
    pace = Pace()
    dial(pace, 10)
    await asyncio.sleep(8 * 3600)
    dial(pace, 10)
    assert pace.per_h(ONE) == 60
