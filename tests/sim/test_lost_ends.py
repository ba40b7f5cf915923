"""kill -9 while numbers end at once: Asterisk's notes tell what was dialled, no number is dialled twice."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from dialer.domain.call import State as CallState
from dialer.domain.errors import Refused
from dialer.domain.types import EndedBy, LeadStatus, Mode, Outcome
from dialer.sim.clock import until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House, at_work
from tests.unit.engine.virtual import in_virtual_time

KINDS = ("busy", "unallocated", "congestion", "declined", "moved", "timed_out")
OUTCOMES = {
    "busy": Outcome.BUSY,
    "unallocated": Outcome.UNALLOCATED,
    "congestion": Outcome.CONGESTION,
    "declined": Outcome.REJECTED,
    "moved": Outcome.MOVED,
    "timed_out": Outcome.NETWORK_FAILURE,
}


def at_once(number: str) -> Fate:
    n = int(number)
    kind = KINDS[n % len(KINDS)]
    return Fate(after_s=1, talk_s=5) if n % 7 == 0 else Fate(kind, setup_s=0.01 + (n % 5) / 50)


@pytest.mark.parametrize("is_lost", [False, True], ids=["replayed", "lost"])
@pytest.mark.parametrize("moment", range(20))
@in_virtual_time
async def test_what_ended_at_once_around_a_kill_has_one_record_and_is_not_dialled_again(
    moment: int, is_lost: bool
) -> None:
    """`lost`: the dead process had read the events and not handled them."""
    house = await at_work(at_once, operators=8, leads=60, mode=Mode.POWER, ratio=3.0, retries={})
    asterisk, campaign = house.asterisk, house.campaign
    await until(lambda: len(asterisk.dialled) >= 2 + moment)
    await asyncio.sleep(moment * 0.0053)
    for _ in range(2):  # the second time while the first is just reconciled
        await house.kill()
        await asyncio.sleep(0.2 + moment / 10)
        if is_lost:
            asterisk.lose_events()
        await house.start()
    await house.worked_through(campaign)
    cdrs = await house.check_records()
    assert max(Counter(number for _, number, _ in asterisk.dialled).values()) == 1
    for cdr in cdrs:
        n = int(cdr.number.lstrip("+"))
        if n % 7 and not cdr.estimated:
            assert cdr.outcome is OUTCOMES[KINDS[n % len(KINDS)]]
    await house.stop()


@pytest.mark.parametrize("says", ["nothing of ends", "nothing at all"])
@in_virtual_time
async def test_an_end_of_which_asterisk_tells_nothing_counts_as_dialled(says: str) -> None:
    """A dialplan of an older version, or an Asterisk that refuses to be asked: no trace is no proof."""
    asterisk = PretendAsterisk(lambda number: Fate("busy"))
    asterisk.notes.of_ends = False
    if says == "nothing at all":
        asterisk.fault = lambda request: Refused(403, "it would not say") if request == "noted_of" else None
    house = House(asterisk)
    campaign = await house.furnish(operators=1, leads=1, retries={})
    await house.start()
    await house.all_ready()
    await until(lambda: len(asterisk.dialled) == 1)
    await house.kill()
    await asyncio.sleep(1)
    asterisk.lose_events()
    await house.start()
    await until(lambda: not house.calls() and not house.journal.depth())
    await asyncio.sleep(60)
    (cdr,) = await house.check_records()
    assert (cdr.outcome, cdr.ended_by, cdr.estimated) == (Outcome.INTERRUPTED, EndedBy.NETWORK, True)
    assert [lead.status for lead in await house.leads(campaign)] == [LeadStatus.EXHAUSTED]
    await house.stop()


@in_virtual_time
async def test_a_request_whose_answer_was_lost_is_no_proof_that_nothing_was_dialled() -> None:
    """The link breaks between the request and its answer, and the number is busy meanwhile."""
    house = await at_work(Fate("busy", setup_s=0.0001), operators=1, leads=1, retries={})
    asterisk = house.asterisk
    await until(lambda: len(asterisk.dialled) == 1)
    asterisk.lose_link()
    await asyncio.sleep(1)
    asterisk.lose_events()
    asterisk.connect_to(house.cell)
    await until(lambda: not house.calls() and not house.journal.depth())
    (cdr,) = await house.check_records()
    assert (cdr.outcome, cdr.sip_code, cdr.estimated) == (Outcome.BUSY, 486, False)
    assert len(asterisk.dialled) == 1
    await house.stop()


@in_virtual_time
async def test_an_asterisk_that_was_started_since_is_no_proof_either() -> None:
    house = await at_work(Fate("busy", setup_s=0.3), operators=1, leads=1, retries={})
    asterisk = house.asterisk
    await until(lambda: len(asterisk.dialled) == 1)
    assert house.call().state is CallState.ORIGINATING
    await house.kill()
    asterisk.reboot()
    await asyncio.sleep(5)
    await house.start()
    await until(lambda: not house.calls() and not house.journal.depth())
    (cdr,) = await house.check_records()
    assert cdr.outcome is Outcome.NETWORK_FAILURE
    assert len(asterisk.dialled) == 1
    await house.stop()
