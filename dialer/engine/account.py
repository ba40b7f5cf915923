"""Gives account of a campaign: the facts by which the domain explains why it dials or does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from dialer.domain.errors import Missing
from dialer.domain.explain import Facts, explain
from dialer.domain.pacing.scorecard import Score
from dialer.domain.said import plain, said
from dialer.domain.schedule import ZoneOf
from dialer.domain.types import CampaignId
from dialer.engine.calls import Calls
from dialer.engine.pacer import Pacer
from dialer.engine.shell import Shell
from dialer.engine.trunks import Trunks
from dialer.ports.stores import Leads


class Accountant:
    """Reads, changes nothing."""

    def __init__(
        self,
        shell: Shell,
        pacer: Pacer,
        calls: Calls,
        trunks: Trunks,
        *,
        leads: Leads,
        zone_of: ZoneOf,
        lab: bool,
    ) -> None:
        self._shell = shell
        self._pacer = pacer
        self._calls = calls
        self._trunks = trunks
        self._leads = leads
        self._zone_of = zone_of
        self._lab = lab

    async def explain(self, campaign: CampaignId) -> Mapping[str, Any]:
        """Every gate in order, as plain values (sentences by `said.plain`); raises Missing, StoreDown."""
        known = self._pacer.campaigns.get(campaign)
        if known is None:
            raise Missing(
                said("there is no campaign {campaign}: see `dialer campaign list`", campaign=campaign)
            )
        now = self._shell.clock()
        at_hand = self._pacer.at_hand(campaign)
        views = self._pacer.trunk_views(now)
        facts = Facts(
            at=now,
            campaign=known,
            zone_of=self._zone_of,
            lab=self._lab,
            link=""
            if self._shell.linked.is_set()
            else said("it has not opened its connection to the service"),
            trunks=[(trunk, views[trunk.id]) for trunk in self._trunks.all()],
            operators=self._pacer.operator_views(now),
            in_flight=sum(call.campaign == campaign for call in self._calls.all()),
            leads=await self._leads.count(campaign, now),
            zones=Counter(lead.zones for lead in at_hand),
            at_hand=len(at_hand),
            next_due_at=await self._leads.next_due_at(campaign, now),
            holds={name: why for name, ask in self._pacer.holds.items() if (why := ask())},
            pacing=self._pacer.reasons.get(campaign, ""),
            paced_at=self._pacer.decided_at,
        )
        told = explain(facts)
        return {
            "at": now.isoformat(),
            "summary": plain(told.summary),
            "held_back": [[plain(why), count] for why, count in told.held_back.items()],
            "gates": [
                {
                    "name": gate.name,
                    "is_open": gate.open,
                    "value": plain(gate.sentence),
                    "opens_at": gate.opens_at.isoformat() if gate.opens_at else "",
                }
                for gate in told.gates
            ],
        }

    def decisions(self) -> Mapping[str, Any]:
        """The pacer's last word on each campaign, as plain values."""
        at = self._pacer.decided_at
        reasons = self._pacer.reasons if at else {}
        return {
            "decisions": [
                {
                    "campaign": campaign,
                    "at": at.isoformat() if at else "",
                    "reason": plain(reason),
                    "forecast": self._forecast(campaign),
                }
                for campaign, reason in reasons.items()
            ]
        }

    def _forecast(self, campaign: CampaignId) -> Mapping[str, float | None] | None:
        """What is foreseen now, and how true it has been so far; None: nothing is foreseen."""
        outlook = self._pacer.outlooks.get(campaign)
        if outlook is None:
            return None
        score = self._pacer.scorecard.scores.get(campaign, Score())
        return {
            "within_s": outlook.within_s,
            "lines": outlook.lines,
            "ringing": outlook.ringing,
            "answers": outlook.answers,
            "free": outlook.free,
            "risk": outlook.risk,
            "price": outlook.price,
            "budget": outlook.budget,
            "checked": score.forecasts,
            "answers_calibration": score.answers_calibration,
            "answers_error": score.answers_error,
            "free_calibration": score.free_calibration,
            "free_error": score.free_error,
        }
