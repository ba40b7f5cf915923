"""The stage of the benchmark: a lab whose numbers answer at once, and a campaign for the service."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import aiohttp

from bench.figures import Load
from dialer.adapters.secrets import write_secret
from dialer.adapters.sounds import write_demo_message
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.operators import Account
from dialer.domain.schedule import every_day
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, LeadId, Mode, OperatorId, PhoneNumber, TrunkId
from dialer.lab.fate import Does, Plan, Rule, Voice
from dialer.lab.lab import Lab, Options
from dialer.lab.phones import Phone
from dialer.ports.stores import Stores
from dialer.settings import Settings, sounds_dir
from dialer.storage import open_database
from dialer.worlds import fixed

TRUNK = TrunkId("carrier")
CALLER = "+74951234567"
RING_S = 0.05
TALK_S = 0.55
MEDIA_WAIT_S = 0.5  # a called number that hears nothing waits so long in its Answer() before it goes on
TURNOVER_S = 0.25  # of an operator between two talks: dialing, ringing, bridging
FIRST_NUMBER = 79160000000
SPARE = 1.1
THROTTLE = 1.02  # a ceiling is never quite reached


def operators_for(rate: float) -> int:
    """How many can carry so many calls per second."""
    return math.ceil(rate * (RING_S + TALK_S + TURNOVER_S))


@dataclass(slots=True)
class Stage:
    """A running lab with one campaign; numbers are given out once."""

    lab: Lab
    settings: Settings
    environment: Mapping[str, str]
    campaign: CampaignId
    message: Path
    media: bool
    next_number: int = FIRST_NUMBER

    @property
    def operators(self) -> list[str]:
        return [handset.number for handset in self.lab.handsets]

    def draw(self, n: int) -> int:
        """The first of n numbers that nobody has called yet."""
        first, self.next_number = self.next_number, self.next_number + n
        return first

    async def prepare(self, load: Load) -> None:
        """Leads enough for it, and a trunk that takes hardly more calls per second."""
        n = int(load.rate * (load.warm_s + load.seconds) * SPARE) + self.settings.hopper
        first = self.draw(n)
        leads = [
            Lead(LeadId(0), self.campaign, (PhoneNumber(f"+{number}"),), zones=("Europe/Moscow",))
            for number in range(first, first + n)
        ]
        async with open_database(self.settings) as stores:
            await stores.leads.import_list(self.campaign, "bench", leads, now=datetime.now(UTC))
            trunk = await stores.trunks.get(TRUNK)
            await stores.trunks.save(replace(trunk, calls_per_s=float(math.ceil(load.rate * THROTTLE))))

    async def let_phones_be_silent(self) -> None:
        """Without sound the PBX would take the phones for vanished after 5 s: forget that here."""
        auth = aiohttp.BasicAuth(self.lab.values["ARI_USER"], self.lab.values["ARI_PASSWORD"])
        body = {"fields": [{"attribute": "rtp_timeout", "value": "0"}]}
        base = f"{self.environment['DIALER_ARI_HTTP_URL']}/asterisk/config/dynamic/res_pjsip/endpoint"
        async with aiohttp.ClientSession(auth=auth) as http:
            for operator in self.operators:
                async with http.put(f"{base}/{operator}", json=body) as answer:
                    answer.raise_for_status()

    def switch_cpu_s(self) -> float:
        """CPU seconds that the PBX has used."""
        return cpu_s(self.lab.pbx.pid or 0)


def cpu_s(pid: int) -> float:
    """User and system time of a process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def open_stage(
    operators: int, *, media: bool, tone: bool, say: Callable[[str], None]
) -> AsyncIterator[Stage]:
    """Everything up but the two that are compared; everything down at the end."""
    voice, wait_s = (Voice("tone"), TALK_S) if media else (Voice("silence"), TALK_S - MEDIA_WAIT_S)
    plan = Plan(1, (Rule("*", {Does.ANSWER: 1.0}, fixed(RING_S), fixed(round(wait_s, 3)), voice),))
    options = Options(plan=plan, phones=operators, is_heard=False)
    async with Lab.start(options, progress=say) as lab:
        if not media:
            for phones in lab.world.phones:
                for handset in phones.handsets:
                    await Phone(phones, handset).behave(hertz=0.0)
        environment = {**lab.environment(), "DIALER_LOG_FORMAT": "json"}
        settings = settings_of(environment)
        async with open_database(settings, make=True) as stores:
            await add_trunk(lab, stores)
            numbers = await add_operators(lab, settings, stores)
            message = write_demo_message(sounds_dir(settings))
            campaign = await stores.campaigns.add(_campaign(numbers, message.name, tone=tone))
        yield Stage(lab, settings, environment, campaign.id, sounds_dir(settings) / message.name, media)


def settings_of(variables: Mapping[str, str]) -> Settings:
    """As the service will read them."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        return Settings()
    finally:
        os.environ.clear()
        os.environ.update(before)


async def add_operators(lab: Lab, settings: Settings, stores: Stores) -> frozenset[OperatorId]:
    """One for each phone of the lab."""
    folder = settings.data_dir / "secrets"
    for handset in lab.handsets:
        path = folder / f"sip-{handset.number}"
        write_secret(path, handset.password)
        name = f"Operator {handset.number}"
        await stores.accounts.add(Account(OperatorId(handset.number), name, sip_password_file=str(path)))
    return frozenset(OperatorId(handset.number) for handset in lab.handsets)


async def add_trunk(lab: Lab, stores: Stores, **limits: Any) -> Trunk:
    """The way to the lab's carrier."""
    trunk = Trunk(
        TRUNK,
        host=lab.trunk.host,
        port=lab.trunk.port,
        user=lab.trunk.user,
        password_file=str(lab.trunk.password_file),
        caller_ids=(CALLER,),
        lines=2000,
    )
    trunk = replace(trunk, **limits)
    await stores.trunks.add(trunk)
    return trunk


def _campaign(operators: frozenset[OperatorId], message: str, *, tone: bool) -> Campaign:
    """Power at one line per operator: nobody who answers finds all of them taken."""
    every = Campaign(CampaignId(0), "bench", mode=Mode.POWER, ratio=1.0, operators=operators, trunks=(TRUNK,))
    every = replace(every, schedule=every_day(time(0), time(0)), ring_s=8.0, wrap_up_s=0.0)
    return replace(every, message=message, tone=tone, shows_person=False)
