"""What a second import makes of a lead: what the row says, nothing of where it stands, and back again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dialer.domain.intake import Revision, extended, renewed, turned
from dialer.domain.lead import Lead
from dialer.domain.listing import MOST_NUMBERS
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber

ONE, TWO, THREE = (PhoneNumber(f"+7916000000{n}") for n in (1, 2, 3))
AT = datetime(2026, 2, 3, 9, tzinfo=UTC)
LEAD = Lead(
    LeadId(7), CampaignId(1), (ONE, TWO), number_index=1, status=LeadStatus.RETRY, attempts=2,
    tried={Outcome.BUSY: 2}, next_at=AT, last_at=AT, last_outcome=Outcome.BUSY, priority=3,
    zones=("Europe/Moscow",), name="Иван", extra={"город": "Москва", "b": "1"}, extensions={TWO: "12"},
    dead=(ONE,), promised_at=AT,
)  # fmt: skip
ROW = Lead(LeadId(0), CampaignId(0), (ONE,), zones=("Asia/Omsk",))


@pytest.mark.parametrize(
    ("row", "says", "after"),
    [
        ({"name": "Анна"}, (), {"name": "Анна"}),
        ({"name": ""}, (), None),
        ({"name": "Иван"}, (), None),
        ({"priority": 5}, (), None),
        ({"priority": 0}, ("priority",), {"priority": 0}),
        ({}, ("zones",), {"zones": ["Asia/Omsk"]}),
        ({"extra": {"город": "Омск", "c": "2", "b": "1"}}, (), {"extra": {"город": "Омск", "c": "2"}}),
        ({"extensions": {TWO: "13", THREE: "14"}}, (), {"extensions": {TWO: "13"}}),
        ({"status": LeadStatus.NEW, "attempts": 0, "promised_at": None, "dead": ()}, (), None),
    ],
)
def test_an_update_is_what_the_row_says_and_the_lead_does_not(
    row: dict[str, Any], says: tuple[str, ...], after: dict[str, Any] | None
) -> None:
    revision = renewed(LEAD, replace(ROW, **row), frozenset(says))
    assert (revision and revision.after) == after
    if revision is not None:
        there = turned(LEAD, revision)
        assert there != LEAD
        assert turned(there, revision) == there
        assert turned(there, revision, back=True) == LEAD
        untouched = (
            "status",
            "attempts",
            "tried",
            "next_at",
            "promised_at",
            "numbers",
            "dead",
            "number_index",
        )
        assert all(getattr(there, name) == getattr(LEAD, name) for name in untouched)


def test_what_somebody_has_changed_meanwhile_stays_both_ways() -> None:
    revision = renewed(LEAD, replace(ROW, name="Анна", company="Лютик"), frozenset())
    assert revision is not None
    by_hand = replace(LEAD, name="Яна")
    assert turned(by_hand, revision) == replace(by_hand, company="Лютик")
    assert turned(replace(by_hand, company="Лютик"), revision, back=True) == by_hand


def test_numbers_are_added_behind_the_others_and_a_lead_has_no_more_than_it_may() -> None:
    revision = extended(LEAD, replace(ROW, extensions={THREE: "5"}), [THREE, ONE])
    assert revision == Revision(LEAD.id, {"numbers": []}, {"numbers": [[THREE, "5"]]})
    there = turned(LEAD, revision)
    assert (there.numbers, there.extensions) == ((ONE, TWO, THREE), {TWO: "12", THREE: "5"})
    assert turned(there, revision) == there
    assert turned(there, revision, back=True) == LEAD
    assert turned(LEAD, revision, taken=frozenset({f"{THREE};ext=5"})) == LEAD
    many = tuple(PhoneNumber(f"+7921{n:07}") for n in range(MOST_NUMBERS))
    full = extended(LEAD, ROW, many)
    assert full is not None
    assert len(turned(LEAD, full).numbers) == MOST_NUMBERS
    assert extended(replace(LEAD, numbers=many), ROW, [THREE]) is None
    assert extended(LEAD, ROW, []) is None


def test_taking_back_the_number_that_is_next_leaves_one_that_lives() -> None:
    revision = extended(LEAD, ROW, [THREE])
    assert revision is not None
    next_one = replace(turned(LEAD, revision), number_index=2)
    back = turned(next_one, revision, back=True)
    assert (back.numbers, back.number) == ((ONE, TWO), TWO)


def test_an_extension_that_would_be_another_leads_stays_away() -> None:
    revision = renewed(LEAD, replace(ROW, extensions={TWO: "13"}), frozenset())
    assert revision is not None
    assert turned(LEAD, revision, taken=frozenset({f"{TWO};ext=13"})) == LEAD
