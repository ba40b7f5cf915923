"""Keys: what each sequence does, and that no timing, interleaving or repetition does what was not meant."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain import disposition, pauses
from dialer.domain.disposition import Disposition, Then, Title
from dialer.domain.keys import (
    ALLOWED,
    END_TALK,
    INTER_DIGIT_S,
    LOGOUT,
    QUIET_S,
    READY,
    SETTLE_S,
    Answer,
    Dispose,
    Dropped,
    Entry,
    HangUpPerson,
    Logout,
    Nothing,
    Pause,
    Ready,
    meanings,
    moved,
    press,
)
from dialer.domain.operators import State

KEYS = "0123456789*#ABCD"
MEANINGS = meanings(disposition.DEFAULT, pauses.DEFAULT)
PAUSE_REASONS = {one.key: one for one in pauses.DEFAULT}
DISPOSITIONS = {one.key: one for one in disposition.DEFAULT}
AT_WORK = (State.READY, State.RESERVED, State.WRAP_UP, State.PAUSED)
DOC = Path(__file__).parents[3] / "docs/reference/keys.md"
START = datetime(2026, 11, 30, 9, tzinfo=UTC)


@dataclass
class Hand:
    """An operator's hand and the clock on the wall."""

    state: State = State.READY
    at: datetime = START
    entry: Entry = field(default_factory=Entry)

    def __post_init__(self) -> None:
        self.log: list[Answer] = []

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def press(self, keys: str, gap_s: float = 0.2) -> list[Answer]:
        """The answers to these keys."""
        answers = []
        for key in keys:
            self.entry, answer = press(self.entry, self.state, key, self.at, self.at, known=MEANINGS)
            if answer is not None:
                answers.append(answer)
            self.wait(gap_s)
        self.log += answers
        return answers

    def move(self, state: State, *, by_keys: bool = False) -> None:
        self.state = state
        self.entry = moved(self.entry, state, self.at, by_keys=by_keys)


def expected(state: State, keys: str) -> object:
    """The page's first table, said once more in another way."""
    if keys == "#*":
        return HangUpPerson() if state is State.TALKING else Nothing()
    if state not in AT_WORK:
        return Nothing()
    match keys:
        case "*#":
            return Ready()
        case "*9":
            return Logout()
        case _ if keys[0] == "*" and keys[1] in PAUSE_REASONS:
            return Pause(PAUSE_REASONS[keys[1]])
        case _ if keys[1] == "#" and keys[0] in DISPOSITIONS and state is State.WRAP_UP:
            return Dispose(DISPOSITIONS[keys[0]])
    return Nothing()


@pytest.mark.parametrize("state", State)
def test_two_keys_in_every_state(state):
    for pair in map("".join, itertools.product(KEYS, repeat=2)):
        assert Hand(state).press(pair) == [expected(state, pair)], pair


@pytest.mark.parametrize("state", State)
def test_one_key_alone_does_nothing_in_any_state(state):
    for key in KEYS:
        assert Hand(state).press(key) in ([], [Nothing()])


def test_a_sequence_means_the_same_in_every_state_and_none_is_the_beginning_of_another():
    for one, other in itertools.permutations(MEANINGS, 2):
        assert not other.startswith(one)


def test_what_ends_a_talk_or_books_an_outcome_begins_like_nothing_harmless():
    beginnings: dict[type, set[str]] = {}
    for keys, action in MEANINGS.items():
        kind = type(action) if isinstance(action, HangUpPerson | Dispose) else object
        beginnings.setdefault(kind, set()).add(keys[0])
    for one, other in itertools.combinations(beginnings.values(), 2):
        assert not one & other


def test_the_talk_ends_by_two_different_keys_so_that_a_key_sent_twice_ends_nothing():
    assert len(set(END_TALK)) == len(END_TALK) == 2
    assert Hand(State.TALKING).press("##*") == [Nothing()]
    assert Hand(State.TALKING).press("#") == []


