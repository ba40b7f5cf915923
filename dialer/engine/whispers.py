"""A tone or words that only an operator hears in a talk: a whisper is opened for each, and ended after it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from dialer.domain.call import EnteredApp
from dialer.domain.errors import NetworkTrouble
from dialer.domain.types import ChannelId
from dialer.engine.shell import Shell
from dialer.ports.asterisk import ChannelNews

log = structlog.get_logger()

TONE = "sound:beep"
LASTS = timedelta(seconds=0.8)  # Asterisk's own beep has 0.44 s
WORDS_LAST = timedelta(seconds=8)  # all that is said at a time
LATEST_S = 2.0  # later than this a tone does not announce the person any more
# One that stays on a leg from person to person is heard with some of them only: 21 of 32 tones with Asterisk
# 22.10.1, and no event shows it. What spoils the next tone is gone with the first packet that passes when no
# whisper is left.
FORGETS_S = 0.1


@dataclass(slots=True, eq=False)
class Whisper:
    """A channel that only its leg hears."""

    channel: ChannelId
    leg: ChannelId
    media: tuple[str, ...] = (TONE,)
    lasts: timedelta = LASTS
    is_over: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # it can be played on, or is over
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Whispers:
    """One for each tone, and one at a time on a leg; nothing here raises or holds up a call."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._of_leg: dict[ChannelId, Whisper] = {}
        self._by_channel: dict[ChannelId, Whisper] = {}

    def sound(self, leg: ChannelId) -> None:
        """The tone, as soon as there is a whisper."""
        self._open(Whisper(ChannelId(f"s-{self._shell.new_id()}"), leg))

    def say(self, leg: ChannelId, media: Sequence[str]) -> None:
        """Words, in the midst of a talk that goes on."""
        channel = ChannelId(f"s-{self._shell.new_id()}")
        self._open(Whisper(channel, leg, tuple(media), WORDS_LAST))

    def _open(self, whisper: Whisper) -> None:
        leg = whisper.leg
        before = self._of_leg.get(leg)
        self.close(leg)
        self._of_leg[leg] = self._by_channel[whisper.channel] = whisper
        self._shell.errands.start(
            self._sound(whisper, before), f"tone-{whisper.channel}", lambda error: self._close(whisper)
        )

    def close(self, leg: ChannelId) -> None:
        """The leg is gone, or another person comes."""
        if (whisper := self._of_leg.get(leg)) is not None:
            self._close(whisper)

    def forget_all(self) -> None:
        """Asterisk stopped: none is left."""
        for whisper in list(self._by_channel.values()):
            self._settle(whisper)
            self._forget(whisper)

    def heard(self, news: ChannelNews) -> bool:
        """True if the channel is a whisper."""
        whisper = self._by_channel.get(news.channel)
        if whisper is not None and isinstance(news.event, EnteredApp):
            whisper.settled.set()
        return whisper is not None

    async def _sound(self, whisper: Whisper, before: Whisper | None) -> None:
        try:
            async with asyncio.timeout(LATEST_S):
                if before is not None:
                    await before.ended.wait()
                    await asyncio.sleep(FORGETS_S)
                await self._play(whisper)
        except (NetworkTrouble, TimeoutError) as trouble:
            if not whisper.is_over:  # else its leg is gone, and that is the reason
                reason = str(trouble) or "Asterisk takes too long"
                log.info("a tone could not be played", leg=whisper.leg, reason=reason)
            self._close(whisper)

    async def _play(self, whisper: Whisper) -> None:
        if whisper.is_over:
            return
        await self._shell.switch.whisper(whisper.leg, whisper.channel)
        await whisper.settled.wait()
        if whisper.is_over:
            return
        await self._shell.switch.play(whisper.channel, *whisper.media)
        if not whisper.is_over:
            due_at = self._shell.clock() + whisper.lasts
            self._shell.timers.start(("whisper", whisper.channel), due_at, lambda: self._close(whisper))

    def _close(self, whisper: Whisper) -> None:
        if not whisper.is_over:
            self._settle(whisper)
            self._shell.errands.start(self._end(whisper), f"end-{whisper.channel}")

    def _settle(self, whisper: Whisper) -> None:
        whisper.is_over = True
        whisper.settled.set()
        self._shell.timers.stop(("whisper", whisper.channel))

    async def _end(self, whisper: Whisper) -> None:
        try:
            await self._shell.linked.wait()
            await self._shell.switch.hang_up(whisper.channel)
        except NetworkTrouble as trouble:  # the next sweep ends it
            log.info("a whisper could not be hung up", channel=whisper.channel, reason=str(trouble))
        finally:
            self._forget(whisper)

    def _forget(self, whisper: Whisper) -> None:
        whisper.ended.set()
        self._by_channel.pop(whisper.channel, None)
        if self._of_leg.get(whisper.leg) is whisper:
            del self._of_leg[whisper.leg]
