"""Entries of the do-not-call list: a whole number, or a prefix ending in `*`."""

from __future__ import annotations

import re

from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import CampaignId

ENTRY = re.compile(r"\+[1-9][0-9]{6,14}|\+[1-9][0-9]{0,13}\*")


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


def why_blocked(entry: str, campaign: CampaignId | None, reason: str) -> str:
    """The sentence of a block: a whole number is not repeated, so that logs may show it."""
    what = said("prefix {entry}", entry=entry) if entry.endswith("*") else said("the number")
    where = said("for this campaign") if campaign else said("for every campaign")
    told = said("{what} is on the do-not-call list {where}", what=what, where=where)
    return said("{told}: {reason}", told=told, reason=reason) if reason else told
