"""The whole lab: a PBX with the production configuration, the pretend world, what the service must know."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asterisk_conf import sounds
from asterisk_conf.render import complete
from dialer.domain.said import said
from dialer.lab import site
from dialer.lab.carrier import Carrier, dialplan, own_knobs
from dialer.lab.console import Login
from dialer.lab.fate import Plan, everyone
from dialer.lab.home import Home
from dialer.lab.instance import AsteriskDied, Instance, PortTaken, report, together
from dialer.lab.packages import Progress
from dialer.lab.phones import Handset, Phones, handsets_conf
from dialer.lab.ports import Ports
from dialer.lab.rootfs import Asterisk, ensure_asterisk
from dialer.lab.world import World

STARTS = 3  # how often the ports are drawn anew when somebody else was faster
FIRST_PHONE = 101
DRAWN = ("SIP_PORT", "HTTP_PORT", "AMI_PORT", "LINK_PORT", "AGI_PORT")


@dataclass(frozen=True, slots=True)
class Options:
    """What a lab shall be like."""

    plan: Plan = field(default_factory=everyone)
    phones: int = 8  # share one Asterisk
    loners: int = 0  # phones with an Asterisk of their own, numbered after the others: these can be unplugged
    is_heard: bool = True  # keep what every end of a call hears; off for load
    language: str = "ru"
    knobs: Mapping[str, str] = field(default_factory=dict)  # of the PBX, where they shall differ
    folder: Path | None = None  # where the lab's own folder is made
    on_crash: Callable[[AsteriskDied], None] = report


@dataclass(frozen=True, slots=True)
class TrunkAccount:
    """The way to the carrier: by address, or with this user and password by registration."""

    host: str
    port: int
    user: str
    password: str
    password_file: Path


class Lab:
    """A running lab; make one with `async with Lab.start(...) as lab`."""

    def __init__(self, asterisk: Asterisk, options: Options, home: Home, ports: Ports) -> None:
        self.asterisk = asterisk
        self.options = options
        self._home = home
        self._ports = ports
        self.folder = home.path
        self.recordings = home.make("recordings")
        self.sounds = home.make("sounds")
        self.heard = home.make("heard")
        self._values = complete({**site.folders(home, "pbx"), **pbx_values(home, ports, options)})
        self._sip = site.Address(site.PBX, int(self._values["SIP_PORT"]))
        self.api_port = ports.draw(site.PBX)
        self.handsets = [handset(index) for index in range(options.phones + options.loners)]
        self.pbx = Instance(asterisk, "pbx", site.write_pbx(home, self._values), on_crash=options.on_crash)
        self.trunk, carrier = self._carrier()
        self.world = World(options.plan, carrier, self._phones())

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls, options: Options | None = None, *, progress: Progress = lambda words: None
    ) -> AsyncIterator[Lab]:
        """A lab that is ready; everything is stopped and deleted at the end, whatever happens."""
        options = options or Options()
        asterisk = await asyncio.to_thread(ensure_asterisk, progress)
        progress(
            said(
                "starting Asterisk {version}: PBX, carrier, {phones} phones",
                version=asterisk.version,
                phones=options.phones + options.loners,
            )
        )
        lab = await started(asterisk, options)
        try:
            yield lab
        finally:
            await lab.stop()

    async def boot(self) -> None:
        """Starts everything; after a failure `stop` cleans up."""
        make_sounds(self.sounds)
        await together(self.pbx.start(), self.world.start())

    async def stop(self) -> None:
        """Stops everything and deletes the lab's folder."""
        await asyncio.gather(self.pbx.stop(), self.world.stop())
        self._home.remove()
        self._ports.release()

    def environment(self) -> dict[str, str]:
        """The settings with which the service finds this PBX."""
        values = self._values
        return {
            "DIALER_CELL": values["CELL"],
            "DIALER_DATA_DIR": str(self._home.make("service")),
            "DIALER_ARI_BIND": values["SERVICE_ADDRESS"],
            "DIALER_ARI_PORT": values["LINK_PORT"],
            "DIALER_ARI_APP": values["ARI_APP"],
            "DIALER_ARI_USER": values["ARI_USER"],
            "DIALER_ARI_PASSWORD_FILE": self._secret("ari", values["ARI_PASSWORD"]),
            "DIALER_ARI_HTTP_URL": f"http://{values['HTTP_ADDRESS']}:{values['HTTP_PORT']}/ari",
            "DIALER_AMI_HOST": values["AMI_ADDRESS"],
            "DIALER_AMI_PORT": values["AMI_PORT"],
            "DIALER_AMI_USER": values["AMI_USER"],
            "DIALER_AMI_PASSWORD_FILE": self._secret("ami", values["AMI_SECRET"]),
            "DIALER_AGI_BIND": values["AGI_ADDRESS"],
            "DIALER_AGI_PORT": values["AGI_PORT"],
            "DIALER_AGI_SECRET_FILE": self._secret("agi", values["AGI_SECRET"]),
            "DIALER_API_BIND": site.PBX,
            "DIALER_API_PORT": str(self.api_port),
            "DIALER_SOUNDS_DIR": str(self.sounds),
            "DIALER_RECORDINGS_DIR": str(self.recordings),
            "DIALER_LAB": "true",
        }

    @property
    def sip(self) -> site.Address:
        """Where the PBX listens for SIP."""
        return self._sip

    @property
    def values(self) -> dict[str, str]:
        """The knobs of the PBX as rendered."""
        return dict(self._values)

    def _carrier(self) -> tuple[TrunkAccount, Carrier]:
        """The carrier, and the trunk that leads to it."""
        ports, user, password = self._ports, "obzvon", secrets.token_hex(12)
        trunk = TrunkAccount(
            site.CARRIER, ports.draw(site.CARRIER), user, password, Path(self._secret("trunk", password))
        )
        values, extra, login = self._pretender("carrier", trunk.host, trunk.port)
        extra |= own_knobs(user, password, self.options.plan, self.sounds / "greeting")
        numbers = {"numbers.conf": dialplan(self.options.plan)}
        pretender = site.Pretender("carrier", "carrier", values, extra, numbers)
        folder = site.write_pretender(self._home, pretender)
        instance = Instance(self.asterisk, "carrier", folder, on_crash=self.options.on_crash)
        return trunk, Carrier(instance, self.options.plan, self.heard, login)

    def _phones(self) -> list[Phones]:
        """One Asterisk for the phones that share it, one for each that can be unplugged."""
        together, loners = self.handsets[: self.options.phones], self.handsets[self.options.phones :]
        groups = ([together] if together else []) + [[each] for each in loners]
        return [self._group(f"phones-{group[0].number}", group) for group in groups]

    def _group(self, name: str, group: list[Handset]) -> Phones:
        values, extra, login = self._pretender(name, site.PHONES, self._ports.draw(site.PHONES))
        handsets = {"handsets.conf": handsets_conf(group, f"{self._sip.host}:{self._sip.port}")}
        folder = site.write_pretender(self._home, site.Pretender(name, "phones", values, extra, handsets))
        return Phones(
            Instance(self.asterisk, name, folder, on_crash=self.options.on_crash), group, self.heard, login
        )

    def _pretender(self, name: str, host: str, port: int) -> tuple[dict[str, str], dict[str, str], Login]:
        """Knobs of an Asterisk of the pretend world, and the way to its console."""
        login = Login(host, self._ports.draw(host), "lab", secrets.token_hex(12))
        rtp = self._ports.draw_rtp()
        values = site.knobs_at(site.Address(host, port), login, rtp, self.options.language)
        extra = {"PBX_ADDRESS": self._sip.host, "PBX_PORT": str(self._sip.port)}
        extra["HEARD_DIR"] = str(self.heard) if self.options.is_heard else "none"
        return values, extra, login

    def _secret(self, name: str, secret: str) -> str:
        path = self._home.make("secrets") / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secret)
        return str(path)


