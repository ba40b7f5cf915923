"""The do-not-call list: what is barred, by whom it may be changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.errors import Missing
from dialer.domain.said import said
from dialer.domain.types import CampaignId, PhoneNumber
from dialer.ports.stores import Stores

LONGEST_REASON = 200


async def bar(
    entry: str, campaign: CampaignId | None, reason: str, who: Caller, stores: Stores, *, now: datetime
) -> None:
    """A number or a prefix, as it is kept; counts at once, for every way of dialing."""
    demand(who, Permission.CHANGE_DNC)
    if campaign is not None:
        await stores.campaigns.get(campaign)
    await stores.numbers.block(entry, campaign=campaign, reason=reason[:LONGEST_REASON], now=now)


async def bar_all(
    numbers: Iterable[str],
    campaign: CampaignId | None,
    reason: str,
    who: Caller,
    stores: Stores,
    *,
    now: datetime,
) -> int:
    """A whole file of them; gives how many were not barred before. Those that were keep their reason."""
    demand(who, Permission.CHANGE_DNC)
    if campaign is not None:
        await stores.campaigns.get(campaign)
    return await stores.numbers.block_all(numbers, campaign=campaign, reason=reason[:LONGEST_REASON], now=now)


async def barring(number: PhoneNumber, who: Caller, stores: Stores) -> Sequence[Mapping[str, Any]]:
    """The entries that bar a number, in every campaign: itself first, then the longest prefix."""
    demand(who, Permission.SEE_DNC)
    return await stores.numbers.barring(number)


async def free(entry: str, campaign: CampaignId | None, who: Caller, stores: Stores) -> None:
    """It may be dialled again; Missing when it was not on the list."""
    demand(who, Permission.CHANGE_DNC)
    if await stores.numbers.unblock(entry, campaign=campaign):
        return
    if campaign is None:
        raise Missing(said("{kept} is not on the do-not-call list", kept=entry))
    name = (await stores.campaigns.get(campaign)).name
    raise Missing(said("{kept} is not on the do-not-call list of {campaign!r}", kept=entry, campaign=name))


async def page(
    campaign: CampaignId | None,
    who: Caller,
    stores: Stores,
    *,
    after: tuple[str, int] = ("", 0),
    limit: int | None = None,
) -> Sequence[Mapping[str, Any]]:
    """Entries in the order of their digits, those behind `after`; all of them without a limit."""
    demand(who, Permission.SEE_DNC)
    return await stores.numbers.blocked(campaign, after=after, limit=limit)
