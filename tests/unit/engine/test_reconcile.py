"""What happened while Asterisk was not heard: the record is as Asterisk has noted it, or a guess."""

from __future__ import annotations

import asyncio

import pytest

from dialer.domain.call import Destroyed, State
from dialer.domain.cdr import Cdr
from dialer.domain.errors import Refused
from dialer.domain.types import EndedBy, Mode, Outcome
from dialer.ports.asterisk import ChannelNews
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time

AWAY_S = 10.0


async def after_an_outage(asterisk: PretendAsterisk) -> Cdr:
    """The one record of a call during which the link was down and every event was lost."""
    house = House(asterisk)
    await house.furnish(operators=1, leads=1, mode=Mode.POWER, retries={})
    await house.start()
    await house.all_ready()
    await until(lambda: bool(asterisk.dialled))
    await asyncio.sleep(0.1)
    asterisk.lose_link()
    await asyncio.sleep(AWAY_S)
    asterisk.lose_events()
    asterisk.connect_to(house.cell)
    await house.settled(60)
    (cdr,) = await house.cdrs()
    await house.stop()
    return cdr


@in_virtual_time
async def test_a_number_that_was_busy_unheard_was_busy() -> None:
    cdr = await after_an_outage(PretendAsterisk(lambda number: Fate("busy", setup_s=2)))
    assert (cdr.outcome, cdr.cause, cdr.sip_code) == (Outcome.BUSY, 17, 486)
    assert (cdr.answer_at, cdr.estimated) == (None, False)


@in_virtual_time
async def test_a_person_who_answered_unheard_and_heard_the_message_was_abandoned() -> None:
    cdr = await after_an_outage(PretendAsterisk(lambda number: Fate(after_s=1, waits_s=60)))
    assert (cdr.outcome, cdr.ended_by) == (Outcome.ABANDONED, EndedBy.SERVICE)
    assert cdr.answer_at and cdr.message_at
    assert 1.4 < (cdr.message_at - cdr.answer_at).total_seconds() < 1.8


@in_virtual_time
async def test_a_person_who_answered_unheard_and_hung_up_at_once_was_not_abandoned() -> None:
    cdr = await after_an_outage(PretendAsterisk(lambda number: Fate(after_s=1, waits_s=0.5)))
    assert (cdr.outcome, cdr.ended_by) == (Outcome.HUNG_UP_EARLY, EndedBy.PERSON)
    assert cdr.answer_at and (cdr.end_at - cdr.answer_at).total_seconds() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("says", ["nothing of ends", "nothing at all"])
@in_virtual_time
async def test_an_end_of_which_asterisk_has_no_note_is_a_guess_and_says_so(says: str) -> None:
    asterisk = PretendAsterisk(lambda number: Fate("busy", setup_s=2))
    asterisk.notes.of_ends = False
    if says == "nothing at all":
        asterisk.fault = lambda request: Refused(403, "it would not say") if request == "noted_of" else None
    cdr = await after_an_outage(asterisk)
    assert (cdr.outcome, cdr.estimated) == (Outcome.INTERRUPTED, True)


@in_virtual_time
async def test_an_end_that_proves_an_answer_counts_at_once_while_asterisk_is_heard() -> None:
    house = House(PretendAsterisk(lambda number: Fate("no_answer")))
    await house.furnish(operators=1, leads=1, mode=Mode.POWER)
    await house.start()
    await house.all_ready()
    await until(lambda: house.watcher.seen[State.RINGING] == 1)
    (line,) = house.asterisk.people()
    house.asterisk._forget(line)
    house.cell.heard(ChannelNews(line.id, Destroyed(now(), 16, None, was_up=True)))
    await until(lambda: not house.journal.depth(), 1)
    assert not house.calls()
    (cdr,) = await house.cdrs()
    assert cdr.answer_at is not None
    await house.stop()
