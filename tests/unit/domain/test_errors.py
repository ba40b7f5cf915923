"""What an error tells people."""

from __future__ import annotations

import pytest

from dialer.domain.errors import BadField, BadValue, DiskTrouble, IllegalMove, Refused, StoreDown, is_expected
from dialer.domain.said import said, said_by


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StoreDown(), "The database or Redis cannot be reached."),
        (StoreDown("no route"), "no route"),
        (BadField("pin", "is short"), "pin: is short"),
        (Refused(404, "Not Found"), "Asterisk refused (404): Not Found"),
    ],
)
def test_an_error_says_what_it_was_made_with_else_what_it_is(error: BadValue, sentence: str) -> None:
    assert error.sentence == sentence


def test_a_sentence_keeps_its_template_and_anything_else_is_written_out() -> None:
    why = said("no lead is due")
    assert said_by(BadValue(why)) is why
    assert said_by(ValueError()) == ""
    assert said_by(ValueError(5)) == "5"
    assert said_by(OSError(28, "No space left on device")) == "[Errno 28] No space left on device"


@pytest.mark.parametrize(
    ("error", "is_the_worlds"),
    [
        (BadValue("x"), True),
        (StoreDown(), True),
        (DiskTrouble(), True),
        (ConnectionResetError(), True),
        (IllegalMove("x"), False),
        (ValueError(), False),
        (KeyError("x"), False),
    ],
)
def test_a_mistake_of_this_program_is_told_from_the_worlds_and_the_callers(
    error: Exception, is_the_worlds: bool
) -> None:
    assert is_expected(error) is is_the_worlds


def test_a_refusal_keeps_what_asterisk_said() -> None:
    refused = Refused(409, "in use")
    assert (refused.status, refused.reason) == (409, "in use")
