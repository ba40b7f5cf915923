"""The service's side of a link to a lab's PBX, without the engine: what the link tells is written down."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from dialer.adapters.ari.bulk import Bulk
from dialer.adapters.ari.connection import RawEvent
from dialer.adapters.ari.link import HEARTBEAT_S
from dialer.adapters.ari.listener import Credentials, Listener
from dialer.adapters.ari.switch import AriSwitch
from dialer.domain.call import Event
from dialer.domain.trunk import Trunk
from dialer.domain.types import CellId, ChannelId, TrunkId
from dialer.keeper.store import DescriptorStore
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab
from dialer.ports.asterisk import ChannelNews, Outgoing, PhoneNews
from dialer.worlds import fixed

CALLER = "74950000000"
TRUNK = TrunkId("main")
PLAN = Plan(
    7,
    (
        Rule("*", {Does.ANSWER: 1.0}, fixed(0.1), fixed(60.0)),
        Rule("790002*", {Does.BUSY: 1.0}),
        Rule("790003*", {Does.NO_ANSWER: 1.0}),
        Rule("790004*", {Does.GONE_AT_ONCE: 1.0}, fixed(0.1)),
    ),
)
ANSWERS, BUSY, RINGS, GONE_AT_ONCE = "790001", "790002", "790003", "790004"


@dataclass
class Diary:
    """Hears for the cell and watches for the metrics; `raw` is what Asterisk sent, word for word."""

    news: list[ChannelNews | PhoneNews] = field(default_factory=list)
    raw: list[RawEvent] = field(default_factory=list)
    boots: list[datetime] = field(default_factory=list)  # one per `ready`
    heard_before_ready: int = 0  # news that came before the last `ready`
    downs: int = 0
    lags: list[float] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, news: ChannelNews | PhoneNews) -> None:
        self.news.append(news)
        self.changed.set()

    def ready(self, booted_at: datetime) -> None:
        self.boots.append(booted_at)
        self.heard_before_ready = len(self.news)
        self.changed.set()

    def down(self) -> None:
        self.downs += 1
        self.changed.set()

    def request_failed(self, why: str) -> None: ...
    def saw_lag(self, lag_s: float) -> None:
        self.lags.append(lag_s)

    def saw_link(self, is_ready: bool) -> None:
        self.changed.set()

    def of(self, channel: ChannelId, kind: type[Event] = Event) -> list[Event]:
        """What was heard of one channel."""
        ours = (item for item in self.news if isinstance(item, ChannelNews) and item.channel == channel)
        return [item.event for item in ours if isinstance(item.event, kind)]

    async def until(self, holds: Callable[[], bool], what: str, timeout_s: float = 8.0) -> None:
        """Waits for something to be heard; fails the test, naming it, when it is not."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"not heard within {timeout_s:g} s: {what}") from None

    async def hears(self, channel: ChannelId, kind: type[Event], timeout_s: float = 8.0) -> Event:
        """The first event of this kind of a channel."""
        await self.until(lambda: bool(self.of(channel, kind)), f"{kind.__name__} of {channel}", timeout_s)
        return self.of(channel, kind)[0]


class Recorder(AriSwitch):
    """A switch that keeps Asterisk's own words beside their meaning."""

    diary: Diary

    def took(self, event: RawEvent) -> None:
        self.diary.raw.append(event)
        super().took(event)


@dataclass
class Linked:
    switch: Recorder
    listener: Listener
    diary: Diary
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    run: str = field(default_factory=lambda: secrets.token_hex(3))

    def channel(self) -> ChannelId:
        """A new id of ours."""
        return ChannelId(f"c-{self.run}-{next(self.ids)}")

    async def call(self, prefix: str = ANSWERS, *, channel: ChannelId | None = None) -> ChannelId:
        """Dials a number that does what its prefix says."""
        channel = channel or self.channel()
        number = prefix + channel.rpartition("-")[2].zfill(5)
        await self.switch.originate(
            Outgoing(
                channel,
                endpoint=f"PJSIP/{number}@{TRUNK}",
                context="obz-out",
                exten="answered",
                caller_id=CALLER,
                timeout_s=30,
                variables={"OBZ_MESSAGE": "beep"},
            )
        )
        return channel


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
    user, cell, diary = place["DIALER_ARI_USER"], CellId(place["DIALER_CELL"]), Diary()
    async with Bulk(place["DIALER_ARI_HTTP_URL"], user, secret) as bulk:
        switch = Recorder(cell, place["DIALER_ARI_APP"], diary, diary, bulk)
        switch.diary = diary
        if trunk:
            switch.want_trunk(trunk_of(lab), "")
        bind, port = place["DIALER_ARI_BIND"], int(place["DIALER_ARI_PORT"])
        listener = Listener(bind, port, store=store, heartbeat_s=heartbeat_s)
        listener.add(switch.link, Credentials(user, password or secret))
        await listener.start()
        try:
            yield Linked(switch, listener, diary)
        finally:
            await listener.stop()
            await switch.wish_again()


@asynccontextmanager
async def ready(lab: Lab, store: DescriptorStore | None = None) -> AsyncIterator[Linked]:
    """A link that is ready."""
    async with linked(lab, store=store) as link:
        await link.diary.until(lambda: bool(link.diary.boots), "the link is ready")
        yield link
