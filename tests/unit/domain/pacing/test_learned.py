"""What is learned of operators: each span teaches its own curve, breaks are counted, mistakes are not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dialer.domain.operators import Operator, State, StateChange
from dialer.domain.pacing.forecast import NOTHING
from dialer.domain.pacing.knowledge import Knowledge
from dialer.domain.pacing.learned import ANSWERS, RING_EDGES, RINGS, TALK_EDGES, Learned
from dialer.domain.types import CampaignId, OperatorId

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANN, SPRING, AUTUMN = OperatorId("101"), CampaignId(1), CampaignId(2)
READY, TALKS, WRAPS, AWAY, OUT = State.READY, State.TALKING, State.WRAP_UP, State.PAUSED, State.OFFLINE


def mean_away_s(learned: Learned) -> float:
    return 1 / learned.return_rate


def test_the_first_break_counts_as_much_as_what_was_thought_of_breaks_before() -> None:
    learned = Learned()
    before = mean_away_s(learned)
    learned.returned(100.0)
    assert mean_away_s(learned) == pytest.approx((before + 100) / 2, rel=0.01)


def test_the_length_of_breaks_follows_the_last_hundreds_of_them() -> None:
    learned = Learned()
    for _ in range(2000):
        learned.returned(120.0)
    assert mean_away_s(learned) == pytest.approx(120, rel=0.02)
    for _ in range(400):
        learned.returned(600.0)
    assert mean_away_s(learned) == pytest.approx(600 - 480 * 0.37, rel=0.02), "1/e of the old ones is left"


def test_the_share_of_breaks_follows_the_last_hundreds_of_wrap_ups() -> None:
    learned = Learned()
    for _ in range(2000):
        learned.wrapped(10.0, to_break=True)
    assert learned.break_share == pytest.approx(1, abs=0.01)
    for _ in range(400):
        learned.wrapped(10.0, to_break=False)
    assert learned.break_share == pytest.approx(0.37, abs=0.01)


def test_before_any_call_a_product_expects_what_the_trade_is_used_to() -> None:
    """One call in ten is lost, three in ten that ring are answered, half of these within ten seconds."""
    learned = Learned()
    ended, alive = learned.setup.shares()
    assert ended[:, -1].tolist() == pytest.approx([0.9, 0.1], abs=0.01)
    rings, _ = learned.ring.shares()
    assert rings[ANSWERS][-1] == pytest.approx(0.3, abs=0.01)
    assert np.interp(10.0, RING_EDGES, rings[ANSWERS]) == pytest.approx(0.15, abs=0.01)
    for curve, median_s in ((learned.talk, 60.0), (learned.wrap_up, 10.0)):
        _, alive = curve.shares()
        assert np.interp(median_s, TALK_EDGES, alive) == pytest.approx(0.5, abs=0.02)
    assert (learned.break_share, mean_away_s(learned)) == (0.05, 300)


def test_whatever_ends_counts_once_among_what_was_seen() -> None:
    learned = Learned()
    learned.set_up("main", 1.0, RINGS)
    learned.ring.learn(9.0, ANSWERS)
    learned.talk.learn(60.0, 0)
    learned.wrapped(9.0, to_break=False)
    learned.returned(300.0)  # a break is counted, and has no curve
    assert learned.seen() == 4


def test_what_the_product_learned_of_all_campaigns_survives_a_restart() -> None:
    before, after = (Knowledge(lambda name: UTC) for _ in range(2))
    moves(before, (READY, TALKS, 1), (TALKS, WRAPS, 60), (WRAPS, AWAY, 9), (AWAY, READY, 600))
    for _ in range(50):
        before.product_odds.learn((), 1.0)
    after.load({key: state for key, state in before.to_states().items() if key == "product"}, {})
    assert seen(after.product) == seen(before.product) == (1, 1, True)
    assert after.product_odds.level() == before.product_odds.level()
    new = after.of(AUTUMN)
    assert new.lessons.odds.level() == before.product_odds.level(), "a campaign that is new begins there"
    assert new.learned.break_share == Learned().break_share, "though its own breaks were never seen"


def test_a_product_without_a_history_of_all_campaigns_begins_at_what_it_is_used_to() -> None:
    knowledge = Knowledge(lambda name: UTC)
    moves(knowledge, (READY, TALKS, 1), (TALKS, WRAPS, 60))
    again = Knowledge(lambda name: UTC)
    again.load({key: state for key, state in knowledge.to_states().items() if key != "product"}, {})
    assert seen(again.product) == (0, 0, False)
    assert seen(again.of(SPRING).learned) == (1, 0, False)


def moves(knowledge: Knowledge, *ways: tuple[State, State, float], of: CampaignId | None = SPRING) -> None:
    """From one state to the next, each after so many seconds."""
    at = NOW
    for was, became, after_s in ways:
        at += timedelta(seconds=after_s)
        knowledge.moved(StateChange(ANN, was, became, "", at, None, of), Operator(ANN))


def seen(learned: Learned) -> tuple[int, int, bool]:
    """Talks, wrap-ups, and whether a break was."""
    return learned.talk.seen, learned.wrap_up.seen, learned.return_rate != Learned().return_rate


@pytest.mark.parametrize(
    ("ways", "taught"),
    [
        ([(READY, TALKS, 1), (TALKS, WRAPS, 60)], (1, 0, False)),
        ([(READY, TALKS, 1), (TALKS, READY, 60)], (1, 0, False)),
        ([(TALKS, WRAPS, 1), (WRAPS, READY, 9)], (0, 1, False)),
        ([(WRAPS, AWAY, 1), (AWAY, READY, 600)], (0, 0, True)),
        ([(WRAPS, AWAY, 1), (AWAY, OUT, 600)], (0, 0, False)),  # he did not come back
        ([(AWAY, READY, 1), (READY, AWAY, 600)], (0, 0, False)),
        ([(OUT, READY, 1), (READY, TALKS, 600)], (0, 0, False)),
        ([(READY, TALKS, 1)], (0, 0, False)),  # what has not ended yet
        ([(TALKS, WRAPS, 1), (READY, TALKS, 9)], (0, 0, False)),  # something was missed between them
        (
            [(READY, TALKS, 1), (READY, TALKS, 5), (TALKS, WRAPS, 55), (TALKS, WRAPS, 9)],
            (1, 0, False),
        ),  # twice
    ],
)
def test_each_span_teaches_what_it_is(ways: Sequence[tuple[State, State, float]], taught: object) -> None:
    knowledge = Knowledge(lambda name: UTC)
    moves(knowledge, *ways)
    assert seen(knowledge.of(SPRING).learned) == taught
    assert seen(knowledge.product) == taught, "and so the product's own history"
    assert seen(knowledge.of(AUTUMN).learned) == (0, 0, False), "and nobody else"


def test_a_break_of_nobodys_campaign_teaches_the_product_alone() -> None:
    knowledge = Knowledge(lambda name: UTC)
    moves(knowledge, (READY, AWAY, 1), (AWAY, READY, 600), of=None)
    assert seen(knowledge.product) == (0, 0, True)
    assert seen(knowledge.of(SPRING).learned) == (0, 0, False)


def test_a_wrap_up_that_ends_in_a_break_makes_breaks_likelier_and_one_that_does_not_rarer() -> None:
    usual = Learned().break_share
    for after, is_likelier in ((AWAY, True), (OUT, True), (READY, False)):
        knowledge = Knowledge(lambda name: UTC)
        moves(knowledge, (TALKS, WRAPS, 1), (WRAPS, after, 9))
        assert (knowledge.product.break_share > usual) is is_likelier


def test_a_talk_that_ends_before_it_began_by_a_clock_that_was_set_back_is_a_short_one() -> None:
    knowledge = Knowledge(lambda name: UTC)
    moves(knowledge, (READY, TALKS, 100), (TALKS, WRAPS, -50))
    assert seen(knowledge.product) == (1, 0, False)


@pytest.mark.parametrize("by_s", [3600, -3600])
def test_a_talk_lasts_as_long_as_it_does_though_the_clock_is_set_meanwhile(by_s: int) -> None:
    steady, adjusted = (Knowledge(lambda name: UTC) for _ in range(2))
    moves(steady, (READY, TALKS, 1), (TALKS, WRAPS, 60))
    moves(adjusted, (READY, TALKS, 1))
    by = timedelta(seconds=by_s)
    adjusted.clock_was_set(by)
    ended = StateChange(ANN, TALKS, WRAPS, "", NOW + timedelta(seconds=61) + by, None, SPRING)
    adjusted.moved(ended, Operator(ANN))
    assert adjusted.product.talk.to_state() == steady.product.talk.to_state()


def test_a_forecast_is_made_anew_for_news_after_15_s_and_in_any_case_after_two_minutes() -> None:
    known = Knowledge(lambda name: UTC).of(SPRING)

    def forecast(after_s: float, ring_s: float = 25.0) -> object:
        return known.forecast(NOW + timedelta(seconds=after_s), ring_s, 1.5, lambda: NOTHING)

    first = forecast(0)
    assert forecast(60) is first, "nothing was seen meanwhile"
    known.learned.returned(60.0)
    for _ in range(100):
        known.learned.wrapped(9.0, to_break=False)
    assert forecast(14) is first, "it is fresh"
    second = forecast(16)
    assert second is not first
    assert forecast(16 + 119) is second
    third = forecast(16 + 121)
    assert third is not second
    assert forecast(16 + 121, ring_s=30.0) is not third, "it was made for another ring time"
    assert forecast(16, ring_s=30.0) is not forecast(16 + 121, ring_s=30.0), "or the clock was set back"
