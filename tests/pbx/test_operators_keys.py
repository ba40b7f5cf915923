"""A shift by phone keys alone, the whole service behind: feature codes over FastAGI, keys on the leg."""

from __future__ import annotations

from dataclasses import replace

from dialer.adapters.hashes import hash_secret
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.lab.phones import Phone
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

PIN = "4711"
PLAN = Plan(seed=7, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(60)),))


async def dial(office: Office, phone: Phone, code: str, keys: str = "") -> None:
    """A second call from the phone beside its leg, until the PBX has ended it."""
    await phone.dial(code, keys)

    async def over() -> bool:
        return await phone.lines() <= 1

    await office.until(over, f"the call to {code} is over", 20)


async def test_a_shift_by_keys_login_ready_talk_disposition_pause_logout() -> None:
    people = numbers("+7916", 2)
    pin_hash = await hash_secret(PIN)
    async with Lab.start(Options(plan=PLAN, phones=1)) as lab:
        async with open_office(
            lab,
            people,
            account=lambda its: replace(its, pin_hash=pin_hash),
            change=lambda its: replace(its, wrap_up_s=20.0),
        ) as office:
            phone = lab.world.phone("101")
            await phone.registered()
            await office.start()
            await phone.dial("*10")
            await phone.press(f"101#{PIN}#")
            await office.stands("101", "paused", "login")
            await dial(office, phone, "*11")
            call = await office.comes_to(people[0], "bridged")
            assert call["operator"] == "101"
            await phone.press("*")
            await office.stands("101", "wrap_up")
            await phone.press("1")
            await phone.press("*2")
            await office.stands("101", "paused", "lunch")
            cdr = await office.cdr(people[0])
            await phone.press("#")
            await office.comes_to(people[1], "bridged")
            await phone.press("*")
            await office.stands("101", "wrap_up")
            await phone.press("2")
            await phone.press("*9")
            await office.stands("101", "offline", "logout")
            await phone.free()
            await office.until(lambda: said(office, people[1], "refused"), "the second outcome")
            assert await said(office, people[0], "agreed")
    assert cdr.operator == "101"


async def said(office: Office, number: str, disposition: str) -> bool:
    return any(cdr.number == number and cdr.disposition == disposition for cdr in await office.cdrs())
