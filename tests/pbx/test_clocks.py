"""The service's clock is set in mid-run, on a real Asterisk: nobody is abandoned, talks keep their length."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dialer.domain.types import Mode
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

PLAN = Plan(seed=5, rules=(Rule("7911*", {Does.ANSWER: 1}, ring_s=fixed(1), talk_s=fixed(3)),))
FAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), Path("libfaketime.so.1"))


class Hands:
    """Somebody who sets the clock of the service's machine, and of no other."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, by_s: float) -> None:
        """From now on it is ahead by so much."""
        self._file.write_text(f"{by_s:+g}\n")

    def environment(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # it looks at the file once a second: each look costs
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@asynccontextmanager
async def at_work(calls: int) -> AsyncIterator[tuple[Office, Hands]]:
    """Two operators take calls of 3 s, one after another."""
    async with Lab.start(Options(plan=PLAN, phones=2)) as lab:
        hands = Hands(lab.folder / "faketime")
        async with open_office(
            lab,
            numbers("+7911", calls),
            change=lambda its: replace(its, mode=Mode.PROGRESSIVE, wrap_up_s=0.5),
            environment=hands.environment(),
        ) as office:
            await office.ready()
            await office.start()
            await office.in_flight(2, "bridged")
            yield office, hands


async def dialling_waits(office: Office, why: str) -> None:
    """Until the pacer says so."""

    async def does() -> bool:
        return any(why in row["reason"] for row in await office.service.get("/v1/decisions"))

    await office.until(does, f"dialing waits: {why}", 5)


async def check(office: Office, calls: int) -> None:
    """Every call was a talk of 3 s, with the operator at once."""
    await office.until(lambda: worked_through(office, calls), "every number dialled", 60)
    await office.quiet()
    cdrs = await office.cdrs()
    assert [cdr.outcome.value for cdr in cdrs] == ["connected"] * calls
    for cdr in cdrs:
        assert cdr.wait_s is not None and cdr.wait_s < 1.5  # no message: nobody was abandoned
        assert cdr.talk_s == pytest.approx(3.0, abs=0.3)
        assert (
            cdr.dialled_at <= (cdr.ring_at or cdr.dialled_at) <= (cdr.answer_at or cdr.end_at) <= cdr.end_at
        )


async def worked_through(office: Office, calls: int) -> bool:
    return len(await office.cdrs()) == calls


async def test_a_clock_set_in_mid_talk_abandons_nobody_and_dialing_waits_until_it_is_right_again() -> None:
    async with at_work(calls=10) as (office, hands):
        for by_s, told in ((5, "5.0 s behind"), (-5, "5.0 s ahead of"), (3600, "3600.0 s behind")):
            await office.in_flight(2, "bridged")
            hands.set(by_s)
            await dialling_waits(office, f"{told} ours")
            await office.until(lambda: nobody_talks(office), "the talks end by themselves", 5)
            hands.set(0)
        await check(office, calls=10)


async def nobody_talks(office: Office) -> bool:
    return not await office.calls()
