"""The service as three processes that meet in Redis: each comes and goes while the others work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest

from dialer.adapters.hashes import hash_secret
from dialer.demo.service import Service
from dialer.domain.errors import NetworkTrouble
from dialer.lab.fate import Does, Plan, Rule, fixed
from dialer.lab.lab import Lab, Options
from tests.pbx.linked import polled
from tests.pbx.office import Office, furnish, numbers, office_of, rooms
from tests.servers import free_port

S = TypeVar("S", bound=Service)

PIN = "4711"
PLAN = Plan(
    seed=7,
    rules=(
        Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.2), talk_s=fixed(4.0)),
        Rule("7901*", {Does.BUSY: 1}),
    ),
)
PEOPLE, BUSY = numbers("+7916", 20), numbers("+7901", 2)


class Web(Service):
    verb = ("run", "--only", "web")


class Engine(Service):
    """A part without the API is looked after at a port of its own."""

    verb, port = ("run", "--only", "engine"), "DIALER_ENGINE_HEALTH_PORT"

    def _is_found(self) -> bool:
        self.url = f"http://127.0.0.1:{self._environment[self.port]}"
        return True

    async def figure(self, line: str) -> float:
        """The sum of a metric's lines that begin so."""
        page = str(await self.get("/metrics"))
        return sum(float(each.rpartition(" ")[2]) for each in page.splitlines() if each.startswith(line))


class Agi(Engine):
    verb, port = ("run", "--only", "agi"), "DIALER_AGI_HEALTH_PORT"


@dataclass(slots=True)
class Parts:
    """Three processes and the office that is seen through the API of one of them."""

    office: Office
    web: Web
    engine: Engine
    agi: Agi

    async def start_web(self) -> None:
        self.web = await started(Web, self.office.lab, self.office.environment)
        self.office.service = self.web

    async def start_engine(self) -> None:
        self.engine = await started(Engine, self.office.lab, self.office.environment)

    async def start_agi(self) -> None:
        self.agi = await started(Agi, self.office.lab, self.office.environment)


async def started(kind: type[S], lab: Lab, variables: Mapping[str, str]) -> S:
    return await kind(variables, lab.folder / f"{kind.__name__.lower()}.log").__aenter__()


@asynccontextmanager
async def open_parts(lab: Lab, redis_url: str) -> AsyncIterator[Parts]:
    """All three ready; at the end nobody waits for anybody's talk."""
    ports = {each.port: str(free_port()) for each in (Engine, Agi)}
    reached = {"DIALER_AGI_BIND": "0.0.0.0", "DIALER_AGI_PEERS": "127.0.0.1"}
    variables = rooms(lab, {"DIALER_REDIS_URL": redis_url, **ports, **reached})
    pin_hash = await hash_secret(PIN)
    campaign = await furnish(
        lab,
        variables,
        [*PEOPLE, *BUSY],
        account=lambda its: replace(its, pin_hash=pin_hash),
        change=lambda its: replace(its, wrap_up_s=0.3),
    )
    web, engine, agi = await asyncio.gather(
        started(Web, lab, variables), started(Engine, lab, variables), started(Agi, lab, variables)
    )
    parts = Parts(office_of(lab, variables, web, campaign), web, engine, agi)
    try:
        yield parts
    finally:
        parts.engine.hurry()
        await asyncio.gather(*(one.stop(drain_s=5.0) for one in (parts.engine, parts.agi, parts.web)))
        for one in (parts.engine, parts.agi, parts.web):
            await one.__aexit__()


async def test_a_list_is_called_by_engine_web_and_agi_as_processes_of_their_own(
    redis_url: str, ask: Callable[[Lab], Any]
) -> None:
    async with Lab.start(Options(plan=PLAN, phones=2)) as lab, ask(lab) as ari:
        async with open_parts(lab, redis_url) as parts:
            office = parts.office
            await log_in(office)
            await office.start()
            await office.in_flight(2, "bridged")
            await the_api_shows_what_the_engine_does(parts)
            await web_and_agi_come_back_to_calls_that_went_on(parts)
            await a_stopped_engine_drains_and_takes_up_where_it_stopped(parts, ari)
            await office.until(lambda: has_records(office), "every number has its record", 90)
            await office.until(lambda: are_equal(office), "live sums equal the records")
            await office.lab.world.phone("101").dial("*14")
            await office.do("102", "logout")
            for operator in office.operators:
                await office.stands(operator, "offline")
            cdrs = await office.cdrs()
    outcomes = {cdr.number: cdr.outcome for cdr in cdrs}
    assert len(cdrs) == len(outcomes), "a number was called twice"
    assert outcomes == dict.fromkeys(PEOPLE, "connected") | dict.fromkeys(BUSY, "busy")
    assert all(cdr.talk_s > 3.5 for cdr in cdrs if cdr.outcome == "connected"), "somebody was torn out"
    assert {cdr.operator for cdr in cdrs if cdr.talk_s} == {"101", "102"}


