"""Lists on their way into a campaign."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from dialer.domain.intake import Arrived, Batch
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId


class Intake(Protocol):
    """Takes a list of any length: part by part, and seen by nobody before all of it is in."""

    async def known(self, campaign: CampaignId, keys: Iterable[str]) -> Mapping[str, Lead]:
        """By key (`Lead.keys`), the leads of the campaign that have these numbers."""

    async def take(
        self, campaign: CampaignId, file_name: str, batches: AsyncIterable[Batch], *, now: datetime
    ) -> Arrived:
        """All or nothing. Lead ids of new leads are ignored; no import is made where nothing comes.

        A number (with its extension) stands once in a campaign: one that is there already is left out, though
        another import brought it in this very moment, and so is a lead of which nothing is left. On SQLite no
        step holds the writer for long; what an import that was cut off has left behind is seen by nobody, and
        cleared by the next one or by `finish_left`. There leads that are revised change one after another,
        once all rows are in.
        """

    async def finish_left(self) -> None:
        """What imports and undos that were cut off have left is cleared or finished, once it is given up.

        An undo that would have been refused leaves its import as it was.
        """
