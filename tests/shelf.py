"""A keeper in memory: what one life of a link leaves, the next one finds."""

from __future__ import annotations

import os

from dialer.keeper.store import DescriptorStore, Held


class Shelf(DescriptorStore):
    """Holds descriptors as systemd and our own parent process do; `goes_on`: another life follows."""

    def __init__(self, *, goes_on: bool = True) -> None:
        super().__init__({})
        self.held: list[Held] = []
        self.goes_on = goes_on

    @property
    def names(self) -> list[str]:
        return [held.name for held in self.held]

    def take(self, prefix: str) -> list[Held]:
        return [Held(held.name, os.dup(held.fd)) for held in self.held if held.name.startswith(prefix)]

    def keep(self, name: str, fd: int) -> None:
        self.held.append(Held(name, os.dup(fd)))

    def forget(self, name: str) -> None:
        for held in [held for held in self.held if held.name == name]:
            os.close(held.fd)
            self.held.remove(held)

    def outlives_us(self) -> bool:
        return self.goes_on

    def clear(self) -> None:
        """Its own end: the kernel closes what it held."""
        for held in self.held:
            os.close(held.fd)
        self.held.clear()
