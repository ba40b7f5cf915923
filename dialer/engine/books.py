"""Campaigns, operators and trunks as the database has them; Asterisk is told what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence, Set

import structlog

from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadValue, NetworkTrouble, StoreDown
from dialer.domain.operators import Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, PhoneKind
from dialer.engine.floor import Floor
from dialer.engine.pacer import Pacer
from dialer.engine.trunks import Trunks
from dialer.ports import Stores, Switch

log = structlog.get_logger()

EVERY_S = 0.5
LOOK_S = 2.0  # how often the files of passwords are looked at
Thing = Account | Trunk


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
        stamp_of: Callable[[str], object],
    ) -> None:
        self._stores = stores
        self._switch = switch
        self._pacer = pacer
        self._floor = floor
        self._trunks = trunks
        self._secret_of = secret_of
        self._stamp_of = stamp_of
        self._loaded: tuple[Sequence[Account], Sequence[Trunk]] = ((), ())
        self._files: Set[str] = frozenset()  # their secret files
        self._stamps: dict[str, object] = {}
        self._look_at = 0.0
        self._wanted: dict[str, tuple[Thing, object]] = {}  # and the stamp of its secret file
        self._pushed: dict[str, tuple[Thing, object]] = {}
        self.faults: dict[str, str] = {}  # endpoint -> why Asterisk does not have it

    async def load(self) -> None:
        """As the database has it now; raises StoreDown."""
        campaigns = {campaign.id: campaign for campaign in await self._stores.campaigns.all()}
        if campaigns != self._pacer.campaigns:
            self._pacer.campaigns = campaigns
            self._pacer.wake()
        accounts, trunks = await self._stores.accounts.all(), await self._stores.trunks.all()
        if (accounts, trunks) == self._loaded:  # identity settles it, nearly always
            return
        self._floor.load(accounts)
        self._trunks.load(trunks)
        self._loaded = accounts, trunks
        self._want()

    def campaign(self, campaign: CampaignId) -> Campaign | None:
        return self._pacer.campaigns.get(campaign)

    def forget_pushed(self) -> None:
        """Another Asterisk, or one whose memory we do not trust: tell it everything again."""
        self._pushed.clear()

    async def push(self) -> None:
        """Tell Asterisk of trunks and phones that are new or changed, and take away what is no more."""
        await self._look()
        wanted = self._wanted
        if wanted == self._pushed:
            return
        for name, each in wanted.items():
            if self._pushed.get(name) != each:
                await self._push(name, each)
        for name in set(self._pushed) - set(wanted):
            await self._switch.drop_endpoint(name)
            del self._pushed[name]

    def _want(self) -> None:
        """All that Asterisk should have, by the name of its endpoint."""
        things: dict[str, Thing] = {str(trunk.id): trunk for trunk in self._trunks.all()}
        phones = (a for a in self._floor.accounts.values() if a.phone is PhoneKind.SIP)
        things.update({str(account.id): account for account in phones})
        self._files = {file for thing in things.values() if (file := _secret_file(thing))}
        self._wanted = {
            name: (thing, self._stamps.get(_secret_file(thing))) for name, thing in things.items()
        }

    async def _look(self) -> None:
        """Whether a secret file was written anew under its old path; in a thread, its disk may be far."""
        now, files = asyncio.get_running_loop().time(), self._files
        if not files or (files <= self._stamps.keys() and now < self._look_at):
            return
        self._look_at = now + LOOK_S
        stamps = await asyncio.to_thread(lambda: {file: self._stamp_of(file) for file in files})
        if stamps != self._stamps:
            self._stamps = stamps
            self._want()

    async def _push(self, name: str, wanted: tuple[Thing, object]) -> None:
        before, self._pushed[name], thing = self._pushed.get(name), wanted, wanted[0]
        try:  # one that is refused is not tried again until it, or its secret file, is changed
            if isinstance(thing, Trunk):
                await self._switch.push_trunk(thing, self._secret_of(_secret_file(thing)))
            else:
                await self._switch.push_phone(thing, self._secret_of(_secret_file(thing)))
            self.faults.pop(name, None)
            if before is not None and before[0] == thing:
                log.info("a password file was written anew, Asterisk has its content", endpoint=name)
        except BadValue as flaw:
            self.faults[name] = str(flaw)
            log.error(
                "Asterisk cannot be told of this, it keeps what it has", endpoint=name, reason=str(flaw)
            )
        except NetworkTrouble:
            del self._pushed[name]
            raise

    async def push_again(self, name: str) -> None:
        """Asked for by hand; raises what is wrong."""
        self._pushed.pop(name, None)
        self._look_at = 0.0
        await self._look()
        if name in self._wanted:
            await self._push(name, self._wanted[name])
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


def _secret_file(thing: Thing) -> str:
    return thing.password_file if isinstance(thing, Trunk) else thing.sip_password_file
