"""What a person corrects of a lead, and when that is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.edit import edited
from dialer.domain.errors import BadField, Conflict
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId, LeadId, LeadStatus, PhoneNumber

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ONE, TWO, THREE = (PhoneNumber(f"+7916000000{i}") for i in (1, 2, 3))
LEAD = Lead(LeadId(7), CampaignId(1), (ONE, TWO), number_index=1, dead=(ONE,), extensions={TWO: "214"})
RETRY = replace(
    LEAD, status=LeadStatus.RETRY, attempts=2, next_at=AT, last_at=AT - timedelta(hours=1), promised_at=AT
)


def test_what_is_named_changes_and_nothing_else() -> None:
    assert edited(LEAD, {"name": "Anna", "priority": 3}, {}) == replace(LEAD, name="Anna", priority=3)
    assert edited(LEAD, {}, {}) == LEAD


def test_what_somebody_else_has_changed_since_is_told_and_nothing_is_lost() -> None:
    assert edited(LEAD, {"name": "Anna"}, {"name": "", "numbers": (ONE, TWO)}).name == "Anna"
    with pytest.raises(
        Conflict, match=r"lead 7 was changed meanwhile: name is Ann, not -; priority is 2, not 1"
    ):
        edited(replace(LEAD, name="Ann", priority=2), {"name": "Anna"}, {"name": "", "priority": 1})


def test_the_difference_is_told_in_words_whatever_the_kind_of_the_field() -> None:
    seen = {"numbers": (ONE,), "extensions": {}, "extra": {"city": "Tver", "sum": "5"}, "next_at": AT}
    with pytest.raises(
        Conflict,
        match=r"numbers is \+79160000001, \+79160000002, not \+79160000001;"
        r" extensions is \+79160000002: 214, not -; extra is -, not city: Tver, sum: 5;"
        r" next_at is -, not 2026",
    ):
        edited(LEAD, {"name": "Anna"}, seen)


def test_a_lead_in_a_call_is_not_changed() -> None:
    with pytest.raises(Conflict, match="in a call"):
        edited(replace(LEAD, status=LeadStatus.LEASED), {"name": "Anna"}, {})


def test_the_number_that_was_next_stays_next_where_it_is_still_there() -> None:
    assert edited(LEAD, {"numbers": (THREE, TWO)}, {}) == replace(
        LEAD, numbers=(THREE, TWO), number_index=1, dead=()
    )
    moved = edited(LEAD, {"numbers": (TWO, THREE)}, {})
    assert (moved.number_index, moved.extensions) == (0, {TWO: "214"})
    gone = edited(LEAD, {"numbers": (ONE, THREE)}, {})
    assert (gone.number_index, gone.dead, gone.extensions) == (1, (ONE,), {})
    assert edited(LEAD, {"numbers": (ONE,)}, {}).number_index == 0


def test_a_lead_keeps_a_number_and_extensions_are_of_its_own() -> None:
    with pytest.raises(BadField, match="needs a number"):
        edited(LEAD, {"numbers": ()}, {})
    with pytest.raises(BadField, match="not among its numbers"):
        edited(LEAD, {"extensions": {THREE: "1"}}, {})


def test_the_next_call_is_put_where_it_is_asked_for_and_no_promise_is_left() -> None:
    later = AT + timedelta(days=1)
    assert edited(RETRY, {"next_at": later}, {}) == replace(RETRY, next_at=later, promised_at=None)
    waits = edited(LEAD, {"next_at": later}, {})
    assert (waits.status, waits.next_at) == (LeadStatus.RETRY, later)
    assert edited(waits, {"next_at": None}, {}) == LEAD
    assert edited(RETRY, {"next_at": None}, {}).next_at == RETRY.last_at


@pytest.mark.parametrize("status", [LeadStatus.DONE, LeadStatus.EXHAUSTED, LeadStatus.EXCLUDED])
def test_a_lead_that_is_not_waiting_has_no_next_call(status: LeadStatus) -> None:
    with pytest.raises(BadField, match="requeue or include it first"):
        edited(replace(RETRY, status=status), {"next_at": AT}, {})
