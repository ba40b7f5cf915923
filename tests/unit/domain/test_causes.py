"""What the network's words mean: the network's own Q.850 cause, else the SIP status, else the cause."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.causes import (
    BY_A_PERSON,
    BY_CAUSE,
    BY_SIP,
    DERIVED,
    INTERWORKING,
    UNSPECIFIC,
    ender_of,
    is_reason,
    outcome_of,
)
from dialer.domain.types import EndedBy, Outcome

OF_THE_NETWORK = {
    Outcome.BUSY,
    Outcome.NO_ANSWER,
    Outcome.UNALLOCATED,
    Outcome.CONGESTION,
    Outcome.REJECTED,
    Outcome.MOVED,
    Outcome.TRUNK_REFUSED,
    Outcome.NETWORK_FAILURE,
}


@pytest.mark.parametrize(
    ("cause", "sip", "outcome"),
    [  # pairs that Asterisk 22 was seen to report
        (17, 486, Outcome.BUSY),
        (1, 404, Outcome.UNALLOCATED),
        (34, 503, Outcome.CONGESTION),
        (21, 403, Outcome.TRUNK_REFUSED),
        (127, 402, Outcome.TRUNK_REFUSED),
        (21, 401, Outcome.TRUNK_REFUSED),
        (58, 488, Outcome.TRUNK_REFUSED),
        (21, 603, Outcome.REJECTED),
        (127, 607, Outcome.REJECTED),
        (23, 302, Outcome.MOVED),
        (16, 300, Outcome.MOVED),
        (16, 305, Outcome.MOVED),
        (16, 399, Outcome.MOVED),
        (19, 480, Outcome.NO_ANSWER),
        (19, 0, Outcome.NO_ANSWER),  # the timeout of the originate
        (16, None, Outcome.NO_ANSWER),  # the far end stopped the ringing
        (18, 408, Outcome.NETWORK_FAILURE),
        (19, 483, Outcome.NETWORK_FAILURE),
        (127, 487, Outcome.NETWORK_FAILURE),
        (38, 500, Outcome.NETWORK_FAILURE),
        (102, 504, Outcome.NETWORK_FAILURE),
        (38, None, Outcome.NETWORK_FAILURE),
        (3, None, Outcome.NETWORK_FAILURE),
    ],
)
def test_what_asterisk_reports_becomes_the_outcome(cause: int, sip: int | None, outcome: Outcome) -> None:
    assert outcome_of(cause, sip) is outcome


@pytest.mark.parametrize(
    ("cause", "sip", "outcome"),
    [
        (1, 480, Outcome.UNALLOCATED),
        (17, 480, Outcome.BUSY),
        (20, 480, Outcome.NO_ANSWER),
        (34, 480, Outcome.CONGESTION),
        (17, 603, Outcome.BUSY),
        (1, 503, Outcome.UNALLOCATED),
        (34, 404, Outcome.CONGESTION),
        (1, 403, Outcome.UNALLOCATED),
        (17, 403, Outcome.BUSY),
        (18, 404, Outcome.NO_ANSWER),
        (19, 408, Outcome.NO_ANSWER),
        (21, 480, Outcome.REJECTED),
        (21, 486, Outcome.REJECTED),
        (21, 402, Outcome.TRUNK_REFUSED),  # beside such a status the cause is the carrier's too
        (50, 603, Outcome.TRUNK_REFUSED),
        (63, 503, Outcome.TRUNK_REFUSED),
        (22, 410, Outcome.UNALLOCATED),
        (23, 486, Outcome.MOVED),
    ],
)
def test_a_cause_that_the_network_gave_itself_wins_over_its_status(
    cause: int, sip: int, outcome: Outcome
) -> None:
    assert is_reason(cause, sip)
    assert outcome_of(cause, sip) is outcome


@pytest.mark.parametrize("cause", [*sorted(UNSPECIFIC), -1, 6, 128, 200, 999, None])
@pytest.mark.parametrize(("sip", "outcome"), [(486, Outcome.BUSY), (404, Outcome.UNALLOCATED)])
def test_a_cause_that_explains_nothing_leaves_it_to_the_status(
    cause: int | None, sip: int, outcome: Outcome
) -> None:
    assert outcome_of(cause, sip) is outcome


@pytest.mark.parametrize("sip", [code for code in DERIVED if code in BY_SIP])
def test_a_cause_that_asterisk_made_of_the_status_is_no_word_of_the_network(sip: int) -> None:
    assert outcome_of(DERIVED[sip], sip) is BY_SIP[sip]
    assert outcome_of(INTERWORKING, sip) is BY_SIP[sip]


@pytest.mark.parametrize(
    ("cause", "sip", "outcome"),
    [
        (21, 403, Outcome.REJECTED),
        (58, 488, Outcome.REJECTED),
        (18, 408, Outcome.NO_ANSWER),
        (127, 402, Outcome.TRUNK_REFUSED),  # money is ours whatever rang
        (21, 407, Outcome.TRUNK_REFUSED),
        (127, 487, Outcome.NO_ANSWER),
    ],
)
def test_after_a_ringing_phone_some_words_are_the_far_ends(cause: int, sip: int, outcome: Outcome) -> None:
    assert outcome_of(cause, sip, rang=True) is outcome


def test_a_status_that_is_not_in_the_table_leaves_it_to_the_cause() -> None:
    assert outcome_of(17, 499) is Outcome.BUSY
    assert outcome_of(999, 499) is Outcome.NETWORK_FAILURE
    assert outcome_of(None, None) is Outcome.NETWORK_FAILURE


@pytest.mark.parametrize(
    ("cause", "sip", "by"),
    [  # seen on Asterisk 22: a BYE, one with Q.850;cause=38, one with SIP;cause=408, a 200 without SDP
        (0, None, EndedBy.PERSON),
        (16, None, EndedBy.PERSON),
        (16, 200, EndedBy.PERSON),
        (17, 486, EndedBy.PERSON),
        (19, 480, EndedBy.PERSON),
        (21, 603, EndedBy.PERSON),
        (31, 480, EndedBy.PERSON),
        (38, 500, EndedBy.NETWORK),
        (18, 408, EndedBy.NETWORK),
        (127, 406, EndedBy.NETWORK),
        (16, 406, EndedBy.NETWORK),
        (0, 481, EndedBy.NETWORK),
        (44, None, EndedBy.NETWORK),  # no sound came
        (102, 504, EndedBy.NETWORK),
        (None, None, EndedBy.PERSON),
    ],
)
def test_who_ended_an_answered_call(cause: int | None, sip: int | None, by: EndedBy) -> None:
    assert ender_of(cause, sip) is by


@settings(deadline=None)
@given(st.none() | st.integers(), st.none() | st.integers(), st.booleans())
def test_every_pair_of_numbers_has_an_outcome_that_the_network_can_cause(
    cause: int | None, sip: int | None, rang: bool
) -> None:
    assert outcome_of(cause, sip, rang=rang) in OF_THE_NETWORK


def test_the_tables_hold_final_statuses_and_causes_only() -> None:
    assert all(300 <= code < 700 for code in BY_SIP)
    assert all(0 <= code <= 127 for code in {*BY_CAUSE, *DERIVED.values(), *BY_A_PERSON})
    assert {*BY_SIP.values(), *BY_CAUSE.values()} == OF_THE_NETWORK
