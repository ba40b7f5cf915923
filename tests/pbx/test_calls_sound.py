"""Who hears whom over real RTP: in a talk, on hold, after a restart in mid-talk; and the tone before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from dialer.domain.types import EndedBy, Outcome
from dialer.lab import tones
from dialer.lab.fate import Does, Plan, Rule, Voice, tone_of
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.conftest import asking
from tests.pbx.office import MUSIC, Office, open_office, phases

PERSON = "+79161230042"
BEEP = 700.0  # of Asterisk's own sound "beep"
PLAN = Plan(
    seed=3,
    rules=(
        Rule("7916*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(90), voice=Voice("number")),
        Rule("7917*", {Does.ANSWER: 1}, ring_s=fixed(0.1), talk_s=fixed(1.0), voice=Voice("number")),
        Rule("7918*", {Does.ANSWER: 1}, ring_s=fixed(0.1), talk_s=fixed(2.0), voice=Voice("number")),
    ),
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office() -> AsyncIterator[Office]:
    """One for all of these; each begins a campaign of its own."""
    async with Lab.start(Options(plan=PLAN, phones=1)) as lab, open_office(lab, []) as office:
        yield office


async def hold(office: Office, on: bool) -> None:
    """Puts the person on hold, or takes him back, and lets it be heard for a while."""
    await office.do("101", "hold" if on else "unhold")

    async def done() -> bool:
        call = await office.call(PERSON)
        return call is not None and call["on_hold"] is on

    await office.until(done, f"hold {on}")
    await asyncio.sleep(1.5)


def tones_at_once(path: Path, first: float, second: float) -> float:
    """For how many seconds both were heard together."""
    samples, rate = tones.read(path)
    pieces = [samples[at : at + 400] for at in range(0, len(samples) - 400, 400)]
    both = [piece for piece in pieces if tones.goertzel(piece, rate, first) > 0.5]
    return sum(tones.goertzel(piece, rate, second) > 0.03 for piece in both) * 0.05


@asynccontextmanager
async def whispers(lab: Lab) -> AsyncIterator[tuple[set[str], Callable[[], Awaitable[bool]]]]:
    """Ids of all that the PBX has shown, and whether none is open now."""
    seen = set[str]()

    async def look() -> bool:
        here = {one["id"] for one in await ari.send("GET", "channels") if one["id"].startswith("s-")}
        seen.update(here)
        return not here

    async def watch() -> None:
        while True:
            await look()
            await asyncio.sleep(0.1)

    async with asking(lab) as ari:
        watching = asyncio.create_task(watch())
        try:
            yield seen, look
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


async def test_both_hear_each_other_in_the_talk_after_hold_and_after_a_kill_9_in_mid_talk(
    office: Office,
) -> None:
    world, phone = office.lab.world, office.lab.world.phone("101")
    await office.begin([PERSON], phones=1)
    before = await phone.calls()
    await office.ready()
    await office.start()
    await office.comes_to(PERSON, "bridged")
    await asyncio.sleep(1.5)
    await hold(office, True)
    await hold(office, False)
    office.kill()
    await asyncio.sleep(3)
    await office.restart()
    assert (await office.call(PERSON) or {}).get("state") == "bridged"
    await hold(office, True)
    await hold(office, False)
    await world.hang_up(PERSON)
    cdr = await office.cdr(PERSON)
    await office.go_home()
    person = phases(world.heard_by(PERSON), operator=phone.hertz, music=MUSIC)
    assert [name for name, _ in person] == ["operator", "music", "operator", "music", "operator"]
    assert person[2][1] > 4, f"the talk did not go on while the service was dead: {person}"
    operator = phases(await phone.last_heard(), person=tone_of(PERSON))
    assert [name for name, _ in operator] == ["person"]
    heard_s, silent_s = operator[0][1], person[1][1] + person[3][1]
    assert abs(heard_s - cdr.talk_s) < 1.5, (heard_s, cdr.talk_s)
    assert cdr.outcome is Outcome.CONNECTED
    assert cdr.ended_by is EndedBy.PERSON
    assert (cdr.end_at - cdr.bridge_at).total_seconds() - cdr.talk_s > silent_s - 1
    assert await phone.calls() == before + 1, "the operator's leg stayed up all the time"
    together_s = tones_at_once(await phone.last_heard(), tone_of(PERSON), BEEP)
    assert 0.25 < together_s < 0.6, f"the tone before the call was heard for {together_s} s with the person"


async def test_each_of_many_people_comes_with_a_tone_on_its_own_whisper_and_nobody_is_muted_by_it(
    office: Office,
) -> None:
    people = [f"+791712300{last}" for last in (30, 42, 54, 66, 78, 90)]
    phone = office.lab.world.phone("101")
    await office.begin(people, change=lambda its: replace(its, wrap_up_s=0.0), phones=1)
    async with whispers(office.lab) as (opened, none_is_open):
        await office.ready()
        assert await none_is_open()
        await office.start()
        for person in people:
            await office.cdr(person)
        await office.until(none_is_open, "no whisper stays open", 5)
        await office.go_home()
        assert len(opened) == len(people)
    for person in people:
        together_s = tones_at_once(await phone.last_heard(), tone_of(person), BEEP)
        assert 0.25 < together_s < 0.6, f"the tone was heard for {together_s} s with {person}"
        heard = phases(office.lab.world.heard_by(person), operator=phone.hertz)
        assert [name for name, length_s in heard if length_s > 0.7] == ["operator"], (person, heard)


async def test_a_whisper_that_is_open_when_the_service_dies_is_ended_by_the_next(office: Office) -> None:
    (person,) = people = ["+79161230054"]
    await office.begin(people, phones=1)
    async with whispers(office.lab) as (opened, none_is_open):

        async def is_open() -> bool:
            return not await none_is_open()

        await office.ready()
        await office.start()
        await office.until(is_open, "a whisper for the tone")
        office.kill()
        assert await is_open()
        await office.restart()
        await office.until(none_is_open, "the whisper is ended", 30)
        assert (await office.call(person) or {}).get("state") == "bridged"
        assert len(opened) == 1


async def test_a_campaign_without_a_tone_opens_no_whisper_and_the_operator_hears_the_person_alone(
    office: Office,
) -> None:
    (person,) = people = ["+79181230042"]
    phone = office.lab.world.phone("101")
    await office.begin(people, change=lambda its: replace(its, tone=False), phones=1)
    async with whispers(office.lab) as (opened, _):
        await office.ready()
        await office.start()
        await office.cdr(person)
        await office.go_home()
    assert not opened
    assert [name for name, _ in phases(await phone.last_heard(), person=tone_of(person))] == ["person"]
    assert tones_at_once(await phone.last_heard(), tone_of(person), BEEP) == 0
