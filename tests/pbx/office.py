"""An office for the tests: a lab, the service as a process, a campaign, operators on real phones."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from dialer.adapters.secrets import write_secret
from dialer.adapters.sounds import write_demo_message
from dialer.demo.service import Service, children_of
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr
from dialer.domain.errors import NetworkTrouble
from dialer.domain.keys import QUIET_S
from dialer.domain.lead import Lead
from dialer.domain.operators import Account
from dialer.domain.schedule import every_day
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, LeadId, OperatorId, PhoneNumber, TrunkId
from dialer.lab import tones
from dialer.lab.lab import Lab
from dialer.ports.stores import CdrQuery, Stores
from dialer.settings import Settings, sounds_dir
from dialer.storage import open_database
from tests.pbx.linked import Looks

TRUNK = TrunkId("carrier")
TOO_BUSY, HELD_S = "the machine is too busy", 120.0  # a hold grows to 60 s


@dataclass(slots=True)
class Office:
    """A running service with its campaign, seen from outside: by API, records, and the lab's ends."""

    lab: Lab
    settings: Settings
    environment: Mapping[str, str]
    service: Service
    campaign: CampaignId
    operators: Sequence[OperatorId]
    login_s: float = 20.0
    since_at: datetime | None = None  # records from here on

    async def ready(self, *operators: str) -> None:
        """These (all, if none is named) log in and are ready."""
        chosen = operators or tuple(self.operators)
        await asyncio.gather(*(self._begin_shift(operator) for operator in chosen))

    async def _begin_shift(self, operator: str) -> None:
        if operator in {handset.number for handset in self.lab.handsets}:
            await self.lab.world.phone(operator).registered()
        async with asyncio.timeout(self.login_s):
            while (state := await self.state(operator)) not in ("ready", "reserved", "talking"):
                with suppress(NetworkTrouble):
                    if state == "paused":
                        await self.service.post(f"/v1/operators/{operator}/ready")
                    if state == "offline":
                        await self.service.post(f"/v1/operators/{operator}/login")
                await asyncio.sleep(0.1)

    async def state(self, operator: str) -> str:
        return str((await self.service.get(f"/v1/operators/{operator}"))["state"])

    async def do(self, operator: str, verb: str, body: object = None) -> Any:
        return await self.service.post(f"/v1/operators/{operator}/{verb}", body)

    async def start(self) -> None:
        await self.service.post(f"/v1/campaigns/{self.campaign}/start")

    async def pause(self) -> None:
        await self.service.post(f"/v1/campaigns/{self.campaign}/pause")

    async def calls(self) -> list[dict[str, Any]]:
        return list((await self.service.get("/v1/calls", limit=1000))["items"])

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str, timeout_s: float = 20.0) -> None:
        """Returns when the condition holds; fails the test, naming it, when it does not in time.

        A service that waits because the machine is too busy is waited for: the machine is not under test.
        """
        looks, held_s = Looks(), 0.0
        while True:
            try:
                async with asyncio.timeout(timeout_s):
                    while not await holds():
                        await looks.again()
            except TimeoutError:
                if held_s > HELD_S or not await self._is_held():
                    pytest.fail(f"not within {timeout_s:g} s: {what}; calls {await self.calls()}")
                held_s += timeout_s
            else:
                return

    async def _is_held(self) -> bool:
        """Whether nothing is dialled because the machine is late."""
        return any(TOO_BUSY in row["reason"] for row in await self.service.get("/v1/decisions"))

    async def stands(
        self, operator: str, state: str, reason: str | None = None, timeout_s: float = 20.0
    ) -> None:
        """Until the operator is in this state (for this reason)."""

        async def does() -> bool:
            now = await self.service.get(f"/v1/operators/{operator}")
            return now["state"] == state and reason in (None, now["reason"])

        await self.until(does, f"operator {operator} {state} {reason or ''}", timeout_s)

    async def press(self, operator: str, keys: str, state: str, reason: str | None = None) -> None:
        """Presses these keys until the operator is in this state: the first time may be too early."""

        async def does() -> bool:
            now = await self.service.get(f"/v1/operators/{operator}")
            return now["state"] == state and reason in (None, now["reason"])

        async with asyncio.timeout(20):
            while True:
                await self.lab.world.phone(operator).press(keys)
                with suppress(TimeoutError):
                    async with asyncio.timeout(QUIET_S + 0.2):
                        while not await does():  # noqa: ASYNC110 another process is asked
                            await asyncio.sleep(0.03)
                        return

    async def call(self, number: str) -> dict[str, Any] | None:
        """The call in flight to this number."""
        wanted = number.lstrip("+")
        return next((one for one in await self.calls() if one["number"].lstrip("+") == wanted), None)

    async def comes_to(self, number: str, state: str, timeout_s: float = 20.0) -> dict[str, Any]:
        """The call to this number, once it is in this state."""
        found: list[dict[str, Any]] = []

        async def does() -> bool:
            found[:] = [one] if (one := await self.call(number)) and one["state"] == state else []
            return bool(found)

        await self.until(does, f"the call to {number} is {state}", timeout_s)
        return found[0]

    async def change(self, **fields: object) -> None:
        """Changes the running campaign, by API."""
        await self.service.patch(f"/v1/campaigns/{self.campaign}", fields)

    async def begin(
        self,
        numbers: Sequence[str],
        *,
        phones: int,
        change: Callable[[Campaign], Campaign] = lambda campaign: campaign,
    ) -> None:
        """A fresh campaign for the first phones; records of what was before are not asked for."""
        everybody = [OperatorId(handset.number) for handset in self.lab.handsets]
        await self.go_home(*[one for one in everybody if await self.state(one) != "offline"])
        self.operators, self.since_at = everybody[:phones], datetime.now(UTC)
        async with self.stores() as stores:
            before = await stores.campaigns.get(self.campaign)
            fresh = replace(_campaign(self.operators, before.message), name=f"test {before.id}")
            self.campaign = await _stock(stores, change(fresh), numbers)

    async def go_home(self, *operators: str) -> None:
        """Nothing is dialled any more, calls end, everybody logs out: what was heard is on disk."""
        await self.service.post(f"/v1/campaigns/{self.campaign}/stop")
        for call in await self.calls():
            with suppress(NetworkTrouble):  # it ends at this moment by itself
                await self.service.post(f"/v1/calls/{call['id']}/hang_up")
        await self.quiet()
        for operator in operators or self.operators:
            await self.do(operator, "logout")
        for operator in operators or self.operators:
            await self.stands(operator, "offline")

    async def in_flight(self, n: int, *states: str, timeout_s: float = 20.0) -> None:
        """Until at least n calls are in one of these states."""

        async def enough() -> bool:
            return sum(call["state"] in states for call in await self.calls()) >= n

        await self.until(enough, f"{n} calls in {states}", timeout_s)

    async def quiet(self, timeout_s: float = 60.0) -> None:
        """Until no call is in flight and the database has every record."""

        async def none() -> bool:
            return not await self.calls() and "dialer_queue_depth" not in await self._waiting()

        await self.until(none, "all calls ended and recorded", timeout_s)

    async def _waiting(self) -> str:
        lines = (await self.service.get("/metrics")).splitlines()
        journal = [line for line in lines if line.startswith("dialer_queue") and "journal" in line]
        return "".join(line for line in journal if not line.endswith(" 0.0"))

    @asynccontextmanager
    async def stores(self) -> AsyncIterator[Stores]:
        async with open_database(self.settings) as stores:
            yield stores

    async def cdrs(self) -> list[Cdr]:
        async with self.stores() as stores:
            return list(await stores.records.cdrs(CdrQuery(since_at=self.since_at, limit=1000)))

    async def cdr(self, number: str, timeout_s: float = 10.0) -> Cdr:
        """The one record of this number, once the database has it."""
        wanted, found = number.lstrip("+"), list[Cdr]()

        async def is_there() -> bool:
            found[:] = [cdr for cdr in await self.cdrs() if cdr.number.lstrip("+") == wanted]
            return bool(found)

        await self.until(is_there, f"a record of {number}", timeout_s)
        assert len(found) == 1, found
        return found[0]

    async def leads(self) -> list[Lead]:
        async with self.stores() as stores:
            return list(await stores.leads.find(self.campaign, limit=1000))

    # --- what befalls the service

    def kill(self) -> None:
        """kill -9 of engine, web and keeper: no goodbye, and no new life before `restart`."""
        keeper = self.service.keeper_pid
        for pid in (keeper, *children_of(keeper)):  # read before the first one dies
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def crash(self) -> int:
        """kill -9 of the engine alone: its keeper brings it back. The process that has died."""
        pid = self.service.pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def freeze(self) -> None:
        """The engine does nothing more; the web goes on, and says that nobody answers."""
        os.kill(self.service.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.service.pid, signal.SIGCONT)

    async def thawed(self) -> None:
        """It goes on; returns once the web sees it again."""
        self.thaw()
        async with asyncio.timeout(20):
            while True:
                with suppress(NetworkTrouble):
                    await self.service.get("/v1/calls", limit=1)
                    return
                await asyncio.sleep(0.02)

    async def restart(self) -> None:
        """A new process on the same data, after the old one is gone."""
        await self.service.__aexit__()
        self.service = await Service(self.environment, self.lab.folder / "service.log").__aenter__()


