"""A channel of the pretend Asterisk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from dialer.domain.types import BridgeId, ChannelId
from dialer.sim.fate import Fate


@dataclass(slots=True, eq=False)
class Channel:
    """A line that is up, or on its way; the clocks end with it."""

    id: ChannelId
    endpoint: str
    context: str
    exten: str
    created_at: datetime
    number: str = ""
    trunk: str = ""  # empty: a phone of ours
    goes_to: tuple[str, str] = ("", "")  # once it is answered: context and extension
    state: str = "Down"
    in_app: bool = False
    in_dialplan: bool = False  # answered, or come in: at its end the dialplan is over as well
    bridge: BridgeId | None = None
    guard: asyncio.TimerHandle | None = None
    clocks: list[asyncio.TimerHandle] = field(default_factory=list)
    music: bool = False
    slot: str = ""
    answer_at: datetime | None = None
    message_at: datetime | None = None
    message_over: bool = False
    spied: ChannelId | None = None  # a whisper's: whose channel hears it
    whispers: list[Channel] = field(default_factory=list)
    fate: Fate = field(default_factory=Fate)

    @property
    def app(self) -> str:
        """The dialplan application that it executes."""
        return "Stasis" if self.in_app else "Playback" if self.state == "Up" else "AppDial2"

    @property
    def is_person(self) -> bool:
        return self.id.startswith("c-")
