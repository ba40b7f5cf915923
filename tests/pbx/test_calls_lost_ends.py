"""kill -9 while numbers end at once: by the carrier's own count each was dialled once, and has one record."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from dialer.domain.types import LeadStatus, Mode, Outcome
from dialer.lab.lab import Lab, Options
from dialer.lab.sipp import Sipp
from tests.pbx.office import Office, numbers, open_office
from tests.pbx.wordy import carriers

WORDS = {
    "busy": ("486 Busy Here",),
    "nobody": ("404 Not Found",),
    "full": ("503 Service Unavailable",),
    "declined": ("603 Decline",),
    "moved": ("302 Moved Temporarily|Contact: <sip:79160000999@127.0.0.51:5999>",),
}
OUTCOME = {
    "busy": Outcome.BUSY,
    "nobody": Outcome.UNALLOCATED,
    "full": Outcome.CONGESTION,
    "declined": Outcome.REJECTED,
    "moved": Outcome.MOVED,
}
PREFIX = {name: f"+79{20 + place}" for place, name in enumerate(WORDS)}


async def test_numbers_that_end_at_once_around_a_kill_are_dialled_once_and_recorded_once() -> None:
    await kill_while_calls_end_at_once(kills=2, leads=20)


async def kill_while_calls_end_at_once(kills: int, leads: int) -> Counter[str]:
    """With so many leads for each word of a carrier; how the records say that the calls ended."""
    of = {name: numbers(prefix, leads) for name, prefix in PREFIX.items()}
    mixed = [number for row in zip(*of.values(), strict=True) for number in row]
    async with Lab.start(Options(phones=4)) as lab, carriers(lab.folder, WORDS) as ways:
        async with open_office(
            lab, mixed, change=lambda its: replace(its, mode=Mode.POWER, ratio=5.0, retries={})
        ) as office:
            for name, carrier in ways.items():
                where = {"host": carrier.host, "port": carrier.port, "prefixes": [PREFIX[name]]}
                body = {"id": name, "caller_ids": ["+74951234567"], "lines": 20, "calls_per_s": 10, **where}
                await office.service.post("/v1/trunks", body)
            await office.change(trunks=list(WORDS))
            await office.ready()
            await office.start()
            for kill in range(kills):
                await dialled(ways, (kill + 1) * len(mixed) // (kills + 2))
                await asyncio.sleep(kill * 0.0137 % 0.25)  # another moment of the pacer's round each time
                office.kill()
                await office.restart()
            await all_dialled(office)
            await office.quiet()
            cdrs = await office.cdrs()
            taken = {name: (await carrier.settled(leads)).taken for name, carrier in ways.items()}
    assert taken == dict.fromkeys(ways, leads), "by the carrier's own count"
    assert max(Counter(cdr.number for cdr in cdrs).values()) == 1
    assert len(cdrs) == len(mixed)
    for cdr in cdrs:
        (name,) = [name for name, prefix in PREFIX.items() if f"+{cdr.number.lstrip('+')}".startswith(prefix)]
        its = (cdr.outcome, cdr.cause, cdr.sip_code, cdr.reason)
        assert cdr.outcome in (OUTCOME[name], Outcome.INTERRUPTED), its
    return Counter(cdr.outcome for cdr in cdrs)


async def dialled(ways: Mapping[str, Sipp], calls: int) -> None:
    """Until the carriers have taken so many calls together; their figures are a second old at most."""
    async with asyncio.timeout(60):
        while sum(carrier.figures().taken for carrier in ways.values()) < calls:  # noqa: ASYNC110 sipp's files
            await asyncio.sleep(0.02)


async def all_dialled(office: Office) -> None:
    async def none_left() -> bool:
        return all(lead.status in (LeadStatus.EXHAUSTED, LeadStatus.DONE) for lead in await office.leads())

    await office.until(none_left, "every lead was dialled", timeout_s=120)
