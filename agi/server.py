"""The FastAGI server: panoramisk's routes behind a handler that no peer can freeze, flood or confuse."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import structlog
from panoramisk import fast_agi

from agi.disposition import disposition
from agi.login import login
from agi.logout import logout
from agi.parts import Parts, why
from agi.pause import pause
from agi.phone import Garbled, Gone, Phone, bare
from agi.ready import ready
from agi.state import state
from dialer.domain.errors import BadValue, Fatal, ObzvonError

log = structlog.get_logger()

HEADERS_S = 5.0  # Asterisk sends them at once
LARGEST_BLOCK = 16 * 1024  # bytes; Asterisk's headers take about 700
MOST_CALLS = 200  # conversations at a time
CONVERSATION_S = 115.0  # the dialplan ends such a call after 120 s
STOP_S = 5.0  # how long a stop waits for conversations
LOOPBACK = ("127.0.0.0/8", "::1/128")

Entry = Callable[[Phone, Parts], Awaitable[None]]
ENTRIES: Mapping[str, Entry] = {
    "login": login,
    "ready": ready,
    "pause": pause,
    "disposition": disposition,
    "logout": logout,
    "state": state,
}
WHY_NOT = {
    errno.EADDRINUSE: "it is taken, perhaps by another dialer: stop that one, or choose another port",
    errno.EACCES: "this user may not use it: choose a port above 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


class BadHeaders(Exception):
    """What a peer sent does not begin a FastAGI conversation."""


class WrongSecret(BadHeaders):
    """Some program that is not our Asterisk, or an Asterisk with an old configuration."""


class Application(fast_agi.Application):  # type: ignore[misc]  # panoramisk carries no types
    """panoramisk's routes; its own handler loops for ever when a peer closes without a word."""

    know: Callable[[str], None]  # raises WrongSecret

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: raises BadHeaders, or whatever the route raises; never closes the writer."""
        headers = await read_headers(reader)
        self.know(headers.get("agi_arg_2", ""))
        script = headers.get("agi_network_script", "")
        entry = self._route.get(script)
        if entry is None:
            raise BadHeaders(
                f"the dialplan asks for {script[:40]!r}, which is not one of {', '.join(self._route)}"
            )
        await entry(Phone(self, headers, reader, writer))


async def read_headers(reader: asyncio.StreamReader) -> Mapping[str, str]:
    """The block `name: value` up to an empty line."""
    try:
        async with asyncio.timeout(HEADERS_S):
            block = await reader.readuntil(b"\n\n")
    except asyncio.IncompleteReadError as closed:
        what = "in the middle of its headers" if closed.partial else "without a word"
        raise BadHeaders(f"the peer closed {what}") from None
    except asyncio.LimitOverrunError:
        raise BadHeaders(f"the headers are larger than {LARGEST_BLOCK} bytes") from None
    except TimeoutError:
        raise BadHeaders(f"the headers did not end within {HEADERS_S:g} s") from None
    except ConnectionError:
        raise BadHeaders("the peer broke the connection") from None
    lines = [bare(line, "?") for line in block.decode(errors="replace").split("\n")]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


class AgiServer:
    """Listens for Asterisk's AGI(); an error in a conversation is spoken there and logged, and ends only it.

    AGI knows no password, so our dialplan gives one as its second argument: any program of the machine
    reaches loopback. Peers outside `peers` are turned away, and without them only loopback is bound.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        secret: str,
        bind: str = "127.0.0.1",
        port: int = 4573,
        peers: Sequence[str] = (),
    ) -> None:
        if not peers and not _is_loopback(bind):
            raise BadValue(f"agi_bind {bind} is beyond loopback and AGI has no password: name the peers")
        self._peers = [ipaddress.ip_network(peer) for peer in (*LOOPBACK, *peers)]
        if not secret:
            raise BadValue("FastAGI needs a secret that the dialplan shares")
        self._secret = secret.encode()
        self._parts = parts
        self._bind, self._port = bind, port
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()
        self.refused = 0  # connections that began no conversation
        self.on_refused: Callable[[], None] = lambda: None
        self._has_told = False  # of a wrong secret: whoever tries on does not fill the log

    @property
    def port(self) -> int:
        """The port it listens on; of use when 0 was asked for."""
        if self._server is None or not self._server.sockets:
            return self._port
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def talking(self) -> int:
        """How many connections are open."""
        return len(self._conversations)

    async def start(self) -> None:
        """Opens the port; raises Fatal when that cannot be."""
        app = Application(loop=asyncio.get_running_loop())
        app.know = self._know
        for name, entry in ENTRIES.items():
            app.add_route(name, functools.partial(self._talk, name, entry))
        try:
            self._server = await asyncio.start_server(
                functools.partial(self._connected, app), self._bind, self._port, limit=LARGEST_BLOCK
            )
        except OSError as failure:
            reason = WHY_NOT.get(failure.errno or 0, failure.strerror or str(failure))
            raise Fatal(f"cannot listen for AGI on {self._bind}:{self._port}: {reason}") from failure
        self._port = self.port

    async def stop(self, grace_s: float = STOP_S) -> None:
        """Takes no new call, lets conversations end within `grace_s`, then cuts them."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        if self._conversations:
            await asyncio.wait(self._conversations, timeout=grace_s)
        for conversation in tuple(self._conversations):
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        await server.wait_closed()

    async def run(self) -> None:
        """Serves until cancelled, then stops in good order."""
        async with self:
            await asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _connected(
        self, app: Application, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        peer = writer.get_extra_info("peername")
        task = asyncio.current_task()
        assert task is not None  # asyncio runs each connection as a task of its own
        self._conversations.add(task)
        try:
            self._admit(str(peer[0]) if peer else "")
            await app.handler(reader, writer)
        except WrongSecret as refusal:
            self._refuse()
            say = log.debug if self._has_told else log.warning
            self._has_told = True
            say(f"an AGI connection was refused: {refusal}", peer=peer[0] if peer else None)
        except BadHeaders as refusal:
            self._refuse()
            log.info(f"an AGI connection was refused: {refusal}", peer=peer[0] if peer else None)
        except asyncio.CancelledError:
            log.info("an AGI conversation was cut: the service stops")  # by `stop`; nobody awaits this task
        finally:
            self._conversations.discard(task)
            await _close(writer)

    def _refuse(self) -> None:
        self.refused += 1
        self.on_refused()

    def _know(self, given: str) -> None:
        """Takes as long for every secret that is not ours."""
        if not hmac.compare_digest(given.encode(), self._secret):
            raise WrongSecret(
                "it does not know the secret of DIALER_AGI_SECRET_FILE; if this was our Asterisk, write its"
                " configuration anew: `dialer asterisk`, then `dialplan reload`"
            )

    def _admit(self, peer: str) -> None:
        if len(self._conversations) > MOST_CALLS:
            raise BadHeaders(f"{MOST_CALLS} conversations are going on already")
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            raise BadHeaders("the peer has no address") from None
        if not any(address in network for network in self._peers):
            raise BadHeaders(f"{peer} is not an Asterisk of ours")

    async def _talk(self, name: str, entry: Entry, phone: Phone) -> None:
        """One entry, bounded in time; whatever goes wrong is told to the caller and to the log, once."""
        phone.sound, phone.language = self._parts.sound, self._parts.language
        try:
            async with asyncio.timeout(CONVERSATION_S):
                await phone.answer()
                await entry(phone, self._parts)
        except Gone:
            log.debug(f"the caller hung up during {name}", phone=phone.argument[:40])
        except Garbled as nonsense:
            log.warning(f"AGI {name} was broken off: {nonsense}", phone=phone.argument[:40])
        except TimeoutError:
            log.warning(f"AGI {name} took longer than {CONVERSATION_S:g} s and was broken off")
            await phone.refuse()
        except ObzvonError as failure:
            log.warning(f"AGI {name} failed: {failure}", phone=phone.argument[:40], error=failure.id)
            await phone.refuse(why(failure))
        # boundary: a fault of ours in one conversation leaves its caller with a tone and the others untouched
        except Exception as fault:
            log.error(f"AGI {name} failed by a fault of the service: {fault!r}", phone=phone.argument[:40])
            await phone.refuse()
        else:
            with contextlib.suppress(Gone, Garbled):
                await phone.hang_up()


def _is_loopback(bind: str) -> bool:
    if bind == "localhost":
        return True
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        raise BadValue(f"agi_bind {bind!r} is not an address: give one such as 127.0.0.1") from None


async def _close(writer: asyncio.StreamWriter) -> None:
    """Closes without waiting for a peer that does not read."""
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (TimeoutError, OSError):
        writer.transport.abort()
