"""Asterisk as its HTTP shows it: version, user, modules, events, clock, sessions, trunks."""

from __future__ import annotations

import asyncio
import secrets
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from dialer.adapters.ari.push import endpoint_name
from dialer.adapters.doctor.finding import Finding, broken, doubtful, well
from dialer.adapters.doctor.sip import is_answering, resolves
from dialer.domain.abilities import Abilities, abilities, check_abilities
from dialer.domain.clocks import why_apart
from dialer.domain.errors import LinkDown, NetworkTrouble, Refused, Unworkable
from dialer.domain.said import said
from dialer.domain.trunk import Transport, Trunk, why_readable
from dialer.domain.types import OPERATOR_NUMBER

ANSWER_S = 3.0
EVENTS = 7
EVENT = "doctor"
SLOW_LAG_S, BAD_LAG_S = 0.02, 0.5
CLOCK_S = 0.5
SESSIONS = 150  # opened for a moment; Asterisk's own default limit is 100
EVENT_TRIES_S = 0.1  # an Asterisk over its limit closes a new connection at once


@dataclass(frozen=True, slots=True)
class Place:
    """Where Asterisk's HTTP is, and what must be there."""

    url: str  # up to /ari
    user: str
    password: str
    app: str
    modules: frozenset[str]
    dialplan: str  # what OBZ_DIALPLAN of our own extensions.conf says
    trunks: Sequence[Trunk]
    is_accepted: Callable[[str], bool]
    wanted: str  # the accepted versions in words
    tested: str  # the version that this release was tested with
    release_of: Callable[[str], str]  # that version of what Asterisk says


async def look_at_asterisk(place: Place) -> list[Finding]:
    """All that HTTP can tell; when it does not answer, one line says so."""
    async with _session(place) as http:
        first, is_usable = await _greet(http, place)
        if not is_usable:
            return first
        found = [*first]
        for name, look in _LOOKS.items():
            try:
                found += await look(http, place)
            except (NetworkTrouble, aiohttp.ClientError, TimeoutError, OSError) as trouble:
                found.append(
                    broken(
                        name,
                        said("Asterisk did not tell: {trouble}", trouble=_words(trouble)),
                        "asterisk -rx 'core show version'",
                    )
                )
        return found


@asynccontextmanager
async def _session(place: Place) -> AsyncIterator[aiohttp.ClientSession]:
    header = aiohttp.encode_basic_auth(place.user, place.password)
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    async with aiohttp.ClientSession(headers={"Authorization": header}, timeout=timeout) as http:
        yield http


async def _get(http: aiohttp.ClientSession, place: Place, path: str) -> Any:
    async with http.get(f"{place.url}/{path}") as answer:
        if answer.status >= 300:
            raise Refused(answer.status, answer.reason or "")
        return await answer.json(content_type=None)


def _words(trouble: BaseException) -> str:
    return str(trouble) or type(trouble).__name__


# --- version and user -------------------------------------------------------------------------------------


async def _greet(http: aiohttp.ClientSession, place: Place) -> tuple[list[Finding], bool]:
    """The first lines, and whether it makes sense to go on."""
    start = said(
        "start Asterisk (systemctl start asterisk), and check DIALER_ARI_HTTP_URL against its http.conf"
    )
    try:
        info = await _get(http, place, "asterisk/info")
        version = str(info["system"]["version"])
    except Refused as refusal:
        return [_refused(place, refusal)], False
    except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
        why = said("no answer") if isinstance(trouble, TimeoutError) else _words(trouble)
        return [
            broken("asterisk", said("{url} cannot be reached: {why}", url=place.url, why=why), start)
        ], False
    except (ValueError, KeyError, TypeError):
        return [
            broken("asterisk", said("what answers at {url} is not Asterisk", url=place.url), start)
        ], False
    if not place.is_accepted(version):
        text = said("version {version} lacks what the link needs", version=version)
        return [broken("asterisk", text, said("install Asterisk {wanted}", wanted=place.wanted))], True
    answers = said("version {version} answers at {url}", version=version, url=place.url)
    return [well("asterisk", answers), *_untested(place, version)], True