@pytest.mark.parametrize("keys", MEANINGS)
@pytest.mark.parametrize(("first", "then"), list(itertools.permutations(State, 2)))
def test_a_sequence_across_a_change_of_state_does_nothing_and_that_is_said(keys, first, then):
    hand = Hand(first)
    begun = not hand.press(keys[0])
    hand.move(then)
    answers = hand.press(keys[1:])
    assert not any(isinstance(answer, HangUpPerson | Dispose | Ready | Pause | Logout) for answer in answers)
    if begun:
        assert answers == [Dropped()]


@pytest.mark.parametrize("keys", MEANINGS)
def test_the_second_half_that_comes_late_is_no_beginning_of_anything(keys):
    hand = Hand(State.TALKING)
    hand.press(keys[0])
    hand.move(State.WRAP_UP)
    hand.wait(1.0)
    assert hand.press(keys[1] + keys, 0.3) == [Dropped()]


def test_after_a_moment_without_a_key_a_dropped_sequence_can_be_entered_again():
    hand = Hand(State.TALKING)
    hand.press("1")  # for a machine that answered
    hand.move(State.WRAP_UP)
    assert hand.press("1#") == [Dropped()]
    hand.wait(QUIET_S)
    assert hand.press("1#") == [Dispose(DISPOSITIONS["1"])]


def test_keys_for_a_machine_that_hangs_up_meanwhile_book_no_outcome():
    hand = Hand(State.TALKING)
    hand.press("12")
    hand.move(State.WRAP_UP)
    hand.wait(3.0)
    assert hand.press("1#2#") == [Dropped()]


def test_an_outcome_begun_before_anybody_can_have_noticed_the_end_of_the_talk_is_not_booked():
    hand = Hand(State.TALKING)
    hand.move(State.WRAP_UP)
    hand.wait(SETTLE_S[State.WRAP_UP] / 2)
    assert hand.press("1#") == [Dropped()]
    hand.wait(QUIET_S)
    assert hand.press("1#") == [Dispose(DISPOSITIONS["1"])]


def test_who_has_ended_the_talk_by_keys_need_not_wait_to_give_its_outcome():
    hand = Hand(State.TALKING)
    assert hand.press("#*", 0.05) == [HangUpPerson()]
    hand.move(State.WRAP_UP, by_keys=True)
    assert hand.press("2#", 0.05) == [Dispose(DISPOSITIONS["2"])]


def test_keys_that_end_a_talk_twice_do_not_end_the_next_one():
    hand = Hand(State.TALKING)
    hand.press("#*", 0.05)
    hand.move(State.READY, by_keys=True)
    hand.move(State.RESERVED)
    hand.move(State.TALKING)
    assert hand.press("#*", 0.05) == [Dropped()]


def test_an_outcome_can_be_changed_while_the_wrap_up_lasts():
    hand = Hand(State.WRAP_UP)
    assert hand.press("1#2#") == [Dispose(DISPOSITIONS["1"]), Dispose(DISPOSITIONS["2"])]


def test_two_keys_of_one_instant_are_two_keys():
    assert Hand(State.WRAP_UP).press("1#2#", gap_s=0) == [
        Dispose(DISPOSITIONS["1"]),
        Dispose(DISPOSITIONS["2"]),
    ]


def test_a_beginning_is_forgotten_after_a_pause():
    hand = Hand(State.PAUSED)
    assert hand.press("*") == []
    hand.wait(INTER_DIGIT_S + 0.1)
    assert hand.press("*2") == [Pause(PAUSE_REASONS["2"])]


@pytest.mark.parametrize("key", ["", "**", "x", "\n", "１", "10", "#*", "*2"])
def test_what_is_no_key_does_nothing(key):
    for state in State:
        entry, answer = press(Entry(), state, key, START, START, known=MEANINGS)
        assert answer == Nothing()
        assert entry.keys == ""


def test_a_clock_that_is_set_back_completes_no_sequence():
    hand = Hand(State.TALKING)
    hand.press("#")
    hand.wait(-3600)
    assert hand.press("*") == [Nothing()]


def test_no_pause_is_hidden_by_the_logout_key():
    assert LOGOUT[1] not in PAUSE_REASONS
    assert READY[1] not in PAUSE_REASONS


