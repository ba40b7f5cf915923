"""Gives account of a campaign: the facts by which the domain explains why it dials or does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from dialer.domain.campaign import Campaign
from dialer.domain.errors import Missing
from dialer.domain.explain import Facts, explain
from dialer.domain.pacing.scorecard import Score
from dialer.domain.said import plain, said
from dialer.domain.types import CampaignId, LeadId
from dialer.domain.why import Case, why
from dialer.engine.calls import Calls
from dialer.engine.pacer import Pacer
from dialer.engine.recent import Recent
from dialer.engine.shell import Shell
from dialer.engine.trunks import Trunks
from dialer.engine.ways import Ways
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
        recent: Recent,
        ways: Ways,
    ) -> None:
        self._shell = shell
        self._pacer = pacer
        self._calls = calls
        self._trunks = trunks
        self._leads = leads
        self._recent = recent
        self._ways = ways

    async def explain(self, campaign: CampaignId) -> Mapping[str, Any]:
        """Every gate in order, as plain values (sentences by `said.plain`); raises Missing, StoreDown."""
        facts = await self._facts(self._known(campaign))
        told = explain(facts)
        return {
            "at": facts.at.isoformat(),
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

    async def why(self, lead: LeadId) -> Mapping[str, Any]:
        """Why this lead is not called, as plain values; raises Missing, StoreDown."""
        row = await self._leads.get(lead)
        campaign = self._known(row.campaign)
        facts = await self._facts(campaign)
        history = await self._recent.history([row.number], campaign.id)
        case = Case(
            facts=facts,
            lead=row,
            history=self._recent.known(row.number, history[row.number]),
            check_number=self._shell.check_number,
            is_at_hand=any(each.id == lead for each in self._pacer.at_hand(campaign.id)),
            in_call=any(call.lead == lead for call in self._calls.all()),
        )
        told = why(case)
        return {
            "at": facts.at.isoformat(),
            "campaign": campaign.id,
            "summary": plain(told.summary),
            "reasons": [
                {
                    "name": one.name,
                    "is_open": one.open,
                    "value": plain(one.sentence),
                    "opens_at": one.opens_at.isoformat() if one.opens_at else "",
                    "act": plain(one.act),
                }
                for one in told.reasons
            ],
        }

    def _known(self, campaign: CampaignId) -> Campaign:
        known = self._pacer.campaigns.get(campaign)
        if known is None:
            raise Missing(
                said("there is no campaign {campaign}: see `dialer campaign list`", campaign=campaign)
            )
        return known

    async def _facts(self, campaign: Campaign) -> Facts:
        now = self._shell.clock()
        at_hand = self._pacer.at_hand(campaign.id)
        views = self._pacer.trunk_views(now)
        return Facts(
            at=now,
            campaign=campaign,
            zone_of=self._ways.zone_of,
            holiday_of=self._ways.holiday_of,
            lab=self._ways.lab,
            link=""
            if self._shell.linked.is_set()
            else said("it has not opened its connection to the service"),
            trunks=[(trunk, views[trunk.id]) for trunk in self._trunks.all()],
            operators=self._pacer.operator_views(now),
            in_flight=sum(call.campaign == campaign.id for call in self._calls.all()),
            leads=await self._leads.count(campaign.id, now),
            zones=Counter(lead.zones for lead in at_hand),
            at_hand=len(at_hand),
            paused=await self._paused(campaign),
            next_due_at=await self._leads.next_due_at(campaign.id, now),
            dials_per_h=self._pacer.dials.per_h(campaign.id),
            holds={name: held for name, ask in self._pacer.holds.items() if (held := ask())},
            pacing=self._pacer.reasons.get(campaign.id, ""),
            paced_at=self._pacer.decided_at,
        )

    async def _paused(self, campaign: Campaign) -> Mapping[str, int]:
        """By the list's number and the name of its file."""
        if not campaign.paused_lists:
            return {}
        counts = await self._leads.paused(campaign.id)
        its = {list_: await self._leads.find_import(list_) for list_, n in counts.items() if n}
        return {f"{list_} ({row['file_name']})": counts[list_] for list_, row in its.items()}

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