def _untested(place: Place, version: str) -> list[Finding]:
    if place.release_of(version) == place.tested:
        return []
    text = said(
        "Asterisk {tested} is the version this release was tested with; yours is {version}",
        tested=place.tested,
        version=version,
    )
    return [doubtful("asterisk", text, said("install that one, or try yours first: make test"))]


def _refused(place: Place, refusal: Refused) -> Finding:
    if refusal.status == 401:
        text = said("Asterisk does not know the user {user!r} with this password", user=place.user)
        mend = said(
            "DIALER_ARI_USER and DIALER_ARI_PASSWORD_FILE must be those of [{user}] in ari.conf",
            user=place.user,
        )
        return broken("ari user", text, mend)
    mend = said("enabled = yes in ari.conf and in http.conf, and load res_ari.so")
    return broken(
        "asterisk",
        said(
            "ARI is not at {url}: {status} {reason}",
            url=place.url,
            status=refusal.status,
            reason=refusal.reason,
        ),
        mend,
    )


# --- what it has ------------------------------------------------------------------------------------------


async def _modules(http: aiohttp.ClientSession, place: Place) -> list[Finding]:
    running = {
        row["name"] for row in await _get(http, place, "asterisk/modules") if row["status"] == "Running"
    }
    if missing := sorted(place.modules - running):
        mend = said(
            "add them to modules.conf, then: asterisk -rx 'module load {missing}'", missing=missing[0]
        )
        return [broken("modules", said("not running: {missing}", missing=", ".join(missing)), mend)]
    return [well("modules", said("the {n} that are needed run", n=len(place.modules)))]


async def _dialplan(http: aiohttp.ClientSession, place: Place) -> list[Finding]:
    """Service and dialplan are of one make: the service counts on what its own one does."""
    found = (await _get(http, place, "asterisk/variable?variable=OBZ_DIALPLAN"))["value"]
    if found == place.dialplan:
        return [well("dialplan", said("it is the one of this version"))]
    mend = said(
        "dialer asterisk --to /etc/asterisk (keep what you changed), then: asterisk -rx 'dialplan reload'"
    )
    if found:
        return [broken("dialplan", said("extensions.conf is of another version of the dialer"), mend)]
    return [broken("dialplan", said("extensions.conf is not the dialer's, or of an early version"), mend)]


async def _application(http: aiohttp.ClientSession, place: Place) -> list[Finding]:
    """A persistent websocket of Asterisk's keeps its application, whether we are there or not."""
    known = {row["name"] for row in await _get(http, place, "applications")}
    if place.app in known:
        return [well("application", said("Asterisk holds {app!r} for the service", app=place.app))]
    text = said("Asterisk does not connect to the service: it has no application {app!r}", app=place.app)
    mend = said("ari.conf needs [dialer-link] (type = outbound_websocket), websocket_client.conf its address")
    return [broken("application", text, mend)]


async def _abilities(http: aiohttp.ClientSession, place: Place) -> list[Finding]:
    """A trunk that wants what Asterisk cannot do carries silent calls, or none."""
    rows = await _get(http, place, "asterisk/modules")
    running = [row["name"] for row in rows if row["status"] == "Running"]
    able = abilities(running, [each for each in Transport if await _has_transport(http, place, each)])
    found = []
    for trunk in place.trunks:
        try:
            check_abilities(trunk, able)
        except Unworkable as flaw:
            found.append(broken("abilities", flaw.sentence, _change(trunk, able)))
        if readable := why_readable(trunk):
            found.append(doubtful("abilities", readable, f"dialer trunk set {trunk.id} --transport tls"))
    codecs, transports = ", ".join(sorted(able.codecs)), ", ".join(sorted(able.transports))
    text = said(
        "Asterisk can translate {codecs} and has SIP by {transports}", codecs=codecs, transports=transports
    )
    return found or [well("abilities", text)]


async def _has_transport(http: aiohttp.ClientSession, place: Place, transport: Transport) -> bool:
    try:
        await _get(http, place, f"asterisk/config/dynamic/res_pjsip/transport/{transport}")
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return False
    return True


def _change(trunk: Trunk, able: Abilities) -> str:
    """The command after which the trunk wants no more than there is."""
    change = [f"dialer trunk set {trunk.id}"]
    if not set(trunk.codecs) <= able.codecs:
        change.append(f"--codecs {','.join(sorted(able.codecs))}")
    if trunk.transport not in able.transports:
        change.append(f"--transport {min(able.transports, default=Transport.UDP)}")
    if trunk.srtp and not able.srtp:
        change.append("--srtp no")
    return " ".join(change)


