"""Reads what ARI does not show: whether trunks are registered with their carriers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from panoramisk import Manager
from panoramisk.message import Message

from dialer.domain.errors import BadValue, LinkDown, Refused, TimedOut
from dialer.domain.said import said
from dialer.domain.types import TrunkId

log = structlog.get_logger()

READ = "PJSIPShowRegistrationsOutbound"  # the only action that is ever sent, next to Login and Ping
RECONNECT_S = 2
UNREGISTERED = "unregistered"


@dataclass(frozen=True, slots=True)
class Registration:
    """One trunk's registration in Asterisk's word: registered, unregistered, rejected, stopped ..."""

    trunk: TrunkId
    status: str
    next_try_s: float

    @property
    def is_registered(self) -> bool:
        """The carrier knows where to find us."""
        return self.status == "registered"


class _Manager(Manager):  # type: ignore[misc]  # panoramisk has no types
    """Panoramisk's client, which goes on connecting after its close: this one does not."""

    is_over = False
    is_refused = False  # at the last log-in

    def connect(self, *args: Any, **options: Any) -> Any:
        return None if self.is_over else super().connect(*args, **options)

    def login(self, future: Any) -> Any:
        accepted = super().login(future)
        if not accepted and not self.is_refused:
            log.warning(
                "AMI refuses our user or password", place=f"{self.config['host']}:{self.config['port']}"
            )
        self.is_refused = not accepted
        return accepted


class Ami:
    """Connects by itself, and again when the connection is lost; asks nothing but READ."""

    def __init__(self, host: str, port: int, user: str, secret: str, *, timeout_s: float = 3.0) -> None:
        for what, value in (("user", user), ("password", secret)):
            if not value or not value.isprintable():
                raise BadValue(
                    said(
                        "the AMI {what} is empty or holds a control character: mend its setting or file",
                        what=what,
                    )
                )
        self._place = f"AMI at {host}:{port}"
        self._timeout_s = timeout_s
        self._connected = asyncio.Event()
        self._manager = _Manager(
            host=host,
            port=port,
            username=user,
            secret=secret,
            events="off",
            reconnect_timeout=RECONNECT_S,
            forgetable_actions=("ping", "login", READ.lower()),  # else it would ask again after a reconnect
            log=_silent(),
            on_login=self._logged_in,
            on_disconnect=self._lost,
        )

    @property
    def is_connected(self) -> bool:
        """Logged in."""
        return self._connected.is_set()

    @property
    def is_refused(self) -> bool:
        """The last log-in was refused: user or password are wrong."""
        return self._manager.is_refused

    async def start(self) -> None:
        """Begins to connect; returns at once."""
        self._manager.loop = asyncio.get_running_loop()
        self._manager.connect()

    async def wait_connected(self) -> None:
        """Returns when it is logged in."""
        await self._connected.wait()

    async def stop(self) -> None:
        """Hangs up, for good."""
        self._manager.is_over = True
        self._connected.clear()
        self._manager.close()

    async def registrations(self) -> Mapping[TrunkId, Registration]:
        """All trunks that register; raises LinkDown, TimedOut, Refused."""
        if not self.is_connected:
            raise LinkDown(
                said("{place} is not connected; check its address, user and password", place=self._place)
            )
        action = self._manager.send_action({"Action": READ})
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await action
        except TimeoutError:
            self._drop()
            raise TimedOut(
                said(
                    "{place} did not answer within {timeout_s:g} s",
                    place=self._place,
                    timeout_s=self._timeout_s,
                )
            ) from None
        return registrations(answer if isinstance(answer, list) else [answer])

    def _drop(self) -> None:
        """A half-open connection shows itself only here; panoramisk never looks at its own pings."""
        self._connected.clear()
        if self._manager.protocol is not None:
            self._manager.protocol.transport.abort()

    def _logged_in(self, _: Manager) -> None:
        self._connected.set()
        log.info("AMI is connected", place=self._place)

    def _lost(self, _: Manager, reason: object) -> None:
        if self._connected.is_set():
            log.warning("AMI is not connected any more, trying again", place=self._place, reason=str(reason))
        self._connected.clear()


def registrations(messages: Iterable[Message]) -> Mapping[TrunkId, Registration]:
    """Reads the answer to READ; raises Refused if it is a refusal."""
    found: dict[TrunkId, Registration] = {}
    for message in messages:
        if message.response and not message.success:
            text = _clean(message.message)
            if "No " in text and "found" in text:
                return {}
            raise Refused(403, text or "AMI gave no reason")
        if message.event == "OutboundRegistrationDetail":
            trunk = TrunkId(_clean(message.objectname))
            found[trunk] = Registration(trunk, _clean(message.status).lower(), _seconds(message.nextreg))
    return found


def _clean(value: object) -> str:
    """Without line breaks and other control characters, which AMI passes through."""
    return "".join(sign for sign in str(value) if sign.isprintable()).strip()


def _seconds(value: object) -> float:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return 0.0


def _silent() -> logging.Logger:
    """Panoramisk logs whole actions and tracebacks; what matters of it is logged here."""
    quiet = logging.getLogger("dialer.ami.panoramisk")
    quiet.setLevel(logging.CRITICAL + 1)
    return quiet
