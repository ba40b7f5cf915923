"""Operators' accounts in SQL."""

from __future__ import annotations

from collections.abc import Sequence

from dialer.adapters.sql.database import Database
from dialer.adapters.sql.rows import Bodies
from dialer.adapters.sql.tables import accounts
from dialer.domain.operators import Account
from dialer.domain.types import OperatorId


class SqlAccounts:
    def __init__(self, database: Database) -> None:
        self._bodies = Bodies(database, accounts, Account, "an operator")

    async def add(self, account: Account) -> None:
        await self._bodies.add(account.id, account)

    async def save(self, account: Account) -> None:
        await self._bodies.save(account.id, account)

    async def get(self, operator: OperatorId) -> Account:
        return await self._bodies.get(operator)

    async def all(self) -> Sequence[Account]:
        return await self._bodies.all()
