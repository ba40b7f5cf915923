"""Opens a list for a campaign: numbers are read as the campaign and its trunks may dial them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from dialer.adapters.files.lists import ListFile
from dialer.adapters.numbering import with_prefixes
from dialer.adapters.phones import reading
from dialer.domain.campaign import Campaign
from dialer.domain.columns import ReadOptions
from dialer.domain.dialable import DialRules, known_country
from dialer.domain.listing import Reading
from dialer.domain.trunk import Trunk


class Opener:
    """One file, which `opening` opens once it is known how numbers are written in it."""

    def __init__(
        self, opening: Callable[[Reading, ReadOptions], ListFile], *, country: str, rules: DialRules
    ) -> None:
        self._opening, self._country, self._rules = opening, country, rules

    async def __call__(self, campaign: Campaign, trunks: Sequence[Trunk], options: ReadOptions) -> ListFile:
        """The campaign's country, the file's and what the trunks' prefixes name are open as well."""
        country = known_country(options.country or self._country)
        rules = with_prefixes(self._rules.beside(campaign.country, country), *trunks)
        return await asyncio.to_thread(self._opening, reading(country, rules, options.zone), options)
