"""What stores make of an update that comes late: attempts add up, what is finished stays so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.errors import BadValue
from dialer.domain.lead import LONG_AGO_AT, Lead, LeadUpdate, fresh, landed, settled, unchanged
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MIN = timedelta(minutes=1)
ONE, TWO, THREE = (PhoneNumber(f"+7916000000{i}") for i in (1, 2, 3))
ROW = Lead(
    LeadId(7),
    CampaignId(1),
    (ONE, TWO, THREE),
    number_index=1,
    status=LeadStatus.RETRY,
    attempts=5,
    tried={Outcome.BUSY: 3, Outcome.NO_ANSWER: 2},
    next_at=AT + 10 * MIN,
    last_at=AT,
    last_outcome=Outcome.BUSY,
    dead=(ONE,),
)
# worked out from the lead as it was after three attempts: two more were recorded in the meantime
LATE = LeadUpdate(
    lead=ROW.id,
    status=LeadStatus.RETRY,
    number_index=0,
    attempts=4,
    tried={Outcome.NO_ANSWER: 4},
    next_at=AT + 5 * MIN,
    last_at=AT - MIN,
    last_outcome=Outcome.NO_ANSWER,
    dead=(ONE, TWO),
    base=3,
)
IN_TIME = replace(LATE, attempts=6, base=5)
FINAL = (LeadStatus.DONE, LeadStatus.EXHAUSTED, LeadStatus.EXCLUDED)
OPEN = [status for status in LeadStatus if status not in FINAL]


# --- as stores keep it -----------------------------------------------------------------------------------


def test_a_new_lead_that_waits_for_an_instant_is_kept_as_a_retry() -> None:
    assert settled(replace(LATE, status=LeadStatus.NEW)) == replace(LATE, status=LeadStatus.RETRY)


def test_a_new_lead_that_waits_for_nothing_stays_new() -> None:
    new = replace(LATE, status=LeadStatus.NEW, next_at=None)
    assert settled(new) == new


def test_a_retry_without_an_instant_is_due_since_its_last_attempt() -> None:
    assert settled(replace(LATE, next_at=None)).next_at == LATE.last_at
    assert settled(replace(LATE, next_at=None, last_at=None)).next_at == LONG_AGO_AT


@pytest.mark.parametrize("status", [status for status in LeadStatus if status is not LeadStatus.NEW])
def test_no_other_status_is_changed_by_what_stores_keep(status: LeadStatus) -> None:
    update = replace(LATE, status=status)
    assert settled(update) == update
    waits_not = replace(update, next_at=None)
    assert status is LeadStatus.RETRY or settled(waits_not) == waits_not


# --- late or in time -------------------------------------------------------------------------------------


def test_an_update_in_time_is_taken_as_it_is() -> None:
    row = landed(ROW, IN_TIME, ends_lease=True)
    assert (row.attempts, row.number_index, row.tried) == (6, 0, {Outcome.NO_ANSWER: 4})
    assert (row.next_at, row.last_at, row.last_outcome) == (AT + 5 * MIN, AT - MIN, Outcome.NO_ANSWER)


def test_an_older_versions_update_is_taken_as_it_is() -> None:
    assert landed(ROW, replace(LATE, base=None), ends_lease=True).attempts == 4


def test_a_late_attempt_adds_to_the_others() -> None:
    row = landed(ROW, LATE, ends_lease=True)
    assert (row.attempts, row.tried) == (6, {Outcome.BUSY: 3, Outcome.NO_ANSWER: 3})
    assert row.status is LeadStatus.RETRY
    assert row.number_index == 1
    assert row.dead == (ONE, TWO)
    first = replace(LATE, attempts=1, base=0)
    assert landed(ROW, first, ends_lease=True).attempts == 6
    two = replace(LATE, attempts=5, last_outcome=Outcome.BUSY)
    assert landed(ROW, two, ends_lease=True).tried == {Outcome.BUSY: 5, Outcome.NO_ANSWER: 2}


def test_a_late_word_that_is_no_attempt_counts_nothing() -> None:
    word = replace(LATE, attempts=3, last_outcome=Outcome.REJECTED)
    row = landed(ROW, word, ends_lease=True)
    assert (row.attempts, row.tried) == (5, ROW.tried)


def test_the_later_end_counts_as_the_last_attempt() -> None:
    row = landed(ROW, LATE, ends_lease=True)
    assert (row.last_at, row.last_outcome) == (AT, Outcome.BUSY)
    for last_at in (AT, AT + MIN):
        row = landed(ROW, replace(LATE, last_at=last_at), ends_lease=True)
        assert (row.last_at, row.last_outcome) == (last_at, Outcome.NO_ANSWER)
    row = landed(replace(ROW, last_at=None), LATE, ends_lease=True)
    assert (row.last_at, row.last_outcome) == (AT - MIN, Outcome.NO_ANSWER)
    row = landed(ROW, replace(LATE, last_at=None), ends_lease=True)
    assert (row.last_at, row.last_outcome) == (AT, Outcome.BUSY)


def test_the_longer_wait_of_both_counts() -> None:
    assert landed(ROW, LATE, ends_lease=True).next_at == AT + 10 * MIN
    assert landed(ROW, replace(LATE, next_at=AT + 20 * MIN), ends_lease=True).next_at == AT + 20 * MIN
    assert landed(ROW, replace(LATE, next_at=None), ends_lease=True).next_at == AT + 10 * MIN
    assert landed(replace(ROW, next_at=None), LATE, ends_lease=True).next_at == AT + 5 * MIN


@pytest.mark.parametrize("final", FINAL)
def test_what_is_finished_stays_finished_whatever_comes_late(final: LeadStatus) -> None:
    row = landed(replace(ROW, status=final, next_at=None), LATE, ends_lease=True)
    assert (row.status, row.next_at, row.attempts) == (final, None, 6)
    row = landed(ROW, replace(LATE, status=final, next_at=None), ends_lease=True)
    assert (row.status, row.next_at) == (final, None)


def test_what_was_taken_out_of_the_list_stays_out_after_an_update_in_time_too() -> None:
    row = landed(replace(ROW, status=LeadStatus.EXCLUDED, next_at=None), IN_TIME, ends_lease=True)
    assert (row.status, row.next_at, row.attempts) == (LeadStatus.EXCLUDED, None, 6)


@pytest.mark.parametrize("status", OPEN)
@pytest.mark.parametrize("update", [LATE, IN_TIME])
@pytest.mark.parametrize("ends_lease", [True, False, None])
def test_a_lease_stays_unless_the_update_ends_it(
    status: LeadStatus, update: LeadUpdate, ends_lease: bool | None
) -> None:
    """Nobody knows whose lease it is: a late update is another call's, one in time is the lease's own."""
    row = landed(replace(ROW, status=status), update, ends_lease=ends_lease)
    is_anothers = ends_lease is False or (ends_lease is None and update is LATE)
    stays = status is LeadStatus.LEASED and is_anothers
    assert row.status is (LeadStatus.LEASED if stays else LeadStatus.RETRY)


@pytest.mark.parametrize("final", FINAL)
def test_an_update_that_finishes_the_lead_ends_any_lease(final: LeadStatus) -> None:
    leased = replace(ROW, status=LeadStatus.LEASED)
    assert landed(leased, replace(LATE, status=final), ends_lease=False).status is final


def test_a_lease_given_back_in_time_changes_nothing_else() -> None:
    leased = replace(ROW, status=LeadStatus.LEASED)
    assert landed(leased, unchanged(leased), ends_lease=True) == ROW


# --- a file's entry --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ref", "company", "told"),
    [
        ("Ann", "A-1", "Acme", "Ann"),
        ("", "A-1", "Acme", "A-1"),
        ("", "", "Acme", "Acme"),
        ("", "A-1", "", "A-1"),
    ],
)
def test_a_lead_without_a_number_is_named_by_the_best_that_the_file_says(
    name: str, ref: str, company: str, told: str
) -> None:
    with pytest.raises(BadValue, match=f"the lead '{told}' has no number"):
        fresh(replace(ROW, numbers=(), name=name, ref=ref, company=company), CampaignId(9))


# --- what was promised to the person ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [LeadStatus.RETRY, LeadStatus.EXHAUSTED])
def test_a_promise_outlives_an_attempt_that_is_told_late(status: LeadStatus) -> None:
    row = replace(ROW, next_at=AT + MIN, promised_at=AT + MIN)
    late = replace(LATE, status=status, next_at=None if status in FINAL else AT + 5 * MIN)
    after = landed(row, late, ends_lease=True)
    assert (after.status, after.next_at, after.promised_at) == (LeadStatus.RETRY, AT + MIN, AT + MIN)


def test_a_promise_that_is_told_late_counts_and_none_is_left_to_a_lead_that_is_out() -> None:
    late = replace(LATE, next_at=AT + MIN, promised_at=AT + MIN)
    after = landed(ROW, late, ends_lease=None)
    assert (after.next_at, after.promised_at) == (AT + MIN, AT + MIN)
    out = landed(replace(ROW, status=LeadStatus.EXCLUDED, next_at=None), late, ends_lease=None)
    assert (out.status, out.next_at, out.promised_at) == (LeadStatus.EXCLUDED, None, None)
    done = landed(replace(ROW, promised_at=AT), replace(LATE, status=LeadStatus.DONE), ends_lease=None)
    assert (done.status, done.promised_at) == (LeadStatus.DONE, None)
