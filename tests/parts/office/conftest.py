"""An office on a real database, with callers of every role and a cell that answers or is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from dialer.adapters.sql.open import open_stores
from dialer.domain.access import Caller, Role, caller
from dialer.domain.campaign import Campaign
from dialer.domain.errors import LinkDown
from dialer.domain.operators import Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, OperatorId, TrunkId
from dialer.ports.between import Command
from dialer.ports.stores import Stores

BOSS, ADMIN, WALL = (caller(role, role) for role in (Role.SUPERVISOR, Role.ADMIN, Role.VIEWER))
ANNA = caller("anna", Role.OPERATOR, OperatorId("101"))
NOBODY = Caller("nobody", frozenset())


@dataclass
class Cell:
    """What the running cell was told, in its order."""

    told: list[str] = field(default_factory=list)
    is_away: bool = False
    answer: Mapping[str, Any] = field(default_factory=dict)

    async def do(self, command: Command) -> Mapping[str, Any]:
        if self.is_away:
            raise LinkDown
        self.told.append(f"{command.verb} {command.target}")
        return self.answer


@pytest.fixture
async def stores(sqlite_url: str) -> AsyncIterator[Stores]:
    async with open_stores(sqlite_url) as opened:
        await opened.trunks.add(Trunk(TrunkId("main"), "192.0.2.1", caller_ids=("+74950000000",)))
        await opened.accounts.add(Account(OperatorId("101"), "Anna"))
        operators = frozenset({OperatorId("101")})
        await opened.campaigns.add(
            Campaign(CampaignId(0), "spring", operators=operators, trunks=(TrunkId("main"),))
        )
        yield opened


@pytest.fixture
def cell() -> Cell:
    return Cell()
