"""What a trunk may spend in a day: answered time and attempts, clipped to the day, by its own prices."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.spending import (
    SideCall,
    SideKind,
    Spent,
    merged,
    money,
    share,
    spent_by,
    why_full,
)
from dialer.domain.trunk import Trunk
from dialer.domain.types import CellId, ChannelId, PhoneNumber, TrunkId

DAY = datetime(2026, 3, 2, tzinfo=UTC)
TRUNK = Trunk(TrunkId("main"), "192.0.2.1", price=3.0, price_per_call=0.5, currency="RUB")
SIDE = SideCall(
    ChannelId("t-1"), CellId("main"), SideKind.TEST, TRUNK.id, PhoneNumber("+79161234567"), "boss", DAY, DAY
)


def at(**span: float) -> datetime:
    return DAY + timedelta(**span)


@pytest.mark.parametrize(
    ("dialled", "answer", "end", "spent"),
    [
        (at(hours=1), at(hours=1, seconds=10), at(hours=1, seconds=100), Spent(90.0, 1)),
        (at(hours=1), None, at(hours=1, seconds=100), Spent(0.0, 1)),
        (at(seconds=-60), at(seconds=-30), at(seconds=45), Spent(45.0, 0)),
        (at(seconds=-60), at(seconds=-30), at(seconds=-5), Spent(0.0, 0)),
        (at(seconds=-5), at(seconds=5), at(seconds=15), Spent(10.0, 0)),
        (at(), at(), at(seconds=15), Spent(15.0, 1)),
        (None, None, at(), Spent(0.0, 0)),
    ],
)
def test_only_the_part_of_a_call_that_falls_into_the_day_counts(
    dialled: datetime | None, answer: datetime | None, end: datetime, spent: Spent
) -> None:
    assert spent_by(dialled, answer, end, since_at=DAY) == spent


def test_money_is_minutes_and_attempts_at_their_prices() -> None:
    assert money(TRUNK, Spent(90.0, 4)) == pytest.approx(1.5 * 3.0 + 4 * 0.5)


@pytest.mark.parametrize(
    ("minutes", "paid", "spent", "closed"),
    [
        (0.0, 0.0, Spent(1e9, 10**6), ""),
        (10.0, 0.0, Spent(599.9, 50), ""),
        (10.0, 0.0, Spent(600.0, 0), "trunk main has used 10.0 minutes of the 10"),
        (0.0, 20.0, Spent(0.0, 39), ""),
        (0.0, 20.0, Spent(0.0, 40), "trunk main has spent 20.00 RUB of the 20"),
        (0.0, 20.0, Spent(0.0, 41), "trunk main has spent 20.50 RUB of the 20"),
        (1000.0, 20.0, Spent(400.0, 0), "trunk main has spent 20.00 RUB of the 20"),
        (1.0, 20.0, Spent(400.0, 0), "trunk main has used 6.7 minutes of the 1"),
    ],
)
def test_a_ceiling_that_is_reached_closes_the_trunk_and_says_which(
    minutes: float, paid: float, spent: Spent, closed: str
) -> None:
    trunk = replace(TRUNK, minutes_per_day=minutes, money_per_day=paid)
    why = why_full(trunk, spent)
    assert why.startswith(closed)
    assert bool(why) == bool(closed) == (share(trunk, spent) >= 1)


def test_what_is_not_known_closes_a_trunk_with_a_ceiling_and_no_other() -> None:
    assert not why_full(TRUNK, None)
    assert "is not known yet" in why_full(replace(TRUNK, minutes_per_day=10), None)


def test_of_two_words_on_a_side_call_the_later_counts_from_the_first_answer_on() -> None:
    first = replace(SIDE, answer_at=at(seconds=5), end_at=at(seconds=60))
    again = replace(
        SIDE, begun_at=at(seconds=70), answer_at=at(seconds=70), end_at=at(seconds=90), is_over=True
    )
    whole = merged(first, again)
    assert (whole.begun_at, whole.answer_at, whole.end_at, whole.is_over) == (
        DAY,
        at(seconds=5),
        at(seconds=90),
        True,
    )
    assert merged(again, first) == whole
    assert merged(whole, again) == whole
    assert merged(None, first) == first
    late = replace(first, end_at=at(seconds=95))
    assert merged(again, late) == replace(whole, end_at=at(seconds=90))  # a word that came too late


def test_the_share_of_a_ceiling_that_is_used_is_exact() -> None:
    trunk = replace(TRUNK, minutes_per_day=10.0, money_per_day=0.0)
    assert share(trunk, Spent(90.0, 0)) == pytest.approx(0.15)
    assert share(replace(trunk, money_per_day=20.0), Spent(90.0, 1)) == pytest.approx(0.25)


def test_what_two_calls_spent_adds_up() -> None:
    assert Spent(90.0, 1) + Spent(5.5, 2) == Spent(95.5, 3)
