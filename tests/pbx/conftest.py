"""Real Asterisks for the tests: one lab per worker, plain HTTP towards its PBX, an ear for its events."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from yarl import URL

from dialer.lab import worldfile
from dialer.lab.fate import Does, Fate
from dialer.lab.lab import Lab, Options
from tests.pbx.linked import polled

CALLER = "74951234567"
TRUNK = "carrier"
WORLD = Path(__file__).with_name("world.toml")
# busy after half a second, then an answer; from the third call on it is unallocated, as all of its kind
TOLD = {"79020000077": (Fate(Does.BUSY, 0, 0, setup_s=0.5), Fate(Does.ANSWER, 0.4, 60, setup_s=0.6))}
Event = dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The lab lives in the loop of the session: tests on it run there as well."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass(slots=True)
class Ari:
    """Plain HTTP to a lab's PBX: what the service's link does over its socket, here without the service."""

    lab: Lab
    http: aiohttp.ClientSession
    ids: itertools.count[int] = field(default_factory=itertools.count)

    def url(self, path: str) -> str:
        """Of a resource."""
        return f"{self.lab.environment()['DIALER_ARI_HTTP_URL']}/{path}"

    async def send(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """One request; fails the test when Asterisk refuses."""
        url = URL(self.url(path), encoded=True)
        async with self.http.request(method, url, params=query, json=body) as response:
            text = await response.text()
            assert response.status < 300, f"{method} {path}: {response.status} {text}"
            return await response.json() if text else None

    async def push(self, kind: str, name: str, **fields: str) -> None:
        """Gives Asterisk a SIP object."""
        body = {"fields": [{"attribute": key, "value": value} for key, value in fields.items()]}
        await self.send("PUT", f"asterisk/config/dynamic/res_pjsip/{kind}/{quote(name, safe='')}", body)

    async def push_trunk(self, name: str, host: str, port: int) -> None:
        """A trunk by address."""
        await self.push("aor", name, contact=f"sip:{host}:{port}")
        fields = {"context": "obz-in", "aors": name, "disallow": "all", "allow": "alaw,ulaw"}
        await self.push("endpoint", name, **fields, direct_media="no", transport="udp")
        await self.push("identify", name, endpoint=name, match=host)

    async def push_phone(self, number: str, password: str) -> None:
        """An operator's phone."""
        await self.push("auth", number, auth_type="userpass", username=number, password=password)
        await self.push("aor", number, max_contacts="1", remove_existing="yes")
        fields = {"context": "obz-phones", "auth": number, "aors": number, "disallow": "all"}
        fields |= {"allow": "alaw,ulaw", "direct_media": "no", "rtp_symmetric": "yes", "rtp_keepalive": "1"}
        await self.push("endpoint", number, **fields, transport="udp")

    async def push_all(self) -> None:
        """The carrier and every phone; returns when the phones are registered."""
        await self.push_trunk(TRUNK, self.lab.trunk.host, self.lab.trunk.port)
        for handset in self.lab.handsets:
            await self.push_phone(handset.number, handset.password)
        for handset in self.lab.handsets:
            await self.lab.world.phone(handset.number).registered()

    async def subscribe(self) -> None:
        """Has the events of calls through the carrier sent, in Stasis or not."""
        await self.send("POST", "applications/dialer/subscription", eventSource=f"endpoint:PJSIP/{TRUNK}")

    async def originate(self, endpoint: str, where: str, *, timeout_s: int = 30, **variables: str) -> str:
        """Dials `endpoint` into context/extension; the channel's id."""
        context, extension = where.split("/")
        channel = f"test-{next(self.ids)}-{secrets.token_hex(3)}"
        query = {"endpoint": endpoint, "context": context, "extension": extension, "priority": "1"}
        query |= {"channelId": channel, "callerId": CALLER, "timeout": str(timeout_s)}
        await self.send("POST", "channels", {"variables": variables}, **query)
        return channel

    async def call(self, number: str, **variables: str) -> str:
        """Dials a number as a campaign does."""
        variables.setdefault("OBZ_MESSAGE", str(self.lab.sounds / "message"))
        return await self.originate(f"PJSIP/{number}@{TRUNK}", "obz-out/answered", **variables)

    async def ring(self, phone: str) -> str:
        """Rings an operator's phone as a nailed-up leg."""
        return await self.originate(f"PJSIP/{phone}", "obz-leg/up")

    async def state(self, channel: str) -> str:
        """The state of a channel; empty when there is none."""
        found = [each for each in await self.send("GET", "channels") if each["id"] == channel]
        return str(found[0]["state"]) if found else ""

    async def up(self, channel: str) -> None:
        """Returns when the channel has been answered."""
        await polled(lambda: self._is(channel, "Up"), f"channel {channel} answered")

    async def gone(self, channel: str, timeout_s: float = 10.0) -> None:
        """Returns when there is no such channel any more."""
        await polled(lambda: self._is(channel, ""), f"channel {channel} ended", timeout_s)

    async def talk(self, person: str, operator: str) -> str:
        """Clears the guard and connects two channels, once both are with the service; the bridge's id."""
        for channel in (person, operator):
            await polled(lambda channel=channel: self._is_ours(channel), f"channel {channel} in Stasis")
        bridge = f"bridge-{person}"
        await self.send("POST", "bridges", type="mixing", bridgeId=bridge)
        await self.send("POST", f"channels/{person}/variable", variable="TIMEOUT(absolute)", value="0")
        await self.send("POST", f"bridges/{bridge}/addChannel", channel=f"{person},{operator}")
        return bridge

    async def hang_up(self, *channels: str) -> None:
        """Ends channels; one that has ended by itself is as well."""
        for channel in channels:
            async with self.http.delete(self.url(f"channels/{channel}")) as response:
                assert response.status in (204, 404), f"{channel}: {response.status} {await response.text()}"

    async def _is_ours(self, channel: str) -> bool:
        found = [each for each in await self.send("GET", "channels") if each["id"] == channel]
        return bool(found) and found[0]["dialplan"]["app_name"] == "Stasis"

    async def _is(self, channel: str, state: str) -> bool:
        return await self.state(channel) == state


