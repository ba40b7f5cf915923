"""Entries of the do-not-call list: how they are written, and which of them block a number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.dnc import EVERYWHERE, Entry, checked, entries_of, renewed, why_blocked
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


NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def entry(*, since: int = 0, until: int | None = None, reason: str = "in the register") -> Entry:
    """From so many days after NOW to so many."""
    at = NOW + since * DAY
    return Entry("+79161234567", None, reason, at, "register",
                 until_at=None if until is None else NOW + until * DAY, seen_at=at)  # fmt: skip


def test_an_entry_bars_until_its_end_and_one_without_an_end_for_good() -> None:
    ends = entry(until=1)
    assert ends.bars(NOW + DAY - timedelta.resolution)
    assert not ends.bars(NOW + DAY)
    assert entry().bars(NOW + 10_000 * DAY)


def test_entries_of_every_campaign_come_before_those_of_one() -> None:
    whole = entry()
    assert whole.key == ("+79161234567", EVERYWHERE, "register")
    assert whole.key < Entry("+79161234567", CampaignId(1), "", NOW, "register").key


@pytest.mark.parametrize("replaces", [True, False])
def test_an_entry_that_is_new_or_has_run_out_is_kept_as_its_source_names_it(replaces: bool) -> None:
    again = entry(since=5, until=9, reason="anew")
    assert renewed(None, again, replaces=replaces) == again
    assert renewed(entry(until=5), again, replaces=replaces) == again


@pytest.mark.parametrize("replaces", [True, False])
def test_an_entry_that_is_named_once_more_bars_since_it_was_first_named(replaces: bool) -> None:
    after = renewed(entry(until=6), entry(since=5, until=9, reason="anew"), replaces=replaces)
    assert (after.at, after.reason, after.seen_at) == (NOW, "in the register", NOW + 5 * DAY)


@pytest.mark.parametrize(
    ("was", "named", "replaces", "ends"),
    [
        (6, 9, False, 9),
        (9, 6, False, 9),  # a register that is read twice frees nobody early
        (None, 6, False, None),
        (6, None, False, None),
        (9, 6, True, 6),  # but the list that takes its place does
        (None, 6, True, 6),
        (6, None, True, None),
    ],
)
def test_an_entry_ends_earlier_only_if_the_whole_source_is_replaced(
    was: int | None, named: int | None, replaces: bool, ends: int | None
) -> None:
    after = renewed(entry(until=was), entry(since=5, until=named), replaces=replaces)
    assert after.until_at == entry(until=ends).until_at
