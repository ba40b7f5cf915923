"""Wrong tokens are slowed, one address at a time, and nobody with a right one is."""

from __future__ import annotations

from dialer.web.patience import FORGOTTEN_AFTER_S, FREE, LONGEST_S, MOST_SOURCES, QUEUE_S, Patience


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_slip_costs_nothing_and_each_further_wrong_token_costs_more_up_to_a_limit() -> None:
    clock = Clock()
    patience = Patience(clock)
    waits = []
    for _ in range(FREE + 10):
        wait_s = patience.wrong("10.0.0.1")
        assert wait_s is not None
        waits.append(wait_s)
        clock.now_s += wait_s
    assert waits[:FREE] == [0.0] * FREE
    assert waits == sorted(waits)
    assert waits[FREE] > 0
    assert waits[-1] == LONGEST_S


def test_many_at_once_from_one_address_are_answered_one_after_another_and_then_sent_away() -> None:
    patience = Patience(Clock())
    waits = [patience.wrong("10.0.0.1") for _ in range(100)]
    answered = [wait_s for wait_s in waits if wait_s is not None]
    assert answered == sorted(answered)
    assert max(answered) <= QUEUE_S + LONGEST_S
    assert waits[-1] is None


def test_another_address_waits_for_nobody() -> None:
    patience = Patience(Clock())
    for _ in range(50):
        patience.wrong("10.0.0.1")
    assert patience.wrong("10.0.0.2") == 0.0


def test_wrong_tokens_are_forgotten_after_a_while() -> None:
    clock = Clock()
    patience = Patience(clock)
    for _ in range(50):
        patience.wrong("10.0.0.1")
    clock.now_s += FORGOTTEN_AFTER_S + 1
    assert patience.wrong("10.0.0.1") == 0.0


def test_a_million_addresses_take_no_more_memory_than_ten_thousand() -> None:
    patience = Patience(Clock())
    for n in range(MOST_SOURCES + 500):
        patience.wrong(f"10.0.{n}")
    assert len(patience._sources) == MOST_SOURCES
