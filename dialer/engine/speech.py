"""Words to an operator who is alone on the leg; cut short when a person comes, so that no talk is muted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from dialer.domain.errors import NetworkTrouble
from dialer.domain.types import ChannelId
from dialer.engine.shell import Shell

log = structlog.get_logger()

LASTS = timedelta(seconds=12)  # no words last longer, or they are not worth to be cut short


class Speech:
    """One playback at a time on a leg. Nothing here raises.

    A leg that is alone hears no whisper: Asterisk sends it no sound to mix the whisper into. It hears a
    playback, but that would silence a person who is on the line.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._playing: dict[ChannelId, str] = {}

    def say(self, leg: ChannelId, media: Sequence[str]) -> None:
        """Instead of what is being said."""
        playback, before = f"w-{self._shell.new_id()}", self._playing.get(leg)
        self._playing[leg] = playback
        due_at = self._shell.clock() + LASTS
        self._shell.timers.start(("words", leg), due_at, lambda: self._forget(leg, playback))
        self._shell.errands.start(self._say(leg, media, playback, before), f"words-{leg}")

    def is_heard(self, leg: ChannelId) -> bool:
        """Something may still be being said there."""
        return leg in self._playing

    async def hush(self, leg: ChannelId) -> None:
        """Returns when nothing is said on this leg any more; at once if nothing was."""
        if (playback := self._playing.get(leg)) is not None:
            self._forget(leg, playback)
            await self._stop(playback)

    def forget(self, leg: ChannelId) -> None:
        """The leg is gone."""
        self._shell.timers.stop(("words", leg))
        self._playing.pop(leg, None)

    def forget_all(self) -> None:
        """Asterisk stopped."""
        for leg in list(self._playing):
            self.forget(leg)

    def _forget(self, leg: ChannelId, playback: str) -> None:
        if self._playing.get(leg) == playback:
            self.forget(leg)

    async def _say(self, leg: ChannelId, media: Sequence[str], playback: str, before: str | None) -> None:
        try:
            await self._shell.linked.wait()
            if before is not None:
                await self._stop(before)
            if self._playing.get(leg) == playback:
                await self._shell.switch.play(leg, *media, playback=playback)
                if self._playing.get(leg) != playback:  # a person came while it was being asked for
                    await self._stop(playback)
        except NetworkTrouble as trouble:
            log.info("an operator could not be told something", leg=leg, reason=str(trouble))

    async def _stop(self, playback: str) -> None:
        try:
            await self._shell.switch.stop_playing(playback)
        # boundary: a person is about to be connected, whatever became of the words
        except Exception as trouble:
            log.info("words to an operator could not be cut short", reason=str(trouble))
