"""The policy that the pacer uses: every campaign by its mode, sharing operators and trunk limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Protocol

from dialer.domain.call import Call, Event
from dialer.domain.campaign import Campaign
from dialer.domain.pacing.decision import Decision, Dial, Snapshot
from dialer.domain.pacing.power import Power
from dialer.domain.pacing.progressive import Progressive
from dialer.domain.pacing.supply import Supply, count
from dialer.domain.types import CampaignId, CampaignStatus, Mode


class Turn(Protocol):
    """One campaign within one decision."""

    def next_line(self) -> Dial | str:
        """One line more, or why not."""


TURNS: Mapping[Mode, Callable[[Campaign, Supply], Turn]] = {
    Mode.PROGRESSIVE: Progressive,
    Mode.POWER: Power,
}


class Policies:
    """Higher priority first; equals take lines in turn, the one with the fewest calls first.

    A campaign that no longer runs may stay in the snapshot while it has calls in flight: nothing is dialled
    for it, but operators are kept for its calls.
    """

    def observe(self, before: Call | None, event: Event, after: Call) -> None:
        """Progressive and power learn nothing."""

    def decide(self, snapshot: Snapshot) -> Decision:
        """Pure in the snapshot; one reason per campaign, also when nothing is dialled."""
        supply = Supply(snapshot)
        turns = {
            campaign.id: TURNS[campaign.mode](campaign, supply)
            for campaign in sorted(snapshot.campaigns, key=_priority)
            if campaign.mode in TURNS
        }
        dial: list[Dial] = []
        reason: dict[CampaignId, str] = {}
        for _, equals in groupby(sorted(snapshot.campaigns, key=_priority), key=_priority):
            group = []
            for campaign in equals:
                if why := _out_of_turn(campaign):
                    reason[campaign.id] = f"0 lines: {why}."
                else:
                    group.append(campaign)
            _take_turns(group, turns, supply, dial, reason)
        return Decision(dial=dial, reason=reason)


def _take_turns(
    group: Iterable[Campaign],
    turns: Mapping[CampaignId, Turn],
    supply: Supply,
    dial: list[Dial],
    reason: dict[CampaignId, str],
) -> None:
    """Fill `dial` and `reason` for campaigns of one priority."""
    asking = list(group)
    dialled = dict.fromkeys((campaign.id for campaign in asking), 0)
    while asking:
        campaign = min(asking, key=lambda one: (supply.in_use(one.id), one.id))
        answer = turns[campaign.id].next_line()
        if isinstance(answer, Dial):
            dial.append(answer)
            dialled[campaign.id] += 1
            continue
        asking.remove(campaign)
        lines = count(dialled[campaign.id], "line")
        reason[campaign.id] = (
            f"{lines}: {answer}." if not dialled[campaign.id] else f"{lines}; then {answer}."
        )


def _out_of_turn(campaign: Campaign) -> str:
    """Why this campaign dials nothing by itself; empty: it does."""
    if campaign.status is not CampaignStatus.RUNNING:
        return f"the campaign is {campaign.status}"
    if campaign.mode in (Mode.MANUAL, Mode.PREVIEW):
        return f"in {campaign.mode} mode operators dial themselves"
    if campaign.mode not in TURNS:
        return f"{campaign.mode} mode is not available yet, choose progressive or power"
    return ""


def _priority(campaign: Campaign) -> int:
    return -campaign.priority
