"""Calls of no campaign: tests and operators' outside phones. Each leaves a record; see domain.spending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from dialer.domain import call as c
from dialer.domain.causes import outcome_of
from dialer.domain.clocks import shifted
from dialer.domain.spending import SideCall, SideKind
from dialer.domain.types import ChannelId, Outcome, PhoneNumber, TrunkId
from dialer.engine.shell import Shell


class SideCalls:
    """Knows each from the request to its end; what is up is written now and then, for a crash to count it."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._calls: dict[ChannelId, SideCall] = {}
        self.on_end: Callable[[SideCall], None] = lambda side: None

    def all(self) -> list[SideCall]:
        return list(self._calls.values())

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: its minutes are those that have passed."""
        self._calls = {channel: shifted(side, by) for channel, side in self._calls.items()}

    def is_answered(self, channel: ChannelId) -> bool:
        side = self._calls.get(channel)
        return side is not None and side.answer_at is not None

    def begin(
        self, channel: ChannelId, kind: SideKind, trunk: TrunkId, number: PhoneNumber, who: str
    ) -> None:
        """It is about to be requested."""
        now = self._shell.clock()
        self._calls[channel] = SideCall(
            channel, self._shell.cell, kind, trunk, number, who, begun_at=now, end_at=now
        )

    def adopt(self, channel: ChannelId, trunk: TrunkId, number: PhoneNumber, who: str, *, up: bool) -> None:
        """A leg that outlived us: what it took before is on record already."""
        self.begin(channel, SideKind.LEG, trunk, number, who)
        if up:
            self._calls[channel] = replace(self._calls[channel], answer_at=self._shell.clock())

    def heard(self, channel: ChannelId, event: c.Event) -> None:
        """News of any channel; of others nothing happens."""
        side = self._calls.get(channel)
        if side is None:
            return
        match event:
            case c.Answered(at=at) if side.answer_at is None:
                self._calls[channel] = replace(side, answer_at=at)
            case c.Destroyed(at=at, cause=cause, sip_code=sip_code):
                outcome = Outcome.CONNECTED if side.answer_at else outcome_of(cause, sip_code)
                self.end(channel, at, outcome, cause=cause, sip_code=sip_code)

    def end(
        self,
        channel: ChannelId,
        at: datetime,
        outcome: str,
        *,
        cause: int | None = None,
        sip_code: int | None = None,
    ) -> None:
        """It is over, however that became known; the first word counts."""
        side = self._calls.pop(channel, None)
        if side is None:
            return
        over = replace(
            side,
            end_at=max(at, side.begun_at),
            outcome=outcome,
            cause=cause,
            sip_code=sip_code,
            is_over=True,
        )
        self._shell.journal.closed(over)
        self.on_end(over)

    def end_all(self, at: datetime) -> None:
        """Asterisk stopped: no channel is left."""
        for channel in list(self._calls):
            self.end(channel, at, Outcome.INTERRUPTED)

    def keep(self) -> None:
        """Write down what is up, as of now."""
        now = self._shell.clock()
        for side in self._calls.values():
            if side.answer_at is not None:
                self._shell.journal.closed(replace(side, end_at=now))
