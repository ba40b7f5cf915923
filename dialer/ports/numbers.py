"""The do-not-call list, and what the gates of a number look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dialer.domain.dnc import Entry, Listed, Source
from dialer.domain.types import CampaignId, PhoneNumber


@dataclass(frozen=True, slots=True)
class NumberHistory:
    """What the gates of one number look at."""

    last_end_at: datetime | None = None
    last_outcome: str = ""
    dnc: str = ""  # why it must not be called; empty: it may
    in_call: bool = False  # right now, with anybody of this cell


class Numbers(Protocol):
    """The do-not-call list and the history of numbers, over all campaigns."""

    async def block(self, entry: Entry) -> None:
        """A number, or a prefix ending in `*`; in place of what its source said of it before."""

    async def block_all(
        self,
        entries: Sequence[str],
        like: Entry,
        *,
        ends: Mapping[str, datetime] | None = None,
        replaces: bool = False,
        dry_run: bool = False,
    ) -> int:
        """All of them or none, in one transaction, each like `like`; gives how many did not bar before.

        `ends`: of those that have an end of their own.

        Those that were there become as `domain.dnc.renewed` says.
        """

    async def unblock(self, entry: str, *, campaign: CampaignId | None, source: str | None = None) -> bool:
        """What this source says of it, or what all of them do."""

    async def unblock_all(self, entries: Sequence[Entry]) -> int:
        """In one transaction; not those that their source has named since they were read."""

    async def barring(self, number: PhoneNumber) -> Sequence[Entry]:
        """Every entry that bars it now: the number first, then the longest prefix."""

    async def blocked(self, listed: Listed) -> Sequence[Entry]:
        """Those that are asked for, expired ones too."""

    async def sources(self) -> Sequence[Source]:
        """By name and campaign."""

    async def person(self, number: PhoneNumber) -> Sequence[PhoneNumber]:
        """The other numbers of leads, in any campaign, that have this one for their own.

        A number with an extension is a switchboard's: it brings nobody and follows nobody.
        """

    async def history(
        self, numbers: Iterable[PhoneNumber], campaign: CampaignId
    ) -> Mapping[PhoneNumber, NumberHistory]: ...
