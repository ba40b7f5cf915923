"""Plays the demo: lab up, stage set, service started, operators at work, and everything down again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live as Screen

from dialer.adapters.fitting import every_record
from dialer.adapters.languages import speaker
from dialer.demo.service import Service
from dialer.demo.show import View, render
from dialer.demo.stage import GUEST, GUEST_PIN, Stage, set_stage
from dialer.demo.summary import Spans, is_well, summarise
from dialer.domain.cdr import Cdr
from dialer.domain.errors import NetworkTrouble
from dialer.domain.said import listed, said
from dialer.domain.types import CampaignId, Language, Mode, OperatorId
from dialer.lab.lab import Lab, Options
from dialer.lab.site import Address
from dialer.lab.worldfile import read as read_world
from dialer.ports.stores import CdrQuery
from dialer.settings import Settings
from dialer.storage import open_database

WORLD = Path(__file__).parent.parent / "lab" / "world.toml"
LOOK_S = 0.5
DRAIN_S = 90.0
REGISTERED_S = 15.0


@dataclass(frozen=True, slots=True)
class Play:
    """What was asked for."""

    operators: int = 8
    mode: Mode = Mode.PROGRESSIVE
    ratio: float = 1.5
    for_s: float | None = None  # None: until Ctrl-C
    is_shown: bool = True  # the live table; else only progress
    world: Path = WORLD
    language: Language = Language.EN  # of the table and of what is said beside it


class Curtain:
    """Ctrl-C and SIGTERM: the first lets talks end, the second ends at once."""

    def __init__(self) -> None:
        self.fall = asyncio.Event()
        self.now = asyncio.Event()

    def pull(self) -> None:
        (self.now if self.fall.is_set() else self.fall).set()

    @contextmanager
    def watched(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.pull)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


async def play(wish: Play, say: Callable[[str], None], console: Console) -> tuple[dict[str, Any], list[str]]:
    """The summary, and what is wrong with it."""
    curtain = Curtain()
    options = Options(plan=read_world(wish.world), phones=wish.operators, is_heard=False)
    with curtain.watched():
        async with Lab.start(options, progress=say) as lab:
            settings = _settings(lab)
            say(said("a trunk, operators, a message, a campaign and a list of 500 leads"))
            stage = await set_stage(lab, settings, wish.mode, wish.ratio)
            log_file = lab.folder / "service.log"
            async with Service(_environment(lab), log_file, wish.language) as service:
                say(said("the service is ready: {url}", url=service.url))
                await open_floor(service, stage.operators, stage.campaign, say)
                say(welcome(service, lab.sip, stage.guest_password))
                began_at, began = datetime.now(UTC), time.monotonic()
                await _watch(wish, service, stage, curtain, console)
                dialling_s = time.monotonic() - began
                metrics, hours = await _wind_down(service, stage, curtain, say, began_at)
                spans = Spans(dialling_s, time.monotonic() - began - dialling_s)
                await service.stop(drain_s=10.0)
            cdrs = await _cdrs(settings)
    summary = summarise(cdrs, hours, metrics, spans, operators=wish.operators)
    return summary, is_well(summary, progressive=wish.mode is Mode.PROGRESSIVE)


def _environment(lab: Lab) -> dict[str, str]:
    return {"DIALER_LOG_FORMAT": "json", **lab.environment()}


def _settings(lab: Lab) -> Settings:
    """As the service will read them."""
    before = dict(os.environ)
    try:
        os.environ.update(lab.environment())
        return Settings()
    finally:
        os.environ.clear()
        os.environ.update(before)


async def open_floor(
    service: Service, operators: Sequence[OperatorId], campaign: CampaignId, say: Callable[[str], None]
) -> None:
    """Phones register, operators log in and are ready, the campaign starts."""
    say(said("operators log in"))
    async with asyncio.timeout(REGISTERED_S):
        await asyncio.gather(*(_begin_shift(service, operator) for operator in operators))
    await service.post(f"/v1/campaigns/{campaign}/start")


async def _begin_shift(service: Service, operator: str) -> None:
    """A phone that has not registered yet cannot be called: try until it is up. Who is at work stays so."""
    while True:
        state = (await service.get(f"/v1/operators/{operator}"))["state"]
        if state == "paused":
            await service.post(f"/v1/operators/{operator}/ready")
        if state not in ("offline", "connecting"):
            return
        if state == "offline":
            with suppress(NetworkTrouble):
                await service.post(f"/v1/operators/{operator}/login")
        await asyncio.sleep(0.2)


def welcome(service: Service, sip: Address, guest_password: str) -> str:
    """Where everything is, and how to be an operator oneself; a secret has a line of its own."""
    guest = said(
        "be an operator: register a softphone on this machine as {guest} at {place} (UDP), with the password",
        guest=GUEST,
        place=f"{sip.host}:{sip.port}",
    )
    keys = said(
        "then dial *10, enter {guest}# and the PIN {pin}#, hang up, answer the call back,"
        " dial *11 or press *#",
        guest=GUEST,
        pin=GUEST_PIN,
    )
    return listed(
        [
            f"\n  API      {service.url}/v1",
            f"  OpenAPI  {service.url}/docs",
            f"  metrics  {service.url}/metrics",
            listed([" ", said("the token of the API")], " "),
            service.token,
            listed([" ", guest], " "),
            guest_password,
            listed([" ", keys, "\n"], " "),
        ],
        "\n",
    )


async def _watch(wish: Play, service: Service, stage: Stage, curtain: Curtain, console: Console) -> None:
    """Until the time is over or somebody pulls the curtain."""
    began = time.monotonic()
    tell = speaker(wish.language)
    footer = said("Ctrl-C: stop dialing, let talks end; once more: at once")
    view = View()
    with Screen(console=console, auto_refresh=False, transient=True) if wish.is_shown else _dark() as screen:
        while not curtain.fall.is_set():
            spent = time.monotonic() - began
            if wish.for_s is not None and spent >= wish.for_s:
                return
            view = await look(service, stage, view)
            if screen is not None:
                screen.update(render(view, seconds=spent, footer=footer, tell=tell), refresh=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await curtain.fall.wait()


@contextmanager
def _dark() -> Iterator[None]:
    yield None


async def look(service: Service, stage: Stage, last: View) -> View:
    """What the service says of itself now; what it does not say stays as it was."""
    operators = (await service.get("/v1/operators"))["items"]
    calls = (await service.get("/v1/calls", limit=1000))["items"]
    tallies = await service.get("/v1/tallies")
    leads = await service.get(f"/v1/campaigns/{stage.campaign}/leads/count")
    decisions = await service.get("/v1/decisions")
    pacing: Mapping[str, Any] = next((row for row in decisions if row["campaign"] == stage.campaign), {})
    hours = await _hours(service, datetime.now(UTC) - timedelta(hours=12))
    busy = [row["occupancy"] for row in hours if row["occupancy"] is not None]
    return replace(
        last,
        operators=operators,
        calls=calls,
        total=tallies["total"],
        leads=leads,
        occupancy=sum(busy) / len(busy) if busy else None,
        reason=pacing.get("reason", ""),
        forecast=pacing.get("forecast"),
    )


async def _hours(service: Service, since_at: datetime) -> list[Mapping[str, Any]]:
    now = datetime.now(UTC)
    answer = await service.get("/v1/hours", since_at=_rfc3339(since_at), until_at=_rfc3339(now))
    return list(answer["items"] if isinstance(answer, dict) else answer)


def _rfc3339(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def _wind_down(
    service: Service, stage: Stage, curtain: Curtain, say: Callable[[str], None], began_at: datetime
) -> tuple[str, list[Mapping[str, Any]]]:
    """No more dialing; talks end by themselves, or at once if somebody is in a hurry."""
    hours = await _hours(service, began_at)
    await service.post(f"/v1/campaigns/{stage.campaign}/pause")
    say(said("dialing has stopped, talks may end"))
    deadline = time.monotonic() + DRAIN_S
    while (calls := (await service.get("/v1/calls", limit=1000))["items"]) and time.monotonic() < deadline:
        if curtain.now.is_set():
            for call in calls:
                with suppress(NetworkTrouble):
                    await service.post(f"/v1/calls/{call['id']}/hang_up")
        await asyncio.sleep(0.2)
    return await service.get("/metrics"), hours


async def _cdrs(settings: Settings) -> list[Cdr]:
    async with open_database(settings) as stores:
        return [cdr async for page in every_record(stores.records, CdrQuery()) for cdr in page]
