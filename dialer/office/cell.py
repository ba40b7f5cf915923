"""What the running cell is told and asked; one that is away reads what was saved when it is back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.errors import Mistake, NetworkTrouble, ObzvonError
from dialer.domain.said import heard
from dialer.domain.types import CampaignId, CellId
from dialer.ports.between import Command, Desk
from dialer.ports.stores import Stores


@dataclass(frozen=True, slots=True)
class Pushed:
    """Whether the running cell has taken up what was saved, and why not yet."""

    pushed: bool = True
    push_note: str = ""


@dataclass(frozen=True, slots=True)
class GateLine:
    """One condition of dialing, in the order in which they are looked at."""

    name: str
    is_open: bool
    value: str  # a sentence with figures
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a campaign dials, or does not."""

    campaign: CampaignId
    at: datetime
    gates: Sequence[GateLine]
    held_back: Mapping[str, int]  # leads by what holds them back
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Reasoned:
    """The pacer's last word on a campaign."""

    campaign: CampaignId
    at: datetime
    reason: str
    forecast: Mapping[str, float | None] | None = None


async def do(
    who: Caller, desk: Desk, verb: str, target: str, key: str = "", /, **args: str
) -> Mapping[str, Any]:
    """Sends a command to the cell. A key counts for one token, verb and target only."""
    scoped = f"{who.token}:{verb}:{target}:{key}" if key else ""
    return await desk.do(Command(verb, target, {k: v for k, v in args.items() if v}, scoped))


async def tell_later(who: Caller, desk: Desk | None, verb: str, target: str, key: str = "") -> Pushed:
    """Tells the cell of something that is saved already; without a desk it reads it by itself."""
    if desk is None:
        return Pushed(pushed=False)
    try:
        await do(who, desk, verb, target, key)
    except (NetworkTrouble, Mistake) as error:
        return not_yet(error)
    return Pushed()


def not_yet(error: ObzvonError) -> Pushed:
    """It is saved, and why the cell does not know of it."""
    return Pushed(pushed=False, push_note=str(error) or (error.__doc__ or ""))


async def explain(campaign: CampaignId, who: Caller, desk: Desk, stores: Stores) -> Explanation:
    """Every gate in the order in which it is looked at."""
    demand(who, Permission.SEE_CAMPAIGNS)
    await stores.campaigns.get(campaign)
    answer = await desk.do(Command("explain", f"campaign:{campaign}"))
    return Explanation(
        campaign=campaign,
        at=datetime.fromisoformat(answer["at"]),
        gates=[_gate_line(gate) for gate in answer["gates"]],
        held_back={heard(why): count for why, count in answer["held_back"]},
        summary=heard(answer["summary"]),
    )


async def decisions(who: Caller, desk: Desk, cell: CellId) -> Sequence[Reasoned]:
    """What the pacer last decided for each campaign, and why."""
    demand(who, Permission.SEE_CAMPAIGNS)
    answer = await desk.do(Command("decisions", f"cell:{cell}"))
    return [
        Reasoned(
            CampaignId(one["campaign"]),
            datetime.fromisoformat(one["at"]),
            heard(one["reason"]),
            one["forecast"],
        )
        for one in answer["decisions"]
    ]


async def faults(desk: Desk, cell: CellId) -> Mapping[str, str]:
    """By name: what is set aside, and why; empty while nobody knows, because the cell is away."""
    try:
        answer = await desk.do(Command("faults", f"cell:{cell}"))
    except ObzvonError:
        return {}
    return {name: heard(why) for name, why in answer["faults"].items()}


def _gate_line(gate: Mapping[str, Any]) -> GateLine:
    opens_at = datetime.fromisoformat(gate["opens_at"]) if gate["opens_at"] else None
    return GateLine(gate["name"], gate["is_open"], heard(gate["value"]), opens_at)