async def _endpoints(http: aiohttp.ClientSession, place: Place) -> list[dict[str, Any]]:
    try:
        rows = await _get(http, place, "endpoints/PJSIP")
        return [row | {"resource": endpoint_name(row["resource"])} for row in rows]
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return []  # it has none at all


async def _phones(http: aiohttp.ClientSession, place: Place) -> list[Finding]:
    """Phones that talk and are registered no more: their talk goes on, new calls do not come."""
    phones = [row for row in await _endpoints(http, place) if OPERATOR_NUMBER.fullmatch(row["resource"])]
    lost = sorted(row["resource"] for row in phones if row["channel_ids"] and row["state"] != "online")
    if not lost:
        return [well("phones", said("every phone that is in a call is registered"))]
    text = said("in a call, but not registered any more: {phones}", phones=", ".join(lost))
    return [doubtful("phones", text, said("let them register again: until then they get no new call"))]


async def _trunks(http: aiohttp.ClientSession, place: Place) -> list[Finding]:
    states = {row["resource"]: row["state"] for row in await _endpoints(http, place)}
    return list(await asyncio.gather(*(_trunk(trunk, states.get(trunk.id)) for trunk in place.trunks)))


async def _trunk(trunk: Trunk, state: str | None) -> Finding:
    """What was pushed a moment ago counts as offline until its first probe: then we ask ourselves."""
    name = f"trunk {trunk.id}"
    if state == "online" and not trunk.probe:
        return well(name, said("Asterisk has it; nobody asks whether it answers (--probe no), calls tell"))
    if state == "online":
        return well(name, said("answers Asterisk's probes"))
    if not await asyncio.to_thread(resolves, trunk.host):  # Asterisk does not take such a one at all
        mend = said("dialer trunk set {id} --host HOST, or mend the name server", id=trunk.id)
        return broken(name, said("the host {host} is unknown", host=trunk.host), mend)
    if state is None:
        mend = said("dialer run, then: dialer trunk push {id}", id=trunk.id)
        return doubtful(name, said("Asterisk does not have it yet"), mend)
    if await is_answering(trunk):
        text = said(
            "{host}:{port} answers us, Asterisk has not probed it yet (it does every 30 s)",
            host=trunk.host,
            port=trunk.port,
        )
        return doubtful(name, text, f"dialer trunk test {trunk.id} NUMBER")
    mend = said("check host, port and firewall, then: dialer trunk test {id} NUMBER", id=trunk.id)
    return broken(
        name,
        said(
            "{host}:{port} does not answer ({transport})",
            host=trunk.host,
            port=trunk.port,
            transport=trunk.transport,
        ),
        mend,
    )


# --- events and the clock ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Echo:
    """One event that was asked for: our clock around it, Asterisk's in it."""

    sent_at: datetime
    stamped_at: datetime
    heard_at: datetime

    @property
    def round_trip_s(self) -> float:
        return (self.heard_at - self.sent_at).total_seconds()

    @property
    def ahead_s(self) -> float:
        """How far Asterisk's clock must be ahead of ours at least; negative: behind."""
        if self.stamped_at > self.heard_at:
            return (self.stamped_at - self.heard_at).total_seconds()
        return min(0.0, (self.stamped_at - self.sent_at).total_seconds())


async def _events(http: aiohttp.ClientSession, place: Place) -> list[Finding]:
    """The way of an event, under a name of its own: a second listener would take the service's away."""
    app = f"doctor-{secrets.token_hex(4)}"
    address = f"{place.url.replace('http', 'ws', 1)}/events?app={app}"
    try:
        async with http.ws_connect(address, protocols=("ari",)) as socket:
            echoes = [await _echo(http, place, socket, app) for _ in range(EVENTS)]
    except aiohttp.WSServerHandshakeError as refusal:
        text = said("a websocket is refused: {status}", status=refusal.status)
        return [broken("link", text, said("load res_http_websocket.so and res_ari_events.so"))]
    except Refused as refusal:
        if refusal.status == 403:
            return [
                broken(
                    "ari user",
                    said("it may only read"),
                    said("read_only = no in [{user}] of ari.conf", user=place.user),
                )
            ]
        raise
    except TimeoutError:
        text = said("an event that was asked for did not come within {answer_s:g} s", answer_s=ANSWER_S)
        return [broken("link", text, said("load res_ari_events.so and res_stasis.so"))]
    return [
        well("ari user", said("{user} may read and write", user=place.user)),
        well("link", said("websocket, request and event work (tried as {app})", app=app)),
        *judge(echoes),
    ]


