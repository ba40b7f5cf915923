"""One call to see whether a trunk or a phone works, told step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from dialer.domain import call as c
from dialer.domain.causes import outcome_of
from dialer.domain.errors import BadValue, Forbidden, Missing, NetworkTrouble
from dialer.domain.numbers import dial_string
from dialer.domain.operators import Account, endpoint_of
from dialer.domain.said import Said, plain, said, word
from dialer.domain.spending import SideKind
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CampaignId,
    ChannelId,
    OperatorId,
    Outcome,
    PhoneKind,
    PhoneNumber,
    TrunkId,
    masked,
)
from dialer.engine.legs import is_no_way, not_registered
from dialer.engine.shell import Shell
from dialer.engine.sidecalls import SideCalls
from dialer.engine.trunks import Trunks
from dialer.ports.asterisk import ChannelNews, Outgoing
from dialer.ports.numbers import NumberHistory, Numbers

TRIAL_S = 40.0
NO_CAMPAIGN = CampaignId(0)

Answer = Mapping[str, Any]


class Trials:
    """Channels named t-...; they are no attempts, and leave a record of their own kind: see SideCall.

    Asked first, as before every call: what may be dialled, the do-not-call list, the trunk's ceiling for the
    day. Calling hours are not: whoever tests a trunk calls a phone of his own.
    """

    def __init__(
        self,
        shell: Shell,
        trunks: Trunks,
        numbers: Numbers,
        side: SideCalls,
        number_of: Callable[[str], PhoneNumber | None],
    ) -> None:
        self._shell = shell
        self._trunks = trunks
        self._numbers = numbers
        self._side = side
        self._number_of = number_of
        self._heard: dict[ChannelId, asyncio.Queue[c.Event]] = {}

    def heard(self, news: ChannelNews) -> bool:
        queue = self._heard.get(news.channel)
        if queue is not None:
            self._side.heard(news.channel, news.event)
            queue.put_nowait(news.event)
        return queue is not None

    async def trunk(self, name: str, text: str, who: str = "") -> Answer:
        """Call a number by a trunk; it hears the fallback message. Forbidden and StoreDown: not called."""
        trunk = self._trunks.get(TrunkId(name))
        if trunk is None:
            raise Missing(said("there is no trunk {trunk}: see `dialer trunk list`", trunk=name))
        number = self._number_of(text)
        if number is None:
            raise BadValue(said("{text!r} is no telephone number: write it as +79161234567", text=text))
        endpoint = f"PJSIP/{dial_string(number, trunk)}@{trunk.id}"
        await self._check(number, trunk)
        caller_id = trunk.caller_ids[0] if trunk.caller_ids else ""
        await self._trunks.turn(trunk.id)
        channel = self._new(trunk.id, number, who)
        return await self._run(channel, endpoint, caller_id)

    async def phone(self, account: Account, who: str = "") -> Answer:
        """Call an operator's phone."""
        if account.phone is PhoneKind.OUTSIDE:
            return await self.trunk(account.trunk or "", account.number or "", who)
        channel = self._new(TrunkId(""), PhoneNumber(""), who)
        endpoint = f"PJSIP/{endpoint_of(account.id)}"
        return await self._run(channel, endpoint, "Obzvon <0000>", phone=account.id)

    async def _check(self, number: PhoneNumber, trunk: Trunk) -> None:
        self._shell.check_number(number, (trunk,), "")
        if why := self._trunks.why_full(trunk, self._shell.clock()):
            raise Forbidden(why)
        history = await self._numbers.history([number], NO_CAMPAIGN)
        if why := history.get(number, NumberHistory()).dnc:
            raise Forbidden(said("{number} is not called: {why}", number=masked(number), why=why))

    def _new(self, trunk: TrunkId, number: PhoneNumber, who: str) -> ChannelId:
        channel = ChannelId(f"t-{self._shell.new_id()}")
        self._side.begin(channel, SideKind.TEST, trunk, number, who)
        return channel

    async def _run(
        self, channel: ChannelId, endpoint: str, caller_id: str, *, phone: OperatorId | None = None
    ) -> Answer:
        queue = self._heard[channel] = asyncio.Queue()
        began_at = self._shell.clock()
        steps: list[str] = [_at(0.0, said("calling {endpoint}", endpoint=endpoint))]
        ok = False
        try:
            await self._shell.switch.originate(
                Outgoing(
                    channel,
                    endpoint=endpoint,
                    context="obz-out",
                    exten="safe",
                    caller_id=caller_id,
                    timeout_s=int(TRIAL_S),
                )
            )
            async with asyncio.timeout(TRIAL_S + 10):
                ok = await self._watch(queue, began_at, steps)
        except NetworkTrouble as trouble:
            why = not_registered(phone) if phone and is_no_way(trouble) else trouble.sentence
            steps.append(said("not called: {why}", why=why))
        except TimeoutError:
            ok = self._side.is_answered(channel)
            steps.append(said("Asterisk said nothing more"))
        finally:
            self._heard.pop(channel, None)
            self._side.end(channel, self._shell.clock(), Outcome.CONNECTED if ok else Outcome.NETWORK_FAILURE)
            await self._end(channel)
        return {"ok": ok, "steps": [plain(step) for step in steps]}

    async def _watch(self, queue: asyncio.Queue[c.Event], began_at: datetime, steps: list[str]) -> bool:
        ok = False
        told = set[str]()
        while True:
            event = await queue.get()
            text = _step(event, answered=ok)
            if text and text not in told:
                told.add(text)
                steps.append(_at((event.at - began_at).total_seconds(), text))
            ok = ok or isinstance(event, c.Answered)
            if isinstance(event, c.Destroyed):
                return ok

    async def _end(self, channel: ChannelId) -> None:
        try:
            await self._shell.switch.hang_up(channel)
        except NetworkTrouble:
            return  # the answer's steps say it already


def _at(seconds: float, what: str) -> Said:
    return said("{seconds:.1f} s: {what}", seconds=max(0.0, seconds), what=what)


def _step(event: c.Event, *, answered: bool) -> str:
    match event:
        case c.Alerted(kind=kind):
            return said("rings ({kind})", kind=kind)
        case c.Answered():
            return said("answered")
        case c.MessageStarted():
            return said("the message began")
        case c.MessageEnded():
            return said("the message ended")
        case c.Destroyed(cause=cause, sip_code=sip_code, words=words):
            what = said("ended") if answered else word(outcome_of(cause, sip_code))
            return said(
                "{what} (cause {cause}, SIP {code})",
                what=what,
                cause=cause,
                code=f"{sip_code or '-'} {words}".strip(),
            )
        case _:
            return ""
