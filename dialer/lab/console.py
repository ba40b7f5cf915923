"""A line to one Asterisk of the pretend world (AMI): make it dial, press keys, hang up; hear what happens."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from dialer.domain.errors import BadValue, LinkDown, NetworkTrouble, TimedOut

Message = dict[str, str]

ANSWER_S = 10.0
SLACK_S = 2.0  # Asterisk's own timeout comes first


class ConsoleRefused(NetworkTrouble):
    """The pretend world did not do what it was told."""

    id = "lab-refused"


@dataclass(frozen=True, slots=True)
class Login:
    """Where the console of one Asterisk is, and who may use it."""

    host: str
    port: int
    user: str
    secret: str


class Console:
    """One AMI connection; every request waits for its answer, events go to those who listen."""

    def __init__(self) -> None:
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._ears: list[asyncio.Queue[Message]] = []

    async def open(self, login: Login) -> None:
        """Connects and logs in."""
        self._reader, self._writer = await asyncio.open_connection(login.host, login.port)
        await self._reader.readline()  # the banner
        self._reading = asyncio.create_task(self._read(), name=f"console {login.host}:{login.port}")
        await self.ask("Login", Username=login.user, Secret=login.secret)

    async def close(self) -> None:
        """Hangs up on Asterisk; waiting requests get LinkDown."""
        if self._writer:
            self._writer.close()
        if self._reading:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        self._reader = self._writer = self._reading = None

    async def ask(self, action: str, *variables: str, **fields: str) -> Message:
        """Sends an action and returns its answer; `variables` are name=value pairs for a new channel."""
        if self._writer is None:
            raise LinkDown("the pretend world's Asterisk is not connected")
        key = str(next(self._ids))
        lines = [
            ("Action", action),
            ("ActionID", key),
            *fields.items(),
            *(("Variable", each) for each in variables),
        ]
        for name, value in lines:
            if "\r" in value or "\n" in value:
                raise BadValue(f"{name} of {action} may not contain a line break")
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            self._writer.write("".join(f"{name}: {value}\r\n" for name, value in lines).encode() + b"\r\n")
            async with asyncio.timeout(ANSWER_S):
                got = await answer
        except TimeoutError:
            raise TimedOut(f"the pretend world did not answer {action} within {ANSWER_S:.0f} s") from None
        finally:
            self._waiting.pop(key, None)
        if got.get("Response") == "Error":
            raise ConsoleRefused(f"{action}: {got.get('Message', 'refused')}")
        return got

    async def command(self, command: str) -> str:
        """What the command line of that Asterisk prints."""
        return (await self.ask("Command", Command=command)).get("Output", "")

    async def originate(
        self, endpoint: str, context: str, variables: Iterable[str], *, caller: str = "", timeout_s: float
    ) -> Message:
        """Makes a call that goes to s in `context` when it is answered; the event that says how it went."""
        name = f"dial-{uuid.uuid4().hex}"
        fields = {"Channel": endpoint, "Context": context, "Exten": "s", "Priority": "1", "ChannelId": name}
        fields |= {"Async": "true", "Timeout": str(round(timeout_s * 1000))}
        async with self.listen() as ear:
            await self.ask("Originate", *variables, **fields, **({"CallerID": caller} if caller else {}))
            try:
                return await wait_for(ear, lambda each: is_answer_to(each, name), timeout_s + SLACK_S)
            except TimeoutError:
                raise TimedOut(f"no word of the call to {endpoint} within {timeout_s:g} s") from None

    async def channels(self) -> list[Message]:
        """Every channel as Asterisk lists it."""
        async with self.listen() as ear:
            await self.ask("CoreShowChannels")
            found: list[Message] = []
            async with asyncio.timeout(ANSWER_S):
                while (event := await ear.get())["Event"] != "CoreShowChannelsComplete":
                    if event["Event"] == "CoreShowChannel":
                        found.append(event)
            return found

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[asyncio.Queue[Message]]:
        """The events from now on; open it before what shall be heard is set off."""
        ear: asyncio.Queue[Message] = asyncio.Queue()
        self._ears.append(ear)
        try:
            yield ear
        finally:
            self._ears.remove(ear)

    async def _read(self) -> None:
        assert self._reader is not None
        try:
            while message := await read_message(self._reader):
                future = self._waiting.get(message.get("ActionID", "")) if "Response" in message else None
                if future and not future.done():
                    future.set_result(message)
                if "Event" in message:
                    for ear in self._ears:
                        ear.put_nowait(message)
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(LinkDown("the pretend world's Asterisk has closed the connection"))


async def read_message(reader: asyncio.StreamReader) -> Message:
    """One block of `Name: value` lines; repeated names are joined by line breaks; empty at the end."""
    message: Message = {}
    with contextlib.suppress(ConnectionError):
        while line := (await reader.readline()).decode(errors="replace").rstrip("\r\n"):
            name, _, value = line.partition(": ")
            message[name] = f"{message[name]}\n{value}" if name in message else value
    return message


def is_answer_to(event: Message, name: str) -> bool:
    """Whether the event says how the call with this channel id went."""
    return event["Event"] == "OriginateResponse" and event.get("Uniqueid") == name


async def wait_for(
    ear: asyncio.Queue[Message], is_it: Callable[[Message], bool], timeout_s: float
) -> Message:
    """The first event that `is_it`; raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not is_it(message := await ear.get()):
            pass
        return message
