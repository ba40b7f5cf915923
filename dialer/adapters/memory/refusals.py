"""Facts that the database did not take, in memory; its disk can be full too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dialer.domain.errors import DiskTrouble
from dialer.ports.journal import RefusedFact
from dialer.ports.stores import Fact


class MemoryRefusals:
    """See dialer.ports.journal.Refusals; `trouble` makes its disk full."""

    def __init__(self) -> None:
        self._kept: list[RefusedFact] = []
        self.given_up: list[Fact] = []
        self.trouble = ""

    def keep(self, fact: Fact, reason: str) -> None:
        if self.trouble:
            raise DiskTrouble(self.trouble)
        if all(one.fact != fact for one in self._kept):
            self._kept.append(RefusedFact(fact, reason))

    def all(self) -> Sequence[RefusedFact]:
        return list(self._kept)

    def forget(self, facts: Iterable[Fact]) -> None:
        """What a full disk still holds is told again by the next process."""
        gone = list(facts)
        self._kept = [one for one in self._kept if one.fact not in gone]
        if self.trouble:
            raise DiskTrouble(self.trouble)

    def give_up(self, facts: Iterable[Fact]) -> None:
        if self.trouble:
            raise DiskTrouble(self.trouble)
        gone = list(facts)
        self.given_up += gone
        self.forget(gone)
