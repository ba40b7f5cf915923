"""Operators' phones: the leg that is called, and the operator's bridge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from dialer.domain import shifts
from dialer.domain.call import Answered, Destroyed, EnteredApp, HangupRequested
from dialer.domain.callerid import NOBODY
from dialer.domain.causes import NO_MEDIA
from dialer.domain.errors import BadValue, Forbidden, NetworkTrouble, Refused
from dialer.domain.numbers import dial_string
from dialer.domain.operators import NO_KEY, SLOT, Account, bridge_of, endpoint_of, place_of
from dialer.domain.said import said
from dialer.domain.spending import SideKind
from dialer.domain.trunk import Trunk
from dialer.domain.types import ChannelId, LegKind, OperatorId, Outcome, PhoneKind, PhoneNumber, TrunkId
from dialer.engine.shell import Shell
from dialer.engine.sidecalls import SideCalls
from dialer.engine.speech import Speech
from dialer.engine.trunks import Turn
from dialer.engine.whispers import Whispers
from dialer.ports.asterisk import ChannelNews, Outgoing

log = structlog.get_logger()

NAILED_UP_RING_S = 30
ON_DEMAND_RING_S = 15
MOST_DROPS = 3  # tries to hang up a leg
# "Allocation failed", or "already exists" where that was so in what its thread did before: no id of a leg is
NO_WAY = (500, 409)
# a phone's errors, not its user's will; the sound could not be agreed upon, answered or not
IN_TROUBLE = frozenset({404, 406, 408, 410, 415, 488, 500, 501, 502, 503, 504, 606})
PRESS_ONE = "press1"
NOBODY_SHOWN = f"{NOBODY[0]} <{NOBODY[1]}>"
# What makes a desk phone answer by itself differs by maker; both headers are known to most (RFC 5373 is not).
AUTO_ANSWER: Mapping[str, str] = {
    "PJSIP_HEADER(add,Call-Info)": "<sip:auto>;answer-after=0",
    "PJSIP_HEADER(add,Alert-Info)": "info=alert-autoanswer;delay=0",
}


class Legs:
    """Knows which channel is whose leg; reports by `tell`, in Asterisk's order."""

    def __init__(
        self,
        shell: Shell,
        tell: Callable[[OperatorId, shifts.Event], None],
        trunk_of: Callable[[TrunkId], Trunk | None],
    ) -> None:
        self._shell = shell
        self._tell = tell
        self._trunk_of = trunk_of
        self.turn: Turn  # set by the cell
        self._owner: dict[ChannelId, OperatorId] = {}
        self._unsent: set[ChannelId] = set()  # waits for the link to be called
        self._up: set[ChannelId] = set()
        self._keyed: dict[ChannelId, bool] = {}  # an outside phone's, asked for key 1: was it picked up?
        self._put_down: set[ChannelId] = set()  # the operator hung up, it did not just vanish
        self.whispers = Whispers(shell)
        self.speech = Speech(shell)
        self.side = SideCalls(shell)
        self.why_full: Callable[[Trunk], str] = lambda trunk: ""  # set by the cell

    def owner(self, channel: ChannelId) -> OperatorId | None:
        return self._owner.get(channel)

    def was_put_down(self, channel: ChannelId) -> bool:
        return channel in self._put_down

    def channels(self) -> set[ChannelId]:
        """Every phone's channel; whispers are younger than any stray."""
        return set(self._owner)

    def lines(self, outside: Mapping[OperatorId, TrunkId]) -> Counter[TrunkId]:
        """Lines that outside phones take, by trunk; `outside` says who has such a phone."""
        if not outside:
            return Counter()
        return Counter(outside[operator] for operator in self._owner.values() if operator in outside)

    # --- calling and dropping

    def ring(self, account: Account, desk: str = "", shown: str = "") -> None:
        """Call the operator's phone, or the one at this desk, which shows this; LegUp or LegDown follows."""
        channel = ChannelId(f"o-{account.id}-{self._shell.new_id()}")
        self._owner[channel] = account.id
        self._unsent.add(channel)
        self._tell(account.id, shifts.LegRings(self._shell.clock(), channel))
        self._shell.errands.start(
            self._ring(account, channel, desk, shown if desk or account.phone is PhoneKind.SIP else ""),
            f"leg-{account.id}",
            lambda error: self._not_rung(account, channel, desk, error),
        )

    async def _ring(self, account: Account, channel: ChannelId, desk: str, shown: str) -> None:
        nailed_up = account.leg is LegKind.NAILED_UP
        endpoint, exten = (f"PJSIP/{desk}", "up") if desk else self._where(account)
        if not desk and account.phone is PhoneKind.OUTSIDE and account.trunk is not None:
            self._keyed[channel] = False
            await self.turn(account.trunk)
            self.side.begin(
                channel, SideKind.LEG, account.trunk, account.number or PhoneNumber(""), account.id
            )
        await self._shell.linked.wait()
        self._unsent.discard(channel)
        if channel not in self._owner:  # Asterisk stopped meanwhile
            return
        await self._shell.switch.create_bridge(bridge_of(account.id))
        await self._shell.switch.originate(
            Outgoing(
                channel,
                endpoint=endpoint,
                context="obz-leg",
                exten=exten,
                caller_id=shown or NOBODY_SHOWN,
                timeout_s=NAILED_UP_RING_S if nailed_up else ON_DEMAND_RING_S,
                variables={
                    "OBZ_PRESS1": self._shell.sound(PRESS_ONE),
                    SLOT: place_of(account.id),
                    **({} if nailed_up else AUTO_ANSWER),
                },
            )
        )

    def _not_rung(self, account: Account, channel: ChannelId, desk: str, error: Exception) -> None:
        """Whatever went wrong, the operator is told now: nobody waits for a phone that will not ring."""
        self._unsent.discard(channel)
        if (desk or account.phone is PhoneKind.SIP) and is_no_way(error):
            log.warning(not_registered(OperatorId(desk or account.id)))
            self._gone(channel, self._shell.clock(), missed=True, trouble=shifts.NOT_REGISTERED)
            return
        log.warning("an operator's phone could not be called", operator=account.id, reason=str(error))
        trouble = "" if isinstance(error, NetworkTrouble) else shifts.NOT_CALLABLE
        self._gone(channel, self._shell.clock(), missed=True, trouble=trouble)

    def _where(self, account: Account) -> tuple[str, str]:
        if account.phone is PhoneKind.SIP:
            return f"PJSIP/{endpoint_of(account.id)}", "up"
        trunk = self._trunk_of(account.trunk) if account.trunk else None
        if trunk is None or account.number is None:
            raise BadValue(
                said("operator {id} has an outside phone but no number or no trunk: set both", id=account.id)
            )
        self._shell.check_number(account.number, (trunk,), "")
        if why := self.why_full(trunk):
            raise Forbidden(why)
        return f"PJSIP/{dial_string(account.number, trunk)}@{trunk.id}", "press1"

    def adopt(self, operator: OperatorId, channel: ChannelId, *, up: bool) -> None:
        """A leg that outlived us."""
        self._owner[channel] = operator
        if up:
            self._up.add(channel)

    def drop(self, channel: ChannelId) -> None:
        self._shell.errands.start(self._drop(channel), f"drop-{channel}")

    async def _drop(self, channel: ChannelId) -> None:
        """Asked again when the link went down under it: a leg that stays up looks like one at work."""
        for _ in range(MOST_DROPS):
            await self._shell.linked.wait()
            try:
                await self._shell.switch.hang_up(channel)
            except Refused as refusal:
                log.info("a leg could not be hung up", channel=channel, reason=refusal.reason)
            except NetworkTrouble as trouble:
                log.info("a leg is hung up again", channel=channel, reason=str(trouble))
                continue
            return

    def vanished(self, channel: ChannelId, at: datetime) -> None:
        """Asterisk does not know it, and nobody saw it end; one that was not called yet still will be."""
        if channel not in self._unsent:
            self._gone(channel, at, missed=channel not in self._up)

    def forget_all(self) -> None:
        """Asterisk stopped: no channel of ours is left."""
        self.side.end_all(self._shell.clock())
        self._owner.clear()
        self._up.clear()
        self._keyed.clear()
        self.whispers.forget_all()
        self.speech.forget_all()

    # --- what Asterisk says

    def heard(self, news: ChannelNews) -> None:
        """News of a channel that `owner` knows."""
        self.side.heard(news.channel, news.event)
        match news.event:
            case EnteredApp():
                self._shell.errands.start(
                    self._came_up(news.channel),
                    f"leg-up-{news.channel}",
                    lambda error: self._not_bridged(news.channel, error),
                )
            case HangupRequested(is_soft=False):
                self._put_down.add(news.channel)
            case Answered() if news.channel in self._keyed:
                self._keyed[news.channel] = True
            case Destroyed(at=at, sip_code=sip_code) if news.channel not in self._up:
                log.info("an operator's phone did not take the call", channel=news.channel, sip=sip_code)
                trouble = _trouble(sip_code or 0) or (NO_KEY if self._keyed.get(news.channel) else "")
                self._gone(news.channel, at, missed=True, trouble=trouble)
            case Destroyed(at=at, cause=cause) if cause == NO_MEDIA:
                self._gone(news.channel, at, missed=False, trouble=shifts.NO_SOUND)
            case Destroyed(at=at):
                self._gone(news.channel, at, missed=False)
            case _:
                pass

    async def _came_up(self, channel: ChannelId) -> None:
        """Into the operator's bridge first: nobody is connected to a leg that cannot hear."""
        operator = self._owner.get(channel)
        if operator is None:
            return
        await self._shell.linked.wait()
        await self._shell.switch.add(channel, bridge_of(operator))
        if channel in self._owner:
            self._up.add(channel)
            self._tell(operator, shifts.LegUp(self._shell.clock(), channel))

    def _not_bridged(self, channel: ChannelId, error: Exception) -> None:
        """A phone that hears nobody is hung up, and the operator is told without waiting for its end."""
        log.warning("an operator's leg could not be bridged", channel=channel, reason=str(error))
        self.drop(channel)
        self._gone(channel, self._shell.clock(), missed=True, trouble=shifts.FAILED)

    def _gone(self, channel: ChannelId, at: datetime, *, missed: bool, trouble: str = "") -> None:
        operator = self._owner.pop(channel, None)
        if operator is None:
            return
        self._up.discard(channel)
        self._keyed.pop(channel, None)
        self.side.end(channel, at, Outcome.CONNECTED if not missed else Outcome.NETWORK_FAILURE)
        self.whispers.close(channel)
        self.speech.forget(channel)
        down = shifts.LegDown(at, channel, missed=missed, trouble=trouble)
        self._tell(operator, down)
        self._put_down.discard(channel)

    def beep(self, leg: ChannelId) -> None:
        """A short tone to the operator alone; the talk is not muted by it."""
        if leg in self._up:
            self.whispers.sound(leg)

    def show_nobody(self, leg: ChannelId) -> None:
        """The talk is over: the phone's display is made empty."""
        if leg in self._up:
            self._shell.errands.start(self._show_nobody(leg), f"display-{leg}")

    async def _show_nobody(self, leg: ChannelId) -> None:
        try:
            await self._shell.switch.set_variable(leg, "CONNECTEDLINE(all)", NOBODY_SHOWN)
        except NetworkTrouble as trouble:
            log.debug("a phone's display was not made empty", leg=leg, reason=str(trouble))

    def say(self, leg: ChannelId, names: Sequence[str], *, in_talk: bool) -> None:
        """Sounds of ours to the operator alone, one after another."""
        if leg not in self._up:
            return
        media = [f"sound:{self._shell.sound(name)}" for name in names]
        if in_talk:
            self.whispers.say(leg, media)
        else:
            self.speech.say(leg, media)


def _trouble(sip_code: int) -> str:
    """What is wrong with a phone that did not take the call; empty: its user would not."""
    if 300 <= sip_code < 400:
        return shifts.FORWARDED
    return shifts.FAILED if sip_code in IN_TROUBLE else ""


def is_no_way(trouble: Exception) -> bool:
    """Asterisk makes no channel towards a phone that has no contact, or none that answers its probes."""
    return isinstance(trouble, Refused) and trouble.status in NO_WAY


def not_registered(operator: OperatorId) -> str:
    return said(
        "phone {operator} is not registered at Asterisk, or does not answer it: let it register as user"
        " {operator} with this operator's SIP password, then log in again;"
        " `dialer operator test {operator}` makes one call",
        operator=operator,
    )