@asynccontextmanager
async def open_office(
    lab: Lab,
    numbers: Sequence[str],
    *,
    change: Callable[[Campaign], Campaign] = lambda campaign: campaign,
    account: Callable[[Account], Account] = lambda account: account,
    trunk: Callable[[Trunk], Trunk] = lambda trunk: trunk,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Office]:
    """A fresh database and service on this lab; `change` and the like alter the defaults."""
    variables = rooms(lab, environment)
    campaign = await furnish(lab, variables, numbers, change=change, account=account, trunk=trunk)
    async with Service(variables, lab.folder / "service.log") as service:
        office = office_of(lab, variables, service, campaign)
        try:
            yield office
        finally:
            office.service.hurry()  # the first time it is asked to drain
            await asyncio.sleep(0.2)
            await office.service.stop(drain_s=5.0)
            await office.service.__aexit__()


def rooms(lab: Lab, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the service is told of this lab, with a data folder of its own."""
    variables = {**lab.environment(), **(environment or {})}
    variables["DIALER_DATA_DIR"] = str(Path(variables["DIALER_DATA_DIR"]) / os.urandom(4).hex())
    return variables


def office_of(lab: Lab, variables: Mapping[str, str], service: Service, campaign: CampaignId) -> Office:
    """The office whose API this service answers."""
    operators = [OperatorId(handset.number) for handset in lab.handsets]
    return Office(lab, settings_of(variables), variables, service, campaign, operators)


async def furnish(
    lab: Lab,
    variables: Mapping[str, str],
    numbers: Sequence[str],
    *,
    change: Callable[[Campaign], Campaign] = lambda campaign: campaign,
    account: Callable[[Account], Account] = lambda account: account,
    trunk: Callable[[Trunk], Trunk] = lambda trunk: trunk,
) -> CampaignId:
    """A fresh database: the trunk, an operator for every phone, a campaign with these numbers."""
    settings = settings_of(variables)
    async with open_database(settings, make=True) as stores:
        await stores.trunks.add(trunk(_trunk(lab)))
        operators = []
        for handset in lab.handsets:
            path = settings.data_dir / "secrets" / f"sip-{handset.number}"
            write_secret(path, handset.password)
            its = Account(OperatorId(handset.number), f"Op {handset.number}", sip_password_file=str(path))
            await stores.accounts.add(account(its))
            operators.append(its.id)
        message = write_demo_message(sounds_dir(settings))
        return await _stock(stores, change(_campaign(operators, message.name)), numbers)


async def _stock(stores: Stores, campaign: Campaign, numbers: Sequence[str]) -> CampaignId:
    """This campaign with these numbers."""
    its = (await stores.campaigns.add(campaign)).id
    leads = [Lead(LeadId(0), its, (PhoneNumber(number),), zones=("Europe/Moscow",)) for number in numbers]
    await stores.leads.import_list(its, "test.csv", leads, now=datetime.now(UTC))
    return its


def settings_of(variables: Mapping[str, str]) -> Settings:
    """As the service will read them."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        return Settings()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _trunk(lab: Lab) -> Trunk:
    return Trunk(
        TRUNK,
        host=lab.trunk.host,
        port=lab.trunk.port,
        user=lab.trunk.user,
        password_file=str(lab.trunk.password_file),
        caller_ids=("+74951234567",),
        lines=100,
        calls_per_s=50,
    )


def _campaign(operators: Sequence[OperatorId], message: str) -> Campaign:
    return Campaign(
        CampaignId(0),
        "test",
        operators=frozenset(operators),
        trunks=(TRUNK,),
        schedule=every_day(time(0), time(0)),
        ring_s=8.0,
        wrap_up_s=1.0,
        message=message,
    )


def numbers(prefix: str, n: int) -> list[str]:
    """n numbers that begin so: `+7916` gives +79160000000 and on."""
    return [f"{prefix}{i:0{12 - len(prefix)}d}" for i in range(n)]


MUSIC = (392.0, 494.0, 587.0)  # of the lab's music on hold
PIECE_S, SHORT_S, LOUD = 0.1, 0.25, 0.4


def phases(path: Path, **named: float | Sequence[float]) -> list[tuple[str, float]]:
    """Which of these tones were heard in turn, and for how many seconds; short bits are left out."""
    samples, rate = tones.read(path)
    size = round(PIECE_S * rate)
    found: list[tuple[str, float]] = []
    for start in range(0, len(samples) - size + 1, size):
        piece = samples[start : start + size]
        for name, hertz in named.items():
            each = [hertz] if isinstance(hertz, float) else hertz
            if max(tones.goertzel(piece, rate, one) for one in each) < LOUD:
                continue
            if found and found[-1][0] == name:
                found[-1] = (name, round(found[-1][1] + PIECE_S, 1))
            else:
                found.append((name, PIECE_S))
    return [(name, length_s) for name, length_s in found if length_s > SHORT_S]
