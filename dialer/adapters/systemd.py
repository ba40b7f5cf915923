"""Tells systemd how the service fares, as sd_notify(3) has it; without NOTIFY_SOCKET it tells nobody."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping

from dialer.keeper.store import address

BEAT_S = 2.0  # between two signs of life
BEATS = 3  # at the least within the time after which systemd gives a silent service up
MORE_S = 30.0  # each sign of life of a stop asks for this much more: the last part of a stop fits into it
MICRO = 1_000_000


class Systemd:
    """Who started the service and restarts it. Every call returns at once and never raises."""

    def __init__(
        self,
        environment: Mapping[str, str],
        speak: Callable[[str], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address(environment.get("NOTIFY_SOCKET", ""))
        self._beat_s = beat_s(environment.get("WATCHDOG_USEC", ""))
        self._speak = speak
        self._clock = clock
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None
        self._unsaid: dict[str, str] = {}  # what systemd has not taken yet
        self._next_s = 0.0
        self._is_stopping = False

    def ready(self) -> None:
        """Every part is up."""
        self._say(READY="1")

    def turned(self, standing: Callable[[], str]) -> None:
        """The loop that the service lives by has made a round; `standing` is asked when it is told."""
        now_s = self._clock()
        if self._socket is None or now_s < self._next_s:
            return
        self._next_s = now_s + self._beat_s
        more = _more() if self._is_stopping else {}
        self._say(WATCHDOG="1", STATUS=self._speak(standing()), **more)

    def stopping(self) -> None:
        """What is left may take longer than the unit allows, as long as there are signs of life."""
        self._is_stopping, self._next_s = True, 0.0
        self._say(STOPPING="1", **_more())

    def stopped(self) -> None:
        """Nothing is in flight any more: the last status says nothing about it."""
        self._say(STATUS="")

    def _say(self, **words: str) -> None:
        """In one message with what could not be said before."""
        if self._socket is None:
            return
        self._unsaid |= words
        message = "\n".join(f"{name}={value}" for name, value in self._unsaid.items()).encode()
        try:
            self._socket.sendto(message, socket.MSG_DONTWAIT, self._address)
        except OSError:  # systemd is busy, or restarts itself: said with the next sign of life
            return
        self._unsaid.clear()


def beat_s(watchdog_usec: str) -> float:
    """Seconds between two signs of life."""
    limit_s = int(watchdog_usec) / MICRO if watchdog_usec.isdecimal() else 0.0
    return min(BEAT_S, limit_s / BEATS) if limit_s else BEAT_S


def _more() -> dict[str, str]:
    return {"EXTEND_TIMEOUT_USEC": str(round(MORE_S * MICRO))}
