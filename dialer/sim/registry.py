"""Registrations at the pretend Asterisk: they come, move and end, and nothing that is up ends with them."""

from __future__ import annotations

from collections.abc import Callable

from dialer.ports.asterisk import PhoneNews
from dialer.sim.clock import now

DESK = "phone:5060"


class Registry:
    """Where each phone is: at its desk, until somebody moves it."""

    def __init__(self, tell: Callable[[PhoneNews], None]) -> None:
        self._tell = tell
        self._contacts: dict[str, set[str]] = {}

    def has_way(self, phone: str) -> bool:
        """It is registered here and answers."""
        return bool(self._contacts.get(phone, {DESK}))

    def register(self, phone: str, address: str = DESK, *, new_first: bool = True) -> None:
        """The real one tells in either order that the new address answers and that the one before is gone."""
        before = self._contacts.get(phone, set())
        self._contacts[phone] = {address}
        if new_first:
            self._tell(PhoneNews(phone, True, now(), address))
        for old in before - {address}:
            self._tell(PhoneNews(phone, False, now(), old, is_removed=True))
        if not new_first:
            self._tell(PhoneNews(phone, True, now(), address))

    def unregister(self, phone: str) -> None:
        """By its own wish, or because it did not register again in time."""
        gone, self._contacts[phone] = self._contacts.get(phone, {DESK}), set()
        for old in gone:
            self._tell(PhoneNews(phone, False, now(), old, is_removed=True))

    def lose_probe(self, phone: str, address: str = DESK) -> None:
        """It does not answer an OPTIONS."""
        self._contacts[phone] = set()
        self._tell(PhoneNews(phone, False, now(), address))
