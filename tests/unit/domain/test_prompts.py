"""What an operator hears of his state: everything that keys can ask for has its word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain import disposition, pauses
from dialer.domain.disposition import Title
from dialer.domain.operators import Operator, State
from dialer.domain.pauses import DEFAULT, PauseReason
from dialer.domain.prompts import AFTER_THE_CALL, LOGGED_OUT, OUTCOME, WORDS, of_outcome, of_state, path_of
from dialer.domain.shifts import LOGIN, PHONE_LOST
from dialer.domain.types import Language, OperatorId

ANN = OperatorId("101")


def test_every_pause_and_every_outcome_that_has_a_key_has_a_word() -> None:
    assert {f"pause-{one.code}" for one in pauses.DEFAULT} <= WORDS.keys()
    assert {word for one in disposition.DEFAULT for word in of_outcome(one)} <= WORDS.keys()
    assert {f"digit-{digit}" for digit in disposition.DIGITS} <= WORDS.keys()
    assert of_outcome(disposition.DEFAULT[0]) == (OUTCOME, "outcome-agreed")


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_word(state: State) -> None:
    (first, *_) = of_state(Operator(ANN, state=state))
    assert first == f"state-{state}"
    assert first in WORDS


def test_a_pause_is_told_with_its_reason_where_that_has_a_word() -> None:
    paused = State.PAUSED
    assert of_state(Operator(ANN, state=paused, reason="lunch")) == ("state-paused", "pause-lunch")
    assert of_state(Operator(ANN, state=paused, reason="walking the dog")) == ("state-paused",)
    assert of_state(Operator(ANN, state=State.READY, reason="lunch")) == ("state-ready",)


def test_a_pause_for_a_reason_of_the_sites_own_is_told_by_its_key_one_of_the_phone_by_what_happened() -> None:
    its = (PauseReason("smoke", Title("Перекур"), "7"), PauseReason("walk", Title("Прогулка")), *DEFAULT)
    paused = Operator(ANN, state=State.PAUSED, reason="smoke")
    assert of_state(paused, its) == ("state-paused", "digit-7")
    assert of_state(replace(paused, reason="walk"), its) == ("state-paused",), "it has no key either"
    assert of_state(replace(paused, reason="lunch"), its) == ("state-paused", "pause-lunch")
    assert of_state(replace(paused, reason=PHONE_LOST), its) == ("state-paused", "reason-phone_lost")
    talking = Operator(ANN, state=State.TALKING, then=State.PAUSED, then_reason="smoke")
    assert of_state(talking, its) == ("state-talking", AFTER_THE_CALL, "state-paused", "digit-7")


def test_whoever_was_logged_out_hears_why_where_that_has_a_word() -> None:
    offline = State.OFFLINE
    assert of_state(Operator(ANN, state=offline, reason=PHONE_LOST)) == (
        "state-offline",
        f"reason-{PHONE_LOST}",
    )
    assert of_state(Operator(ANN, state=offline, reason="because")) == ("state-offline",)
    assert of_state(Operator(ANN, state=State.READY, reason=PHONE_LOST)) == ("state-ready",)


def test_what_will_follow_the_call_is_told_as_well() -> None:
    talking = Operator(ANN, state=State.TALKING, reason=LOGIN)
    assert of_state(Operator(ANN, state=State.TALKING, then=State.PAUSED, then_reason="lunch")) == (
        *("state-talking", AFTER_THE_CALL, "state-paused", "pause-lunch"),
    )
    assert of_state(Operator(ANN, state=State.TALKING, then=State.OFFLINE)) == (
        *("state-talking", AFTER_THE_CALL, LOGGED_OUT),
    )
    assert of_state(talking) == ("state-talking",)


def test_each_language_has_its_own_sounds() -> None:
    paths = {path_of(word, language) for word in WORDS for language in Language}
    assert len(paths) == len(WORDS) * len(Language)
    assert path_of(OUTCOME, Language.RU).endswith(f"/ru/{OUTCOME}")
