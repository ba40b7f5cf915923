"""What an attempt, a refusal and the operator's word make of a lead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.campaign import DEFAULT_RETRIES, Campaign, Retry
from dialer.domain.disposition import DEFAULT, Disposition, Then, Title, find
from dialer.domain.errors import BadValue
from dialer.domain.lead import (
    Lead,
    LeadUpdate,
    after_disposition,
    after_refusal,
    excluded,
    fresh,
    never_again,
    next_try,
    refused_alone,
)
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber
from dialer.domain.verdict import Gate, Verdict

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CAMPAIGN = Campaign(CampaignId(1), "spring")
ONE, TWO, THREE = (PhoneNumber(f"+7916000000{i}") for i in (1, 2, 3))
LEAD = Lead(LeadId(7), CampaignId(1), (ONE,), status=LeadStatus.LEASED)


def moved(lead: Lead, code: str, **asked: datetime) -> LeadUpdate:
    """By a word of the default list."""
    update = after_disposition(lead, find(DEFAULT, code), AT, CAMPAIGN, **asked)
    assert update is not None
    return update


def kept(lead: Lead, update: LeadUpdate) -> Lead:
    """The lead as the store keeps it after the update, leased again."""
    return replace(
        lead,
        status=LeadStatus.LEASED,
        number_index=update.number_index,
        attempts=update.attempts,
        tried=update.tried,
        next_at=update.next_at,
        last_at=update.last_at,
        last_outcome=update.last_outcome,
        dead=update.dead,
    )


def tries(lead: Lead, *outcomes: Outcome, campaign: Campaign = CAMPAIGN) -> LeadUpdate:
    for outcome in outcomes:
        update = next_try(lead, campaign, outcome, AT)
        lead = kept(lead, update)
    return update


def wait(update: LeadUpdate) -> timedelta | None:
    return None if update.next_at is None else update.next_at - AT


MIN, H = timedelta(minutes=1), timedelta(hours=1)
EXPECTED: dict[Outcome, list[timedelta | None]] = {
    Outcome.BUSY: [5 * MIN, 15 * MIN, H, None],
    Outcome.NO_ANSWER: [2 * H, 24 * H, 48 * H, None],
    Outcome.GIVEN_UP: [30 * MIN, 2 * H, 24 * H, None],
    Outcome.ABANDONED: [72 * H, None],
    Outcome.OPERATOR_LOST: [30 * MIN, 2 * H, None],  # 10 min in the table, the number's rest is longer
    Outcome.HUNG_UP_EARLY: [4 * H, None],
    Outcome.CONGESTION: [5 * MIN] * 5 + [None],
    Outcome.NETWORK_FAILURE: [5 * MIN] * 5 + [None],
    Outcome.REJECTED: [24 * H, None],
    Outcome.MOVED: [24 * H, None],
    Outcome.UNALLOCATED: [None],
    Outcome.CANCELLED: [MIN] * 9 + [None],  # ten attempts are the campaign's cap
    Outcome.INTERRUPTED: [H, H, H, None],
}


SPARED = (Outcome.NOT_DIALLED, Outcome.TRUNK_REFUSED)  # no attempt


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in (Outcome.CONNECTED, *SPARED)])
def test_each_outcome_is_tried_again_by_its_delays_and_then_no_more(outcome: Outcome) -> None:
    lead = LEAD
    for number, expected in enumerate(EXPECTED[outcome], start=1):
        update = next_try(lead, CAMPAIGN, outcome, AT)
        assert wait(update) == expected
        assert update.status is (LeadStatus.EXHAUSTED if expected is None else LeadStatus.RETRY)
        assert (update.attempts, update.tried, update.last_outcome) == (number, {outcome: number}, outcome)
        assert update.last_at == AT
        lead = kept(lead, update)


def test_a_refusal_of_us_costs_the_lead_nothing_but_a_minute() -> None:
    lead = replace(LEAD, attempts=9, tried={Outcome.BUSY: 9}, last_outcome=Outcome.BUSY, last_at=AT - H)
    update = next_try(lead, CAMPAIGN, Outcome.TRUNK_REFUSED, AT)
    assert (update.status, wait(update)) == (LeadStatus.RETRY, MIN)
    assert (update.attempts, update.tried, update.last_outcome) == (9, {Outcome.BUSY: 9}, Outcome.BUSY)
    assert refused_alone(lead, update).tried == {Outcome.BUSY: 9, Outcome.TRUNK_REFUSED: 1}
    again = refused_alone(kept(lead, refused_alone(lead, update)), update)
    assert again.tried[Outcome.TRUNK_REFUSED] == 2


def test_a_campaign_older_than_moved_treats_it_as_the_rejection_that_it_was() -> None:
    old = {outcome: retry for outcome, retry in CAMPAIGN.retries.items() if outcome is not Outcome.MOVED}
    assert wait(next_try(LEAD, replace(CAMPAIGN, retries=old), Outcome.MOVED, AT)) == 24 * H


def test_a_talk_closes_the_lead() -> None:
    update = next_try(LEAD, CAMPAIGN, Outcome.CONNECTED, AT)
    assert (update.status, update.next_at, update.attempts) == (LeadStatus.DONE, None, 1)


@pytest.mark.parametrize(("attempts", "status"), [(0, LeadStatus.NEW), (3, LeadStatus.RETRY)])
def test_a_number_never_dialled_only_gives_the_lease_back(attempts: int, status: LeadStatus) -> None:
    lead = replace(
        LEAD,
        numbers=(ONE, TWO),
        number_index=1,
        attempts=attempts,
        tried={Outcome.BUSY: attempts},
        next_at=AT - H,
        last_at=AT - 2 * H,
        last_outcome=Outcome.BUSY,
        dead=(ONE,),
    )
    update = next_try(lead, CAMPAIGN, Outcome.NOT_DIALLED, AT)
    assert update == LeadUpdate(
        lead.id,
        status,
        1,
        attempts,
        {Outcome.BUSY: attempts},
        AT - H,
        AT - 2 * H,
        Outcome.BUSY,
        (ONE,),
        attempts,
    )


def test_the_attempts_cap_ends_a_lead_whatever_the_table_says() -> None:
    update = next_try(replace(LEAD, attempts=9), CAMPAIGN, Outcome.BUSY, AT)
    assert (update.status, update.attempts) == (LeadStatus.EXHAUSTED, 10)


def test_an_outcome_without_a_retry_ends_the_lead() -> None:
    update = next_try(LEAD, replace(CAMPAIGN, retries={}), Outcome.BUSY, AT)
    assert update.status is LeadStatus.EXHAUSTED


def test_the_campaigns_rest_after_an_abandoned_call_holds() -> None:
    campaign = replace(CAMPAIGN, retries={Outcome.ABANDONED: Retry((H,))}, abandoned_rest=5 * H)
    assert wait(next_try(LEAD, campaign, Outcome.ABANDONED, AT)) == 5 * H


class TestOtherNumbers:
    LEAD = replace(LEAD, numbers=(ONE, TWO, THREE))

    def test_the_next_number_is_tried_at_once_and_the_delay_comes_after_the_last(self) -> None:
        no_answer = Outcome.NO_ANSWER
        steps = [
            (update.number_index, wait(update))
            for n in range(1, 10)
            for update in [tries(self.LEAD, *[no_answer] * n)]
        ]
        nothing = timedelta()
        assert steps == [
            (1, nothing),
            (2, nothing),
            (0, 2 * H),
            (1, nothing),
            (2, nothing),
            (0, 24 * H),
            (1, nothing),
            (2, nothing),
            (0, 48 * H),
        ]

    def test_busy_stays_with_its_number(self) -> None:
        update = tries(self.LEAD, Outcome.NO_ANSWER, Outcome.BUSY)
        assert (update.number_index, wait(update)) == (1, 5 * MIN)

    def test_a_dead_number_is_left_out_of_every_later_round(self) -> None:
        update = tries(
            self.LEAD, Outcome.NO_ANSWER, Outcome.UNALLOCATED, Outcome.NO_ANSWER, Outcome.NO_ANSWER
        )
        assert (update.number_index, update.dead) == (2, (TWO,))

    def test_a_dead_last_number_leaves_the_pace_to_the_ones_before(self) -> None:
        update = tries(replace(LEAD, numbers=(ONE, TWO)), Outcome.NO_ANSWER, Outcome.UNALLOCATED)
        assert (update.number_index, wait(update), update.dead) == (0, 2 * H, (TWO,))

    def test_a_lead_with_dead_numbers_only_is_exhausted(self) -> None:
        update = tries(self.LEAD, *[Outcome.UNALLOCATED] * 3)
        assert (update.status, set(update.dead)) == (LeadStatus.EXHAUSTED, {ONE, TWO, THREE})


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([one for one in Outcome if one not in SPARED]), min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(1, 10),
)
def test_whatever_happens_the_lead_stays_true(outcomes: list[Outcome], numbers: int, cap: int) -> None:
    campaign = replace(CAMPAIGN, max_attempts=cap)
    lead = replace(LEAD, numbers=(ONE, TWO, THREE)[:numbers])
    for outcome in outcomes:
        update = next_try(lead, campaign, outcome, AT)
        assert update.attempts == lead.attempts + 1 == sum(update.tried.values())
        assert (update.next_at is not None) == (update.status is LeadStatus.RETRY)
        assert 0 <= update.number_index < numbers
        if update.status is not LeadStatus.RETRY:
            return
        assert update.next_at is not None
        assert update.next_at >= AT
        assert update.attempts < cap
        assert lead.numbers[update.number_index] not in update.dead
        same = update.number_index == lead.number_index
        assert not same or outcome is not Outcome.NO_ANSWER or update.next_at >= AT + campaign.rest
        lead = kept(lead, update)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict(False, Gate.STATUS), None),
        (Verdict(False, Gate.LAW), None),
        (Verdict(False, Gate.REST, opens_at=AT + H), None),
        (Verdict(False, Gate.HOURS, opens_at=AT + H), None),
        (Verdict(False, Gate.HOURS), (LeadStatus.NEW, 0, AT + H)),
        (Verdict(False, Gate.ATTEMPTS), (LeadStatus.EXHAUSTED, 0, None)),
        (Verdict(False, Gate.NUMBER), (LeadStatus.NEW, 2, None)),
        (Verdict(False, Gate.DNC), (LeadStatus.NEW, 2, None)),
    ],
)
def test_a_refusal_moves_the_lead_as_far_as_its_gate_says(
    verdict: Verdict, expected: tuple[LeadStatus, int, datetime | None] | None
) -> None:
    lead = replace(LEAD, numbers=(ONE, TWO, THREE), dead=(TWO,))
    update = after_refusal(lead, verdict, AT)
    assert (update and (update.status, update.number_index, update.next_at)) == expected
    assert update is None or update.attempts == 0


@pytest.mark.parametrize("gate", [Gate.NUMBER, Gate.DNC])
def test_a_refused_last_number_takes_the_lead_out(gate: Gate) -> None:
    assert after_refusal(LEAD, Verdict(False, gate), AT) == excluded(LEAD)
    assert excluded(LEAD).status is LeadStatus.EXCLUDED


class TestDispositions:
    TALKED = replace(
        LEAD, numbers=(ONE, TWO), attempts=1, tried={Outcome.CONNECTED: 1}, last_outcome=Outcome.CONNECTED
    )

    @pytest.mark.parametrize(
        ("said", "status", "index", "waits"),
        [
            ("agreed", LeadStatus.DONE, 0, None),
            ("refused", LeadStatus.DONE, 0, None),
            ("dnc", LeadStatus.EXCLUDED, 0, None),
            ("callback", LeadStatus.RETRY, 0, 2 * H),
            ("wrong_number", LeadStatus.RETRY, 1, timedelta()),
            ("no_contact", LeadStatus.RETRY, 1, timedelta()),
        ],
    )
    def test_each_word_moves_the_lead(
        self, said: str, status: LeadStatus, index: int, waits: timedelta | None
    ) -> None:
        update = moved(self.TALKED, said)
        assert (update.status, update.number_index, wait(update)) == (status, index, waits)
        assert (update.attempts, update.tried) == (1, {Outcome.CONNECTED: 1})

    @pytest.mark.parametrize("attempts", [1, 10, 11])
    def test_the_agreed_time_is_kept_above_the_rest_and_the_most_attempts(self, attempts: int) -> None:
        talked, soon = replace(self.TALKED, attempts=attempts), AT + CAMPAIGN.rest / 2
        update = moved(talked, "callback", callback_at=soon)
        assert (update.status, update.next_at, update.promised_at) == (LeadStatus.RETRY, soon, soon)

    @pytest.mark.parametrize("said", [one.code for one in DEFAULT if one.then is not Then.CALLBACK])
    def test_any_other_word_takes_a_promise_back(self, said: str) -> None:
        update = moved(replace(self.TALKED, promised_at=AT + H), said)
        assert update.promised_at is None

    def test_a_wrong_last_number_goes_back_to_the_one_before(self) -> None:
        last = replace(self.TALKED, number_index=1)
        update = moved(last, "wrong_number")
        assert (update.number_index, wait(update), update.dead) == (0, CAMPAIGN.rest, (TWO,))

    def test_wrong_numbers_only_exhaust_the_lead(self) -> None:
        assert moved(LEAD, "wrong_number").status is LeadStatus.EXHAUSTED

    @pytest.mark.parametrize("said", ["wrong_number", "no_contact"])
    def test_no_other_word_passes_the_attempts_cap(self, said: str) -> None:
        worn = replace(self.TALKED, attempts=10)
        assert moved(worn, said).status is LeadStatus.EXHAUSTED

    @pytest.mark.parametrize(
        ("after", "waits"), [(3 * H, 3 * H), (timedelta(minutes=1), CAMPAIGN.rest), (None, timedelta())]
    )
    def test_a_word_that_asks_for_another_try_says_when_and_the_number_rests_first(
        self, after: timedelta | None, waits: timedelta
    ) -> None:
        later = Disposition("later", Title(en="Later"), "6", Then.RETRY, after)
        update = after_disposition(self.TALKED, later, AT, CAMPAIGN)
        assert update is not None
        assert (update.status, wait(update)) == (LeadStatus.RETRY, waits)
        worn = after_disposition(replace(self.TALKED, attempts=10), later, AT, CAMPAIGN)
        assert worn is not None
        assert (worn.status, worn.next_at) == (LeadStatus.EXHAUSTED, None)

    def test_a_word_may_move_nothing(self) -> None:
        said = Disposition("noted", Title(en="Noted"), "6", Then.NOTHING)
        assert after_disposition(self.TALKED, said, AT, CAMPAIGN) is None


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_promise_is_kept_by_the_next_attempt_and_by_nothing_that_is_none(outcome: Outcome) -> None:
    promised = replace(LEAD, attempts=10, status=LeadStatus.LEASED, next_at=AT, promised_at=AT)
    update = next_try(promised, CAMPAIGN, outcome, AT)
    if outcome in (Outcome.NOT_DIALLED, Outcome.TRUNK_REFUSED):
        assert (update.status, update.promised_at) == (LeadStatus.RETRY, AT)
    else:
        assert update.status in (LeadStatus.DONE, LeadStatus.EXHAUSTED)
        assert update.promised_at is None


def test_a_lead_taken_out_is_promised_nothing() -> None:
    assert excluded(replace(LEAD, promised_at=AT)).promised_at is None


def test_a_fresh_lead_has_no_past_and_needs_a_number() -> None:
    lead = fresh(replace(LEAD, attempts=3, dead=(ONE,), next_at=AT), CampaignId(9))
    assert lead == replace(LEAD, campaign=CampaignId(9), status=LeadStatus.NEW)
    with pytest.raises(BadValue, match="has no number to call"):
        fresh(replace(LEAD, numbers=()), CampaignId(9))


def test_the_default_table_knows_every_outcome_that_can_be_tried_again() -> None:
    assert set(DEFAULT_RETRIES) == set(Outcome) - {Outcome.CONNECTED, *SPARED}


@pytest.mark.parametrize(("whole", "barred"), [(False, (TWO,)), (True, (TWO, ONE))])
def test_never_again_bars_the_number_and_if_asked_the_persons_others_but_no_switchboard(
    whole: bool, barred: tuple[PhoneNumber, ...]
) -> None:
    lead = replace(LEAD, numbers=(ONE, TWO, THREE), number_index=1, extensions={THREE: "214"})
    assert never_again(lead, whole=whole) == barred
    of_switchboard = replace(lead, number_index=2)
    assert never_again(of_switchboard, whole=whole) == ((THREE, ONE, TWO) if whole else (THREE,))


def test_a_number_stands_once_in_a_campaign_each_extension_by_itself() -> None:
    lead = replace(LEAD, numbers=(ONE, TWO), extensions={TWO: "214"})
    assert lead.keys == (ONE, f"{TWO};ext=214")
