"""Which leads are meant by what people ask for, and what a search finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer.domain.choice import Choice, answers, sought
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ONE = CampaignId(1)
LEAD = Lead(
    LeadId(7),
    ONE,
    (PhoneNumber("+79161234567"), PhoneNumber("+74951112233")),
    status=LeadStatus.RETRY,
    attempts=2,
    last_at=AT,
    last_outcome=Outcome.BUSY,
    name="Ольга де Мак",
    company="ООО Ёлка",
    inn="7707083893",
    ref="CRM-42",
    import_id=3,
)
NEW = replace(LEAD, status=LeadStatus.NEW, attempts=0, last_at=None, last_outcome=None)


def is_chosen(lead: Lead = LEAD, **asked: Any) -> bool:
    return answers(lead, Choice(ONE, **asked))


def test_a_choice_that_asks_nothing_is_the_whole_list_of_its_campaign_and_of_no_other() -> None:
    assert Choice(ONE).is_whole_list
    assert is_chosen()
    assert is_chosen(NEW)
    assert not is_chosen(replace(LEAD, campaign=CampaignId(2)))


@pytest.mark.parametrize(
    ("asked", "others"),
    [
        ({"statuses": {LeadStatus.RETRY, LeadStatus.DONE}}, {"statuses": {LeadStatus.NEW}}),
        ({"outcomes": frozenset({Outcome.BUSY})}, {"outcomes": frozenset({Outcome.NO_ANSWER})}),
        ({"last_since_at": AT}, {"last_since_at": AT + SECOND}),
        ({"last_before_at": AT + SECOND}, {"last_before_at": AT}),
        ({"attempts_least": 2}, {"attempts_least": 3}),
        ({"attempts_most": 2}, {"attempts_most": 1}),
        ({"imports": frozenset({3})}, {"imports": frozenset({2, 4})}),
        ({"leads": frozenset({LeadId(7)})}, {"leads": frozenset({LeadId(6), LeadId(8)})}),
        ({"number": "+7495"}, {"number": "495"}),
        ({"search": "ольга"}, {"search": "анна"}),
    ],
)  # fmt: skip
def test_a_lead_must_answer_to_all_that_is_asked(asked: dict[str, Any], others: dict[str, Any]) -> None:
    assert not Choice(ONE, **asked).is_whole_list
    assert is_chosen(**asked)
    assert not is_chosen(**others)
    assert not is_chosen(**{**asked, "leads": frozenset({LeadId(8)}), **others})


@pytest.mark.parametrize("bound", ["last_since_at", "last_before_at"])
def test_a_lead_that_was_never_called_has_no_last_attempt(bound: str) -> None:
    assert not is_chosen(NEW, **{bound: AT})
    assert is_chosen(NEW, attempts_most=0)


@pytest.mark.parametrize(
    "search",
    [
        *("+79161234567", "8 (916) 123-45-67", "9161234567", "4567", "00 7 916 123", "810 7495 111"),
        *(
            "0 4951112",
            "ольга",
            "ОЛЬГА",
            "Ольга",
            "мак ольга",
            "ёлка",
            "ооо",
            "770708",
            "crm-42",
            "CRM",
            "елка",
        ),
        *("  42 ", "Де мак"),
    ],
)
def test_a_search_finds(search: str) -> None:
    assert sought(search).is_in(LEAD)


@pytest.mark.parametrize("search", ["9169", "ольга анна", "crm-43", "8 916 999", "ольга 916"])
def test_a_search_does_not_find(search: str) -> None:
    assert not sought(search).is_in(LEAD)


def test_a_search_of_blanks_narrows_nothing() -> None:
    assert is_chosen(search="  ")


def test_one_digit_is_no_number_and_two_are() -> None:
    assert sought("5").digits == ()
    assert sought("55").digits == ("55",)
    assert sought("55 a").digits == ()


@pytest.mark.parametrize(
    ("search", "digits"),
    [
        ("89161234567", ("89161234567", "9161234567")),
        ("8107916", ("8107916", "7916")),
        ("007916", ("007916", "7916")),
        ("04951", ("04951", "4951")),
        ("8123", ("8123", "123")),
        ("812", ("812",)),
        ("79161", ("79161",)),
    ],
)
def test_a_number_is_sought_as_typed_and_without_the_prefix_by_which_people_dial_out(
    search: str, digits: tuple[str, ...]
) -> None:
    assert sought(search).digits == digits
