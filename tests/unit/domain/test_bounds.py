"""What a field may be set to, at the edge and one step beyond it, and the sentence that says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dialer.domain.bounds import ACCOUNT, CAMPAIGN, TOKEN, TRUNK, Bounds, check
from dialer.domain.campaign import Retry
from dialer.domain.errors import BadField
from dialer.domain.types import Outcome

YEAR = timedelta(days=365)


@pytest.mark.parametrize(
    ("bounds", "field", "value"),
    [
        (CAMPAIGN, "ratio", 0.1),
        (CAMPAIGN, "ratio", 10.0),
        (CAMPAIGN, "priority", -1000),
        (CAMPAIGN, "priority", 1000),
        (CAMPAIGN, "rest", timedelta()),
        (CAMPAIGN, "rest", YEAR),
        (CAMPAIGN, "name", "x"),
        (CAMPAIGN, "name", "x" * 100),
        (CAMPAIGN, "country", "GB"),
        (CAMPAIGN, "message", ""),
        (CAMPAIGN, "caller_id", ""),
        (CAMPAIGN, "operators", frozenset()),
        (CAMPAIGN, "operators", frozenset({"101", "999999"})),
        (CAMPAIGN, "schedule", [object()] * 100),
        (CAMPAIGN, "trunks", ["main"] * 50),
        (CAMPAIGN, "retries", {}),
        (CAMPAIGN, "retries", {Outcome.BUSY: Retry(()), Outcome.NO_ANSWER: Retry((timedelta(),) * 50)}),
        (TRUNK, "calls_per_s", 0.001),
        (TRUNK, "calls_per_s", 1000),
        (TRUNK, "codecs", ["alaw"] * 10),
        (TRUNK, "prefixes", ["+7", "+1" + "2" * 14]),
        (TRUNK, "host", "sip.example.org"),
        (TRUNK, "host", "[2001:db8::1]"),
        (ACCOUNT, "sip_password", "8 signs?".replace(" ", "_")),
        (ACCOUNT, "pin", "0000"),
        (TOKEN, "name", "wall.board-1"),
        (TOKEN, "name", None),
        (TOKEN, "colour", "green"),
    ],
)
def test_what_is_within_its_bounds_passes(bounds: Bounds, field: str, value: Any) -> None:
    check({field: value}, bounds)


@pytest.mark.parametrize(
    ("bounds", "field", "value", "flaw"),
    [
        (CAMPAIGN, "ratio", 0.09, "is not from 0.1 to 10"),
        (CAMPAIGN, "ratio", 10.1, "is not from 0.1 to 10"),
        (CAMPAIGN, "ratio", float("nan"), "is not from 0.1 to 10"),
        (CAMPAIGN, "priority", -1001, "is not from -1,000 to 1,000"),
        (CAMPAIGN, "priority", 1001, "is not from -1,000 to 1,000"),
        (CAMPAIGN, "rest", timedelta(seconds=-1), "is not from 0 to 3.1536e+07"),
        (CAMPAIGN, "rest", YEAR + timedelta(seconds=1), "is not from 0 to 3.1536e+07"),
        (CAMPAIGN, "name", "", "has not from 1 to 100 characters"),
        (CAMPAIGN, "name", "x" * 101, "has not from 1 to 100 characters"),
        (CAMPAIGN, "name", "a\nb", "is not written as it must be, such as Spring 2026"),
        (CAMPAIGN, "country", "R", "has not from 2 to 2 characters"),
        (CAMPAIGN, "country", "ru", "is not written as it must be, such as RU"),
        (CAMPAIGN, "country", "XX", "is 'XX', and there is no such country"),
        (CAMPAIGN, "operators", {"101", "1"}, "'1' has not from 2 to 6 characters"),
        (CAMPAIGN, "operators", {"x" * 50}, f"'{'x' * 40}' has not from 2 to 6 characters"),
        (CAMPAIGN, "schedule", [object()] * 101, "are not from 0 to 100 values"),
        (
            CAMPAIGN,
            "retries",
            {Outcome.BUSY: Retry((timedelta(),)), Outcome.NO_ANSWER: Retry((YEAR, 2 * YEAR))},
            "'no_answer' is not from 0 to 3.1536e+07",
        ),
        (
            CAMPAIGN,
            "retries",
            {Outcome.BUSY: Retry((timedelta(),) * 51)},
            "'busy' are not from 0 to 50 values",
        ),
        (TRUNK, "calls_per_s", 0, "is not more than 0 and at most 1,000"),
        (TRUNK, "calls_per_s", 1001, "is not more than 0 and at most 1,000"),
        (TRUNK, "codecs", [], "are not from 1 to 10 values"),
        (TRUNK, "codecs", ["alaw"] * 11, "are not from 1 to 10 values"),
        (TRUNK, "host", "sip example", "is not written as it must be, such as sip.example.org"),
        (ACCOUNT, "sip_password", "7_signs", "has not from 8 to 128 characters"),
        (ACCOUNT, "pin", "471", "has not from 4 to 12 characters"),
    ],
)
def test_what_is_beyond_them_is_refused_with_the_field_and_the_bounds(
    bounds: Bounds, field: str, value: Any, flaw: str
) -> None:
    with pytest.raises(BadField) as refused:
        check({"colour": "green", field: value}, bounds)
    assert (refused.value.field, str(refused.value.why)) == (field, flaw)
