"""Campaigns, operators and trunks as the database has them; Asterisk is told what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set

import structlog

from dialer.domain.errors import BadValue, LinkDown, Unworkable, is_expected
from dialer.domain.operators import Account
from dialer.domain.said import said
from dialer.domain.trunk import Trunk
from dialer.domain.types import PhoneKind, TrunkId
from dialer.engine.aside import Aside
from dialer.engine.floor import Floor
from dialer.engine.guard import Guard
from dialer.engine.pacer import Pacer
from dialer.engine.trunks import Trunks
from dialer.ports.asterisk import Provisioning
from dialer.ports.stores import Stores

log = structlog.get_logger()

EVERY_S = 0.5
LOOK_S = 2.0  # how often the files of passwords are looked at
Thing = Account | Trunk
Wanted = tuple[Thing, object]  # and the stamp of its secret file
Resolve = Callable[[str], Awaitable[str]]  # a host name -> why it cannot be looked up; empty: it can


class Books:
    """Whoever changes a setting writes it to the database; this carries it to where it works.

    A trunk or a phone that Asterisk cannot have is set aside with its reason and tried again by itself;
    nothing of it holds up the others.
    """

    def __init__(
        self,
        stores: Stores,
        switch: Provisioning,
        pacer: Pacer,
        floor: Floor,
        trunks: Trunks,
        *,
        guard: Guard,
        secrets: tuple[Callable[[str], str], Callable[[str], object]],
        resolve: Resolve,
    ) -> None:
        self._stores = stores
        self._switch = switch
        self._pacer = pacer
        self._floor = floor
        self._trunks = trunks
        self._guard = guard
        self._secret_of, self._stamp_of = secrets
        self._resolve = resolve
        self._loaded: tuple[Sequence[Account], Sequence[Trunk]] = ((), ())
        self._files: Set[str] = frozenset()  # their secret files
        self._stamps: dict[str, object] = {}
        self._look_at = 0.0
        self._wanted: dict[str, Wanted] = {}
        self._pushed: dict[str, Wanted] = {}  # what Asterisk has
        self._tried: dict[str, Wanted] = {}  # what was set aside, as it was then
        self._aside = Aside(lambda: asyncio.get_running_loop().time())
        self._pushing = asyncio.Lock()

    # --- what works, and what does not

    @property
    def faults(self) -> Mapping[str, str]:
        """By endpoint, or kind and id: why Asterisk, or the engine, does not have it."""
        return {**self._aside.reasons(), **self._unread()}

    def _unread(self) -> dict[str, str]:
        stores = self._stores
        return {**stores.campaigns.unread, **stores.accounts.unread, **stores.trunks.unread}

    async def load(self) -> None:
        """As the database has it now; raises StoreDown. A row that cannot be read keeps out only itself."""
        found = await self._stores.campaigns.all()
        campaigns = {campaign.id: campaign for campaign in found}
        if campaigns != self._pacer.campaigns:
            self._pacer.campaigns = campaigns
            self._pacer.urge()
        self._floor.pauses = (await self._stores.pauses.get()).reasons
        accounts, trunks = await self._stores.accounts.all(), await self._stores.trunks.all()
        if (accounts, trunks) == self._loaded:  # identity settles it, nearly always
            return
        self._floor.load(accounts)
        self._trunks.load(trunks)
        self._loaded = accounts, trunks
        self._want()

    def forget_pushed(self) -> None:
        """Another Asterisk, or one whose memory we do not trust: tell it everything again."""
        self._pushed.clear()
        self._tried.clear()

    # --- telling Asterisk

    async def push(self) -> None:
        """Tell Asterisk of trunks and phones that are new or changed, and take away what is no more.

        Raises LinkDown; whatever else goes wrong concerns one of them.
        """
        async with self._pushing:
            await self._look()
            self._aside.keep(self._wanted)
            if self._wanted == self._pushed:
                return
            for name, each in list(self._wanted.items()):
                if self._is_due(name, each):
                    await self._push(name, each)
            for name in set(self._pushed) - set(self._wanted):
                await self._drop(name)

    def _is_due(self, name: str, wanted: Wanted) -> bool:
        if self._pushed.get(name) == wanted:
            return False
        return self._tried.get(name) != wanted or self._aside.is_due(name)

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

    async def _push(self, name: str, wanted: Wanted) -> None:
        thing, before = wanted[0], self._pushed.get(name)
        try:
            await self._hand_over(thing)
        except LinkDown:
            raise
        except Exception as fault:  # the boundary: this one is set aside, the others follow
            self._set_aside(name, wanted, fault)
            return
        self._pushed[name] = wanted
        self._tried.pop(name, None)
        self._trunks.bars.pop(TrunkId(name), None)
        if self._aside.take(name):
            log.info("Asterisk has it now", endpoint=name)
        elif before is not None and before[0] == thing:
            log.info("a password file was written anew, Asterisk has its content", endpoint=name)

    async def _hand_over(self, thing: Thing) -> None:
        secret = self._secret_of(_secret_file(thing))
        if not isinstance(thing, Trunk):
            await self._switch.push_phone(thing, secret)
            return
        # Asterisk looks names up while it serves nothing else: one that it would wait for is not shown to it
        if why := await self._resolve(thing.host):
            raise BadValue(said("the host {host} cannot be looked up: {why}", host=thing.host, why=why))
        await self._switch.push_trunk(thing, secret)

    def _set_aside(self, name: str, wanted: Wanted, fault: Exception) -> None:
        self._tried[name] = wanted
        reason = fault.sentence if isinstance(fault, BadValue) else str(fault) or type(fault).__name__
        if isinstance(fault, Unworkable):
            self._trunks.bars[TrunkId(name)] = reason
        if not is_expected(fault):
            self._guard.caught("telling Asterisk of a trunk or a phone", fault)
        if self._aside.put(name, reason):
            log.error("set aside, tried again later: Asterisk cannot have it", endpoint=name, reason=reason)

    async def _drop(self, name: str) -> None:
        try:
            await self._switch.drop_endpoint(name)
        except LinkDown:
            raise
        except Exception as fault:  # the boundary: Asterisk keeps one endpoint too many, nobody calls by it
            self._guard.caught("taking a trunk or a phone from Asterisk", fault)
        self._pushed.pop(name, None)

    async def push_again(self, name: str) -> None:
        """Asked for by hand; raises what is wrong."""
        async with self._pushing:
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
            await self._guard.turn("settings", self._turn(linked))
            await asyncio.sleep(EVERY_S)

    async def _turn(self, linked: asyncio.Event) -> None:
        await self.load()
        if linked.is_set():
            await self.push()


def _secret_file(thing: Thing) -> str:
    return thing.password_file if isinstance(thing, Trunk) else thing.sip_password_file
