"""Working a list: leads by what they have in common, and one act on all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.bounds import LEAD, check
from dialer.domain.campaign import Campaign
from dialer.domain.choice import Choice
from dialer.domain.dialable import CheckNumber
from dialer.domain.edit import edited
from dialer.domain.errors import BadField
from dialer.domain.lead import Lead
from dialer.domain.listwork import BACK, Act, Change, Left, acted
from dialer.domain.said import heard, said
from dialer.domain.types import CampaignId, LeadId, LeadStatus, PhoneNumber
from dialer.ports.between import Command, Desk
from dialer.ports.stores import Stores

ZonesOf = Callable[[PhoneNumber], Sequence[str]]

CHUNK = 200  # leads of one transaction: SQLite's writer is held for some ms, the event loop as well
MOST = 10_000  # leads of one request: what is left is asked for with `next`


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, and to which leads."""

    act: Act
    choice: Choice
    priority: int | None = None
    to: CampaignId | None = None  # for MOVE
    whole_list: bool = False  # a choice that narrows nothing is meant


@dataclass(slots=True)
class Worked:
    """What became of the leads that were chosen."""

    chosen: Counter[LeadStatus] = field(default_factory=Counter)  # as they stood
    changed: int = 0
    left_out: Counter[Left] = field(default_factory=Counter)
    next: int | None = None  # where the rest begins; None: all were looked at


@dataclass(frozen=True, slots=True)
class WhyLine:
    """One condition of the call, in the order in which they are looked at."""

    name: str
    is_open: bool
    value: str  # a sentence with figures
    opens_at: datetime | None
    act: str  # what opens it; empty: nothing that a person does


@dataclass(frozen=True, slots=True)
class Why:
    """Why a lead is not called."""

    lead: LeadId
    campaign: CampaignId
    at: datetime
    reasons: Sequence[WhyLine]
    summary: str


async def find(
    choice: Choice, who: Caller, stores: Stores, *, after: int = 0, limit: int = 100
) -> Sequence[Lead]:
    """A page of the campaign's leads, in the order of their ids."""
    demand(who, Permission.SEE_LEADS)
    await stores.campaigns.get(choice.campaign)
    return await stores.choices.chosen(choice, after=after, limit=limit)


async def edit(
    lead: LeadId,
    changes: Mapping[str, Any],
    seen: Mapping[str, Any],
    who: Caller,
    stores: Stores,
    *,
    check_number: CheckNumber,
    zones_of: ZonesOf,
) -> Lead:
    """Correct one lead; `seen`: what the fields were when the person looked, as far as that is known.

    Zones that came from the first number follow it. Raises Missing, BadField, and Conflict with the
    difference where it was changed since or is in a call.
    """
    demand(who, Permission.CHANGE_LEADS)
    check(changes, LEAD)
    while True:
        row = await stores.leads.get(lead)
        after = edited(row, {**_zones(row, changes, zones_of), **changes}, seen)
        if new := [number for number in after.numbers if number not in row.numbers]:
            campaign = await stores.campaigns.get(row.campaign)
            trunks = [trunk for trunk in await stores.trunks.all() if trunk.id in campaign.trunks]
            for number in new:
                check_number(number, trunks, campaign.country)
        if after == row or await stores.choices.edit(row, after):
            return after
        # it was changed since it was read: what the person has seen is compared anew


def _zones(row: Lead, changes: Mapping[str, Any], zones_of: ZonesOf) -> Mapping[str, Any]:
    if not changes.get("numbers") or row.zones != tuple(zones_of(row.numbers[0])):
        return {}
    return {"zones": tuple(zones_of(changes["numbers"][0]))}


async def why(lead: LeadId, who: Caller, desk: Desk) -> Why:
    """Why the lead is not called now: each gate, when it opens, what opens it; Missing, EngineAway."""
    demand(who, Permission.SEE_LEADS)
    answer = await desk.do(Command("why", f"lead:{lead}"))
    return Why(
        lead=lead,
        campaign=CampaignId(answer["campaign"]),
        at=datetime.fromisoformat(answer["at"]),
        reasons=[_line(one) for one in answer["reasons"]],
        summary=heard(answer["summary"]),
    )


