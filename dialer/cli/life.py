"""One life of the service: from its settings until it is told to stop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import structlog

from dialer.adapters.giveway import give_way
from dialer.adapters.systemd import Systemd
from dialer.bootstrap import check_parts, serve
from dialer.cli.environment import load_settings, unknown_names
from dialer.cli.log import configure
from dialer.cli.screen import remark, tell
from dialer.cli.stores import OWNER
from dialer.domain.errors import Fatal
from dialer.domain.law import LAWFUL_RING_S
from dialer.domain.said import said
from dialer.domain.types import CampaignStatus
from dialer.keeper.store import BEGUN, ENGINE, GIVE_UP, MARK, PAIR, DescriptorStore
from dialer.lab.home import PREFIX
from dialer.office import campaigns as office
from dialer.settings import Settings
from dialer.storage import database_url, make_tables, open_database

log = structlog.get_logger()

GIVEN_WAY = 5  # the nice value of a web beside its engine: a third of the weight
Orders = dict[signal.Signals, Callable[[], object]]

STOPPING = said("stopping: no new calls, talks may end; once more: at once")


def live(parts: frozenset[str], *, migrate: bool) -> None:
    """From its settings to its end. The engine of a pair looks for both, and then the web begins."""
    settings = load_settings()
    configure(settings.log_level, settings.log_format)
    is_pair = PAIR in os.environ
    is_beside = is_pair and ENGINE not in parts
    store = DescriptorStore(os.environ)
    if not is_beside:
        for sentence in unknown_names():
            remark(sentence)
        check_parts(parts)
        asyncio.run(look_first(settings, migrate=migrate))
    if is_pair and not is_beside:
        store.tell(f"{BEGUN}=1")
        if "engine_health_port" not in settings.model_fields_set:
            settings = settings.model_copy(update={"engine_health_port": 0})  # the web tells of it
    asyncio.run(run_service(settings, parts, store, is_pair=is_pair))


async def look_first(settings: Settings, *, migrate: bool) -> None:
    """What keeps the service from running is told before anything is up."""
    refuse_lab_settings(settings)
    if migrate:
        await make_tables(database_url(settings))
    await refuse_short_rings(settings)


async def run_service(
    settings: Settings, only: frozenset[str], store: DescriptorStore, *, is_pair: bool
) -> None:
    """Until SIGINT or SIGTERM: the first drains, the second is in a hurry."""
    is_beside = is_pair and ENGINE not in only  # what is told once, the engine tells
    if store.follows:
        log.warning("the service had ended and was started again", exit_code=store.follows)
    stop, hurry = asyncio.Event(), asyncio.Event()
    systemd = Systemd(os.environ, tell)  # names that systemd gives, not settings of ours

    def ask_to_stop() -> None:
        if stop.is_set():
            hurry.set()
        else:
            if not is_beside:
                remark(STOPPING)
            systemd.stopping()
            stop.set()

    def up(address: str) -> None:
        if address or not is_pair:
            _told(address)
        if is_beside:
            give_way(GIVEN_WAY)
        systemd.ready()

    def make_room() -> None:
        """Another life follows: what it is to have stays open."""
        store.stays()
        ask_to_stop()

    life = partial(serve, settings, only=only, store=store, is_beside=is_beside)
    serving = asyncio.create_task(life(stop=stop, hurry=hurry, ready=up, turned=systemd.turned))
    orders: Orders = {signal.SIGINT: ask_to_stop, signal.SIGTERM: ask_to_stop}
    if MARK in os.environ:
        orders |= {signal.SIGUSR1: make_room, GIVE_UP: serving.cancel}
    with _obeying(orders):
        try:
            await _ended(serving)
        finally:
            systemd.stopped()


async def _ended(serving: asyncio.Task[None]) -> None:
    """Once it has. Given up by a signal: the web could not begin, has said why, and gives the exit code."""
    try:
        await serving
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise


@contextmanager
def _obeying(orders: Orders) -> Iterator[None]:
    """These signals; in the end none of them changes anything any more."""
    loop = asyncio.get_running_loop()
    for number, obey in orders.items():
        loop.add_signal_handler(number, obey)
    try:
        yield
    finally:
        for number in orders:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


def _told(address: str) -> None:
    remark(
        said("the API is at {address}, its pages at {address}/docs", address=address)
        if address
        else said("running, without the API")
    )


# --- what exists in the lab only --------------------------------------------------------------------------


def refuse_lab_settings(settings: Settings) -> None:
    """Fatal where a setting of the lab is on and no lab is around."""
    if settings.lab and not is_in_lab(settings.data_dir):
        raise Fatal(
            said(
                "DIALER_LAB is on, which allows ring times under the lawful 15 s, and this is no"
                " lab: unset DIALER_LAB (`dialer demo` and the tests start a lab by themselves)"
            )
        )


def is_in_lab(folder: Path) -> bool:
    """Whether a lab that runs owns this folder: it holds a lock there for as long as it lives."""
    for place in (folder.absolute(), *folder.absolute().parents):
        if place.name.startswith(PREFIX):
            return _is_locked(place / "owner")
    return False


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


async def refuse_short_rings(settings: Settings) -> None:
    """Fatal where a running campaign would give people less time than the law does."""
    async with open_database(
        settings
    ) as stores:  # in a lab as well: the web begins with tables that are there
        for campaign in () if settings.lab else await office.every(OWNER, stores):
            if campaign.status is CampaignStatus.RUNNING and campaign.ring_s < LAWFUL_RING_S:
                raise Fatal(
                    said(
                        "campaign {name!r} rings for {ring_s:g} s, {lawful_ring_s:g} s is the least that"
                        " is lawful: dialer campaign set {name!r} --ring-s {lawful_ring_s:g}",
                        name=campaign.name,
                        ring_s=campaign.ring_s,
                        lawful_ring_s=LAWFUL_RING_S,
                    )
                )
