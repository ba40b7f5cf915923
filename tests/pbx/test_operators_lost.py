"""A nailed-up phone vanishes without a word: what becomes of its operator and of the person."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from dialer.domain.types import EndedBy, Outcome
from dialer.lab.fate import Does, Plan, Rule, Voice, tone_of
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import MUSIC, numbers, open_office, phases

PLAN = Plan(
    seed=7, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(90), voice=Voice("number")),)
)
NOTICED_S = 12.0  # 10 s without sound, and the time to see it through the API
MESSAGE = (523.0, 659.0, 784.0)


async def test_a_lost_phone_is_rung_again_else_the_next_operator_else_the_message() -> None:
    """101 stays; 102 comes back in time, 103 and 104 do not: one of their people goes to 101."""
    people = numbers("+7916", 4)
    async with Lab.start(Options(plan=PLAN, phones=1, loners=3)) as lab:
        async with open_office(lab, people, change=lambda its: replace(its, wrap_up_s=30.0)) as office:
            await office.ready("102", "103", "104")
            await office.start()
            await office.in_flight(3, "bridged")
            await office.pause()
            of = {str(call["operator"]): str(call["number"]) for call in await office.calls()}
            await office.ready("101")
            await asyncio.sleep(1.5)
            lost = ("102", "103", "104")
            began = time.monotonic()
            for phone in lost:
                await lab.world.phone(phone).unplug()
            await asyncio.gather(*(office.stands(phone, "connecting", timeout_s=15) for phone in lost))
            noticed_s = time.monotonic() - began
            await lab.world.phone("102").plug()
            assert (await office.comes_to(of["102"], "bridged"))["operator"] == "102"
            await office.stands("102", "talking")
            await office.stands("101", "talking")
            taken = next(call["number"] for call in await office.calls() if call["operator"] == "101")
            (left,) = set(of.values()) - {of["102"], taken}
            cdr = await office.cdr(left)
            await asyncio.sleep(1.5)
            await office.stands("103", "offline", "phone_lost")
            for number in (of["102"], taken):
                await lab.world.hang_up(number)
            cdrs = [await office.cdr(number) for number in (of["102"], taken)]
            await office.go_home()
            heard = {
                number: phases(
                    lab.world.heard_by(number),
                    **{f"of {phone.number}": phone.hertz for phone in lab.handsets},
                    music=MUSIC,
                    message=MESSAGE,
                )
                for number in of.values()
            }
            by_102 = [phases(lab.world.phone("102").heard(n), person=tone_of(of["102"])) for n in (1, 2)]
    assert noticed_s < NOTICED_S
    names = {number: [name for name, _ in its] for number, its in heard.items()}
    assert names[of["102"]] == ["of 102", "music", "of 102"]
    own = next(phone for phone in lost if of[phone] == taken)
    assert names[taken] == [f"of {own}", "music", "of 101"]
    own = next(phone for phone in lost if of[phone] == left)
    assert names[left] == [f"of {own}", "music", "message"]
    assert by_102[1], "102 hears the person again"
    assert cdr.outcome is Outcome.OPERATOR_LOST
    assert cdr.message_at
    assert cdr.ended_by is EndedBy.SERVICE
    for each in cdrs:
        assert (each.outcome, each.ended_by) == (Outcome.CONNECTED, EndedBy.PERSON)
    assert [each.operator for each in cdrs] == ["102", "101"]
