"""What the pretend Asterisk notes of its channels, as its real dialplan does: one note for each place."""

from __future__ import annotations

from datetime import datetime

from dialer.domain.types import ChannelId
from dialer.ports.asterisk import Noted
from dialer.sim.channel import Channel


class Notes:
    """The first is made with the request, the last at the end; a later channel writes over it."""

    def __init__(self) -> None:
        self.of_ends = True  # False: the dialplan is of a version that notes no end
        self._by_place: dict[str, tuple[ChannelId, Noted]] = {}

    def write(
        self, line: Channel, end_at: datetime | None = None, cause: int = 0, sip: int | None = None
    ) -> None:
        if not line.slot or (end_at is not None and not self.of_ends):
            return
        status = sip if line.answer_at is None else None  # of an answer the 200 is noted
        its = Noted(line.answer_at, line.message_at, end_at, cause, status, line.message_over)
        self._by_place[line.slot] = (line.id, its)

    def find(self, channel: ChannelId, place: str) -> Noted | None:
        whose, noted = self._by_place.get(place, (None, None))
        return noted if whose == channel else None

    def clear(self) -> None:
        """Another start of Asterisk."""
        self._by_place.clear()