def _line(one: Mapping[str, Any]) -> WhyLine:
    opens_at = datetime.fromisoformat(one["opens_at"]) if one["opens_at"] else None
    return WhyLine(one["name"], one["is_open"], heard(one["value"]), opens_at, heard(one["act"]))


async def work(
    order: Order,
    who: Caller,
    stores: Stores,
    *,
    now: datetime,
    dry_run: bool = False,
    after: int = 0,
    most: int = MOST,
) -> Worked:
    """Do it to some `most` leads at once; safe while the campaign runs, and doing it again changes nothing.

    With `dry_run` nothing is changed, and the figures say what would be. Raises BadField, Missing, Forbidden.
    """
    demand(who, Permission.CHANGE_LEADS)
    campaign = await stores.campaigns.get(order.choice.campaign)
    await _check(order, stores)
    told = Worked(next=after)
    seen = 0
    while seen < most:
        page = await stores.choices.chosen(order.choice, after=told.next or 0, limit=min(CHUNK, most - seen))
        if page:
            await _work(order, campaign, page, stores, told, now=now, dry_run=dry_run)
            seen += len(page)
            told.next = page[-1].id
        if len(page) < CHUNK and seen < most:
            told.next = None
            break
    return told


async def _check(order: Order, stores: Stores) -> None:
    if order.choice.is_whole_list and not order.whole_list:
        raise BadField("choice", said("it narrows nothing: say that the whole list is meant, or narrow it"))
    if order.act is Act.PRIORITY and order.priority is None:
        raise BadField("priority", said("say which priority the leads get"))
    check({"priority": order.priority}, LEAD)
    if order.act is Act.MOVE:
        if order.to is None:
            raise BadField("to", said("say to which campaign the leads move"))
        if order.to == order.choice.campaign:
            raise BadField("to", said("the leads are in this campaign already"))
        await stores.campaigns.get(order.to)


async def _work(
    order: Order,
    campaign: Campaign,
    page: Sequence[Lead],
    stores: Stores,
    told: Worked,
    *,
    now: datetime,
    dry_run: bool,
) -> None:
    """One page: decided by the core, then changed in one transaction."""
    barred = await _barred(order, page, stores)
    changes = []
    for lead in page:
        told.chosen[lead.status] += 1
        after = acted(
            lead,
            order.act,
            now,
            most_attempts=campaign.max_attempts,
            priority=order.priority or 0,
            barred=lead.id in barred,
        )
        if isinstance(after, Left):
            told.left_out[after] += 1
        else:
            changes.append(Change(lead, after))
    if order.act is Act.MOVE and order.to is not None:
        changes = await _new_there(changes, order.to, stores, told)
    done = len(changes) if dry_run else len(await _put(order, changes, stores))
    told.changed += done
    if missed := len(changes) - done:
        told.left_out[Left.CHANGED] += missed


async def _put(order: Order, changes: Sequence[Change], stores: Stores) -> set[LeadId]:
    if not changes:
        return set()
    which = [one.before.id for one in changes]
    if order.act is Act.DELETE:
        return await stores.choices.remove(which)
    if order.act is Act.MOVE and order.to is not None:
        return await stores.choices.move(which, order.to)
    return await stores.choices.change(changes)


async def _barred(order: Order, page: Sequence[Lead], stores: Stores) -> set[LeadId]:
    """Leads that would only be taken out again."""
    if order.act not in BACK:
        return set()
    numbers = {number for lead in page for number in lead.numbers}
    history = await stores.numbers.history(numbers, order.choice.campaign)
    return {lead.id for lead in page if all(history[number].dnc for number in lead.numbers)}


async def _new_there(changes: Sequence[Change], to: CampaignId, stores: Stores, told: Worked) -> list[Change]:
    keys = {key for one in changes for key in one.before.keys}
    known = await stores.leads.known_numbers(to, keys)
    new = [one for one in changes if not known & set(one.before.keys)]
    if twins := len(changes) - len(new):
        told.left_out[Left.DUPLICATE] += twins
    return new
