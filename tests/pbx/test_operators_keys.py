"""A shift by phone keys alone, the whole service behind: feature codes over FastAGI, keys on the leg."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dialer.adapters.hashes import hash_secret
from dialer.adapters.speech import SHIPPED
from dialer.domain.errors import NetworkTrouble
from dialer.domain.keys import SETTLE_S
from dialer.domain.operators import State
from dialer.domain.types import Language
from dialer.lab import tones
from dialer.lab.fate import Does, Plan, Rule, Voice
from dialer.lab.lab import Lab, Options
from dialer.lab.phones import Phone
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office, phases

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
            await asyncio.sleep(SETTLE_S[State.TALKING])
            await phone.press("##*1#")  # a key sent twice, and one for the wrap-up
            assert await office.state("101") == "talking", "only its own keys end a talk"
            await office.press("101", "#*", "wrap_up")
            await asyncio.sleep(1.3)  # let each word be heard to its end
            await phone.press("1#")
            await asyncio.sleep(1.8)
            await office.press("101", "*2", "paused", "lunch")
            await asyncio.sleep(1.5)
            cdr = await office.cdr(people[0])
            await phone.press("*#")
            await office.comes_to(people[1], "bridged")
            await phone.press("#*")  # too early to be meant for this talk
            await asyncio.sleep(3.0)
            assert await office.state("101") == "talking"
            await office.press("101", "#*", "wrap_up")
            await phone.press("1#2#")
            await office.press("101", "*9", "offline", "logout")
            await phone.free()
            await office.until(lambda: said(office, people[1], "refused"), "the second outcome")
            assert await said(office, people[0], "agreed")
            heard = sorted(lab.heard.glob("101-*.sln"))
            persons = [lab.world.heard_by(number) for number in people]
            answers = ("state-wrap_up", "outcome-agreed", "state-paused", "pause-lunch", "too-late")
            told = {name: max(likeness(path, name) for path in heard) for name in answers}
            overheard = {name: max(likeness(path, name) for path in persons) for name in answers}
            listening = phases(persons[1], operator=phone.hertz)
    assert min(told.values()) > 0.8, f"the operator hears what the keys did: {told}"
    assert max(overheard.values()) < 0.4, f"nobody else does: {overheard}"
    assert len(listening) == 1, f"words to the operator do not mute the talk: {listening}"
    assert cdr.operator == "101"


def likeness(path: Path, name: str) -> float:
    """Whether this prompt was heard there; the tone of the person is left out."""
    words, _ = tones.read(SHIPPED / Language.RU / f"{name}.wav")
    heard, _ = tones.read(path)
    return tones.likeness(without_tones(heard), without_tones(words))


def without_tones(samples: tones.Samples) -> tones.Samples:
    """Less what lies near the steady tone of a person."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / tones.RATE)
    spectrum[np.abs(hertz - Voice().hertz) < 20] = 0
    return np.fft.irfft(spectrum, len(samples))


async def said(office: Office, number: str, disposition: str) -> bool:
    return any(cdr.number == number and cdr.disposition == disposition for cdr in await office.cdrs())


async def test_a_log_in_at_a_colleagues_phone_rings_that_phone_and_its_codes_are_for_who_works_there() -> (
    None
):
    pin_hash = await hash_secret(PIN)
    async with Lab.start(Options(plan=PLAN, phones=2)) as lab:
        async with open_office(
            lab, numbers("+7916", 1), account=lambda its: replace(its, pin_hash=pin_hash)
        ) as office:
            own, desk = lab.world.phone("101"), lab.world.phone("102")
            await own.registered()
            await desk.registered()
            await desk.dial("*10")
            await desk.press(f"101#{PIN}#")
            await office.stands("101", "paused", "login")
            assert (await office.service.get("/v1/operators/101"))["desk"] == "102"
            assert (await desk.in_call(), await own.in_call()) == (True, False)
            with pytest.raises(NetworkTrouble, match="operator 101 is at work at phone 102"):
                await office.do("102", "login")
            await dial(office, desk, "*11")
            assert (await office.state("101"), await office.state("102")) == ("ready", "offline")
            await dial(office, desk, "*14")
            await office.stands("101", "offline", "logout")
            await desk.free()
            heard = sorted(lab.heard.glob("102-*.sln"))
            told = {
                name: max(likeness(path, name) for path in heard) for name in ("logged-in", "state-ready")
            }
    assert min(told.values()) > 0.8, told
