"""Return calls: who calls back is put through to the operator who called, else to whoever is ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from dialer.domain import call as c
from dialer.domain.call import Call, Rules, State
from dialer.domain.campaign import Campaign
from dialer.domain.errors import NetworkTrouble, StoreDown
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CallId,
    CampaignId,
    ChannelId,
    Direction,
    EndedBy,
    OperatorId,
    PhoneNumber,
    TrunkId,
    masked,
)
from dialer.engine.calls import Calls, failure
from dialer.engine.floor import Floor
from dialer.engine.shell import Shell
from dialer.engine.strangers import Strangers
from dialer.ports.asterisk import ChannelNews
from dialer.ports.stores import Records

log = structlog.get_logger()

WAIT_S = 18.0  # the caller hears ringing; the PBX's own guard ends it at 20 s


CallersOf = Callable[[str, Sequence[str]], Sequence[PhoneNumber]]  # as a network wrote it; a trunk's prefixes
Last = tuple[OperatorId, CampaignId]
Caller = tuple[PhoneNumber, Last, Campaign] | tuple[None, None, None]


class Inbound:
    """Makes a call of a channel that came in by a trunk, when its number is known from an attempt."""

    def __init__(
        self,
        shell: Shell,
        calls: Calls,
        floor: Floor,
        *,
        records: Records,
        campaign_of: Callable[[CampaignId], Campaign | None],
        trunk_of: Callable[[TrunkId], Trunk | None],
        callers_of: CallersOf,
    ) -> None:
        self._shell = shell
        self._calls = calls
        self._floor = floor
        self._records = records
        self._campaign_of = campaign_of
        self._trunk_of = trunk_of
        self._callers_of = callers_of
        self.strangers = Strangers(shell, trunk_of)
        self._asked: set[ChannelId] = set()  # in the application, not yet a call

    def heard(self, news: ChannelNews) -> None:
        """A channel has entered the application as a return call."""
        self._asked.add(news.channel)
        self._shell.errands.start(
            self._take(news, news.event.at),
            f"inbound-{news.channel}",
            lambda error: self._not_taken(news.channel, failure(error)),
        )

    def gone(self, channel: ChannelId) -> None:
        """The caller hung up while we looked up who called him, or in the message."""
        self._asked.discard(channel)
        self.strangers.gone(channel)

    async def _take(self, news: ChannelNews, at: datetime) -> None:
        trunk = self._trunk_of(TrunkId(news.endpoint))
        numbers = self._callers_of(news.caller, trunk.prefixes if trunk else ())
        number, last, campaign = await self._whom_we_called(numbers)
        if news.channel not in self._asked:
            return
        self._asked.discard(news.channel)
        if number is None or last is None or campaign is None:
            log.info("a return call of nobody we called", number=masked(news.caller), trunk=news.endpoint)
            await self.strangers.meet(news.channel, TrunkId(news.endpoint))
            return
        call = Call(
            id=CallId(news.channel),
            campaign=campaign.id,
            lead=None,
            number=number,
            trunk=TrunkId(news.endpoint),
            rules=Rules(
                give_up_s=WAIT_S,
                talk_s=campaign.longest_talk_s,
                hold_s=campaign.longest_hold_s,
                tone=campaign.tone,
                shows_person=campaign.shows_person,
            ),
            direction=Direction.IN,
            leased_at=at,
            dialled_at=at,
        )
        self._calls.add(call, None, campaign)
        if self._can_take(last[0]) and self._floor.reserve_for_dial(last[0], call):
            self._calls.tell(call.id, c.Reserved(at, last[0]))
        self._calls.tell(call.id, c.EnteredApp(at))
        waiting = self._calls.get(call.id)
        if waiting is not None and waiting.state is State.HELD_BACK:
            self._floor.summon(waiting)

    def _not_taken(self, channel: ChannelId, reason: str) -> None:
        """Whatever went wrong, the caller hears the message now."""
        self._asked.discard(channel)
        if self._calls.get(CallId(channel)) is None:
            self._shell.errands.start(self._sorry(channel), f"sorry-{channel}")
        else:
            asked = c.HangUpAsked(self._shell.clock(), EndedBy.SERVICE, reason)
            self._calls.tell(CallId(channel), asked)

    async def _whom_we_called(self, numbers: Sequence[PhoneNumber]) -> Caller:
        """The first of the readings of a number that was ever called: which one it is, the records say."""
        for number in numbers:
            last = await self._last_operator_of(number)
            campaign = self._campaign_of(last[1]) if last else None
            if last is not None and campaign is not None:
                return number, last, campaign
        return None, None, None

    async def _last_operator_of(self, number: PhoneNumber) -> tuple[OperatorId, CampaignId] | None:
        try:
            return await self._records.last_operator_of(number)
        except StoreDown as trouble:  # the caller is told at once, and does not wait for the guard
            log.warning("nobody knows whose return call this is", number=masked(number), reason=str(trouble))
            return None

    def _can_take(self, operator: OperatorId) -> bool:
        """At once, or as soon as his phone is picked up."""
        known = next((op for op in self._floor.all() if op.id == operator), None)
        return known is not None and (self._floor.is_free(known) or self._floor.is_summonable(known))

    async def _sorry(self, channel: ChannelId) -> None:
        try:
            await self._shell.switch.go_on(channel, context="obz-in", exten="sorry")
        except NetworkTrouble as trouble:
            log.info("a return call could not be answered", channel=channel, reason=str(trouble))
