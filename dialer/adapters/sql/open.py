"""Open a database: its revision is checked, its stores are given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from dialer.adapters.sql.accounts import SqlAccounts
from dialer.adapters.sql.campaigns import SqlCampaigns
from dialer.adapters.sql.cells import SqlCells
from dialer.adapters.sql.choices import SqlChoices
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.intake import SqlIntake
from dialer.adapters.sql.leads import SqlLeads
from dialer.adapters.sql.learned import SqlLearned
from dialer.adapters.sql.ledger import SqlLedger
from dialer.adapters.sql.numbers import SqlNumbers
from dialer.adapters.sql.pauses import SqlPauses
from dialer.adapters.sql.pins import SqlPinGuesses
from dialer.adapters.sql.requests import SqlRequests
from dialer.adapters.sql.revision import HEAD, current
from dialer.adapters.sql.tokens import SqlTokens
from dialer.adapters.sql.trunks import SqlTrunks
from dialer.domain.errors import Fatal
from dialer.domain.said import said
from dialer.ports.stores import Stores


@asynccontextmanager
async def open_stores(
    url: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncIterator[Stores]:
    """Every store of the database; Fatal when its tables are too old, StoreDown when it is away."""
    database = Database(url)
    try:
        await _check_revision(database)
        leads, ledger = SqlLeads(database), SqlLedger(database, clock)
        yield Stores(
            leads=leads,
            leases=leads,
            choices=SqlChoices(database),
            intake=SqlIntake(database),
            campaigns=SqlCampaigns(database),
            accounts=SqlAccounts(database),
            pauses=SqlPauses(database),
            trunks=SqlTrunks(database),
            numbers=SqlNumbers(database, clock),
            ledger=ledger,
            records=ledger,
            learned=SqlLearned(database),
            tokens=SqlTokens(database),
            pins=SqlPinGuesses(database),
            cells=SqlCells(database),
            requests=SqlRequests(database),
        )
    finally:
        await database.close()


async def _check_revision(database: Database) -> None:
    """A later revision is fine: it was made to run side by side with this version."""
    found = await current(database)
    if not found:
        raise Fatal(said("the database {name} has no tables yet: run `dialer migrate`", name=database.name))
    if found < HEAD:
        raise Fatal(
            said(
                "the database {name} is at {found}, needed is {head}: run `dialer migrate`",
                name=database.name,
                found=found,
                head=HEAD,
            )
        )
