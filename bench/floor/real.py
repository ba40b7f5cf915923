"""The scenario on a private Asterisk: real SIP phones, real calls, the service as it is run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from bench.floor.cast import Cast
from bench.floor.figures import Forecast, Seen, forecast_of
from bench.floor.hands import Hands
from bench.floor.load import Load
from bench.stage import add_operators, add_trunk, settings_of
from dialer.adapters.fitting import every_record
from dialer.adapters.sounds import write_demo_message
from dialer.demo.service import Service
from dialer.demo.summary import double_booked, lag_ms
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr
from dialer.domain.errors import NetworkTrouble
from dialer.domain.lead import Lead
from dialer.domain.schedule import every_day
from dialer.domain.types import CampaignId, LeadId
from dialer.lab.lab import Lab, Options
from dialer.ports.stores import CdrQuery, Stores
from dialer.rehearsal import WRAP_UP_LIMIT_S
from dialer.settings import Settings, sounds_dir
from dialer.sim.scenario import HOUR_S, Scenario
from dialer.storage import open_database

READY_S = 60.0
DRAIN_S = 180.0
SAMPLE_S = 1.0
SAY_S = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Real:
    """What was seen on the real Asterisk, and under which circumstances."""

    seen: Seen
    load: dict[str, float]
    lag_ms: dict[str, float | None]
    refused: list[str]  # what operators asked for and did not get
    double_booked: int


async def on_asterisk(scenario: Scenario, cast: Cast, seed: int, say: Say) -> Real:
    """Plays scenario.hours of it from a cold start."""
    options = Options(plan=cast.plan(), phones=scenario.operators, is_heard=False)
    async with Lab.start(options, progress=say) as lab:
        environment = {**lab.environment(), "DIALER_LOG_FORMAT": "json"}
        settings = settings_of(environment)
        say(f"a trunk, {scenario.operators} operators, a campaign and a list of {len(cast.people)} leads")
        campaign = await _furnish(lab, settings, scenario, cast)
        came_at = datetime.now(UTC)
        async with Service(environment, lab.folder / "service.log") as service:
            async with _at_work(service, scenario, seed, cast) as hands:
                load = Load(_pids(lab, service))
                forecasts: list[Forecast] = []
                since_at = datetime.now(UTC)
                await service.post(f"/v1/campaigns/{campaign.id}/start")
                await _pass_time(service, scenario, load, forecasts, say)
                until_at, used = datetime.now(UTC), load.figures()
                await service.post(f"/v1/campaigns/{campaign.id}/pause")
                say("dialing has stopped, talks may end")
                await _quiet(service)
                metrics = await service.get("/metrics")
            await service.stop(drain_s=10.0)
        async with open_database(settings) as stores:
            cdrs = await _cdrs(stores)
            changes = await stores.records.changes(None, came_at, until_at)
    return Real(
        Seen(cdrs, changes, since_at, until_at, forecasts),
        used,
        {"p50": lag_ms(metrics, 0.5), "p99": lag_ms(metrics, 0.99)},
        hands.refused,
        double_booked(cdrs),
    )


async def _furnish(lab: Lab, settings: Settings, scenario: Scenario, cast: Cast) -> Campaign:
    """What the rehearsal furnishes, with real phones and a real trunk."""
    prefixes = tuple({segment.prefix for segment in scenario.leads.segments})
    async with open_database(settings, make=True) as stores:
        trunk = await add_trunk(
            lab,
            stores,
            lines=scenario.lines_wanted,
            calls_per_s=scenario.calls_per_s_wanted,
            prefixes=prefixes,
        )
        operators = await add_operators(lab, settings, stores)
        message = write_demo_message(sounds_dir(settings))
        campaign = await stores.campaigns.add(
            Campaign(
                CampaignId(0),
                scenario.name,
                mode=scenario.dialing.mode,
                ratio=scenario.dialing.ratio,
                operators=operators,
                trunks=(trunk.id,),
                schedule=every_day(time(0), time(0)),
                ring_s=scenario.dialing.ring_s,
                wrap_up_s=WRAP_UP_LIMIT_S,
                message=message.name,
                ceiling=scenario.dialing.target,
            )
        )
        leads = [
            Lead(LeadId(0), campaign.id, (person.number,), zones=(person.segment.zone,))
            for person in cast.people
        ]
        await stores.leads.import_list(campaign.id, "scenario", leads, now=datetime.now(UTC))
    return campaign


@asynccontextmanager
async def _at_work(service: Service, scenario: Scenario, seed: int, cast: Cast) -> AsyncIterator[Hands]:
    """Everybody who begins at once is ready."""
    first = sum(shift.operators for shift in scenario.shifts if not shift.from_h)
    async with asyncio.TaskGroup() as tasks:
        hands = Hands(service, scenario, seed, cast, tasks)
        hands.come()
        async with asyncio.timeout(READY_S):
            while await hands.look() < first:  # noqa: ASYNC110 another process is asked
                await asyncio.sleep(0.1)
        working = tasks.create_task(hands.work())
        yield hands
        hands.go()
        working.cancel()


def _pids(lab: Lab, service: Service) -> dict[str, int]:
    phones = {f"phones {n}": group.instance.pid or 0 for n, group in enumerate(lab.world.phones, 1)}
    return {
        "engine": service.pid,
        "web": service.web_pid,
        "PBX": lab.pbx.pid or 0,
        "carrier": lab.world.carrier.instance.pid or 0,
        **phones,
    }


async def _pass_time(
    service: Service, scenario: Scenario, load: Load, forecasts: list[Forecast], say: Say
) -> None:
    """The whole time, with a look at the pacer's forecast every second."""
    watching = asyncio.create_task(load.watch())
    loop = asyncio.get_running_loop()
    end_s, told_s = loop.time() + scenario.hours * HOUR_S, loop.time()
    while (left_s := end_s - loop.time()) > 0:
        with suppress(NetworkTrouble):
            await _hear_forecast(service, forecasts)
            if loop.time() - told_s >= SAY_S:
                told_s += SAY_S
                say(_told(left_s, (await service.get("/v1/tallies"))["total"]))
        await asyncio.sleep(min(SAMPLE_S, left_s))
    watching.cancel()


async def _hear_forecast(service: Service, forecasts: list[Forecast]) -> None:
    for row in await service.get("/v1/decisions"):
        forecast = forecast_of(row)
        if forecast is not None and (not forecasts or forecasts[-1].at != forecast.at):
            forecasts.append(forecast)


def _told(left_s: float, total: dict[str, Any]) -> str:
    sums = ", ".join(f"{total[name]} {name.replace('_', ' ')}" for name in ("attempts", "abandoned"))
    return f"{left_s / 60:.0f} minutes left: {sums}"


async def _quiet(service: Service) -> None:
    """Until nobody talks any more; who talks for minutes on is cut short."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while await _in_flight(service):  # noqa: ASYNC110 another process is asked
                await asyncio.sleep(0.2)
    for call in await _in_flight(service):
        with suppress(NetworkTrouble):
            await service.post(f"/v1/calls/{call['id']}/hang_up")
    async with asyncio.timeout(READY_S):
        while await _in_flight(service):  # noqa: ASYNC110 another process is asked
            await asyncio.sleep(0.2)


async def _in_flight(service: Service) -> list[dict[str, Any]]:
    return list((await service.get("/v1/calls", limit=1000))["items"])


async def _cdrs(stores: Stores) -> list[Cdr]:
    return [cdr async for page in every_record(stores.records, CdrQuery()) for cdr in page]
