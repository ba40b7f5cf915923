"""The demo beside a service that runs already: carrier and phones in containers (docker/compose.yml).

`python -m dialer.demo.troupe dress FOLDER` writes their configuration and sets the stage, unless it is set;
`python -m dialer.demo.troupe play` brings the operators to work and starts the campaign.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from asterisk_conf import sounds
from dialer.adapters.languages import speaker
from dialer.adapters.secrets import read_secret, write_secret
from dialer.demo.play import WORLD, open_floor, welcome
from dialer.demo.service import Service
from dialer.demo.stage import GUEST, set_stage
from dialer.domain.errors import ObzvonError
from dialer.domain.law import LAWFUL_RING_S
from dialer.domain.said import said
from dialer.domain.types import CampaignId, Mode, OperatorId
from dialer.lab.carrier import dialplan, own_knobs
from dialer.lab.console import Console, Login
from dialer.lab.lab import TrunkAccount, handset
from dialer.lab.phones import Handset, handsets_conf, tell_habits
from dialer.lab.site import CARRIER, PBX, PHONES, Address, Pretender, knobs_at, render_pretender
from dialer.lab.worldfile import read as read_world
from dialer.settings import Settings, sounds_dir, spoken_language
from dialer.storage import open_database

OPERATORS = 8
SIP = Address(PBX, 5060)  # the stack's own Asterisk
SIP_PORT, CONSOLE_PORT = 5062, 5039  # of carrier and phones, each on its own address of loopback
RTP = {CARRIER: (20_000, 22_999), PHONES: (23_000, 25_999)}


@dataclass(frozen=True, slots=True)
class Troupe:
    """Who plays, with passwords that last: they are kept beside the service's own secrets."""

    trunk: TrunkAccount
    handsets: Sequence[Handset]
    console_secret: str

    @classmethod
    def gathered(cls, secrets: Path) -> Self:
        file = secrets / "demo-trunk"
        trunk = TrunkAccount(CARRIER, SIP_PORT, "obzvon", _kept(file), file)
        drawn = [handset(index) for index in range(OPERATORS)]
        handsets = [replace(one, password=_kept(secrets / f"sip-{one.number}")) for one in drawn]
        return cls(trunk, handsets, _kept(secrets / "demo-console"))

    def console(self, host: str) -> Login:
        return Login(host, CONSOLE_PORT, "lab", self.console_secret)


def _kept(file: Path) -> str:
    return read_secret(file) if file.exists() else write_secret(file)


async def dress(settings: Settings, folder: Path) -> None:
    """Their configuration; and once a trunk, operators, a campaign and its list in the service's database."""
    troupe, plan = Troupe.gathered(settings.data_dir / "secrets"), read_world(WORLD)
    greeting = sounds_dir(settings) / "greeting"
    if not greeting.with_suffix(".wav").exists():
        sounds.greeting(greeting.with_suffix(".wav"))
    numbers = {"numbers.conf": dialplan(plan)}
    handsets = {"handsets.conf": handsets_conf(list(troupe.handsets), f"{SIP.host}:{SIP.port}")}
    trunk = own_knobs(troupe.trunk.user, troupe.trunk.password, plan, greeting)
    for kind, host, own, files in (("carrier", CARRIER, trunk, numbers), ("phones", PHONES, {}, handsets)):
        knobs = knobs_at(Address(host, SIP_PORT), troupe.console(host), RTP[host], settings.language)
        around = {"PBX_ADDRESS": SIP.host, "PBX_PORT": str(SIP.port), "HEARD_DIR": "none"}
        pretender = Pretender(kind, kind, knobs, around | own, files)
        render_pretender(folder / kind, pretender, {"ETC_DIR": str(folder / kind)})
    async with open_database(settings) as stores:
        is_set = any(campaign.name == "demo" for campaign in await stores.campaigns.all())
    if not is_set:
        await set_stage(troupe, settings, Mode.PROGRESSIVE, 1.0, ring_s=LAWFUL_RING_S)


class Running(Service):
    """A service that somebody else has started."""

    async def __aenter__(self) -> Self:
        try:
            await self._wait_ready()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    def _check_alive(self) -> None:
        """Whoever started it sees to that."""

    def _last_words(self) -> str:
        return said("its log says more")


async def play(settings: Settings) -> None:
    """Phones answer, operators log in, the campaign runs; said is how to be an operator oneself."""
    secrets = settings.data_dir / "secrets"
    troupe = Troupe.gathered(secrets)
    console = Console()
    await console.open(troupe.console(PHONES))
    try:
        for phone in troupe.handsets:
            await tell_habits(console, phone)
    finally:
        await console.close()
    places = {"DIALER_DATA_DIR": str(settings.data_dir)}
    async with Running(places, Path(os.devnull), settings.language) as service:
        campaigns = (await service.get("/v1/campaigns", limit=1000))["items"]
        campaign = next(one for one in campaigns if one["name"] == "demo")
        operators = [OperatorId(phone.number) for phone in troupe.handsets]
        await open_floor(service, operators, CampaignId(campaign["id"]), _say)
        _say(welcome(service, SIP, read_secret(secrets / f"sip-{GUEST}")))


def _say(sentence: str) -> None:
    sys.stdout.write(speaker(spoken_language())(sentence) + "\n")


def main(words: Sequence[str]) -> int:
    """The exit code."""
    settings = Settings()
    try:
        match words:
            case ["dress", folder]:
                asyncio.run(dress(settings, Path(folder)))
            case ["play"]:
                asyncio.run(play(settings))
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except ObzvonError as trouble:
        _say(trouble.sentence)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
