"""Which leads of a campaign are meant: by where they stand, by what became of them, by what is sought."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime

from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome

LIKE_A_NUMBER = re.compile(r"[+\d\s().\-/\u00a0\u2010-\u2015]+")
FEWEST_DIGITS = 2  # one digit alone is in every number
YO, YE = "ё", "е"
TRUNK_PREFIXES = ("810", "00", "8", "0")  # before a number as people dial it; the longest first


@dataclass(frozen=True, slots=True)
class Choice:
    """What is left empty is not asked; a lead must answer to all the rest."""

    campaign: CampaignId
    statuses: frozenset[LeadStatus] = frozenset()
    outcomes: frozenset[Outcome] = frozenset()  # of the last attempt
    last_since_at: datetime | None = None  # the last attempt ended at or after
    last_before_at: datetime | None = None
    attempts_least: int = 0
    attempts_most: int | None = None
    imports: frozenset[int] = frozenset()
    leads: frozenset[LeadId] = frozenset()
    number: str = ""  # how one of the numbers begins, with its plus
    search: str = ""

    @property
    def is_whole_list(self) -> bool:
        """Nothing narrows it."""
        rest = (one for one in fields(self) if one.name != "campaign")
        return all(getattr(self, one.name) == one.default for one in rest)


@dataclass(frozen=True, slots=True)
class Sought:
    """A search as stores ask it: digits that stand in a number, or every word in one of the texts."""

    digits: tuple[str, ...]  # any of them
    words: tuple[str, ...]  # all of them, folded

    def is_in(self, lead: Lead) -> bool:
        """Whether the lead answers to it."""
        if any(digits in number for digits in self.digits for number in lead.numbers):
            return True
        texts = [folded(text) for text in (lead.name, lead.company, lead.ref, lead.inn)]
        return all(any(word in text for text in texts) for word in self.words)


def folded(text: str) -> str:
    """As texts are compared: small letters of every alphabet, and no difference between ё and е."""
    return text.lower().replace(YO, YE)


def sought(search: str) -> Sought:
    """`8 (916) 123-45`, last digits, a ref, an INN, a name in any case."""
    text = search.strip()
    digits = re.sub(r"\D", "", text)
    is_number = bool(LIKE_A_NUMBER.fullmatch(text)) and len(digits) >= FEWEST_DIGITS
    return Sought(_as_dialled(digits) if is_number else (), tuple(folded(text).split()))


def answers(lead: Lead, choice: Choice) -> bool:
    """As the databases ask it."""
    last_at = lead.last_at
    return (
        lead.campaign == choice.campaign
        and (not choice.statuses or lead.status in choice.statuses)
        and (not choice.outcomes or lead.last_outcome in choice.outcomes)
        and (choice.last_since_at is None or (last_at is not None and last_at >= choice.last_since_at))
        and (choice.last_before_at is None or (last_at is not None and last_at < choice.last_before_at))
        and lead.attempts >= choice.attempts_least
        and (choice.attempts_most is None or lead.attempts <= choice.attempts_most)
        and (not choice.imports or lead.import_id in choice.imports)
        and (not choice.leads or lead.id in choice.leads)
        and any(number.startswith(choice.number) for number in lead.numbers)
        and (not choice.search.strip() or sought(choice.search).is_in(lead))
    )


def _as_dialled(digits: str) -> tuple[str, ...]:
    """The digits, and what is left of them without the prefix by which people dial out."""
    found = [digits]
    for prefix in TRUNK_PREFIXES:
        rest = digits.removeprefix(prefix)
        if rest != digits and len(rest) > FEWEST_DIGITS:
            found.append(rest)
            break
    return tuple(found)
