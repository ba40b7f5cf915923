"""A lead: whom to call, on which numbers, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber


@dataclass(frozen=True, slots=True)
class Lead:
    """One entry of a campaign's list."""

    id: LeadId
    campaign: CampaignId
    numbers: tuple[PhoneNumber, ...]
    number_index: int = 0  # which of them is next
    status: LeadStatus = LeadStatus.NEW
    attempts: int = 0
    tried: Mapping[Outcome, int] = field(default_factory=dict)  # attempts by outcome, for the retry table
    next_at: datetime | None = None  # not before this instant
    last_at: datetime | None = None  # end of the last attempt
    last_outcome: Outcome | None = None
    priority: int = 0
    zones: tuple[str, ...] = ()  # IANA names; all that the number may be in when the card names none
    name: str = ""
    company: str = ""
    inn: str = ""
    email: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)  # the file's other columns
    ref: str = ""  # id in the customer's own system

    @property
    def number(self) -> PhoneNumber:
        return self.numbers[self.number_index]


@dataclass(frozen=True, slots=True)
class LeadUpdate:
    """What a closed attempt changes in its lead; applied in the same transaction as the CDR."""

    lead: LeadId
    status: LeadStatus
    number_index: int
    attempts: int
    tried: Mapping[Outcome, int]
    next_at: datetime | None
    last_at: datetime | None
    last_outcome: Outcome | None
