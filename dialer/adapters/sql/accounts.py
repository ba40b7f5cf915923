"""Operators' accounts in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialer.adapters.fitting import fitted
from dialer.adapters.sql.database import Database
from dialer.adapters.sql.rows import Bodies
from dialer.adapters.sql.tables import accounts
from dialer.domain.operators import Account
from dialer.domain.said import Said, said
from dialer.domain.types import OperatorId


@fitted
class SqlAccounts:
    def __init__(self, database: Database) -> None:
        self._bodies = Bodies(database, accounts, Account, missing=_missing, twin=_twin)

    @property
    def unread(self) -> Mapping[str, str]:
        return self._bodies.unread

    async def add(self, account: Account) -> Account:
        return await self._bodies.add(account.id, account)

    async def save(self, account: Account) -> Account:
        return await self._bodies.save(account.id, account)

    async def get(self, operator: OperatorId) -> Account:
        return await self._bodies.get(operator)

    async def all(self) -> Sequence[Account]:
        return await self._bodies.all()


def _missing(key: str) -> Said:
    return said("there is no operator {operator}", operator=key)


def _twin(key: str) -> Said:
    return said("there is an operator {operator} already", operator=key)
