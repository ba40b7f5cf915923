"""The same stores on memory, SQLite, PostgreSQL and a service's; the same live state on memory and Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dialer.adapters.local.shared import SOCKET, reach_stores, serve_stores
from dialer.adapters.memory import memory_stores
from dialer.adapters.sql.open import open_stores
from dialer.domain.campaign import Campaign
from dialer.domain.types import CampaignId
from dialer.ports.stores import Stores


class SharedUrl(str):
    """SQLite as a verb reaches it through the service."""

    __slots__ = ()


@pytest.fixture(params=["memory", "sqlite", "postgres", "shared"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Empty for memory."""
    if request.param == "shared":
        return SharedUrl(request.getfixturevalue("sqlite_url"))
    return "" if request.param == "memory" else str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def stores(store_url: str, tmp_path: Path) -> AsyncIterator[Stores]:
    if not store_url:
        yield memory_stores()
        return
    async with open_stores(str(store_url)) as opened:
        if not isinstance(store_url, SharedUrl):
            yield opened
            return
        place = tmp_path / SOCKET
        async with serve_stores(place, opened, "mark"), reach_stores(place, "mark") as shared:
            assert shared is not None
            yield shared


@pytest.fixture
async def campaign(stores: Stores) -> CampaignId:
    return (await stores.campaigns.add(Campaign(CampaignId(0), "spring"))).id
