"""Entries of the do-not-call list: how they are written, and which of them block a number."""

from __future__ import annotations

import pytest

from dialer.domain.dnc import checked, entries_of, why_blocked
from dialer.domain.errors import BadValue
from dialer.domain.types import CampaignId


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("+79161234567", "+79161234567"),
        ("+7 (916) 123-45.67", "+79161234567"),
        ("+7916*", "+7916*"),
        ("+7*", "+7*"),
        ("+7916123", "+7916123"),
    ],
)
def test_an_entry_is_a_number_or_a_prefix_however_it_is_spaced(entry: str, kept: str) -> None:
    assert checked(entry) == kept


@pytest.mark.parametrize("entry", ["", "*", "+*", "79161234567", "+0916*", "+791612", "+7916*5", "+7916a"])
def test_what_is_no_entry_is_refused_with_an_example(entry: str) -> None:
    with pytest.raises(BadValue, match="is no entry of the do-not-call list"):
        checked(entry)


def test_a_number_is_blocked_by_itself_and_by_each_of_its_prefixes_the_longest_first() -> None:
    assert entries_of("+7916") == ("+7916", "+7916*", "+791*", "+79*", "+7*")
    assert all(checked(entry) == entry for entry in entries_of("+79161234567"))


def test_the_reason_names_a_prefix_and_never_a_whole_number() -> None:
    assert why_blocked("+7916*", None, "") == "prefix +7916* is on the do-not-call list for every campaign"
    assert why_blocked("+79161234567", CampaignId(1), "asked") == (
        "the number is on the do-not-call list for this campaign: asked"
    )