@dataclass(slots=True)
class Ear:
    """A service that takes Asterisk's socket, hears every event and does nothing."""

    events: list[Event] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: Event) -> None:
        """Keeps one event."""
        self.events.append(event)
        self.more.set()

    def of(self, channel: str, kind: str = "") -> list[Event]:
        """The events about one channel, of one type if given."""
        return [
            each
            for each in self.events
            if channel in (each.get("channel", {}).get("id"), each.get("peer", {}).get("id"))
            and kind in ("", each["type"])
        ]

    async def hears(self, channel: str, kind: str, timeout_s: float = 10.0) -> Event:
        """The first event of this type about a channel; fails the test when it does not come."""
        return await self._first(lambda: self.of(channel, kind), f"{kind} of {channel}", timeout_s)

    async def hears_step(self, channel: str, step: str, timeout_s: float = 10.0) -> Event:
        """The SafeHarbour event that says that the message of this call has started or ended."""

        def steps() -> list[Event]:
            events = self.of(channel, "ChannelUserevent")
            return [
                each for each in events if each["userevent"] == {"eventname": "SafeHarbour", "step": step}
            ]

        return await self._first(steps, f"SafeHarbour {step} of {channel}", timeout_s)

    async def hears_caller(self, number: str, timeout_s: float = 10.0) -> Event:
        """The StasisStart of a return call from this number."""

        def starts() -> list[Event]:
            found = [each for each in self.events if each["type"] == "StasisStart"]
            return [each for each in found if each["channel"]["caller"]["number"] == number]

        return await self._first(starts, f"return call from {number}", timeout_s)

    async def _first(self, search: Callable[[], list[Event]], what: str, timeout_s: float) -> Event:
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := search()):
                    self.more.clear()
                    await self.more.wait()
        except TimeoutError:
            pytest.fail(
                f"no {what} within {timeout_s:g} s; heard: {[each['type'] for each in self.events][-40:]}"
            )
        return found[0]


def at(event: Event) -> datetime:
    """When Asterisk says that it happened."""
    return datetime.strptime(event["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z")


@asynccontextmanager
async def listening(lab: Lab) -> AsyncIterator[Ear]:
    """An ear at the port where Asterisk looks for the service; open once Asterisk has connected."""
    ear, registered = Ear(), asyncio.Event()

    async def accept(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("ari",))
        await socket.prepare(request)
        async for message in socket:
            event = message.json()
            ear.take(event)
            if event["type"] == "ApplicationRegistered":
                registered.set()
        return socket

    app = web.Application()
    app.router.add_get("/ari/{cell}", accept)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(lab.values["LINK_PORT"])).start()
    try:
        async with asyncio.timeout(10):
            await registered.wait()
        yield ear
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(lab: Lab) -> AsyncIterator[Ari]:
    """Plain HTTP to this lab's PBX."""
    login = f"{lab.values['ARI_USER']}:{lab.values['ARI_PASSWORD']}"
    headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        yield Ari(lab, http)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def lab() -> AsyncIterator[Lab]:
    """A PBX, the world of world.toml and three phones (the last can be unplugged), for the whole session."""
    plan = replace(worldfile.read(WORLD), script=TOLD)
    options = Options(plan=plan, phones=2, loners=1, knobs={"INBOUND_GUARD_S": "2"})
    async with Lab.start(options) as lab:
        yield lab


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def ari(lab: Lab) -> AsyncIterator[Ari]:
    """HTTP to the session's PBX, with the carrier and all phones pushed."""
    async with asking(lab) as ari:
        await ari.push_all()
        yield ari


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def every_call_ends_with_its_test(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """A test that fails leaves no call on the shared phones for the next one to stumble over."""
    yield
    if "ari" not in request.fixturenames:
        return
    ari = request.getfixturevalue("ari")
    await ari.hang_up(*(each["id"] for each in await ari.send("GET", "channels")))
    for handset in ari.lab.handsets[: ari.lab.options.phones]:  # the others may be unplugged
        await ari.lab.world.phone(handset.number).free()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def ear(ari: Ari) -> AsyncIterator[Ear]:
    """Hears the session's PBX, subscribed to the carrier; closed after each module: others need the port."""
    async with listening(ari.lab) as ear:
        await ari.subscribe()
        yield ear


@pytest_asyncio.fixture(loop_scope="session")
async def left_alone() -> AsyncIterator[Ari]:
    """A lab of its own, whose PBX the service has left after subscribing to the carrier."""
    async with Lab.start(Options(plan=worldfile.read(WORLD), phones=0)) as lab, asking(lab) as ari:
        await ari.push_all()
        async with listening(lab):
            await ari.subscribe()
        yield ari


@pytest.fixture
def listen() -> Callable[[Lab], AbstractAsyncContextManager[Ear]]:
    """Opens an ear in the middle of a test: the service comes (back)."""
    return listening


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Awaitable[None]]:
    """Waits for a condition."""
    return polled


@pytest.fixture
def ask() -> Callable[[Lab], AbstractAsyncContextManager[Ari]]:
    """Plain HTTP to a lab that the test has started itself."""
    return asking


@pytest.fixture
def time_between() -> Callable[[Event, Event], float]:
    """Seconds from one event to another by Asterisk's own clock."""
    return lambda earlier, later: (at(later) - at(earlier)).total_seconds()
