"""Twenty kill -9 while numbers are busy, unknown, refused or moved at once: the long form, by hand."""

from __future__ import annotations

from dialer.domain.types import Outcome
from tests.pbx.test_calls_lost_ends import kill_while_calls_end_at_once


async def test_twenty_kills_while_calls_end_at_once_lose_nothing_and_dial_nothing_twice() -> None:
    outcomes = await kill_while_calls_end_at_once(kills=20, leads=60)
    print(dict(outcomes))
    assert outcomes[Outcome.INTERRUPTED] <= 5, "Asterisk's notes tell nearly every end"
