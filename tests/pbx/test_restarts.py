"""Asterisk goes and comes in every way, beside trunks that it cannot have: nobody is sent home."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from dialer.demo.summary import double_booked
from dialer.domain.errors import TimedOut
from dialer.domain.trunk import Trunk
from dialer.domain.types import EndedBy, Outcome, TrunkId
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.storage import open_database
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

DESKS = 5
PLAN = Plan(seed=5, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.5), talk_s=fixed(60)),))
BAD = ("a-bad-one", "z-bad-one")
STOPPED = "Asterisk stopped during the call"


async def check(office: Office, name: str) -> tuple[bool, str]:
    """One line of /readyz."""
    ready = await office.service.get("/readyz")
    return next((one["ok"], one["detail"]) for one in ready["checks"] if one["name"] == name)


async def talking(office: Office) -> set[str]:
    return {call["id"] for call in await office.calls() if call["state"] == "bridged"}


async def all_talk(office: Office, *, but: set[str] = frozenset()) -> set[str]:
    """Every operator is in a talk that is none of these."""

    async def do() -> bool:
        return len(await talking(office) - but) == DESKS

    await office.until(do, "every operator talks", 40)
    return await talking(office)


async def test_planned_stops_and_deaths_while_reconciling_send_nobody_home_and_close_no_other_talk() -> None:
    async with Lab.start(Options(plan=PLAN, phones=DESKS, on_crash=lambda crash: None)) as lab:
        async with open_office(lab, numbers("+7911", 60)) as office:
            async with open_database(office.settings) as stores:
                await stores.trunks.add(Trunk(TrunkId(BAD[0]), "nosuch.invalid"))
                await stores.trunks.add(Trunk(TrunkId(BAD[1]), "256.1.1.1"))
            office.kill()  # they are there when the service starts
            await office.restart()
            await office.ready()
            ok, told = await check(office, "set aside")
            assert ok
            assert all(name in told for name in BAD), told
            await office.start()
            first = await all_talk(office)
            began_at = datetime.now(UTC) - timedelta(seconds=1)

            await lab.pbx.stop()  # SIGTERM
            await lab.pbx.start()
            second = await all_talk(office, but=first)
            assert not first & second

            for moment_s in (0.02, 0.15, 0.4):  # while it is reconciled with
                await lab.pbx.kill9()
                await lab.pbx.start()
                await asyncio.sleep(moment_s)
            await lab.pbx.kill9()
            await lab.pbx.start()
            third = await all_talk(office, but=second)

            patient = asyncio.create_task(lab.pbx.cli("core stop gracefully"))
            await asyncio.sleep(1)
            assert await talking(office) == third  # it waits for them, and for the operators' legs
            await lab.pbx.cli("core stop now")
            await lab.pbx.died.wait()
            with suppress(TimedOut):
                await patient
            await lab.pbx.start()
            fourth = await all_talk(office, but=third)

            office.kill()
            await office.restart()
            assert await talking(office) == fourth  # the journal has the boot of this Asterisk
            assert (await check(office, "link"))[0]

            await office.pause()
            async with open_database(office.settings) as stores:
                changes = await stores.records.changes(None, began_at, datetime.now(UTC))
            assert not [one for one in changes if one.became == "offline"]
            cdrs = {cdr.id: cdr for cdr in await office.cdrs()}
            for call in first | second | third:
                assert cdrs[call].outcome is Outcome.CONNECTED
                assert (cdrs[call].reason, cdrs[call].ended_by) == (STOPPED, EndedBy.NETWORK)
            assert double_booked(list(cdrs.values())) == 0
