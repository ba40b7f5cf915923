"""Forecasts are held against what came of the very calls and operators that they were made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain import call as c
from dialer.domain.call import Call
from dialer.domain.campaign import Campaign
from dialer.domain.operators import Operator, State, StateChange
from dialer.domain.pacing.decision import Decision, OperatorView, Outlook, Snapshot
from dialer.domain.pacing.predictive import GRACE_S
from dialer.domain.pacing.scorecard import Score, Scorecard
from dialer.domain.types import CallId, CampaignId, LeadId, OperatorId, PhoneNumber, TrunkId

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ONE, TWO = CampaignId(1), CampaignId(2)
ANNA, BORIS, VERA, STRANGER = (OperatorId(str(n)) for n in range(101, 105))
CAMPAIGN = Campaign(ONE, "spring", operators=frozenset({ANNA, BORIS, VERA}))
SEEN = Outlook(20.0, 3, 2, 1.5, 2.0, 0.05, 0.06, 0.5, coming=1.25, shares={ONE: 1.0, TWO: 0.5})


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def view(id_: OperatorId, state: State, *, leaving: bool = False) -> OperatorView:
    free = state is State.READY
    return OperatorView(id_, state, NOW, NOW if free else None, free=free, summonable=False, campaign=ONE,
                        leaving=leaving)  # fmt: skip


def look(card: Scorecard, second: float, outlook: Outlook | None = SEEN) -> dict[CampaignId, Score]:
    """A decision at this second, with one operator ready, one talking and one in wrap-up."""
    operators = [
        view(ANNA, State.READY),
        view(BORIS, State.TALKING),
        view(VERA, State.WRAP_UP),
        view(STRANGER, State.TALKING),
    ]
    snapshot = Snapshot(at(second), [CAMPAIGN], {}, [], operators, {})
    return dict(card.decided(snapshot, Decision(outlook={} if outlook is None else {ONE: outlook})))


def answer(
    card: Scorecard, begun: float, answered: float, *, of: CampaignId = ONE, for_: OperatorId | None = None
) -> None:
    call = Call(CallId("c"), of, LeadId(1), PhoneNumber("+79161234567"), TrunkId("main"), operator=for_,
                leased_at=at(begun))  # fmt: skip
    after = replace(call, state=c.State.ANSWERED, answer_at=at(answered))
    for before in (call, after):  # every event may come twice
        card.saw(before, None, after)


def ready(card: Scorecard, who: OperatorId, second: float) -> None:
    change = StateChange(who, State.WRAP_UP, State.READY, "", at(second))
    card.moved(change, Operator(who, state=State.READY))


@pytest.mark.parametrize(
    ("begun", "answered", "of", "for_", "counts"),
    [
        (-15, 3, ONE, None, 1.0),
        (0, 20, ONE, None, 1.0),  # dialled by that very decision
        (0.25, 5, ONE, None, 0.0),  # by a later one
        (-1, 20.1, ONE, None, 0.0),  # too late
        (-1, 5, TWO, None, 0.5),  # half of its answers are for these operators
        (-1, 5, CampaignId(3), None, 0.0),
        (-1, 5, ONE, ANNA, 0.0),  # progressive: it brings its own operator
    ],
)
def test_an_answer_counts_when_its_call_was_in_the_forecast(
    begun: float, answered: float, of: CampaignId, for_: OperatorId | None, counts: float
) -> None:
    card = Scorecard()
    look(card, 0)
    answer(card, begun, answered, of=of, for_=for_)
    assert look(card, 30)[ONE].answers_seen == counts


@pytest.mark.parametrize(
    ("who", "second", "counts"),
    [(BORIS, 4, 1), (VERA, 20 + GRACE_S, 1), (VERA, 21 + GRACE_S, 0), (ANNA, 4, 0), (STRANGER, 4, 0)],
)
def test_an_operator_counts_once_when_he_was_busy_and_came_free_in_time(
    who: OperatorId, second: float, counts: int
) -> None:
    card = Scorecard()
    look(card, 0)
    ready(card, who, second)
    ready(card, who, second)
    assert look(card, 30)[ONE].free_seen == counts


def test_one_forecast_at_a_time_and_the_next_begins_when_it_is_over() -> None:
    card = Scorecard()
    looks = [second / 4 for second in range(4 * 70)]
    closed = [second for second in looks if look(card, second)]
    assert closed == [22.75, 45.5, 68.25]
    assert card.scores[ONE].forecasts == 3


def test_a_forecast_is_held_against_what_came_even_when_the_campaign_stops_meanwhile() -> None:
    card = Scorecard()
    look(card, 0)
    answer(card, -3, 2)
    answer(card, -3, 5)
    ready(card, BORIS, 9)
    look(card, 10, None)
    assert look(card, 30, None) == {
        ONE: Score(1, 1.5, 2.0, 0.5, free_expected=1.25, free_seen=1.0, free_off=0.25)
    }
    assert not look(card, 60, None), "and no other was made"


def test_errors_do_not_cancel_out_and_calibration_is_the_quotient_of_sums() -> None:
    both = Score(1, 1.5, 2.0, 0.5, 1.0, 0.0, 1.0) + Score(1, 1.5, 1.0, 0.5, 1.0, 2.0, 1.0)
    assert (both.answers_calibration, both.answers_error) == (1.0, 0.5)
    assert (both.free_calibration, both.free_error) == (1.0, 1.0)
    assert (Score().answers_calibration, Score().free_error) == (None, None)


@pytest.mark.parametrize("hours", [5, -5])
def test_a_forecast_spans_what_it_did_whatever_the_clock_is_set_to(hours: int) -> None:
    card, by_s = Scorecard(), hours * 3600.0
    look(card, 0)
    card.clock_was_set(timedelta(seconds=by_s))
    answer(card, by_s - 3, by_s + 20)
    answer(card, by_s - 3, by_s + 20.1)
    ready(card, BORIS, by_s + 20 + GRACE_S)
    assert not look(card, by_s + 22)
    assert (look(card, by_s + 23)[ONE].answers_seen, card.scores[ONE].free_seen) == (1.0, 1)
