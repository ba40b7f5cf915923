"""Campaigns, operators and trunks as the database has them; Asterisk is told what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadValue, NetworkTrouble, StoreDown
from dialer.domain.operators import Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, OperatorId, PhoneKind, TrunkId
from dialer.engine.floor import Floor
from dialer.engine.pacer import Pacer
from dialer.engine.trunks import Trunks
from dialer.ports import Stores, Switch

log = structlog.get_logger()

EVERY_S = 0.5


class Books:
    """Whoever changes a setting writes it to the database; this carries it to where it works."""

    def __init__(
        self,
        stores: Stores,
        switch: Switch,
        pacer: Pacer,
        floor: Floor,
        trunks: Trunks,
        *,
        secret_of: Callable[[str], str],
    ) -> None:
        self._stores = stores
        self._switch = switch
        self._pacer = pacer
        self._floor = floor
        self._trunks = trunks
        self._secret_of = secret_of
        self._pushed: dict[str, Account | Trunk] = {}
        self.faults: dict[str, str] = {}  # endpoint -> why Asterisk does not have it

    async def load(self) -> None:
        """As the database has it now; raises StoreDown."""
        campaigns = {campaign.id: campaign for campaign in await self._stores.campaigns.all()}
        if campaigns != self._pacer.campaigns:
            self._pacer.campaigns = campaigns
            self._pacer.wake()
        accounts = await self._stores.accounts.all()
        if {account.id: account for account in accounts if account.enabled} != self._floor.accounts:
            self._floor.load(accounts)
        self._trunks.load(await self._stores.trunks.all())

    def campaign(self, campaign: CampaignId) -> Campaign | None:
        return self._pacer.campaigns.get(campaign)

    def forget_pushed(self) -> None:
        """Another Asterisk, or one whose memory we do not trust: tell it everything again."""
        self._pushed.clear()

    async def push(self) -> None:
        """Tell Asterisk of trunks and phones that are new or changed, and take away what is no more."""
        wanted: dict[str, Account | Trunk] = {str(trunk.id): trunk for trunk in self._trunks.all()}
        phones = (a for a in self._floor.accounts.values() if a.phone is PhoneKind.SIP)
        wanted.update({str(account.id): account for account in phones})
        if wanted == self._pushed:  # identity settles it, nearly always
            return
        for name, thing in wanted.items():
            if self._pushed.get(name) != thing:
                await self._push(name, thing)
        for name in set(self._pushed) - set(wanted):
            await self._switch.drop_endpoint(name)
            del self._pushed[name]

    async def _push(self, name: str, thing: Account | Trunk) -> None:
        self._pushed[name] = thing  # one that is refused is not tried again until it is changed
        try:
            if isinstance(thing, Trunk):
                await self._switch.push_trunk(thing, self._secret_of(thing.password_file))
            else:
                await self._switch.push_phone(thing, self._secret_of(thing.sip_password_file))
            self.faults.pop(name, None)
        except BadValue as flaw:
            self.faults[name] = str(flaw)
            log.error("Asterisk cannot be told of this", endpoint=name, reason=str(flaw))
        except NetworkTrouble:
            del self._pushed[name]
            raise

    async def push_again(self, kind: str, name: str) -> None:
        """Asked for by hand; raises what is wrong."""
        self._pushed.pop(name, None)
        thing = (
            self._trunks.get(TrunkId(name)) if kind == "trunk" else self._floor.accounts.get(OperatorId(name))
        )
        if thing is not None:
            await self._push(name, thing)
        if name in self.faults:
            raise BadValue(self.faults[name])

    async def run(self, linked: asyncio.Event) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.load()
                if linked.is_set():
                    await self.push()
            except (StoreDown, NetworkTrouble) as trouble:
                log.warning("settings could not be looked at", reason=str(trouble))
            await asyncio.sleep(EVERY_S)
