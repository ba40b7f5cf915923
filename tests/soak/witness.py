"""Who was with whom and for how long: by the PBX's own events and clock, and by ours that nobody sets."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from dialer.domain.errors import NetworkTrouble
from dialer.domain.operators import State
from dialer.lab.console import Message, read_message
from dialer.lab.lab import Lab
from tests.pbx.office import Office

PERSON = "c-"  # how the channel of somebody who was called begins: it is the call's id
UP = "6"
PASSING = (State.CONNECTING, State.RESERVED, State.WRAP_UP)
LOOK_S = 0.5
USER = """
[witness]
secret = {secret}
permit = 127.0.0.0/255.0.0.0
read = call,user
write =
"""


@dataclass(slots=True)
class Life:
    """One person's channel; instants by the clock of the PBX's machine, None: never."""

    answer_s: float | None = None
    bridge_s: float | None = None  # the first time
    message_s: float | None = None
    end_s: float | None = None
    talked_s: float = 0.0
    operator: str = ""  # the bridge, which is the operator's

    @property
    def stayed_s(self) -> float:
        """From the answer to the end."""
        return 0.0 if self.answer_s is None or self.end_s is None else self.end_s - self.answer_s

    @property
    def waited_s(self) -> float:
        """From the answer to the operator or the message, or to the end without either."""
        if self.answer_s is None:
            return 0.0
        heard = [at for at in (self.bridge_s, self.message_s, self.end_s) if at is not None]
        return min(heard) - self.answer_s


@dataclass
class Witness:
    """Listens all the while. What can never be right is written down as it happens."""

    lives: dict[str, Life] = field(default_factory=lambda: defaultdict(Life))
    wrong: list[str] = field(default_factory=list)
    longest_passing_s: dict[tuple[str, str], float] = field(default_factory=dict)  # by operator and state
    talks: int = 0  # joins that were seen
    _inside: dict[str, tuple[str, float]] = field(default_factory=dict)  # who is in which bridge, since when
    _last_s: float = 0.0

    # --- what the PBX says

    def told(self, event: Message) -> None:
        """One event, in the order in which they happened."""
        self._last_s = float(event.get("Timestamp", self._last_s))
        channel = event.get("Uniqueid", "")
        match event.get("Event"):
            case "Newstate" if event["ChannelState"] == UP and channel.startswith(PERSON):
                self.lives[channel].answer_s = self._last_s
            case "UserEvent" if (event.get("UserEvent"), event.get("step")) == ("SafeHarbour", "start"):
                self.lives[channel].message_s = self._last_s
            case "BridgeEnter":
                self._enters(channel, event["BridgeUniqueid"])
            case "BridgeLeave":
                self._leaves(channel)
            case "Hangup":
                self._leaves(channel)
                if channel.startswith(PERSON):
                    self.lives[channel].end_s = self._last_s

    def _enters(self, channel: str, bridge: str) -> None:
        if channel in self._inside:
            self.wrong.append(f"{channel} was in two bridges, {self._inside[channel][0]} and {bridge}")
        if channel.startswith(PERSON):
            here = [one for one, (where, _) in self._inside.items() if where == bridge]
            if others := [one for one in here if one.startswith(PERSON)]:
                self.wrong.append(f"{channel} came to {others} in {bridge}: strangers heard each other")
            life = self.lives[channel]
            life.operator = life.operator or bridge
            if life.operator != bridge:
                self.wrong.append(f"{channel} was in {bridge} after {life.operator}")
            life.bridge_s = life.bridge_s or self._last_s
            self.talks += 1
        self._inside[channel] = bridge, self._last_s

    def _leaves(self, channel: str) -> None:
        _, since_s = self._inside.pop(channel, ("", self._last_s))
        if channel.startswith(PERSON):
            self.lives[channel].talked_s += self._last_s - since_s

    def silent(self) -> None:
        """The PBX has ended, and with it every call."""
        for channel in list(self._inside):
            self._leaves(channel)
        for life in self.lives.values():
            life.end_s = life.end_s or self._last_s

    async def listen(self, lab: Lab) -> None:
        """Until cancelled; again and again, where the PBX ends."""
        host, port = lab.values["AMI_ADDRESS"], int(lab.values["AMI_PORT"])
        login = f"Action: Login\r\nUsername: witness\r\nSecret: {lab.values['AMI_SECRET']}\r\n\r\n"
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(login.encode())
                await reader.readline()  # the banner
                while event := await read_message(reader):
                    self.told(event)
                writer.close()
                self.silent()
            await asyncio.sleep(0.02)

    # --- what the service says of its operators, by our own clock

    @asynccontextmanager
    async def looking(self, office: Office) -> AsyncIterator[None]:
        """How long is each operator in a state that should pass, and for the same call?"""
        task = asyncio.create_task(self._look(office))
        try:
            yield
        finally:
            task.cancel()

    async def _look(self, office: Office) -> None:
        since: dict[str, tuple[str, str | None, float]] = {}
        while True:
            with suppress(NetworkTrouble, OSError, TimeoutError):
                for row in (await office.service.get("/v1/operators"))["items"]:
                    now_s, operator, state, call = time.monotonic(), row["id"], row["state"], row["call"]
                    was = since.get(operator)
                    if was is None or was[:2] != (state, call):
                        since[operator] = was = state, call, now_s
                    longest_s = self.longest_passing_s.get((operator, state), 0.0)
                    if state in PASSING:
                        self.longest_passing_s[operator, state] = max(longest_s, now_s - was[2])
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def listening(lab: Lab) -> AsyncIterator[Witness]:
    """A second user of the PBX's console, who may only listen; the service knows nothing of it."""
    path = lab.pbx.folder / "etc/manager.conf"
    path.chmod(0o600)
    text = path.read_text().replace("enabled = yes", "enabled = yes\ntimestampevents = yes", 1)
    path.write_text(text + USER.format(secret=lab.values["AMI_SECRET"]))
    await lab.pbx.cli("manager reload")
    witness = Witness()
    task = asyncio.create_task(witness.listen(lab))
    try:
        yield witness
    finally:
        task.cancel()
