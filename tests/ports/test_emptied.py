"""The databases of these tests: what one test leaves in its own, no other finds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dialer.adapters.sql.open import open_stores
from dialer.domain.campaign import Campaign
from dialer.domain.types import CampaignId
from tests.ports.made import entries
from tests.servers import Databases, Server, found_by, psql


def url_of(server: Server, name: str) -> str:
    return f"postgresql://dialer@127.0.0.1:{server.port}/{name}"


async def test_a_database_that_was_used_comes_back_without_a_row_and_counts_from_one(
    postgres_server: Server, postgres_databases: Databases
) -> None:
    name = postgres_databases.take()
    for _ in range(2):
        async with open_stores(url_of(postgres_server, name)) as stores:
            assert await stores.campaigns.all() == []
            its = await stores.campaigns.add(Campaign(CampaignId(0), "spring"))
            assert its.id == 1
            await stores.leads.import_list(its.id, "list.csv", entries(20), now=datetime.now(UTC))
            postgres_databases.give_back(name)  # its connections are still open
        assert postgres_databases.take() == name


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE leads ADD COLUMN odd integer",
        "ALTER TABLE leads DROP COLUMN priority",
        "CREATE TABLE odd (n integer)",
        "DROP TABLE tokens",
        "CREATE SCHEMA odd",
        "ALTER DATABASE {name} SET timezone = 'Asia/Kolkata'",
    ],
)
def test_a_database_that_is_another_one_now_is_given_to_nobody(
    postgres_server: Server, postgres_databases: Databases, change: str
) -> None:
    name = postgres_databases.take()
    assert psql(postgres_server, change.format(name=name), name)
    postgres_databases.give_back(name)
    assert postgres_databases.take() != name
    assert not found_by(postgres_server, f"SELECT 1 FROM pg_database WHERE datname = '{name}'")
