"""What an act makes of one lead of many, and why one is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer.domain.choice import Choice, answers, sought
from dialer.domain.lead import Lead
from dialer.domain.listwork import GONE, Act, Left, acted
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
H = timedelta(hours=1)
ONE, TWO = PhoneNumber("+79160000001"), PhoneNumber("+79160000002")
NEW = Lead(LeadId(1), CampaignId(1), (ONE, TWO))
RETRY = replace(
    NEW,
    status=LeadStatus.RETRY,
    attempts=3,
    tried={Outcome.BUSY: 3},
    next_at=NOW + H,
    last_at=NOW - H,
    last_outcome=Outcome.BUSY,
    promised_at=NOW + H,
    number_index=1,
)
WORN = replace(RETRY, status=LeadStatus.EXHAUSTED, next_at=None, promised_at=None, dead=(TWO,))
DONE = replace(WORN, status=LeadStatus.DONE)
OUT = replace(WORN, status=LeadStatus.EXCLUDED)
LEASED = replace(RETRY, status=LeadStatus.LEASED)
EACH = (NEW, RETRY, WORN, DONE, OUT, LEASED)


def act(lead: Lead, act: Act, **given: Any) -> Lead | Left:
    return acted(lead, act, NOW, **{"most_attempts": 10} | given)


@pytest.mark.parametrize("which", list(Act))
def test_what_is_leased_is_left_alone_whatever_the_act(which: Act) -> None:
    assert act(LEASED, which, priority=5) is Left.LEASED


@pytest.mark.parametrize("lead", EACH)
@pytest.mark.parametrize("which", [one for one in Act if one not in GONE])
def test_done_twice_is_done_once(which: Act, lead: Lead) -> None:
    once = act(lead, which, priority=5)
    if isinstance(once, Lead):
        assert act(once, which, priority=5) is Left.AS_IT_IS


@pytest.mark.parametrize("lead", [RETRY, WORN, DONE])
def test_who_is_requeued_can_be_called_now_on_a_number_that_lives_with_counters_as_they_were(
    lead: Lead,
) -> None:
    after = act(lead, Act.REQUEUE)
    index = 1 if lead is RETRY else 0
    assert after == replace(lead, status=LeadStatus.RETRY, next_at=NOW, number_index=index)


def test_who_cannot_be_called_is_not_requeued_and_it_is_said_why() -> None:
    assert act(OUT, Act.REQUEUE) is Left.EXCLUDED
    assert act(WORN, Act.REQUEUE, most_attempts=3) is Left.USED_UP
    assert act(RETRY, Act.REQUEUE, most_attempts=3) == replace(RETRY, next_at=NOW)  # a promise is kept
    assert act(replace(WORN, dead=(ONE, TWO)), Act.REQUEUE) is Left.NO_NUMBER
    assert act(replace(RETRY, next_at=NOW), Act.REQUEUE) is Left.AS_IT_IS
    assert act(NEW, Act.REQUEUE) is Left.AS_IT_IS


@pytest.mark.parametrize("lead", [RETRY, WORN, DONE])
def test_a_reset_forgets_all_attempts_but_the_last_ones_end(lead: Lead) -> None:
    after = act(lead, Act.RESET)
    assert after == replace(NEW, last_at=lead.last_at, last_outcome=lead.last_outcome)
    assert act(OUT, Act.RESET) is Left.EXCLUDED


def test_what_is_excluded_stays_out_until_it_is_included() -> None:
    assert act(RETRY, Act.EXCLUDE) == replace(
        RETRY, status=LeadStatus.EXCLUDED, next_at=None, promised_at=None
    )
    assert act(OUT, Act.INCLUDE) == replace(OUT, status=LeadStatus.RETRY, next_at=NOW)
    assert act(replace(NEW, status=LeadStatus.EXCLUDED), Act.INCLUDE) == NEW
    for lead in (NEW, RETRY, WORN, DONE):
        assert act(lead, Act.INCLUDE) is Left.AS_IT_IS


@pytest.mark.parametrize("which", [Act.REQUEUE, Act.RESET, Act.INCLUDE])
def test_who_is_barred_does_not_come_back(which: Act) -> None:
    assert act(OUT, which, barred=True) is Left.BARRED


@pytest.mark.parametrize("which", [Act.EXCLUDE, Act.PRIORITY, Act.DELETE, Act.MOVE])
def test_who_is_barred_is_moved_and_taken_out_as_anybody(which: Act) -> None:
    assert isinstance(act(RETRY, which, barred=True, priority=1), Lead)


def test_a_priority_changes_nothing_else() -> None:
    assert act(RETRY, Act.PRIORITY, priority=-3) == replace(RETRY, priority=-3)


def test_what_is_sought_by_number_is_taken_as_people_dial_it() -> None:
    assert sought("8 (916) 123-45").digits == ("891612345", "91612345")
    assert sought("810 49 30").digits == ("8104930", "4930")
    assert sought("00 49 30").digits == ("004930", "4930")
    assert sought("+7 916").digits == ("7916",)
    assert sought("80").digits == ("80",)
    assert sought("7").digits == sought("").digits == sought("a 1234").digits == ()


def test_a_choice_that_narrows_nothing_is_the_whole_list() -> None:
    assert Choice(CampaignId(1)).is_whole_list
    assert not Choice(CampaignId(1), search="a").is_whole_list
    assert not Choice(CampaignId(1), attempts_most=0).is_whole_list
    assert answers(NEW, Choice(CampaignId(1)))
    assert not answers(NEW, Choice(CampaignId(2)))
    assert not answers(NEW, Choice(CampaignId(1), last_before_at=NOW))
