"""The policy that the pacer uses: every campaign by its mode, sharing operators and trunk limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Protocol

from dialer.domain.call import Call, Event
from dialer.domain.campaign import Campaign
from dialer.domain.operators import Operator, StateChange
from dialer.domain.pacing.brake import Brakes
from dialer.domain.pacing.budget import Budget
from dialer.domain.pacing.decision import Decision, Dial, Outlook, Snapshot
from dialer.domain.pacing.knowledge import Knowledge, ZoneOf
from dialer.domain.pacing.power import Power
from dialer.domain.pacing.predictive import Predictive
from dialer.domain.pacing.progressive import Progressive
from dialer.domain.pacing.resting import Kept, Resting
from dialer.domain.pacing.supply import Supply
from dialer.domain.said import Said, counted, said, word
from dialer.domain.types import CallId, CampaignId, CampaignStatus, Mode


class Turn(Protocol):
    """One campaign within one decision."""

    def next_line(self) -> Dial | Kept | str:
        """One line more, or why not."""

    def noticed(self, dial: Dial) -> None:
        """This campaign dials, or another one in the same decision."""


TURNS: Mapping[Mode, Callable[[Campaign, Supply, Snapshot, Knowledge], Turn]] = {
    Mode.PROGRESSIVE: lambda campaign, supply, _, __: Progressive(campaign, supply),
    Mode.POWER: lambda campaign, supply, _, __: Power(campaign, supply),
    Mode.PREDICTIVE: Predictive,
}


class Policies:
    """Higher priority first; equals take lines in turn, the one with the fewest calls by its weight first.

    A campaign that no longer runs may stay in the snapshot while it has calls in flight: nothing is dialled
    for it, but operators are kept for its calls.
    """

    def __init__(self, zone_of: ZoneOf = lambda name: UTC) -> None:
        self._zone_of = zone_of
        self.knowledge = Knowledge(zone_of)
        self.brakes = Brakes()

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None:
        """Every campaign teaches, whatever its mode: predictive begins with what they know."""
        self.knowledge.saw(before, event, after)
        self.brakes.saw(after, inherited=before is None)

    def moved(self, change: StateChange, operator: Operator) -> None:
        """As `saw`, of operators."""
        self.knowledge.moved(change, operator)

    def heard_late(self, call: CallId) -> None:
        """As `saw`: the answer that comes next is too old for anybody to be put through."""
        self.brakes.heard_late(call)

    def clock_was_set(self, by: timedelta) -> None:
        """As `saw`: our clock shows so much more than before."""
        self.knowledge.clock_was_set(by)
        self.brakes.clock_was_set(by)

    def recall(
        self,
        states: Mapping[str, Mapping[str, Any]],
        answers: Mapping[tuple[CampaignId, datetime], tuple[int, int]],
    ) -> None:
        """BadValue for states of another version: nothing of them is taken."""
        hours: dict[CampaignId, dict[datetime, tuple[int, int]]] = {}
        for (campaign, hour), counts in answers.items():
            hours.setdefault(campaign, {})[hour] = counts
        knowledge = Knowledge(self._zone_of)
        knowledge.load(states, {campaign: Budget(known) for campaign, known in hours.items()})
        self.knowledge = knowledge
        self.brakes.load(states)

    def states(self) -> Mapping[str, dict[str, Any]]:
        """As `Knowledge.to_states`, and the brakes."""
        return self.knowledge.to_states() | self.brakes.to_states()

    def decide(self, snapshot: Snapshot) -> Decision:
        """Pure in the snapshot and in what was seen; a reason for each that decides, even for nothing."""
        self.knowledge.note_aims(one for one in snapshot.campaigns if one.mode is Mode.PREDICTIVE)
        self.brakes.note(snapshot.campaigns)
        supply, campaigns = Supply(snapshot), sorted(snapshot.campaigns, key=_priority)
        turns: dict[CampaignId, Turn] = {
            campaign.id: Resting(campaign, supply)
            if campaign.id in snapshot.resting
            else TURNS[campaign.mode](campaign, supply, snapshot, self.knowledge)
            for campaign in campaigns
            if campaign.mode in TURNS
        }
        dial: list[Dial] = []
        reason: dict[CampaignId, str] = {}
        for _, equals in groupby(campaigns, key=_priority):
            group: list[Campaign] = []
            for campaign in equals:
                if why := _out_of_turn(campaign):
                    reason[campaign.id] = none(why)
                else:
                    group.append(campaign)
            lines, why_no_more = self._take_turns(group, turns, supply, snapshot.at)
            dial += lines
            reason |= why_no_more
        for id_ in snapshot.resting:  # its last reason stands
            reason.pop(id_, None)
        give_up: list[CallId] = []
        outlook: dict[CampaignId, Outlook] = {}
        for id_, turn in turns.items():
            if isinstance(turn, Predictive):
                give_up += turn.give_up()
                outlook[id_] = turn.outlook()
        return Decision(dial, tuple(give_up), reason, outlook, self.brakes.on())

    def _take_turns(
        self, asking: list[Campaign], turns: Mapping[CampaignId, Turn], supply: Supply, now: datetime
    ) -> tuple[list[Dial], dict[CampaignId, str]]:
        """The lines of campaigns of one priority, and why each dials no further."""
        dial: list[Dial] = []
        reason: dict[CampaignId, str] = {}
        dialled = dict.fromkeys((campaign.id for campaign in asking), 0)
        while asking:
            campaign = asking[0] if len(asking) == 1 else min(asking, key=supply.lines_by_weight)
            braked = self.brakes.obstacle(campaign.id, now, supply.in_use(campaign.id))
            answer = braked or turns[campaign.id].next_line()
            if isinstance(answer, Kept):
                continue
            if isinstance(answer, Dial):
                dial.append(answer)
                dialled[campaign.id] += 1
                self.knowledge.dialled(answer, now)
                for turn in turns.values():
                    turn.noticed(answer)
                continue
            asking.remove(campaign)
            lines = dialled[campaign.id]
            reason[campaign.id] = _some(lines, answer) if lines else none(answer)
        return dial, reason


def none(why: str) -> Said:
    """Nothing is dialled, and why."""
    return said("0 lines: {why}.", why=why)


def _some(lines: int, why: str) -> Said:
    return counted("{n} line; then {why}.", "{n} lines; then {why}.", lines, why=why)


def _out_of_turn(campaign: Campaign) -> str:
    """Why this campaign dials nothing by itself; empty: it does."""
    if campaign.status is not CampaignStatus.RUNNING:
        return said("the campaign is {status}", status=word(campaign.status))
    if campaign.mode in (Mode.MANUAL, Mode.PREVIEW):
        return said("in {mode} mode operators dial themselves", mode=word(campaign.mode))
    return ""


def _priority(campaign: Campaign) -> int:
    return -campaign.priority
