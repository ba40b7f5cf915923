"""Keeps Asterisk's clock and ours apart: news come in by our clock, and when ours is set no span jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from dialer.domain.clocks import TwoClocks
from dialer.domain.errors import ObzvonError
from dialer.domain.said import Said
from dialer.engine.shell import Shell
from dialer.ports.asterisk import ChannelNews, ChannelSeen, Noted
from dialer.ports.between import Follow

log = structlog.get_logger()

ASK_S = 0.5  # between two looks at both clocks
FIRST_S = 2.0  # for the look before Asterisk has connected


class Clocks:
    """One per cell; the only place where an instant of Asterisk's is turned into one of ours."""

    def __init__(
        self, shell: Shell, follow: Follow, on_set: Callable[[timedelta], None], every_s: float
    ) -> None:
        self._shell = shell
        self._follow = follow
        self._on_set = on_set
        self._every_s = every_s
        self._both = TwoClocks()
        self.on_echo: Callable[[float], None] = lambda round_trip_s: None  # question to answer

    @property
    def ahead_s(self) -> float:
        """Asterisk's clock less ours, as best known."""
        return self._both.ahead_s

    @property
    def skew_s(self) -> float:
        """What is certain of it."""
        return self._both.skew_s

    def obstacle(self) -> Said | str:
        """Why nothing is dialled; empty: both clocks agree."""
        return self._both.obstacle()

    # --- what Asterisk says, by our clock

    def heard(self, news: ChannelNews) -> ChannelNews:
        """Right as it comes in."""
        at = self._both.ours(news.event.at, self._shell.clock())
        return news if at == news.event.at else replace(news, event=replace(news.event, at=at))

    def seen(self, channel: ChannelSeen) -> ChannelSeen:
        """A channel of a list."""
        return replace(channel, created_at=self._past(channel.created_at) or channel.created_at)

    def noted(self, noted: Noted) -> Noted:
        """What Asterisk wrote down for us."""
        answer_at, message_at, end_at = map(self._past, (noted.answer_at, noted.message_at, noted.end_at))
        return replace(noted, answer_at=answer_at, message_at=message_at, end_at=end_at)

    def _past(self, at: datetime | None) -> datetime | None:
        return None if at is None else min(self._both.read(at), self._shell.clock())

    def disconnected(self) -> None:
        """The next events may be a replay."""
        self._both.disconnected()

    # --- looking at both

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            self._shell.mailbox.post(self._look_at_ours)
            if self._shell.linked.is_set():
                await self.compare()

    async def compare(self, *, connected: bool = True) -> None:
        """Asks Asterisk what its clock shows; one that does not say leaves all as it was."""
        clock = asyncio.get_running_loop().time
        asked = clock()
        was_apart = bool(self.obstacle())
        try:
            async with asyncio.timeout(FIRST_S):
                showed = await self._shell.switch.clock()
        except (ObzvonError, TimeoutError) as trouble:
            log.debug("Asterisk's clock could not be asked", reason=str(trouble))
            return
        heard_at, round_trip_s = self._shell.clock(), clock() - asked
        asked_at = heard_at - timedelta(seconds=round_trip_s)
        self._both.echoed(asked_at, showed, heard_at, in_order=connected)
        self.on_echo(round_trip_s)
        if (why := self.obstacle()) and not was_apart:
            log.warning("nothing is dialled: the clocks differ", reason=str(why))
        elif was_apart and not why:
            log.info("Asterisk's clock and ours agree again")

    def _look_at_ours(self) -> None:
        """In the mailbox: what was heard before is counted by the old time, what comes later by the new."""
        set_by = self._follow()
        if not set_by:
            return
        log.warning("this machine's clock was set", seconds=round(set_by.total_seconds(), 3))
        self._both.ours_was_set(set_by)
        self._on_set(set_by)
