"""Campaigns: find, make, change, start, pause, stop, give a message."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dialer.domain import bounds, disposition, law
from dialer.domain.access import Caller, Permission, demand
from dialer.domain.callerid import check_caller_id
from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadField, Conflict, Forbidden, Missing, Mistake, NetworkTrouble
from dialer.domain.said import listed, said, word
from dialer.domain.types import CampaignId, CampaignStatus
from dialer.domain.verdict import Gate
from dialer.office.cell import Pushed, do, not_yet, tell_later
from dialer.office.editing import edited
from dialer.ports.between import Desk
from dialer.ports.stores import Stores

KeepMessage = Callable[[str, bytes], Awaitable[float]]  # (name, WAV): checks, converts, gives seconds
CheckCalendar = Callable[[str], None]  # BadField for one whose holidays are not known
SMALLEST_WAV = 44  # bytes of the header
Changes = Mapping[str, Any]  # by the fields of domain.campaign.Campaign


@dataclass(frozen=True, slots=True)
class Saved:
    """A campaign as it is now, and whether the cell that dials it knows."""

    campaign: Campaign
    pushed: Pushed


def any_calendar(calendar: str) -> None:
    """Where nobody can say which are known."""


async def named(name: str, who: Caller, stores: Stores) -> Campaign:
    """By name, else by id; Missing says what there is."""
    demand(who, Permission.SEE_CAMPAIGNS)
    if found := await stores.campaigns.by_name(name):
        return found
    every = await stores.campaigns.all()
    for campaign in every:
        if str(campaign.id) == name:
            return campaign
    if not every:
        raise Missing(said("there is no campaign {name!r}: dialer campaign add {name!r} makes it", name=name))
    known = listed(said("{name!r}", name=campaign.name) for campaign in every[:10])
    raise Missing(said("there is no campaign {name!r}: there are {known}", name=name, known=known))


async def one(campaign: CampaignId, who: Caller, stores: Stores) -> Campaign:
    """As it is set; Missing."""
    demand(who, Permission.SEE_CAMPAIGNS)
    return await stores.campaigns.get(campaign)


async def every(who: Caller, stores: Stores, *, archived: bool = True) -> Sequence[Campaign]:
    """The oldest first, with those in the archive or without them."""
    demand(who, Permission.SEE_CAMPAIGNS)
    rows = sorted(await stores.campaigns.all(), key=lambda row: row.id)
    return [row for row in rows if archived or not row.archived]


async def titles(who: Caller, stores: Stores) -> Mapping[CampaignId, str]:
    """What they are called."""
    return {row.id: row.name for row in await every(who, stores)}


async def add(
    changes: Changes,
    who: Caller,
    stores: Stores,
    *,
    shortest_ring_s: float,
    check_calendar: CheckCalendar = any_calendar,
) -> Campaign:
    """A draft with these settings; next: its message, its list, its start."""
    demand(who, Permission.CHANGE_CAMPAIGNS)
    bounds.check({"name": "", **changes}, bounds.CAMPAIGN)
    check_calendar(changes.get("holidays", ""))
    campaign = Campaign(CampaignId(0), **changes)
    await _check(campaign, changes, stores, shortest_ring_s)
    return await stores.campaigns.add(campaign)


async def change(
    campaign: CampaignId,
    changes: Changes,
    who: Caller,
    desk: Desk | None,
    stores: Stores,
    *,
    shortest_ring_s: float,
    check_calendar: CheckCalendar = any_calendar,
    version: int | None = None,
) -> Saved:
    """What is named is changed; a running campaign takes it up at its next decision.

    With the version that was seen: Stale where somebody has changed it since.
    """
    demand(who, Permission.CHANGE_CAMPAIGNS)
    bounds.check(changes, bounds.CAMPAIGN)
    check_calendar(changes.get("holidays", ""))

    async def changed(row: Campaign) -> Campaign:
        new = replace(row, **changes)
        await _check(new, changes, stores, shortest_ring_s)
        return new

    return await save(campaign, changed, who, desk, stores, version=version)


async def give_message(
    campaign: CampaignId,
    wav: bytes,
    who: Caller,
    desk: Desk | None,
    stores: Stores,
    *,
    keep: KeepMessage,
) -> tuple[Saved, float]:
    """What a person hears when no operator is free; its seconds."""
    demand(who, Permission.CHANGE_CAMPAIGNS)
    await stores.campaigns.get(campaign)
    if len(wav) < SMALLEST_WAV or wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise BadField("file", said("not a WAV file: it does not begin with RIFF and WAVE"))
    # A new name for new content: a message that is being played is never written over.
    name = f"campaign-{campaign}-{hashlib.sha256(wav).hexdigest()}"[:32].rstrip("-")
    seconds = await keep(name, wav)

    async def told(row: Campaign) -> Campaign:
        return replace(row, message=name)

    return await save(campaign, told, who, desk, stores), seconds


async def start(
    campaign: CampaignId, who: Caller, desk: Desk | None, stores: Stores, *, lab: bool, key: str = ""
) -> Saved:
    """Begin, or go on, dialing; refused with the reasons when something is missing or a law forbids it."""
    demand(who, Permission.RUN_CAMPAIGNS)
    row = await stores.campaigns.get(campaign)
    if problems := law.check_start(row, lab):
        kind = Forbidden if any(one.gate is Gate.LAW for one in problems) else Conflict
        told = listed((said("- {reason}", reason=one.reason) for one in problems), "\n")
        raise kind(said("campaign {name!r} cannot start:\n{told}", name=row.name, told=told))
    return await _set_status(row, CampaignStatus.RUNNING, who, desk, stores, key=key)


async def pause(
    campaign: CampaignId, who: Caller, desk: Desk | None, stores: Stores, *, key: str = ""
) -> Saved:
    """Dial nobody new until it is started again; calls in flight go on."""
    demand(who, Permission.RUN_CAMPAIGNS)
    row = await stores.campaigns.get(campaign)
    if row.status not in (CampaignStatus.RUNNING, CampaignStatus.PAUSED):
        raise Conflict(
            said(
                "campaign {name!r} is {status}: only a running one can be paused",
                name=row.name,
                status=word(row.status),
            )
        )
    return await _set_status(row, CampaignStatus.PAUSED, who, desk, stores, key=key)


async def stop(
    campaign: CampaignId, who: Caller, desk: Desk | None, stores: Stores, *, key: str = ""
) -> Saved:
    """Dial nobody new and give the leads back; calls in flight go on."""
    demand(who, Permission.RUN_CAMPAIGNS)
    row = await stores.campaigns.get(campaign)
    return await _set_status(row, CampaignStatus.STOPPED, who, desk, stores, key=key)


@dataclass(frozen=True, slots=True)
class StoppedAll:
    """What one switch has done: campaigns that were running, and calls of the cell by what became of them."""

    campaigns: Sequence[str]
    given_up: int = 0  # they rang, or were about to
    ended: int = 0  # somebody had answered
    go_on: int = 0  # somebody talks, or a law lets nobody cut the ringing short
    pushed: Pushed = field(default_factory=Pushed)


async def stop_all(
    who: Caller, desk: Desk | None, stores: Stores, *, talks_end: bool = False, key: str = ""
) -> StoppedAll:
    """Nobody is dialled any more: running campaigns are paused, ringing is given up where a law allows that.

    With `talks_end` talks and messages end as well. Calls are those of our cell; other cells dial nobody new
    within seconds. Each campaign is started again by hand.
    """
    demand(who, Permission.RUN_CAMPAIGNS)
    if talks_end:
        demand(who, Permission.END_CALLS)
    running = [row for row in await stores.campaigns.all() if row.status is CampaignStatus.RUNNING]
    for row in running:
        await stores.campaigns.set_status(row.id, CampaignStatus.PAUSED)
    names = [row.name for row in running]
    if desk is None:
        return StoppedAll(names, pushed=Pushed(pushed=False))
    try:
        told = await do(who, desk, "stop", "cell:own", key, talks="end" if talks_end else "")
    except (NetworkTrouble, Mistake) as error:
        return StoppedAll(names, pushed=not_yet(error))
    return StoppedAll(names, told["given_up"], told["ended"], told["go_on"])


async def _set_status(
    row: Campaign, status: CampaignStatus, who: Caller, desk: Desk | None, stores: Stores, *, key: str
) -> Saved:
    """The database first: a cell that is away now reads it when it is back."""
    await stores.campaigns.set_status(row.id, status)
    verb = {CampaignStatus.RUNNING: "start", CampaignStatus.PAUSED: "pause"}.get(status, "stop")
    pushed = await tell_later(who, desk, verb, f"campaign:{row.id}", key)
    return Saved(replace(row, status=status), pushed)


async def save(
    its: CampaignId,
    change_: Callable[[Campaign], Awaitable[Campaign]],
    who: Caller,
    desk: Desk | None,
    stores: Stores,
    *,
    version: int | None = None,
) -> Saved:
    """The campaign changed and kept; the cell that dials it is told."""
    campaign = await edited(lambda: stores.campaigns.get(its), change_, stores.campaigns.save, version)
    if campaign.status is not CampaignStatus.RUNNING:
        return Saved(campaign, Pushed())
    return Saved(campaign, await tell_later(who, desk, "reload", f"campaign:{campaign.id}"))


async def _check(campaign: Campaign, changes: Changes, stores: Stores, shortest_ring_s: float) -> None:
    """What bounds cannot say of one field alone."""
    if "ring_s" in changes and campaign.ring_s < shortest_ring_s:
        raise BadField(
            "ring_s",
            said(
                "a call must ring at least {shortest_ring_s:g} s before it is given up; {ring_s:g} s is too"
                " short",
                shortest_ring_s=shortest_ring_s,
                ring_s=campaign.ring_s,
            ),
        )
    if "dispositions" in changes:
        disposition.check(campaign.dispositions)
    if "operators" in changes:
        known = {account.id for account in await stores.accounts.all()}
        if unknown := sorted(campaign.operators - known):
            named_ = ", ".join(unknown[:5])
            raise BadField(
                "operators", said("there is no operator {unknown}: add them first", unknown=named_)
            )
    if "trunks" in changes:
        ways = {trunk.id for trunk in await stores.trunks.all()}
        for at, trunk in enumerate(campaign.trunks):
            if trunk not in ways:
                raise BadField(f"trunks/{at}", said("there is no trunk {trunk}: add it first", trunk=trunk))
    if "trunks" in changes or "caller_id" in changes:
        check_caller_id(campaign, await stores.trunks.all())
