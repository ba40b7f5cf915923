"""What a number does is known beforehand, and shares and distributions are kept."""

from __future__ import annotations

import random
from collections import Counter
from statistics import fmean, median

import pytest

from dialer.lab.carrier import dialplan
from dialer.lab.fate import SLOTS, Does, Fate, Plan, Rule, Voice, deal, everyone, tone_of
from dialer.worlds import Length, Shape, fixed

MIXED = Rule("*", {Does.ANSWER: 50, Does.BUSY: 30, Does.NO_ANSWER: 20}, Length(Shape.UNIFORM, 1, 5), fixed(9))


def test_the_same_seed_gives_the_same_fate_and_another_seed_another() -> None:
    numbers = [f"7916{index:07}" for index in range(200)]
    plans = [Plan(seed, (MIXED,)) for seed in (1, 1, 2)]
    first, again, other = ([plan.fate(number) for number in numbers] for plan in plans)
    assert first == again != other


def test_a_number_is_the_same_with_and_without_its_plus() -> None:
    plan = Plan(1, (MIXED,))
    assert plan.fate("+79161234567") == plan.fate("79161234567")


def test_a_known_fate_stays_what_it_is_in_every_version() -> None:
    fates = [Plan(7, (MIXED,)).fate("79161234567", call) for call in (1, 2, 3)]
    assert [fate.does for fate in fates] == KNOWN, (
        "seeds that people have noted down would mean something else"
    )


KNOWN = [Does.NO_ANSWER, Does.ANSWER, Does.BUSY]


def test_shares_are_exact_to_one_slot() -> None:
    deck = Counter(deal({Does.ANSWER: 48, Does.BUSY: 9, Does.MACHINE: 0, Does.QUIET: 0.001}))
    assert sum(deck.values()) == SLOTS
    assert deck[Does.ANSWER] == pytest.approx(SLOTS * 48 / 57.001, abs=1)
    assert deck[Does.MACHINE] == 0


def test_an_exact_number_beats_a_prefix_and_a_long_prefix_a_short_one() -> None:
    rules = (
        Rule("79*", {Does.BUSY: 1}),
        Rule("79160000001", {Does.ANSWER: 1}),
        Rule("7916*", {Does.REJECTED: 1}),
        Rule("*", {Does.NO_ANSWER: 1}),
    )
    plan = Plan(1, rules)
    found = [plan.fate(number).does for number in ("79160000001", "79160000002", "79170000001", "4930123456")]
    assert found == [Does.ANSWER, Does.REJECTED, Does.BUSY, Does.NO_ANSWER]


@pytest.mark.parametrize(
    ("length", "middle", "figure"),
    [
        (Length(Shape.EXPONENTIAL, 5), fmean, 5),
        (Length(Shape.LOGNORMAL, 4, 0.5), median, 4),
        (Length(Shape.UNIFORM, 2, 8), fmean, 5),
        (fixed(3), fmean, 3),
    ],
)
def test_lengths_follow_their_distribution(length: Length, middle: object, figure: float) -> None:
    assert callable(middle)
    chance = random.Random(1)
    assert middle([length.draw(chance) for _ in range(4000)]) == pytest.approx(figure, rel=0.06)


def test_a_length_stays_between_least_and_most() -> None:
    chance = random.Random(1)
    drawn = [Length(Shape.EXPONENTIAL, 5, least=2, most=6).draw(chance) for _ in range(500)]
    assert (min(drawn), max(drawn)) == (2, 6)


def test_a_voice_that_tells_the_number_does() -> None:
    plan = Plan(1, (Rule("*", {Does.ANSWER: 1}, voice=Voice("number")),))
    assert plan.fate("79161234507").tone == tone_of("79161234507") == 540
    assert len({tone_of(f"791612345{index:02}") for index in range(100)}) == 100


def test_the_dialplan_holds_the_fates_that_are_foretold() -> None:
    plan = Plan(3, (MIXED,))
    text = dialplan(plan)
    for slot, fate in list(enumerate(plan.slots(MIXED)))[::500]:
        assert f"exten => {slot:03x},1,Gosub(do,{fate.does},1({fate.ring_s},{fate.talk_s}))" in text


def test_what_a_number_was_told_goes_before_its_rule_call_by_call() -> None:
    told = {"79161234567": (Fate(Does.BUSY, 0, 0), Fate(Does.ANSWER, 3.0, 9.5, setup_s=1.2))}
    plan = Plan(3, (Rule("*", {Does.REJECTED: 1}),), told)
    assert [plan.fate("+79161234567", call).does for call in (1, 2, 3)] == [
        Does.BUSY,
        Does.ANSWER,
        Does.REJECTED,
    ]
    assert plan.fate("79161234568").does is Does.REJECTED
    lines = dialplan(plan).splitlines()
    at = lines.index("exten => 79161234567c2,1,Wait(1.2)")
    assert lines[at + 1] == " same => n,Gosub(do,answer,1(3.0,9.5))"


def test_a_rule_without_chance_takes_one_line_of_dialplan() -> None:
    assert len(dialplan(everyone(Does.BUSY)).splitlines()) < 18
