"""sipp, the carrier that is not ours, agrees with what our own side says."""

from __future__ import annotations

from typing import Any

import pytest

from dialer.domain.errors import BadValue
from dialer.lab import sipp, tones
from dialer.lab.lab import Lab


async def test_a_call_to_sipp_is_answered_sounds_both_ways_and_is_counted(ari: Any, lab: Lab) -> None:
    phone = lab.world.phone("101")
    async with sipp.start(lab.folder / "sipp-answer", ring_s=0.3) as carrier:
        await ari.push_trunk("sipp", carrier.host, carrier.port)
        person = await ari.originate("PJSIP/79161234567@sipp", "obz-out/answered", OBZ_REC="rec-sipp")
        operator = await ari.ring("101")
        await ari.up(operator)
        await ari.up(person)
        await ari.talk(person, operator)
        await tones.listen_for(await phone.last_heard(), phone.hertz)  # sipp sends back what it hears
        await ari.hang_up(person, operator)
        figures = await carrier.settled(1)
    assert (figures.taken, figures.good, figures.failed) == (1, 1, 0)


async def test_sipp_can_be_busy(ari: Any, ear: Any, lab: Lab) -> None:
    async with sipp.start(lab.folder / "sipp-busy", scenario="busy") as carrier:
        await ari.push_trunk("sipp-busy", carrier.host, carrier.port)
        await ari.send("POST", "applications/dialer/subscription", eventSource="endpoint:PJSIP/sipp-busy")
        channel = await ari.originate("PJSIP/79161234567@sipp-busy", "obz-out/answered")
        end = await ear.hears(channel, "ChannelDestroyed")
        assert (end["cause"], end["tech_cause"]) == (17, 486)
        assert (await carrier.settled(1)).good == 1


async def test_an_unknown_scenario_is_refused(lab: Lab) -> None:
    with pytest.raises(BadValue, match="there are answer, leave, busy, no_answer"):
        async with sipp.start(lab.folder / "sipp-none", scenario="none"):
            pass
