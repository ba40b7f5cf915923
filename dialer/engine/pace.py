"""How many numbers each campaign dialled recently: how fast it uses up its list."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict

from dialer.domain.types import CampaignId

SPAN_MIN, LEAST_MIN = 30, 10  # looked back over; and at least, for a campaign that has just begun


class Pace:
    """Counts dials by the minute."""

    def __init__(self) -> None:
        self._dials: defaultdict[CampaignId, Counter[int]] = defaultdict(Counter)
        self._since: dict[CampaignId, int] = {}  # the minute of its first dial since it last rested

    def made(self, campaign: CampaignId) -> None:
        """A number goes out."""
        minute = _minute()
        dials = self._dials[campaign]
        if not dials or max(dials) <= minute - SPAN_MIN:
            self._since[campaign] = minute  # begun, or begun again after a long rest
        dials[minute] += 1

    def per_h(self, campaign: CampaignId) -> float:
        """Dials an hour over the last half hour; 0 where nothing was dialled."""
        if campaign not in self._since:
            return 0.0
        now, dials = _minute(), self._dials[campaign]
        for minute in [each for each in dials if each <= now - SPAN_MIN]:
            del dials[minute]
        span_min = min(SPAN_MIN, max(LEAST_MIN, now - self._since[campaign] + 1))
        return dials.total() * 60 / span_min


def _minute() -> int:
    return int(asyncio.get_running_loop().time() // 60)
