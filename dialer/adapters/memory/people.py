"""Campaigns, operators' accounts, trunks and tokens in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dialer.adapters.fitting import fitted
from dialer.domain.campaign import Campaign
from dialer.domain.editions import FIRST, follows
from dialer.domain.errors import Conflict, Missing
from dialer.domain.guesses import Guesses
from dialer.domain.operators import Account
from dialer.domain.pauses import PauseReasons
from dialer.domain.said import said
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, CampaignStatus, OperatorId, TrunkId
from dialer.ports.stores import Token


@fitted
class MemoryCampaigns:
    def __init__(self) -> None:
        self.unread: dict[str, str] = {}  # of a damaged row, where a test wants one
        self._rows: dict[CampaignId, Campaign] = {}
        self._last = 0

    async def add(self, campaign: Campaign) -> Campaign:
        self._refuse_twin(campaign)
        self._last += 1
        added = replace(campaign, id=CampaignId(self._last), edition=FIRST)
        self._rows[added.id] = added
        return added

    async def save(self, campaign: Campaign) -> Campaign:
        known = await self.get(campaign.id)
        new = replace(campaign, status=known.status)
        edition = follows(known, new)
        self._refuse_twin(campaign)
        saved = self._rows[campaign.id] = replace(new, edition=edition)
        return saved

    async def set_status(self, campaign: CampaignId, status: CampaignStatus) -> None:
        self._rows[campaign] = replace(await self.get(campaign), status=status)

    async def get(self, campaign: CampaignId) -> Campaign:
        if campaign not in self._rows:
            raise Missing(said("there is no campaign {campaign}", campaign=campaign))
        return self._rows[campaign]

    async def by_name(self, name: str) -> Campaign | None:
        return next((row for row in self._rows.values() if row.name == name), None)

    async def all(self) -> Sequence[Campaign]:
        return list(self._rows.values())

    def _refuse_twin(self, campaign: Campaign) -> None:
        if any(row.name == campaign.name and row.id != campaign.id for row in self._rows.values()):
            raise Conflict(said("there is a campaign named {name!r} already", name=campaign.name))


@fitted
class MemoryAccounts:
    def __init__(self) -> None:
        self.unread: dict[str, str] = {}  # of a damaged row, where a test wants one
        self._rows: dict[OperatorId, Account] = {}

    async def add(self, account: Account) -> Account:
        if account.id in self._rows:
            raise Conflict(said("there is an operator {operator} already", operator=account.id))
        added = self._rows[account.id] = replace(account, edition=FIRST)
        return added

    async def save(self, account: Account) -> Account:
        edition = follows(await self.get(account.id), account)
        saved = self._rows[account.id] = replace(account, edition=edition)
        return saved

    async def get(self, operator: OperatorId) -> Account:
        if operator not in self._rows:
            raise Missing(said("there is no operator {operator}", operator=operator))
        return self._rows[operator]

    async def all(self) -> Sequence[Account]:
        return sorted(self._rows.values(), key=lambda row: row.id)


@fitted
class MemoryPauses:
    def __init__(self) -> None:
        self._known = PauseReasons(edition=FIRST)

    async def get(self) -> PauseReasons:
        return self._known

    async def save(self, reasons: PauseReasons) -> PauseReasons:
        self._known = replace(reasons, edition=follows(self._known, reasons))
        return self._known


@fitted
class MemoryTrunks:
    def __init__(self) -> None:
        self.unread: dict[str, str] = {}  # of a damaged row, where a test wants one
        self._rows: dict[TrunkId, Trunk] = {}

    async def add(self, trunk: Trunk) -> Trunk:
        if trunk.id in self._rows:
            raise Conflict(said("there is a trunk {trunk} already", trunk=trunk.id))
        added = self._rows[trunk.id] = replace(trunk, edition=FIRST)
        return added

    async def save(self, trunk: Trunk) -> Trunk:
        edition = follows(await self.get(trunk.id), trunk)
        saved = self._rows[trunk.id] = replace(trunk, edition=edition)
        return saved

    async def remove(self, trunk: TrunkId) -> None:
        await self.get(trunk)
        del self._rows[trunk]

    async def get(self, trunk: TrunkId) -> Trunk:
        if trunk not in self._rows:
            raise Missing(said("there is no trunk {trunk}", trunk=trunk))
        return self._rows[trunk]

    async def all(self) -> Sequence[Trunk]:
        return sorted(self._rows.values(), key=lambda row: row.id)


@fitted
class MemoryTokens:
    def __init__(self) -> None:
        self._rows: dict[int, Token] = {}

    async def add(
        self, name: str, role: str, *, sha256: str, now: datetime, expires_at: datetime | None = None
    ) -> Token:
        for row in list(self._rows.values()):
            if row.name == name and not row.revoked_at and row.expires_at and row.expires_at <= now:
                self._rows[row.id] = replace(row, revoked_at=now)
        if any(row.name == name and row.revoked_at is None for row in self._rows.values()):
            raise Conflict(said("there is a token named {name!r} already: revoke it first", name=name))
        if any(row.sha256 == sha256 for row in self._rows.values()):
            raise Conflict(said("this token's text is in use already: make another"))
        token = Token(len(self._rows) + 1, name, role, sha256, now, expires_at=expires_at)
        self._rows[token.id] = token
        return token

    async def find(self, sha256: str) -> Token | None:
        return next((row for row in self._rows.values() if row.sha256 == sha256 and not row.revoked_at), None)

    async def used(self, token: int, now: datetime) -> None:
        if token in self._rows:
            self._rows[token] = replace(self._rows[token], last_used_at=now)

    async def all(self) -> Sequence[Token]:
        return list(self._rows.values())

    async def revoke(self, name: str, now: datetime) -> None:
        for row in self._rows.values():
            if row.name == name and row.revoked_at is None:
                self._rows[row.id] = replace(row, revoked_at=now)
                return
        raise Missing(said("there is no token named {name!r}", name=name))


@fitted
class MemoryPinGuesses:
    def __init__(self) -> None:
        self._rows: dict[str, Guesses] = {}

    async def of(self, key: str) -> Guesses:
        return self._rows.get(key, Guesses())

    async def keep(self, key: str, guesses: Guesses) -> None:
        self._rows[key] = guesses

    async def drop(self, key: str) -> bool:
        return self._rows.pop(key, None) is not None
