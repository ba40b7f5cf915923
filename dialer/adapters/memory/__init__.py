"""Every store in dictionaries: for tests and simulation, with the same semantics as the real ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from dialer.adapters.memory.cells import MemoryCells
from dialer.adapters.memory.learned import MemoryLearned
from dialer.adapters.memory.ledger import MemoryLedger
from dialer.adapters.memory.lists import MemoryLeads
from dialer.adapters.memory.numbers import MemoryNumbers
from dialer.adapters.memory.people import (
    MemoryAccounts,
    MemoryCampaigns,
    MemoryPauses,
    MemoryPinGuesses,
    MemoryTokens,
    MemoryTrunks,
)
from dialer.adapters.memory.requests import MemoryRequests
from dialer.ports.stores import Stores


def memory_stores(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Stores:
    """One database that lives as long as this value."""
    campaigns = MemoryCampaigns()
    cells = MemoryCells(clock)
    leads = MemoryLeads(campaigns, cells)
    ledger = MemoryLedger(leads)
    return Stores(
        leads=leads,
        leases=leads,
        choices=leads,
        intake=leads,
        campaigns=campaigns,
        accounts=MemoryAccounts(),
        pauses=MemoryPauses(),
        trunks=MemoryTrunks(),
        numbers=MemoryNumbers(ledger, leads, clock),
        ledger=ledger,
        records=ledger,
        learned=MemoryLearned(),
        tokens=MemoryTokens(),
        pins=MemoryPinGuesses(),
        cells=cells,
        requests=MemoryRequests(),
    )