def test_a_campaign_that_gives_a_key_another_meaning_is_heard_with_it_and_what_has_no_key_is_not():
    sold = Disposition("sold", Title("Продано"), "8", Then.CLOSE)
    silent = Disposition("later", Title(en="Later"))
    known = meanings((sold, silent), (pauses.PauseReason("smoke", Title(en="Smoke"), "7"),))
    assert {keys: action for keys, action in known.items() if keys not in ("#*", "*#", "*9")} == {
        "8#": Dispose(sold),
        "*7": Pause(pauses.PauseReason("smoke", Title(en="Smoke"), "7")),
    }
    entry, answer = press(Entry(), State.WRAP_UP, "8", START, START, known=known)
    assert answer is None
    assert press(entry, State.WRAP_UP, "#", START, START, known=known)[1] == Dispose(sold)
    assert press(Entry(), State.WRAP_UP, "1", START, START, known=known)[1] == Nothing()


# --- all interleavings ------------------------------------------------------------------------------------

MOVES = {
    State.READY: (State.RESERVED, State.PAUSED),
    State.RESERVED: (State.TALKING, State.READY),
    State.TALKING: (State.WRAP_UP, State.READY, State.CONNECTING),
    State.WRAP_UP: (State.READY, State.PAUSED),
    State.PAUSED: (State.READY,),
    State.CONNECTING: (State.RESERVED,),
}


def check(hand: Hand, trail: list[str | State], answer: Answer) -> None:
    """A talk ends, an outcome is booked, only by its own keys, all of them entered in that state."""
    if isinstance(answer, HangUpPerson | Dispose):
        (sequence,) = [keys for keys, action in MEANINGS.items() if action == answer]
        assert "".join(str(item) for item in trail[-len(sequence) :]) == sequence, trail
        assert hand.state is (State.TALKING if isinstance(answer, HangUpPerson) else State.WRAP_UP)


def test_no_interleaving_of_keys_and_moves_ends_a_talk_or_books_an_outcome_by_part_of_a_sequence():
    """Exhaustive: all runs of six steps over the keys that matter and the moves of a shift, at any pace."""

    def walk(state: State, entry: Entry, at: datetime, trail: list[str | State]) -> int:
        if len(trail) == 6:
            return 1
        runs = 0
        later = at + timedelta(seconds=0.8)
        for key in "*#19":
            hand = Hand(state, at, entry)
            for answer in hand.press(key):
                check(hand, [*trail, key], answer)
            runs += walk(state, hand.entry, later, [*trail, key])
        for to in MOVES[state]:
            runs += walk(to, moved(entry, to, at), later, [*trail, to])
        return runs

    assert sum(walk(state, Entry(), START, []) for state in MOVES) > 100_000


@given(
    st.sampled_from(list(MOVES)),
    st.lists(
        st.tuples(
            st.sampled_from([*KEYS, "#", "*", "#", "*", "1", "move", "move"]),
            st.integers(0, 3),
            st.floats(0, 6, allow_nan=False),
        ),
        max_size=40,
    ),
)
@settings(max_examples=300, deadline=None)
def test_no_timing_ends_a_talk_or_books_an_outcome_by_part_of_a_sequence(state, steps):
    hand, trail = Hand(state), list[str | State]()
    for what, which, gap_s in steps:
        hand.wait(gap_s)
        if what == "move":
            to = MOVES[hand.state][which % len(MOVES[hand.state])]
            hand.move(to)
            trail.append(to)
            continue
        trail.append(what)
        for answer in hand.press(what, 0.0):
            check(hand, trail, answer)


def test_only_what_is_allowed_somewhere_has_keys():
    assert {type(action) for action in MEANINGS.values()} == frozenset().union(*ALLOWED.values())


@pytest.mark.parametrize(("heading", "table"), [("Pauses", PAUSE_REASONS), ("Dispositions", DISPOSITIONS)])
def test_the_page_lists_the_digits(heading, table):
    section = DOC.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    assert dict(re.findall(r"^\| (\d) \| (\w+) \|$", section, re.MULTILINE)) == {
        key: one.code for key, one in table.items()
    }