async def _echo(
    http: aiohttp.ClientSession, place: Place, socket: aiohttp.ClientWebSocketResponse, app: str
) -> Echo:
    """Asks for an event of our own and waits for it; a refusal ends the wait."""
    sent_at = datetime.now(UTC)
    hearing = asyncio.create_task(_hear(socket))
    try:
        async with asyncio.timeout(ANSWER_S):
            await _post(http, f"{place.url}/events/user/{EVENT}", app)
            stamped_at, heard_at = await hearing
    finally:
        hearing.cancel()
    return Echo(sent_at, stamped_at, heard_at)


async def _hear(socket: aiohttp.ClientWebSocketResponse) -> tuple[datetime, datetime]:
    """When Asterisk says that the event was, and when it was here."""
    async for message in socket:
        event = message.json()
        if event.get("eventname") == EVENT:
            return datetime.fromisoformat(event["timestamp"]).astimezone(UTC), datetime.now(UTC)
    raise LinkDown(said("Asterisk has closed the websocket"))


async def _post(http: aiohttp.ClientSession, url: str, app: str) -> None:
    async with http.post(url, params={"application": app}) as answer:
        if answer.status >= 300:
            raise Refused(answer.status, answer.reason or "")


def judge(echoes: Sequence[Echo]) -> list[Finding]:
    """Lag and clock, from several echoes: the quickest tells the clock best."""
    lag_s = statistics.median(echo.round_trip_s for echo in echoes)
    told = said("{lag_s:.1f} ms from request to event (median of {n})", lag_s=lag_s * 1000, n=len(echoes))
    busy = said("look for what keeps this machine busy: top; vmstat 1")
    if lag_s >= BAD_LAG_S:
        lag = broken("event lag", told, busy)
    elif lag_s >= SLOW_LAG_S:
        lag = doubtful(
            "event lag",
            said("{told}, {slow_lag_s:g} ms are usual", told=told, slow_lag_s=SLOW_LAG_S * 1000),
            busy,
        )
    else:
        lag = well("event lag", told)
    ahead_s = min(echoes, key=lambda echo: echo.round_trip_s).ahead_s
    if abs(ahead_s) >= CLOCK_S:
        clock = broken(
            "clock", why_apart(ahead_s), said("run a time service on both machines: timedatectl set-ntp true")
        )
    else:
        clock = well(
            "clock",
            said("Asterisk's and ours differ by less than {ahead_s:.3f} s", ahead_s=max(abs(ahead_s), 0.001)),
        )
    return [lag, clock]


# --- sessions ---------------------------------------------------------------------------------------------


async def _sessions(http: aiohttp.ClientSession, place: Place) -> list[Finding]:
    """Asterisk tells its limit nowhere: connections are opened until it closes one, and closed at once."""
    parts = urlsplit(place.url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        for _ in range(SESSIONS):
            held.append(await asyncio.open_connection(host, port))
        refused = sum(await asyncio.gather(*(_is_closed(reader) for reader, _ in held)))
    finally:
        for _, writer in held:
            writer.close()
    if refused:
        text = said(
            "Asterisk serves about {sessions} HTTP connections at a time", sessions=SESSIONS - refused
        )
        mend = said(
            "sessionlimit = 200 in http.conf ([general]; session_limit is ignored), then restart Asterisk"
        )
        return [doubtful("sessionlimit", text, mend)]
    return [well("sessionlimit", said("{sessions} HTTP connections at a time are served", sessions=SESSIONS))]


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(EVENT_TRIES_S):
            return not await reader.read(1)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


_LOOKS = {
    "modules": _modules,
    "dialplan": _dialplan,
    "application": _application,
    "link": _events,
    "sessionlimit": _sessions,
    "abilities": _abilities,
    "phones": _phones,
    "trunks": _trunks,
}
