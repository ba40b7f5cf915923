"""Pretend phones: an Asterisk that registers them at the PBX and answers, dials and presses keys for them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from dialer.domain.errors import BadValue, Missing, NetworkTrouble, TimedOut
from dialer.lab.console import Console, ConsoleRefused, Login
from dialer.lab.instance import Instance

REGISTERED_S = 10.0
ANSWERED_S = 15.0
KEY_MS = 100
KEY_PAUSE_S = 0.08
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Handset:
    """One phone and its SIP account. `hertz` is what it speaks, 0 for silence."""

    number: str
    password: str
    hertz: float
    answer_s: float = 0.2
    stay_s: float = 36_000.0  # it hangs up by itself after this long


def handsets_conf(handsets: list[Handset], pbx: str) -> str:
    """handsets.conf: account, endpoint and registration of every phone."""
    return "; Written by the lab.\n" + "\n".join(handset_conf(each, pbx) for each in handsets)


def handset_conf(handset: Handset, pbx: str) -> str:
    """One phone's sections; `line` makes calls from the PBX find it."""
    name = handset.number
    return f"""
[{name}](account)
username = {name}
password = {handset.password}

[{name}](pbx)

[{name}](handset)
aors = {name}
outbound_auth = {name}
from_user = {name}
callerid = <{name}>

[{name}](login)
client_uri = sip:{name}@{pbx}
contact_user = {name}
outbound_auth = {name}
endpoint = {name}
"""


async def tell_habits(
    console: Console,
    handset: Handset,
    does: str = "answer",
    *,
    answer_s: float | None = None,
    stay_s: float | None = None,
    hertz: float | None = None,
) -> None:
    """Writes down in the phones' Asterisk what one of them does from its next call on."""
    wanted = {
        "does": does,
        "answer_s": f"{handset.answer_s if answer_s is None else answer_s:g}",
        "stay_s": f"{handset.stay_s if stay_s is None else stay_s:g}",
        "hertz": f"{handset.hertz if hertz is None else hertz:g}",
    }
    for key, value in wanted.items():
        await console.ask("DBPut", Family=f"phone/{handset.number}", Key=key, Val=value)


class Phones:
    """A running Asterisk with some phones; with one phone in it, that can be unplugged."""

    def __init__(self, instance: Instance, handsets: list[Handset], heard: Path, login: Login) -> None:
        self.instance = instance
        self.handsets = handsets
        self.heard = heard
        self.console = Console()
        self._login = login

    async def start(self) -> None:
        """Starts the Asterisk; the phones begin to register."""
        await self.instance.start()
        await self.console.open(self._login)
        for handset in self.handsets:
            await tell_habits(self.console, handset)

    async def stop(self) -> None:
        """Ends it; calls in progress vanish."""
        await self.console.close()
        await self.instance.stop()


