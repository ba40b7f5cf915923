"""What the network's words mean: SIP status first, then the Q.850 cause."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.causes import BY_CAUSE, BY_SIP, outcome_of
from dialer.domain.types import Outcome

OF_THE_NETWORK = {
    Outcome.BUSY,
    Outcome.NO_ANSWER,
    Outcome.UNALLOCATED,
    Outcome.CONGESTION,
    Outcome.REJECTED,
    Outcome.NETWORK_FAILURE,
}


@pytest.mark.parametrize(
    ("cause", "sip", "outcome"),
    [  # pairs that Asterisk 22 was seen to report
        (17, 486, Outcome.BUSY),
        (1, 404, Outcome.UNALLOCATED),
        (34, 503, Outcome.CONGESTION),
        (21, 403, Outcome.REJECTED),
        (19, 480, Outcome.NO_ANSWER),
        (19, 0, Outcome.NO_ANSWER),  # the timeout of the originate
        (16, None, Outcome.NO_ANSWER),  # the far end stopped the ringing
        (38, None, Outcome.NETWORK_FAILURE),
        (3, None, Outcome.NETWORK_FAILURE),
    ],
)
def test_what_asterisk_reports_becomes_the_outcome(cause: int, sip: int | None, outcome: Outcome) -> None:
    assert outcome_of(cause, sip) is outcome


def test_the_networks_own_word_goes_before_what_asterisk_made_of_it() -> None:
    assert outcome_of(1, 486) is Outcome.BUSY
    assert outcome_of(17, 404) is Outcome.UNALLOCATED


def test_a_status_that_is_not_in_the_table_leaves_it_to_the_cause() -> None:
    assert outcome_of(17, 499) is Outcome.BUSY
    assert outcome_of(999, 499) is Outcome.NETWORK_FAILURE
    assert outcome_of(None, None) is Outcome.NETWORK_FAILURE


@settings(deadline=None)
@given(st.none() | st.integers(), st.none() | st.integers())
def test_every_pair_of_numbers_has_an_outcome_that_the_network_can_cause(
    cause: int | None, sip: int | None
) -> None:
    assert outcome_of(cause, sip) in OF_THE_NETWORK


def test_the_tables_hold_final_statuses_and_causes_only() -> None:
    assert all(400 <= code < 700 for code in BY_SIP)
    assert all(1 <= code <= 127 for code in BY_CAUSE)
    assert {*BY_SIP.values(), *BY_CAUSE.values()} == OF_THE_NETWORK
