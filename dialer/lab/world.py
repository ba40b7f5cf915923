"""The running pretend world, the other end of every SIP wire of the PBX: a carrier and phones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from dialer.domain.errors import Missing
from dialer.lab.carrier import Carrier
from dialer.lab.fate import Fate, Plan
from dialer.lab.instance import together
from dialer.lab.phones import Phone, Phones


@dataclass(slots=True)
class World:
    """What tests and the demo talk to."""

    plan: Plan
    carrier: Carrier
    phones: list[Phones] = field(default_factory=list)

    @property
    def parts(self) -> list[Carrier | Phones]:
        """Everything that is started and stopped."""
        return [self.carrier, *self.phones]

    async def start(self) -> None:
        """Starts carrier and phones together."""
        await together(*(part.start() for part in self.parts))

    async def stop(self) -> None:
        """Ends them together."""
        await asyncio.gather(*(part.stop() for part in self.parts))

    def fate(self, number: str, call: int = 1) -> Fate:
        """What the n-th call to a number does."""
        return self.plan.fate(number, call)

    def phone(self, number: str) -> Phone:
        """One phone by its number."""
        for phones in self.phones:
            for handset in phones.handsets:
                if handset.number == number:
                    return Phone(phones, handset)
        raise Missing(f"the lab has no phone {number}")

    def heard_by(self, number: str, call: int | str = 1) -> Path:
        """The sound that reached a number in its n-th call."""
        return self.carrier.heard_by(number, call)

    async def in_call(self) -> list[str]:
        """The numbers that have a call, ringing or answered."""
        return sorted(await self.carrier.channels())

    async def hang_up(self, number: str) -> None:
        """The person with this number hangs up."""
        await self.carrier.hang_up(number)

    async def call_in(self, number: str, to: str, *, talk_s: float = 60.0, timeout_s: float = 60.0) -> bool:
        """The person with this number calls the PBX back; whether it answered."""
        return await self.carrier.call_in(number, to, talk_s=talk_s, timeout_s=timeout_s)