async def started(asterisk: Asterisk, options: Options) -> Lab:
    """A lab that runs; ports that somebody else took first are drawn anew."""
    for left in reversed(range(STARTS)):
        home, ports = Home(asterisk, options.folder), Ports()
        lab: Lab | None = None
        try:
            lab = Lab(asterisk, options, home, ports)
            await lab.boot()
        except BaseException as failure:
            await lab.stop() if lab else home.remove()
            ports.release()
            if not (isinstance(failure, PortTaken) and left):
                raise
        else:
            return lab
    raise AssertionError("the last try returns or raises")


def pbx_values(home: Home, ports: Ports, options: Options) -> dict[str, str]:
    """The knobs of the PBX: own ports, own secrets, folders of this lab."""
    start, end = ports.draw_rtp()
    drawn = {name: str(ports.draw(site.PBX)) for name in DRAWN}
    return drawn | {
        "SIP_ADDRESS": site.PBX,
        "RTP_START": str(start),
        "RTP_END": str(end),
        "LANGUAGE": options.language,
        "CELL": "lab",
        "ARI_USER": f"dialer-{secrets.token_hex(3)}",
        "ARI_PASSWORD": secrets.token_hex(16),
        "AMI_SECRET": secrets.token_hex(16),
        "AGI_SECRET": secrets.token_hex(16),
        "RECORDINGS_DIR": str(home.path / "recordings"),
        "MOH_DIR": str(home.path / "sounds/moh"),
        "FALLBACK_SOUND": str(home.path / "sounds/message"),
        "INBOUND_SOUND": str(home.path / "sounds/message"),
        **options.knobs,
    }


def handset(index: int) -> Handset:
    """The phones speak tones of their own, away from those of the numbers: 2450 Hz and up, 50 Hz apart."""
    return Handset(str(FIRST_PHONE + index), secrets.token_hex(8), 2450.0 + 50 * (index % 20))


def make_sounds(folder: Path) -> None:
    """The sounds that PBX and world need before anyone has recorded any."""
    sounds.message(folder / "message.wav")
    sounds.press1(folder / "press1.wav")
    sounds.greeting(folder / "greeting.wav")
    sounds.moh(folder / "moh/default.wav")
