"""One Asterisk as the engine sees it: typed requests out, news in, set up anew whenever it is back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import structlog

from dialer.adapters.ari import requests
from dialer.adapters.ari.bulk import Bulk, able
from dialer.adapters.ari.connection import RawEvent, Request
from dialer.adapters.ari.events import WANTED, News, noted, parse
from dialer.adapters.ari.link import REQUEST_TIMEOUT_S, Link
from dialer.adapters.ari.push import (
    ADDITIVE,
    PjsipObject,
    check_name,
    endpoint_name,
    object_ids,
    phone_objects,
    trunk_objects,
)
from dialer.adapters.ari.reasons import Reasons
from dialer.domain.abilities import Abilities, check_abilities
from dialer.domain.call import KeyPressed
from dialer.domain.errors import NetworkTrouble, Refused, TimedOut
from dialer.domain.operators import Account
from dialer.domain.said import said
from dialer.domain.trunk import Trunk
from dialer.domain.types import BridgeId, CellId, ChannelId
from dialer.ports.acceptable import check_id
from dialer.ports.asterisk import BridgeSeen, ChannelSeen, Ear, LinkWatcher, Noted, Outgoing, PhoneNews

log = structlog.get_logger()

ALL_PHONES = "endpoint:PJSIP"  # also those that are pushed later; without it a busy number gives no event
CUT = timedelta(milliseconds=1)  # Asterisk cuts its stamps to milliseconds
ECHOES = 64  # keys kept in mind: a channel in our application may be told of twice
MOST_DIALLED = 5000  # calls in flight whose ends may still be told
MOVED, REDIRECTED = 302, 23  # SIP and Q.850
FINAL = 300  # SIP statuses from here on end a call that nobody answered
GONE = (404,)
NO_BRIDGE = (404, 409)  # 409: Asterisk is about to take it away itself
NOT_IN_BRIDGE = (400, 404, 422)  # channel gone, bridge gone, channel elsewhere
EXISTS = (409,)
NO_CHANNEL = (409, 500)  # the id is in use, or the trunk is unknown: Asterisk's words do not tell
NO_ENDPOINT_YET = (404, 422)
GUARD_AGAIN_S = "0.3"  # a person who could not be connected is the PBX's charge again, if we die now


class AriSwitch:
    """Satisfies ports.asterisk.Switch. `link` goes to the Listener; `ear` hears what Asterisk says."""

    def __init__(
        self,
        cell: CellId,
        app: str,
        ear: Ear,
        watcher: LinkWatcher,
        bulk: Bulk,
        *,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self.link = Link(cell, app, self)
        self._ear = ear
        self._watcher = watcher
        self._bulk = bulk
        self._timeout_s = timeout_s
        self._wanted: dict[str, tuple[PjsipObject, ...]] = {}  # trunks and phones by name
        self._pushed: dict[str, tuple[datetime, tuple[PjsipObject, ...]]] = {}  # and on which boot
        self._pushing = asyncio.Lock()
        self._is_subscribed = False
        self._booted_at = datetime.min.replace(tzinfo=UTC)
        self._asked = count(1)
        self._echoes: dict[str, asyncio.Future[datetime]] = {}  # events asked for, by name
        self.ahead_s: Callable[[], float] = lambda: 0.0  # Asterisk's clock less ours, set by the cell
        self._keys: dict[News, None] = {}  # the oldest first
        self.reasons = Reasons()  # started by whoever starts the listener
        self._dialled: dict[str, str] = {}  # numbers by channel
        self._forwarded: dict[str, None] = {}  # channels that were told to call elsewhere, the oldest first
        self._ending: set[asyncio.Task[None]] = set()  # of channels that nobody has asked for
        self.ignored: Counter[str] = Counter()  # events that mean nothing to us, by type

    # --- what the link tells ---------------------------------------------------------------------------

    def took(self, event: RawEvent) -> None:
        """Parses one event and passes on what it means."""
        if event.get("eventname") in self._echoes:
            self._echo(event)
            return
        news = parse(self._explained(event))
        if not news:
            self.ignored[str(event.get("type"))] += 1
        for item in news:
            if not self._is_echo(item):
                self._ear.heard(item)

    def _explained(self, event: RawEvent) -> RawEvent:
        """The end of an unanswered call with what the network said itself: status, Q.850 cause and words."""
        channel = event.get("channel") or event.get("peer") or {}
        if event.get("forward"):  # a Dial event; the end that follows may come before Asterisk has its cause
            self._forwarded[channel.get("id", "")] = None
            _bound(self._forwarded)
            self._end_unasked(event.get("forwarded") or {})
        if event.get("type") != "ChannelDestroyed":
            return event
        if channel.get("state") == "Up":
            self._dialled.pop(channel.get("id", ""), None)
            return event
        moved = channel.get("id", "") in self._forwarded
        status = event.get("tech_cause") or (MOVED if moved else 0)
        number = self._dialled.pop(channel.get("id", ""), "")
        reason = self.reasons.of(number) if number and status >= FINAL else None
        known = {**event, "tech_cause": status} if status else event
        if moved and not event.get("cause"):
            known = {**known, "cause": REDIRECTED}
        if reason is not None and reason.is_answer:  # Asterisk found no way to carry its sound
            return {**known, "answered": True}
        if reason is None or reason.sip_code != status:
            return known
        return {**known, "cause": reason.cause or known.get("cause"), "words": reason.words}

    def _end_unasked(self, channel: RawEvent) -> None:
        """The call by which Asterisk follows a phone's forward: nobody has asked for it."""
        if "id" not in channel:
            return
        task = asyncio.get_running_loop().create_task(self._end(ChannelId(channel["id"])))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, channel: ChannelId) -> None:
        log.warning("a phone's forward is not followed", channel=channel)
        with suppress(NetworkTrouble):  # the dialplan ends it when it is answered
            await self.hang_up(channel)

    def _echo(self, event: RawEvent) -> None:
        asked = self._echoes[event["eventname"]]
        if not asked.done():
            asked.set_result(datetime.fromisoformat(event["timestamp"]).astimezone(UTC))

    def _is_echo(self, item: News) -> bool:
        """A key that was told of before; whatever else comes twice changes nothing the second time."""
        if isinstance(item, PhoneNews) or not isinstance(item.event, KeyPressed):
            return False
        if item in self._keys:
            return True
        self._keys[item] = None
        _bound(self._keys)
        return False

    async def set_up(self) -> None:
        """Lifts a silence; gives Asterisk what a restart may have cost it: phones, trunks, subscription."""
        await self._ask(requests.wish(self.link.app, WANTED), is_setup=True)
        self._booted_at = await self._boot(is_setup=True)
        await self._push_all()
        self._is_subscribed = False
        await self._subscribe(is_setup=True)

    async def wish_again(self) -> None:
        """After our goodbye, which has silenced it: what happens now is kept for the next connection."""
        if not self.link.is_silenced:
            return
        try:
            await self._bulk.ask(requests.wish(self.link.app, WANTED))
        except (NetworkTrouble, Refused) as trouble:
            log.warning("Asterisk keeps no events until we are back", reason=str(trouble))

    async def _subscribe(self, *, is_setup: bool) -> None:
        """To all phones and trunks; as long as Asterisk has none of them it knows no such source."""
        if self._is_subscribed:
            return
        try:
            await self._ask(requests.subscribe(self.link.app, ALL_PHONES), is_setup=is_setup)
            self._is_subscribed = True
        except Refused as refusal:
            if refusal.status not in NO_ENDPOINT_YET:
                raise

    def saw_link(self, is_ready: bool) -> None:
        """Passes it on; ready means also that all news of the outage have been passed on."""
        self._watcher.saw_link(is_ready)
        if is_ready:
            self._ear.ready(self._booted_at)
        else:
            self._ear.down()

    def saw_lag(self, lag_s: float) -> None:
        """Passes it on, less what the two clocks differ by."""
        self._watcher.saw_lag(lag_s + self.ahead_s())

    # --- calls -----------------------------------------------------------------------------------------

    async def originate(self, call: Outgoing) -> None:
        """Dials; the call must be known under `channel` before, its events may come before the answer."""
        request = requests.originate(call, formats=self._formats_of(call.endpoint))
        number = call.endpoint.removeprefix("PJSIP/").rpartition("@")[0]
        if number:
            self.reasons.forget(number)
            self._dialled[call.channel] = number
            _bound(self._dialled, MOST_DIALLED)
        try:
            await self._ask(request)
        except Refused as refusal:
            self._dialled.pop(call.channel, None)
            if refusal.status not in NO_CHANNEL:
                raise
            name = call.endpoint.rpartition("@")[2].rpartition("/")[2]
            reason = f"{refusal.reason}; it says so too when it has no way to {name!r}"
            raise Refused(refusal.status, reason) from refusal

    def _formats_of(self, endpoint: str) -> str:
        """Of a call by a trunk, in the trunk's order: Asterisk's own offer has an order of its own."""
        _, at, name = endpoint.rpartition("@")
        objects = self._wanted.get(name, ()) if at else ()
        return next((item.fields["allow"] for item in objects if item.kind == "endpoint"), "")

    async def connect(self, channel: ChannelId, bridge: BridgeId) -> None:
        """Both requests leave at once and are served in this order; after a refusal the guard runs again."""
        clear = asyncio.create_task(self.set_variable(channel, requests.GUARD, "0"))
        add = asyncio.create_task(self.add(channel, bridge))
        await asyncio.wait((clear, add))
        if isinstance(add.exception(), Refused) and clear.exception() is None:
            await self._ask(requests.set_variable(channel, requests.GUARD, GUARD_AGAIN_S), fine=GONE)
        clear.result()
        add.result()

    async def hang_up(self, channel: ChannelId, reason: str = "normal") -> None:
        """A channel that is gone already is no error."""
        await self._ask(requests.hang_up(channel, reason), fine=GONE)

    async def go_on(self, channel: ChannelId, *, context: str, exten: str) -> None:
        """Leave the application and continue in the dialplan."""
        await self._ask(requests.go_on(channel, context=context, exten=exten))

    async def set_variable(self, channel: ChannelId, name: str, value: str) -> None:
        await self._ask(requests.set_variable(channel, name, value))

    async def start_music(self, channel: ChannelId) -> None:
        await self._ask(requests.on_channel("POST", channel, "moh"))

    async def stop_music(self, channel: ChannelId) -> None:
        await self._ask(requests.on_channel("DELETE", channel, "moh"), fine=GONE)

    async def ring(self, channel: ChannelId) -> None:
        """Let a return call hear ringing."""
        await self._ask(requests.on_channel("POST", channel, "ring"))

    async def answer(self, channel: ChannelId) -> None:
        await self._ask(requests.on_channel("POST", channel, "answer"))

    async def play(self, channel: ChannelId, *media: str, playback: str = "") -> None:
        """Plays the sounds one after another; returns when they begin."""
        await self._ask(requests.play(channel, media, playback))

    async def stop_playing(self, playback: str) -> None:
        """One that is over already is no error."""
        await self._ask(requests.stop_playing(playback), fine=GONE)

    async def whisper(self, channel: ChannelId, snoop: ChannelId) -> None:
        """Open a snoop that only this channel hears; lasts until it is hung up."""
        await self._ask(requests.whisper(channel, snoop, self.link.app))

    async def mute(self, channel: ChannelId, on: bool) -> None:
        """Others do not hear this channel."""
        await self._ask(requests.on_channel("POST" if on else "DELETE", channel, "mute", direction="in"))

    async def send_keys(self, channel: ChannelId, keys: str) -> None:
        await self._ask(requests.send_keys(channel, keys))

    # --- bridges ---------------------------------------------------------------------------------------

    async def create_bridge(self, bridge: BridgeId) -> None:
        """One that exists already is no error: bridges outlive us."""
        await self._ask(requests.create_bridge(bridge), fine=EXISTS)

    async def destroy_bridge(self, bridge: BridgeId) -> None:
        await self._ask(requests.on_bridge("DELETE", bridge), fine=NO_BRIDGE)

    async def add(self, channel: ChannelId, bridge: BridgeId) -> None:
        await self._ask(requests.on_bridge("POST", bridge, "addChannel", channel=check_id(channel)))

    async def remove(self, channel: ChannelId, bridge: BridgeId) -> None:
        """Not being in it any more is no error."""
        request = requests.on_bridge("POST", bridge, "removeChannel", channel=check_id(channel))
        await self._ask(request, fine=NOT_IN_BRIDGE)

    # --- what Asterisk knows -----------------------------------------------------------------------------

    async def channels(self) -> Sequence[ChannelSeen]:
        """Every channel, ours or not."""
        return [_channel(raw) for raw in await self._bulk.get("channels")]

    async def bridges(self) -> Sequence[BridgeSeen]:
        return [
            BridgeSeen(BridgeId(raw["id"]), tuple(ChannelId(each) for each in raw["channels"]))
            for raw in await self._bulk.get("bridges")
        ]

    async def reachable(self) -> Set[str]:
        """The phones and trunks of which a contact answers, or is not probed at all."""
        try:
            rows = await self._bulk.get("endpoints/PJSIP")
        except Refused as refusal:
            if refusal.status not in GONE:
                raise
            rows = []  # it has none
        return {endpoint_name(row["resource"]) for row in rows if row["state"] == "online"}

    async def booted_at(self) -> datetime:
        """When this Asterisk started: another boot, another instant."""
        return await self._boot()

    async def clock(self) -> tuple[datetime, datetime]:
        """By an event of our own, to the millisecond; before Asterisk has connected, to the second."""
        if not self.link.is_ready:
            date = await self._bulk.date()
            return date, date + timedelta(seconds=1)
        name = f"obzvon-clock-{next(self._asked)}"
        echo = self._echoes[name] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._ask(requests.ask_for_event(self.link.app, name))
                at = await echo
        except TimeoutError:
            raise TimedOut(said("an event that was asked for did not come")) from None
        finally:
            del self._echoes[name]
        return at, at + CUT

    async def noted_of(self, channel: ChannelId, place: str) -> Noted | None:
        """With a dialplan of an older version there is the first note and no other."""
        answer = await self._ask(requests.get_global(requests.note_of(place)), fine=GONE)
        return noted(channel, answer["value"]) if answer else None

    async def abilities(self) -> Abilities:
        """By the modules that run and the transports that it has."""
        return await able(self._bulk)

    async def version(self) -> str:
        info = await self._bulk.get("asterisk/info", only="system")
        return str(info["system"]["version"])

    async def endpoints(self) -> Mapping[str, bool]:
        """Trunks and phones and whether they answer probes; no reason not to try, right after a start."""
        rows = await self._bulk.get("endpoints/PJSIP")
        return {endpoint_name(raw["resource"]): raw["state"] == "online" for raw in rows}

    async def modules(self) -> Mapping[str, str]:
        """Loaded modules and their status."""
        return {raw["name"]: raw["status"] for raw in await self._bulk.get("asterisk/modules")}

    # --- trunks and phones -------------------------------------------------------------------------------

    def want_trunk(self, trunk: Trunk, password: str) -> None:
        """It will be pushed when Asterisk connects, and again after each of its restarts."""
        self._wanted[trunk.id] = trunk_objects(trunk, password)

    def want_phone(self, account: Account, password: str) -> None:
        """It will be pushed when Asterisk connects, and again after each of its restarts."""
        self._wanted[account.id] = phone_objects(account, password)

    async def push_trunk(self, trunk: Trunk, password: str) -> None:
        """As `want_trunk`, and at once; Unworkable where its calls would come to nothing."""
        try:
            check_abilities(trunk, await self.abilities())
        except NetworkTrouble as trouble:
            log.warning("it is not known what Asterisk can do for a trunk", reason=str(trouble))
        self.want_trunk(trunk, password)
        await self._push(trunk.id)

    async def push_phone(self, account: Account, password: str) -> None:
        """As `want_phone`, and at once."""
        self.want_phone(account, password)
        await self._push(account.id)

    async def drop_endpoint(self, name: str) -> None:
        """Forgets a trunk or a phone, here and in Asterisk."""
        check_name(name)
        self._wanted.pop(name, None)
        self._pushed.pop(name, None)
        async with self._pushing:
            for kind, each in reversed(object_ids(name)):
                await self._ask(requests.delete_object(kind, each), fine=GONE)

    async def _push_all(self) -> None:
        for name in sorted(self._wanted):
            try:
                await self._push(name, is_setup=True)
            except (Refused, TimedOut) as trouble:  # one wrong host must not keep all the others out
                log.warning("Asterisk does not take this trunk or phone", name=name, reason=str(trouble))
                del self._wanted[name]  # whoever pushes it tries again

    async def _push(self, name: str, *, is_setup: bool = False) -> None:
        async with self._pushing:
            objects = self._wanted.get(name, ())
            if self._pushed.get(name) == (self._booted_at, objects):
                return
            kept = {(item.kind, item.id) for item in objects if not _adds(item)}
            if not is_setup:
                kept.discard(("registration", name))  # it was changed: let it not wait for its next try
            for kind, each in object_ids(name):
                if (kind, each) not in kept:
                    await self._ask(requests.delete_object(kind, each), fine=GONE, is_setup=is_setup)
            for item in objects:
                await self._ask(requests.write_object(item), is_setup=is_setup)
            await self._subscribe(is_setup=is_setup)
            self._pushed[name] = (self._booted_at, objects)

    # --- plumbing ----------------------------------------------------------------------------------------

    async def _boot(self, *, is_setup: bool = False) -> datetime:
        info = await self._ask(Request("GET", "asterisk/info", {"only": "status"}), is_setup=is_setup)
        return datetime.fromisoformat(info["status"]["startup_time"]).astimezone(UTC)

    async def _ask(self, request: Request, *, fine: Sequence[int] = (), is_setup: bool = False) -> Any:
        """Sends over the link; a refusal with a status in `fine` has reached its aim already."""
        try:
            return await self.link.request(request, timeout_s=self._timeout_s, is_setup=is_setup)
        except Refused as refusal:
            if refusal.status not in fine:
                self._watcher.request_failed(refusal.id)
                raise
            return None
        except NetworkTrouble as trouble:
            self._watcher.request_failed(trouble.id)
            raise


def _bound(kept: dict[Any, Any], most: int = ECHOES) -> None:
    """Forgets the oldest."""
    if len(kept) > most:
        del kept[next(iter(kept))]


def _adds(item: PjsipObject) -> bool:
    """Writing it again would add to it. A phone's aor is spared: deleting it forgets the registration."""
    return bool(item.fields.keys() & set(ADDITIVE))


def _channel(raw: Mapping[str, Any]) -> ChannelSeen:
    dialplan = raw["dialplan"]
    return ChannelSeen(
        id=ChannelId(raw["id"]),
        state=raw["state"],
        created_at=datetime.fromisoformat(raw["creationtime"]).astimezone(UTC),
        app=dialplan["app_name"],
        context=dialplan["context"],
        exten=dialplan["exten"],
    )
