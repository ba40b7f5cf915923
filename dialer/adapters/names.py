"""Looks up the names of hosts beside the event loop; a name server that does not answer holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable
from threading import Thread

from dialer.domain.said import said

LONGEST_S = 3.0
Look = Callable[[str], object]


def _look(host: str) -> object:
    return socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)


class Names:
    """Asks for each name in a thread of its own, one at a time per name."""

    def __init__(self, look: Look = _look, longest_s: float = LONGEST_S) -> None:
        self._look = look
        self._longest_s = longest_s
        self._asked: dict[str, asyncio.Future[str]] = {}

    async def trouble_with(self, host: str) -> str:
        """Why it cannot be looked up, in a few words; empty: it can, or it is an address already."""
        if _is_address(host):
            return ""
        asked = self._asked.get(host)
        if asked is None:
            asked = self._asked[host] = self._ask(host)
        try:
            async with asyncio.timeout(self._longest_s):
                return await asyncio.shield(asked)
        except TimeoutError:
            return said("no name server answered within {longest_s:g} s", longest_s=self._longest_s)

    def _ask(self, host: str) -> asyncio.Future[str]:
        """A daemon: the resolver's own wait, which nothing can cut short, must not hold up the end either."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def told(trouble: str) -> None:
            self._asked.pop(host, None)
            if not answer.done():
                answer.set_result(trouble)

        def ask() -> None:
            trouble = ""
            try:
                self._look(host)
            except OSError as failure:
                trouble = failure.strerror or str(failure)
            except UnicodeError:
                trouble = said("it is no name of a host")
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(told, trouble)

        Thread(target=ask, name=f"name {host}", daemon=True).start()
        return answer


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
