"""The service's side of a link to a lab's PBX, without the engine: what the link tells is written down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from dialer.adapters.ari.bulk import Bulk
from dialer.adapters.ari.connection import RawEvent
from dialer.adapters.ari.link import HEARTBEAT_S
from dialer.adapters.ari.listener import Credentials, Listener
from dialer.adapters.ari.switch import AriSwitch
from dialer.domain.trunk import Trunk
from dialer.domain.types import CellId
from dialer.keeper.store import DescriptorStore
from dialer.lab import site
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab
from dialer.worlds import fixed
from tests.pbx import ua
from tests.pbx.ua import Ua
from tests.ports.board import PHONE, PHONE_PASSWORD, TRUNK, Board, Diary

PLAN = Plan(
    7,
    (
        Rule("*", {Does.ANSWER: 1.0}, fixed(0.1), fixed(60.0)),
        Rule("790002*", {Does.BUSY: 1.0}),
        Rule("790003*", {Does.NO_ANSWER: 1.0}),
        Rule("790004*", {Does.GONE_AT_ONCE: 1.0}, fixed(0.1)),
    ),
)


@dataclass
class RawDiary(Diary):
    """Keeps beside the meaning what Asterisk sent, word for word."""

    raw: list[RawEvent] = field(default_factory=list)


class Recorder(AriSwitch):
    """A switch that keeps Asterisk's own words beside their meaning."""

    diary: RawDiary

    def took(self, event: RawEvent) -> None:
        self.diary.raw.append(event)
        super().took(event)


class Outside:
    """See tests.ports.board.FarEnd: the lab's carrier, and a phone that may stand on either of two desks."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._ends = AsyncExitStack()
        self._phones: dict[int, Ua] = {}
        self._calling: set[asyncio.Task[bool]] = set()

    async def call_in(self, number: str, to: str, *, waits_s: int) -> None:
        calling = asyncio.create_task(self._lab.world.call_in(number, to, timeout_s=waits_s))
        self._calling.add(calling)
        calling.add_done_callback(self._calling.discard)

    async def register(self, desk: int) -> str:
        phone = await self._at(desk)
        assert await phone.register() == 200
        return f"{phone.host}:{phone.port}"

    async def unregister(self, desk: int) -> None:
        assert await (await self._at(desk)).register(expires_s=0) == 200

    async def _at(self, desk: int) -> Ua:
        if desk not in self._phones:
            where, host = (self._lab.sip.host, self._lab.sip.port), (site.PHONES, site.SIPP)[desk]
            self._phones[desk] = await self._ends.enter_async_context(
                ua.listening(host, where, user=PHONE, password=PHONE_PASSWORD)
            )
        return self._phones[desk]

    async def close(self) -> None:
        await self._ends.aclose()
        for calling in [*self._calling]:
            calling.cancel()
        await asyncio.gather(*self._calling, return_exceptions=True)


@dataclass
class Linked(Board):
    """A real Asterisk's."""

    switch: Recorder
    diary: RawDiary
    listener: Listener


class Looks:
    """When to ask another process again: often at first, then every 25th of what has passed.

    To ask 50 times a second takes a core from the calls that are waited for.
    """

    def __init__(self, often_s: float = 0.02, seldom_s: float = 0.15) -> None:
        self._often_s, self._seldom_s = often_s, seldom_s
        self._began_s = time.monotonic()

    async def again(self) -> None:
        """Returns when it is time for the next look."""
        await asyncio.sleep(min(self._seldom_s, max(self._often_s, (time.monotonic() - self._began_s) / 25)))


async def polled(holds: Callable[[], Awaitable[bool]], what: str, timeout_s: float = 10.0) -> None:
    """Returns when the condition holds; fails the test, naming it, when it does not in time."""
    looks = Looks()
    try:
        async with asyncio.timeout(timeout_s):
            while not await holds():
                await looks.again()
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s:g} s: {what}") from None


async def idle(lab: Lab) -> bool:
    """The PBX has no channel left."""
    return (await lab.pbx.cli("core show channels count")).startswith("0 active channels")


def trunk_of(lab: Lab) -> Trunk:
    """The way to the lab's carrier, by address."""
    return Trunk(TRUNK, lab.trunk.host, lab.trunk.port)


@asynccontextmanager
async def linked(
    lab: Lab,
    *,
    password: str = "",
    trunk: bool = True,
    heartbeat_s: float = HEARTBEAT_S,
    store: DescriptorStore | None = None,
) -> AsyncIterator[Linked]:
    """A listener for the lab's PBX; waits for nothing."""
    place = lab.environment()
    secret = lab.values["ARI_PASSWORD"]
    user, cell, diary = place["DIALER_ARI_USER"], CellId(place["DIALER_CELL"]), RawDiary()
    async with Bulk(place["DIALER_ARI_HTTP_URL"], user, secret) as bulk:
        switch = Recorder(cell, place["DIALER_ARI_APP"], diary, diary, bulk)
        switch.diary = diary
        if trunk:
            switch.want_trunk(trunk_of(lab), "")
        bind, port = place["DIALER_ARI_BIND"], int(place["DIALER_ARI_PORT"])
        listener = Listener(bind, port, store=store, heartbeat_s=heartbeat_s)
        listener.add(switch.link, Credentials(user, password or secret))
        await listener.start()
        far = Outside(lab)
        try:
            yield Linked(switch, diary, listener, far=far)
        finally:
            await far.close()
            await listener.stop()
            await switch.wish_again()


@asynccontextmanager
async def ready(lab: Lab, store: DescriptorStore | None = None) -> AsyncIterator[Linked]:
    """A link that is ready."""
    async with linked(lab, store=store) as link:
        await link.diary.until(lambda: bool(link.diary.boots), "the link is ready")
        yield link
