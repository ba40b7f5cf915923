"""Callers whom nobody called: they hear the message while lines are to spare, or are refused unanswered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import structlog

from dialer.domain.errors import NetworkTrouble
from dialer.domain.trunk import Trunk, UnknownCallers
from dialer.domain.types import ChannelId, TrunkId
from dialer.engine.shell import Shell

log = structlog.get_logger()

SHARE = 0.2  # of a trunk's lines, one at least: the others are for campaigns and for those who call back
REFUSED = {UnknownCallers.BUSY: "busy", UnknownCallers.REJECT: "rejected"}  # reasons that ARI knows


class Strangers:
    """A line that hears the message counts as one of its trunk's."""

    def __init__(self, shell: Shell, trunk_of: Callable[[TrunkId], Trunk | None]) -> None:
        self._shell = shell
        self._trunk_of = trunk_of
        self._inside: dict[ChannelId, TrunkId] = {}
        self.on_met: Callable[[TrunkId, str], None] = lambda trunk, done: None  # set by the composition root

    def lines(self) -> Counter[TrunkId]:
        """Taken by those who hear the message."""
        return Counter(self._inside.values())

    def gone(self, channel: ChannelId) -> None:
        self._inside.pop(channel, None)

    async def meet(self, channel: ChannelId, name: TrunkId) -> None:
        """Answered with the message, or refused before an answer; nothing is raised."""
        trunk = self._trunk_of(name)
        wanted = trunk.unknown_callers if trunk is not None else UnknownCallers.MESSAGE
        if wanted is UnknownCallers.MESSAGE and trunk is not None and self._are_many(trunk):
            wanted = UnknownCallers.BUSY
        self.on_met(name, wanted.value)
        try:
            if wanted is UnknownCallers.MESSAGE:
                self._inside[channel] = name
                await self._shell.switch.go_on(channel, context="obz-in", exten="sorry")
            else:
                await self._shell.switch.hang_up(channel, REFUSED[wanted])
        except NetworkTrouble as trouble:
            self._inside.pop(channel, None)
            log.info("a return call could not be answered", channel=channel, reason=str(trouble))

    def _are_many(self, trunk: Trunk) -> bool:
        return self.lines()[trunk.id] >= max(1, int(trunk.lines * SHARE))
