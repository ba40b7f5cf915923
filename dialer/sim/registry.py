"""Registrations at the pretend Asterisk: they come, move and end, and nothing that is up ends with them."""

from __future__ import annotations

from collections.abc import Callable

from dialer.ports.asterisk import PhoneNews
from dialer.sim.clock import now

DESK = "phone:5060"


class Registry:
    """Where each phone is: nowhere before it registers.

    Of a house whose phones `are_at_desks` each has been at its desk since before anybody looked.
    """

    def __init__(self, tell: Callable[[PhoneNews], None]) -> None:
        self._tell = tell
        self._contacts: dict[str, set[str]] = {}
        self.phones: set[str] = set()  # what is known otherwise has one address for ever: a trunk
        self.are_at_desks = False

    def has_way(self, name: str) -> bool:
        """It is registered here and answers, or is no phone."""
        return bool(self._addresses(name))

    def _addresses(self, name: str) -> set[str]:
        return self._contacts.get(name, {DESK} if self.are_at_desks or name not in self.phones else set())

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
        gone, self._contacts[phone] = self._addresses(phone), set()
        for old in gone:
            self._tell(PhoneNews(phone, False, now(), old, is_removed=True))

    def lose_probe(self, phone: str, address: str = DESK) -> None:
        """It does not answer an OPTIONS."""
        self._contacts[phone] = set()
        self._tell(PhoneNews(phone, False, now(), address))
