"""Two who were joined and cannot hear each other: never a silent talk, and never twice by the same trunk."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.domain.abilities import Abilities
from dialer.domain.joins import APART_S
from dialer.domain.operators import State
from dialer.domain.trunk import Transport, Trunk
from dialer.domain.types import EndedBy, Mode, Outcome
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House
from tests.unit.engine.test_people import in_talk, line
from tests.unit.engine.virtual import in_virtual_time

TRANSLATED = frozenset({"alaw", "ulaw", "g722", "gsm"})
LONG = Fate(after_s=2, talk_s=100)


async def opened(leads: int = 1, trunk: Trunk | None = None, able: Abilities | None = None) -> House:
    house = House(PretendAsterisk(lambda number: LONG))
    house.asterisk.able = able or house.asterisk.able
    await house.furnish(operators=1, leads=leads, mode=Mode.PROGRESSIVE, trunk=trunk)
    await house.start()
    await house.all_ready()
    return house


@in_virtual_time
async def test_a_join_that_comes_apart_gives_the_person_the_message_at_once_and_counts_as_abandoned() -> None:
    house = await opened()
    house.asterisk.comes_apart = lambda number: True
    await until(lambda: house.watcher.seen["message"] == 1)
    call = house.call()
    assert call.message_at is None or call.message_at - call.answer_at < timedelta(seconds=APART_S + 0.3)
    await house.settled()
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.talk_s, cdr.operator) == (Outcome.ABANDONED, 0.0, None)
    assert (cdr.ended_by, cdr.reason) == (EndedBy.SERVICE, "the join came apart: no sound")
    assert cdr.message_at is not None
    assert house.operator().state is State.READY
    await house.stop()


@in_virtual_time
async def test_a_trunk_by_which_nobody_is_heard_rests_longer_each_time_until_a_talk_is_good() -> None:
    house = await opened(leads=5)
    house.asterisk.comes_apart = lambda number: len(house.asterisk.dialled) < 3
    await until(lambda: len(house.asterisk.dialled) == 3, 600)
    first, second, third = (at for at, _, _ in house.asterisk.dialled[:3])
    assert second - first > timedelta(seconds=60)
    assert third - second > timedelta(seconds=120)
    assert "could not be heard" in house.cell.trunks.views(house.cell.pacer._lines(), second)[MAIN].why
    await in_talk(house)
    await until(lambda: len(house.asterisk.dialled) == 5, 600)
    fourth, fifth = (at for at, _, _ in house.asterisk.dialled[3:])
    assert fifth - fourth < timedelta(seconds=110)
    await house.stop()


@in_virtual_time
async def test_a_talk_that_comes_apart_later_is_put_together_once_more() -> None:
    house = await opened()
    call = await in_talk(house)
    await asyncio.sleep(10)
    person = line(house, call)
    house.asterisk.tear(person.id)
    await asyncio.sleep(1)
    assert person.bridge == "ob-101"
    assert house.operator().state is State.TALKING
    house.asterisk.tear(person.id)
    await house.settled(10)
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.SERVICE)
    assert cdr.talk_s == pytest.approx(10.8, abs=0.5)
    await house.stop()


@in_virtual_time
async def test_a_line_from_which_no_sound_came_was_ended_by_the_network() -> None:
    house = await opened()
    call = await in_talk(house)
    house.asterisk.hears_nothing(line(house, call).id)
    await house.settled(10)
    (cdr,) = await house.cdrs()
    assert (cdr.outcome, cdr.ended_by) == (Outcome.CONNECTED, EndedBy.NETWORK)
    assert cdr.reason == "no sound came from the line"
    await house.stop()


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"codecs": ("g729",)}, "cannot translate g729.*alaw, g722, gsm, ulaw"),
        ({"transport": Transport.TLS}, "no SIP transport tls.*or use tcp, udp"),
        ({"srtp": True}, "cannot encrypt sound: load res_srtp.so"),
    ],
)
@in_virtual_time
async def test_a_trunk_that_wants_what_asterisk_cannot_do_is_not_used_and_says_what_it_can(
    wish: dict[str, Any], why: str
) -> None:
    plain = Trunk(MAIN, "127.0.0.2", caller_ids=("+74950000000",))
    house = await opened(trunk=replace(plain, **wish), able=Abilities(TRANSLATED, {"udp", "tcp"}, srtp=False))
    await asyncio.sleep(10)
    assert house.asterisk.dialled == []
    assert re.search(why, house.cell.trunks.views(house.cell.pacer._lines(), now())[MAIN].why)
    assert re.search(why, str(house.cell.books.faults[MAIN]))
    await house.stores.trunks.save(plain)
    await until(lambda: bool(house.asterisk.dialled), 10)
    await house.stop()
