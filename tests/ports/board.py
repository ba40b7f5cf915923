"""A switch without an engine, real or pretended: calls go out by it, what it tells is written down."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dialer.domain.call import Event
from dialer.domain.types import BridgeId, ChannelId, TrunkId
from dialer.ports.asterisk import ChannelNews, Outgoing, PhoneNews, Switch

CALLER = "74950000000"
TRUNK = TrunkId("main")
PHONE, PHONE_PASSWORD = "150", "secret-150"
ANSWERS, BUSY, RINGS, GONE_AT_ONCE = "790001", "790002", "790003", "790004"


@dataclass
class Diary:
    """Hears for the cell and watches for the metrics."""

    news: list[ChannelNews | PhoneNews] = field(default_factory=list)
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


class FarEnd(Protocol):
    """Who is at the other end of the switch's wires: people who call, and a phone that moves."""

    async def call_in(self, number: str, to: str, *, waits_s: int) -> None:
        """This number calls `to` by the trunk `main`, and gives up after so long without an answer."""

    async def register(self, desk: int) -> str:
        """The phone PHONE registers from this desk, 0 or 1; the address that it names."""

    async def unregister(self, desk: int) -> None: ...


@dataclass
class Board:
    """A switch that has the trunk `main`, and whoever hears it."""

    switch: Switch
    diary: Diary
    far: FarEnd = field(kw_only=True)
    inbound_guard_s: float = field(default=3.0, kw_only=True)
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1), kw_only=True)
    run: str = field(default_factory=lambda: secrets.token_hex(3), kw_only=True)

    def channel(self) -> ChannelId:
        """A new id of ours."""
        return ChannelId(f"c-{self.run}-{next(self.ids)}")

    async def bridge(self) -> BridgeId:
        """A new one."""
        bridge = BridgeId(f"b-{self.run}-{next(self.ids)}")
        await self.switch.create_bridge(bridge)
        return bridge

    async def call(
        self, prefix: str = ANSWERS, *, channel: ChannelId | None = None, timeout_s: int = 30
    ) -> ChannelId:
        """Dials a number that does what its prefix says."""
        channel = channel or self.channel()
        number = prefix + channel.rpartition("-")[2].zfill(5)
        await self.switch.originate(self.outgoing(channel, f"PJSIP/{number}@{TRUNK}", timeout_s=timeout_s))
        return channel

    def outgoing(self, channel: ChannelId, endpoint: str, *, timeout_s: int = 30) -> Outgoing:
        """A person's call, as the engine makes it."""
        return Outgoing(
            channel,
            endpoint=endpoint,
            context="obz-out",
            exten="answered",
            caller_id=CALLER,
            timeout_s=timeout_s,
            variables={"OBZ_MESSAGE": "beep"},
        )
