"""The do-not-call list: what is barred, by whom it may be changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from dialer.domain.access import Caller, Permission, demand
from dialer.domain.dnc import EVERYWHERE, Entry, Listed, Source
from dialer.domain.errors import BadField, BadValue, Missing
from dialer.domain.said import said
from dialer.domain.types import CampaignId, PhoneNumber
from dialer.ports.stores import Stores

LONGEST_REASON = 200
CHUNK = 500  # entries of one transaction: SQLite's writer is held for some 10 ms


@dataclass(frozen=True, slots=True)
class Wish:
    """How something is to be barred."""

    campaign: CampaignId | None = None  # None: every campaign
    reason: str = ""
    source: str = ""  # empty: a person asked for it
    until_at: datetime | None = None  # None: for good


@dataclass(frozen=True, slots=True)
class Barred:
    """What became of a file of entries."""

    entries: int  # that it has
    new: int  # that its source did not bar before
    removed: int  # that it does not name any more


async def bar(
    entry: str, wish: Wish, who: Caller, stores: Stores, *, now: datetime, with_person: bool = False
) -> Sequence[Entry]:
    """A number or a prefix, as it is kept; counts at once, for every way of dialing.

    With the person the other numbers of leads that have this one are barred, too. Gives what was barred.
    """
    demand(who, Permission.CHANGE_DNC)
    like = await _like(wish, who, stores, now=now)
    entries = [entry]
    if with_person:
        if entry.endswith("*"):
            raise BadField("scope", said("a prefix is nobody's: it has no other numbers"))
        entries += await stores.numbers.person(PhoneNumber(entry))
    barred = [replace(like, entry=one) for one in entries]
    for one in barred:
        await stores.numbers.block(one)
    return barred


async def bar_all(
    entries: Mapping[str, datetime | None],
    wish: Wish,
    who: Caller,
    stores: Stores,
    *,
    now: datetime,
    replaces: bool = False,
    dry_run: bool = False,
    on_progress: Callable[[int], object] = lambda done: None,
) -> Barred:
    """All entries of a source, each once, in short transactions; those that were there keep their day.

    An entry with an end of its own bars until then, and not until the one that is wished for all.

    Where this replaces the source, what it does not name any more is freed once all that it names is barred:
    nobody is free in between, and a work that breaks off has freed nobody. Done again it changes nothing.
    """
    demand(who, Permission.CHANGE_DNC)
    if replaces and not wish.source:
        raise BadField("source", said("say which source this renews"))
    if replaces and not entries:
        why = said("there is no entry in it: the source {source} stays as it is", source=wish.source)
        raise BadValue(why)
    like = await _like(wish, who, stores, now=now)
    new = done = 0
    rest = iter(entries)
    while some := list(islice(rest, CHUNK)):
        ends = {entry: end for entry in some if (end := entries[entry]) is not None}
        new += await stores.numbers.block_all(some, like, ends=ends, replaces=replaces, dry_run=dry_run)
        done += len(some)
        on_progress(done)
    removed = 0
    if replaces:
        its = Listed(like.campaign or EVERYWHERE, like.source)
        if dry_run:
            removed = await _count_others(its, entries.keys(), stores)
        else:
            removed = await _free_all(replace(its, seen_before_at=now), stores)
    return Barred(len(entries), new, removed)


async def barring(number: PhoneNumber, who: Caller, stores: Stores) -> Sequence[Entry]:
    """The entries that bar a number now, in every campaign: itself first, then the longest prefix."""
    demand(who, Permission.SEE_DNC)
    return await stores.numbers.barring(number)


async def free(
    entry: str, campaign: CampaignId | None, who: Caller, stores: Stores, *, source: str | None = None
) -> None:
    """It may be dialled again, or as far as one source has barred it; Missing when it was not on the list."""
    demand(who, Permission.CHANGE_DNC)
    if await stores.numbers.unblock(entry, campaign=campaign, source=source):
        return
    if campaign is None:
        raise Missing(said("{kept} is not on the do-not-call list", kept=entry))
    name = (await stores.campaigns.get(campaign)).name
    raise Missing(said("{kept} is not on the do-not-call list of {campaign!r}", kept=entry, campaign=name))


async def free_source(source: str, campaign: CampaignId | None, who: Caller, stores: Stores) -> int:
    """All that a source bars, in one campaign or in every place; gives how many entries that were."""
    demand(who, Permission.CHANGE_DNC)
    if count := await _free_all(Listed(campaign, source), stores):
        return count
    raise Missing(said("the do-not-call list has nothing from the source {source}", source=source))


async def page(listed: Listed, who: Caller, stores: Stores) -> Sequence[Entry]:
    """Entries in the order of their digits; all of them without a limit."""
    demand(who, Permission.SEE_DNC)
    return await stores.numbers.blocked(listed)


async def sources(who: Caller, stores: Stores) -> Sequence[Source]:
    """What each source bars, and when it was last imported."""
    demand(who, Permission.SEE_DNC)
    return await stores.numbers.sources()


async def _like(wish: Wish, who: Caller, stores: Stores, *, now: datetime) -> Entry:
    """What every entry of this wish has in common."""
    if wish.campaign is not None:
        await stores.campaigns.get(wish.campaign)
    if wish.until_at is not None and wish.until_at <= now:
        raise BadField("until_at", said("it is past already"))
    reason = wish.reason[:LONGEST_REASON]
    return Entry("", wish.campaign, reason, now, wish.source, who.user, wish.until_at, now)


async def _free_all(listed: Listed, stores: Stores) -> int:
    count = 0
    async for some in _pages(listed, stores):
        count += await stores.numbers.unblock_all(some)
    return count


async def _count_others(listed: Listed, named: Collection[str], stores: Stores) -> int:
    """Entries of the source that are not among these."""
    count = 0
    async for some in _pages(listed, stores):
        count += sum(one.entry not in named for one in some)
    return count


async def _pages(listed: Listed, stores: Stores) -> AsyncIterator[Sequence[Entry]]:
    following = replace(listed, limit=CHUNK)
    while some := await stores.numbers.blocked(following):
        yield some
        following = replace(following, after=some[-1].key)
