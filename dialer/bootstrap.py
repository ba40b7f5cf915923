"""The composition root: the only file that knows which adapter stands behind which port."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from dialer.adapters.ari.bulk import Bulk
from dialer.adapters.ari.listener import Credentials, Listener
from dialer.adapters.ari.switch import AriSwitch
from dialer.adapters.phones import normalise
from dialer.adapters.prometheus import Metrics
from dialer.domain import call as c
from dialer.domain.call import Call
from dialer.domain.campaign import Campaign, may_dial
from dialer.domain.lead import Lead
from dialer.domain.operators import Operator, StateChange
from dialer.domain.pacing.policies import Policies
from dialer.domain.trunk import Trunk
from dialer.domain.types import CallId, CellId, PhoneNumber
from dialer.domain.verdict import Verdict
from dialer.engine.cell import Cell, Ways
from dialer.engine.errands import Errands
from dialer.engine.mailbox import Mailbox
from dialer.engine.mirror import Mirror
from dialer.engine.recorder import Recorder
from dialer.engine.shell import Shell
from dialer.engine.timers import Timers
from dialer.ports import ChannelNews, Journal, Live, NumberHistory, Observer, PhoneNews, Stores
from dialer.settings import Settings


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """Sorts by time: milliseconds since 1970 and 40 random bits, in hexadecimal digits."""
    milliseconds = int(utc_now().timestamp() * 1000)
    return f"{milliseconds:011x}{secrets.token_hex(5)}"


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    return ZoneInfo(name)


def read_secret(path: Path | str | None) -> str:
    """What lies in a secret file; empty for no file."""
    return Path(path).read_text(encoding="utf-8").strip() if path else ""


class Observers:
    """The one fan-out point: everybody sees what happened, in this order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def saw(self, before: Call | None, event: c.Event | None, after: Call) -> None:
        for observer in self._observers:
            observer.saw(before, event, after)

    def moved(self, change: StateChange, operator: Operator) -> None:
        for observer in self._observers:
            observer.moved(change, operator)


class LateEar:
    """The link is made before the cell that listens to it."""

    def __init__(self) -> None:
        self.cell: Cell | None = None

    def heard(self, news: ChannelNews | PhoneNews) -> None:
        if self.cell is not None:
            self.cell.heard(news)

    def ready(self, booted_at: datetime) -> None:
        if self.cell is not None:
            self.cell.ready(booted_at)

    def down(self) -> None:
        if self.cell is not None:
            self.cell.down()


def gates(
    campaign: Campaign, lead: Lead, trunk: Trunk, history: NumberHistory, now: datetime
) -> Verdict:
    """Every gate of one number, asked right before it is dialled."""
    return may_dial(
        campaign, lead, lead.number, trunk=trunk, history=history, now=now, zone_of=zone
    )


@dataclass(frozen=True, slots=True)
class Engine:
    """A running cell and what stands around it."""

    cell: Cell
    shell: Shell
    switch: AriSwitch
    recorder: Recorder
    metrics: Metrics
    policies: Policies


@asynccontextmanager
async def open_engine(
    settings: Settings,
    stores: Stores,
    live: Live,
    journal: Journal,
    *,
    observers: Sequence[Observer] = (),
    on_recorded: Callable[[CallId], None] = lambda call: None,
) -> AsyncIterator[Engine]:
    """A cell that is connected or waits for its Asterisk; its tasks end with the context."""
    cell_id = CellId(settings.cell)
    metrics = Metrics(version=_version(), cell=cell_id, started_at=utc_now())
    mirror = Mirror(live, cell_id)
    policies = Policies()
    errands = Errands()
    ear = LateEar()
    password = read_secret(settings.ari_password_file)
    async with Bulk(settings.ari_http_url, settings.ari_user, password) as bulk:
        switch = AriSwitch(cell_id, settings.ari_app, ear, metrics, bulk, timeout_s=settings.ari_timeout_s)
        shell = Shell(
            cell=cell_id,
            switch=switch,
            journal=journal,
            observer=Observers(metrics, mirror, *observers),
            clock=utc_now,
            new_id=new_id,
            mailbox=Mailbox(),
            errands=errands,
            timers=Timers(utc_now),
            sound=_sounds(settings),
            linked=asyncio.Event(),
        )
        cell = Cell(
            shell,
            stores,
            policies,
            Ways(gates, read_secret, lambda text: _number(text, settings.country)),
            hopper_size=settings.hopper,
            interval_s=settings.pace_interval_s,
        )
        recorder = Recorder(journal, stores.ledger, stores.numbers, live, on_recorded)
        await live.clear(cell_id)
        await cell.start(journal.recover())
        ear.cell = cell
        listener = Listener(settings.ari_bind, settings.ari_port)
        listener.add(switch.link, Credentials(settings.ari_user, password))
        await listener.start()
        engine = Engine(cell, shell, switch, recorder, metrics, policies)
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("cell", cell.run()),
                ("recorder", recorder.run()),
                ("mirror", mirror.run()),
                ("link", switch.link.run()),
            )
        ]
        try:
            yield engine
        finally:
            await recorder.settle(5.0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            shell.timers.stop_all()
            await errands.settle(1.0)
            await listener.stop()


def _version() -> str:
    from dialer import __version__

    return __version__


def _number(text: str, country: str) -> PhoneNumber | None:
    found = normalise(text, country)
    return found[0] if isinstance(found, list) and len(found) == 1 else None


def _sounds(settings: Settings) -> Callable[[str], str]:
    folder = settings.sounds_dir or settings.data_dir / "sounds"
    return lambda name: str(folder.resolve() / name) if name else ""
