"""Entries of the do-not-call list: a number, or a prefix ending in `*`; who named it, and until when."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import CampaignId

ENTRY = re.compile(r"\+[1-9][0-9]{6,14}|\+[1-9][0-9]{0,13}\*")
EVERYWHERE = CampaignId(0)  # in place of a campaign
Key = tuple[str, int, str]  # entry, campaign, source: the order of the list


@dataclass(frozen=True, slots=True)
class Entry:
    """What is barred by one source; another source may bar the same, and each is taken back by itself."""

    entry: str
    campaign: CampaignId | None  # None: every campaign
    reason: str
    at: datetime  # since when
    source: str = ""  # the register or file that names it; empty: a person asked for it
    by: str = ""  # who put it there
    until_at: datetime | None = None  # it bars nobody from then on; None: for good
    seen_at: datetime | None = None  # when its source named it last

    @property
    def key(self) -> Key:
        return self.entry, self.campaign or EVERYWHERE, self.source

    def bars(self, now: datetime) -> bool:
        return self.until_at is None or now < self.until_at


@dataclass(frozen=True, slots=True)
class Source:
    """What a source bars in a campaign, or in every one."""

    source: str
    campaign: CampaignId | None
    entries: int
    expired: int  # among them
    seen_at: datetime | None  # when it was last imported


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list, in the order of its keys."""

    campaign: CampaignId | None = None  # of this one alone; EVERYWHERE: what holds for every campaign
    source: str | None = None
    seen_before_at: datetime | None = None  # those that their source has not named since
    after: Key = ("", 0, "")
    limit: int | None = None


def checked(entry: str) -> str:
    """The entry as it is kept; BadValue says what one looks like."""
    kept = re.sub(r"[\s().-]", "", entry[:64])
    if not ENTRY.fullmatch(kept):
        raise BadValue(
            said(
                "{entry!r} is no entry of the do-not-call list: write a number such as"
                " +79161234567, or a prefix such as +7916*",
                entry=entry[:64],
            )
        )
    return kept


def entries_of(number: str) -> tuple[str, ...]:
    """Every entry that would block this number: itself first, then its prefixes, longest first."""
    return (number, *(f"{number[:length]}*" for length in range(len(number), 1, -1)))


def renewed(before: Entry | None, named: Entry, *, replaces: bool) -> Entry:
    """The entry after its source has named it, perhaps once more: then since when and why stay.

    It never ends earlier by that, unless the source is replaced: then the new list alone counts.
    """
    if before is None or not before.bars(named.at):
        return named
    until_at = named.until_at
    if not replaces and until_at is not None:
        until_at = None if before.until_at is None else max(until_at, before.until_at)
    return replace(before, until_at=until_at, seen_at=named.seen_at)


def why_blocked(entry: str, campaign: CampaignId | None, reason: str) -> str:
    """The sentence of a block: a whole number is not repeated, so that logs may show it."""
    what = said("prefix {entry}", entry=entry) if entry.endswith("*") else said("the number")
    where = said("for this campaign") if campaign else said("for every campaign")
    told = said("{what} is on the do-not-call list {where}", what=what, where=where)
    return said("{told}: {reason}", told=told, reason=reason) if reason else told