class Phone:
    """One phone as its user knows it."""

    def __init__(self, phones: Phones, handset: Handset) -> None:
        self._phones = phones
        self._handset = handset
        self.number = handset.number

    @property
    def hertz(self) -> float:
        """The tone that it speaks."""
        return self._handset.hertz

    def heard(self, call: int = 1) -> Path:
        """The sound that reached it in its n-th call (16-bit, 8 kHz, raw)."""
        return self._phones.heard / f"{self.number}-{call}.sln"

    async def behave(
        self,
        does: str = "answer",
        *,
        answer_s: float = 0.2,
        stay_s: float = 36_000.0,
        hertz: float | None = None,
    ) -> None:
        """What it does from its next call on: answer, no_answer or busy; when it answers and hangs up."""
        if does not in ("answer", "no_answer", "busy"):
            raise BadValue(f"a phone can answer, no_answer or busy, not {does}")
        console, handset = self._phones.console, self._handset
        await tell_habits(console, handset, does, answer_s=answer_s, stay_s=stay_s, hertz=hertz)

    async def last_heard(self) -> Path:
        """The sound that reached it in the latest call that it answered or made."""
        return self.heard(await self.calls())

    async def calls(self) -> int:
        """How many calls it has answered or made."""
        try:
            said = await self._phones.console.command(f"database get phone/{self.number} calls")
        except ConsoleRefused:  # there is no such entry before the first call
            return 0
        found = re.search(r"Value: (\d+)", said)
        return int(found[1]) if found else 0

    async def registered(self, timeout_s: float = REGISTERED_S) -> None:
        """Returns when the PBX has taken its registration."""
        await self._until(lambda: self._says("Registered"), "registered", timeout_s)

    async def refused(self, timeout_s: float = REGISTERED_S) -> None:
        """Returns when the PBX has refused its registration."""
        await self._until(lambda: self._says("Rejected"), "refused", timeout_s)

    async def free(self, timeout_s: float = REGISTERED_S) -> None:
        """Returns when it is in no call."""

        async def is_free() -> bool:
            return not await self.in_call()

        await self._until(is_free, "free", timeout_s)

    async def is_registered(self) -> bool:
        """Whether the PBX has taken its registration."""
        return await self._says("Registered")

    async def dial(self, extension: str, keys: str = "", *, timeout_s: float = ANSWERED_S) -> Path:
        """Calls this extension of the PBX, waits for the answer, presses the keys; where it is heard."""
        heard = self.heard(await self.calls() + 1)
        answer = await self._phones.console.originate(
            f"PJSIP/{extension}@{self.number}", "talk", (), timeout_s=timeout_s
        )
        if answer["Response"] != "Success":
            reason = answer.get("Reason", "none given")
            raise NetworkTrouble(f"phone {self.number} could not reach {extension} (reason {reason})")
        if keys:
            await self.press(keys)
        return heard

    async def press(self, keys: str) -> None:
        """Presses keys on the call it is in, one after another as a finger does."""
        channel = await self._channel()
        for key in keys:
            await self._phones.console.ask("PlayDTMF", Channel=channel, Digit=key, Duration=str(KEY_MS))
            await asyncio.sleep(KEY_PAUSE_S)

    async def hang_up(self) -> None:
        """Puts the receiver down."""
        try:
            await self._phones.console.ask("Hangup", Channel=await self._channel(), Cause="16")
        except ConsoleRefused:
            raise Missing(f"phone {self.number} is in no call") from None

    async def in_call(self) -> bool:
        """Whether it has a call, ringing or answered."""
        return bool(await self._channels())

    async def lines(self) -> int:
        """How many calls it has."""
        return len(await self._channels())

    async def unplug(self) -> None:
        """It vanishes without a word: sound and SIP stop, nothing is hung up."""
        self._alone()
        self._phones.instance.suspend()

    async def plug(self) -> None:
        """It is back, has forgotten its call, and registers again."""
        self._alone()
        await self._phones.console.close()
        await self._phones.instance.kill9()
        await self._phones.start()

    async def _says(self, status: str) -> bool:
        """Whether its registration has this status."""
        said = await self._phones.console.command("pjsip show registrations")
        lines = [line.split() for line in said.splitlines()]
        return any(line and line[0].startswith(f"{self.number}/") and status in line for line in lines)

    async def _until(self, holds: Callable[[], Awaitable[bool]], what: str, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not await holds():  # noqa: ASYNC110 another process is asked, there is no event of ours
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise TimedOut(f"phone {self.number} was not {what} within {timeout_s:g} s") from None

    def _alone(self) -> None:
        if len(self._phones.handsets) != 1:
            raise BadValue(
                f"phone {self.number} shares its Asterisk: name it among those that can be unplugged"
            )

    async def _channel(self) -> str:
        channels = await self._channels()
        if not channels:
            raise Missing(f"phone {self.number} is in no call")
        return channels[-1]

    async def _channels(self) -> list[str]:
        """The latest last: Asterisk lists them in no order, and counts them in the last part of the name."""
        names = [each["Channel"] for each in await self._phones.console.channels()]
        own = [name for name in names if name.startswith(f"PJSIP/{self.number}-")]
        return sorted(own, key=lambda name: int(name.rpartition("-")[2], 16))
