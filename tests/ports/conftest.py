"""The same stores on memory, SQLite and PostgreSQL; the same live state on memory and Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from dialer.adapters.memory import memory_stores
from dialer.adapters.sql.open import open_stores
from dialer.domain.campaign import Campaign
from dialer.domain.types import CampaignId
from dialer.ports.stores import Stores


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Empty for memory."""
    return "" if request.param == "memory" else str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def stores(store_url: str) -> AsyncIterator[Stores]:
    if not store_url:
        yield memory_stores()
        return
    async with open_stores(store_url) as opened:
        yield opened


@pytest.fixture
async def campaign(stores: Stores) -> CampaignId:
    return (await stores.campaigns.add(Campaign(CampaignId(0), "spring"))).id