async def log_in(office: Office) -> None:
    """One operator by the keys of the phone, the other by the API."""
    phone = office.lab.world.phone("101")
    await phone.registered()
    await phone.dial("*10")
    await phone.press(f"101#{PIN}#")
    await office.stands("101", "paused", "login")
    await phone.dial("*11")
    await office.ready("102")
    await office.stands("101", "ready")


async def the_api_shows_what_the_engine_does(parts: Parts) -> None:
    office = parts.office
    talking = [call for call in await office.calls() if call["state"] == "bridged"]
    assert {call["operator"] for call in talking} <= {"101", "102"}
    assert await office.state(talking[0]["operator"]) in ("talking", "wrap_up", "ready", "reserved")
    reasons = await office.service.get("/v1/decisions")
    assert [one["campaign"] for one in reasons] == [office.campaign], "the pacer speaks in the engine"
    assert await parts.engine.figure("dialer_originated_total") >= 2
    assert await parts.engine.figure("dialer_link_up") == 1
    for other in (parts.web, parts.agi):
        page = str(await other.get("/metrics"))
        assert "dialer_build_info" in page
        assert "dialer_link_up" not in page, "it has no link that could be down"
    for part in (parts.web, parts.agi, parts.engine):
        assert (await part.get("/healthz"))["status"] == "ok"
        assert (await part.get("/readyz"))["ready"]


async def web_and_agi_come_back_to_calls_that_went_on(parts: Parts) -> None:
    """Both stop at once, and calls end and begin while nobody looks."""
    engine = parts.engine
    codes = await asyncio.gather(parts.web.stop(drain_s=20), parts.agi.stop(drain_s=20))
    assert set(codes) == {0}
    originated = await engine.figure("dialer_originated_total")

    async def has_gone_on() -> bool:
        return await engine.figure("dialer_originated_total") >= originated + 2

    await polled(has_gone_on, "two more calls while web and agi are away", 30.0)
    await asyncio.gather(parts.start_web(), parts.start_agi())
    await parts.office.in_flight(2, "bridged")
    assert await engine.figure("dialer_abandoned_total") == 0


async def a_stopped_engine_drains_and_takes_up_where_it_stopped(parts: Parts, ari: Any) -> None:
    office, legs = parts.office, await legs_of(ari)
    assert await parts.engine.stop(drain_s=20) == 0
    assert not await office.lab.world.in_call(), "talks have ended, nobody new was called"
    assert await legs_of(ari) == legs, "the operators' legs stay"
    with pytest.raises(NetworkTrouble, match="no engine of the cell lab is running"):
        await office.do("102", "pause", {"reason": "lunch"})
    assert len(await office.service.get("/v1/campaigns")) > 0, "what needs no engine is answered"
    await parts.start_engine()
    await office.in_flight(2, "bridged")
    assert await legs_of(ari) == legs, "the phones were not called again"


async def legs_of(ari: Any) -> set[str]:
    return {each["id"] for each in await ari.send("GET", "channels") if each["id"].startswith("o-")}


async def has_records(office: Office) -> bool:
    return len(await office.cdrs()) == len(PEOPLE) + len(BUSY) and not await office.calls()


async def are_equal(office: Office) -> bool:
    live = await office.service.get("/v1/tallies")
    day = live["rows"][0]["day"]
    span = {"since_at": f"{day}T00:00:00Z", "until_at": f"{day}T23:59:59Z"}
    recorded = await office.service.get("/v1/tallies/recorded", **span)
    return bool(live["total"] == recorded["total"] and live["total"]["attempts"] == len(PEOPLE) + len(BUSY))
