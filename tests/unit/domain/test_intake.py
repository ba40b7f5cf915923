"""What a second import makes of a lead: what the row says, nothing of where it stands, and back again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dialer.domain.columns import Columns, Field
from dialer.domain.intake import Counts, Known, Revision, Way, extended, renewed, settled, turned
from dialer.domain.lead import Lead
from dialer.domain.listing import MOST_NUMBERS, Entry, Flaw, Kind
from dialer.domain.tables import Row
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber
from tests.unit.domain.test_listing import READING

ONE, TWO, THREE = (PhoneNumber(f"+7916000000{n}") for n in (1, 2, 3))
AT = datetime(2026, 2, 3, 9, tzinfo=UTC)
LEAD = Lead(
    LeadId(7), CampaignId(1), (ONE, TWO), number_index=1, status=LeadStatus.RETRY, attempts=2,
    tried={Outcome.BUSY: 2}, next_at=AT, last_at=AT, last_outcome=Outcome.BUSY, priority=3,
    zones=("Europe/Moscow",), name="Иван", extra={"город": "Москва", "b": "1"}, extensions={TWO: "12"},
    dead=(ONE,), promised_at=AT,
)  # fmt: skip
ROW = Lead(LeadId(0), CampaignId(0), (ONE,), zones=("Asia/Omsk",))


@pytest.mark.parametrize(
    ("row", "says", "after"),
    [
        ({"name": "Анна"}, (), {"name": "Анна"}),
        ({"name": ""}, (), None),
        ({"name": "Иван"}, (), None),
        ({"priority": 5}, (), None),
        ({"priority": 0}, ("priority",), {"priority": 0}),
        ({}, ("zones",), {"zones": ["Asia/Omsk"]}),
        ({"extra": {"город": "Омск", "c": "2", "b": "1"}}, (), {"extra": {"город": "Омск", "c": "2"}}),
        ({"extensions": {TWO: "13", THREE: "14"}}, (), {"extensions": {TWO: "13"}}),
        ({"status": LeadStatus.NEW, "attempts": 0, "promised_at": None, "dead": ()}, (), None),
    ],
)
def test_an_update_is_what_the_row_says_and_the_lead_does_not(
    row: dict[str, Any], says: tuple[str, ...], after: dict[str, Any] | None
) -> None:
    revision = renewed(LEAD, replace(ROW, **row), frozenset(says))
    assert (revision and revision.after) == after
    if revision is not None:
        there = turned(LEAD, revision)
        assert there != LEAD
        assert turned(there, revision) == there
        assert turned(there, revision, back=True) == LEAD
        untouched = (
            "status",
            "attempts",
            "tried",
            "next_at",
            "promised_at",
            "numbers",
            "dead",
            "number_index",
        )
        assert all(getattr(there, name) == getattr(LEAD, name) for name in untouched)


def test_what_somebody_has_changed_meanwhile_stays_both_ways() -> None:
    revision = renewed(LEAD, replace(ROW, name="Анна", company="Лютик"), frozenset())
    assert revision is not None
    by_hand = replace(LEAD, name="Яна")
    assert turned(by_hand, revision) == replace(by_hand, company="Лютик")
    assert turned(replace(by_hand, company="Лютик"), revision, back=True) == by_hand


def test_numbers_are_added_behind_the_others_and_a_lead_has_no_more_than_it_may() -> None:
    revision = extended(LEAD, replace(ROW, extensions={THREE: "5"}), [THREE, ONE])
    assert revision == Revision(LEAD.id, {"numbers": []}, {"numbers": [[THREE, "5"]]})
    there = turned(LEAD, revision)
    assert (there.numbers, there.extensions) == ((ONE, TWO, THREE), {TWO: "12", THREE: "5"})
    assert turned(there, revision) == there
    assert turned(there, revision, back=True) == LEAD
    assert turned(LEAD, revision, taken=frozenset({f"{THREE};ext=5"})) == LEAD
    many = tuple(PhoneNumber(f"+7921{n:07}") for n in range(MOST_NUMBERS))
    full = extended(LEAD, ROW, many)
    assert full is not None
    assert len(turned(LEAD, full).numbers) == MOST_NUMBERS
    assert extended(replace(LEAD, numbers=many), ROW, [THREE]) is None
    assert extended(LEAD, ROW, []) is None


def test_taking_back_the_number_that_is_next_leaves_one_that_lives() -> None:
    revision = extended(LEAD, ROW, [THREE])
    assert revision is not None
    next_one = replace(turned(LEAD, revision), number_index=2)
    back = turned(next_one, revision, back=True)
    assert (back.numbers, back.number) == ((ONE, TWO), TWO)


def test_an_extension_that_would_be_another_leads_stays_away() -> None:
    revision = renewed(LEAD, replace(ROW, extensions={TWO: "13"}), frozenset())
    assert revision is not None
    assert turned(LEAD, revision, taken=frozenset({f"{TWO};ext=13"})) == LEAD


# --- a row that meets the campaign ------------------------------------------------------------------------

COLUMNS = Columns(("phone", "mobile", "name", "zone"), (Field.PHONE, Field.PHONE, Field.NAME, Field.ZONE))
THERE = {ONE: LEAD, TWO: LEAD}


def row(*numbers: str, name: str = "Анна", zone: str = "") -> Entry:
    """Line 5 of a file as it was read: the first number in the first column, the others in the second."""
    good = tuple(PhoneNumber(number) for number in numbers if number.startswith("+"))
    cells = (numbers[0], ";".join(numbers[1:]), name, zone)
    return Row(5, cells), Lead(LeadId(0), CampaignId(1), good, name=name, zones=(zone,) if zone else ()), ()


def meet(
    entry: Entry, known: Known, *, one_zone: bool = False, there: Any = None
) -> tuple[Entry, Revision | None]:
    return settled(entry, THERE if there is None else there, Way(COLUMNS, READING, known, one_zone))


@pytest.mark.parametrize("asked", list(Known))
def test_a_row_of_new_numbers_is_taken_as_it_is_and_so_is_one_that_was_refused(asked: Known) -> None:
    new, refused = row(THREE), (Row(5, ()), None, (Flaw(5, "phone", "x", "odd"),))
    assert meet(new, asked) == (new, None)
    assert meet(refused, asked) == (refused, None)


def test_by_default_a_known_number_is_left_out_and_the_others_become_a_lead() -> None:
    (_, lead, flaws), revision = meet(row(ONE, THREE), Known.SKIP)
    assert (lead and lead.numbers, revision) == ((THREE,), None)
    assert [(flaw.line, flaw.column, flaw.value, flaw.kind) for flaw in flaws] == [
        (5, "phone", ONE, Kind.LEFT_OUT)
    ]


def test_a_row_of_known_numbers_alone_is_a_duplicate() -> None:
    (_, lead, flaws), revision = meet(row(ONE, TWO), Known.SKIP)
    assert (lead, revision) == (None, None)
    assert [(flaw.column, flaw.value, flaw.kind) for flaw in flaws] == [
        ("phone", ONE, Kind.DUPLICATE),
        ("mobile", TWO, Kind.DUPLICATE),
    ]


def test_a_duplicate_with_a_bad_number_beside_it_is_refused() -> None:
    (_, lead, flaws), _ = meet(row(ONE, "8916"), Known.SKIP)
    assert (lead, [flaw.kind for flaw in flaws]) == (None, [Kind.REFUSED])


@pytest.mark.parametrize("asked", [Known.UPDATE, Known.ADD])
def test_a_number_whose_lead_was_not_read_is_left_out_whatever_was_asked_for(asked: Known) -> None:
    (_, lead, flaws), revision = meet(row(ONE), asked, there={ONE: None})
    assert (lead, revision, [flaw.kind for flaw in flaws]) == (None, None, [Kind.DUPLICATE])


def test_an_update_changes_the_lead_and_takes_no_new_number() -> None:
    (_, lead, flaws), revision = meet(row(ONE, THREE), Known.UPDATE)
    assert (lead, revision and revision.after) == (None, {"name": "Анна"})
    assert [(flaw.column, flaw.value, flaw.kind) for flaw in flaws] == [("mobile", THREE, Kind.LEFT_OUT)]


def test_an_update_that_says_nothing_new_is_a_duplicate() -> None:
    (_, lead, flaws), revision = meet(row(ONE, name="Иван"), Known.UPDATE)
    assert (lead, revision) == (None, None)
    assert [(flaw.kind, flaw.reason) for flaw in flaws] == [
        (Kind.DUPLICATE, "lead 7 has these values already")
    ]


@pytest.mark.parametrize(("cell", "one_zone"), [("Asia/Omsk", False), ("", True)])
def test_a_zone_that_the_row_or_the_order_names_takes_the_place_of_the_leads(
    cell: str, one_zone: bool
) -> None:
    its, lead, flaws = row(ONE, name="Иван", zone=cell)
    assert lead is not None
    entry = its, replace(lead, zones=("Asia/Omsk",)), flaws
    _, revision = meet(entry, Known.UPDATE, one_zone=one_zone)
    assert revision == Revision(LEAD.id, {"zones": ["Europe/Moscow"]}, {"zones": ["Asia/Omsk"]})
    its = replace(its, cells=(ONE, "", "Иван", ""))
    assert meet((its, entry[1], flaws), Known.UPDATE)[1] is None, "a zone that was worked out does not"


def test_adding_gives_the_lead_the_numbers_that_are_new_and_no_other_value() -> None:
    (_, lead, flaws), revision = meet(row(ONE, THREE), Known.ADD)
    assert (lead, list(flaws)) == (None, [])
    assert revision == Revision(LEAD.id, {"numbers": []}, {"numbers": [[THREE, ""]]})
    (_, lead, flaws), revision = meet(row(ONE, TWO), Known.ADD)
    assert (lead, revision, {flaw.kind for flaw in flaws}) == (None, None, {Kind.DUPLICATE})


@pytest.mark.parametrize(("room", "kind"), [(1, Kind.LEFT_OUT), (0, Kind.REFUSED)])
def test_numbers_for_which_the_lead_has_no_room_are_named(room: int, kind: Kind) -> None:
    others = tuple(PhoneNumber(f"+7921{n:07}") for n in range(MOST_NUMBERS - 1 - room))
    four = PhoneNumber("+79160000004")
    there = {ONE: replace(LEAD, numbers=(ONE, *others))}
    (_, lead, flaws), revision = meet(row(ONE, THREE, four), Known.ADD, there=there)
    assert (lead, revision is None) == (None, not room)
    assert [(flaw.value, flaw.kind) for flaw in flaws] == [(number, kind) for number in (THREE, four)[room:]]


def test_what_became_of_the_rows_is_counted_once_for_each_row() -> None:
    counts = Counts()
    for known, numbers in ((Known.SKIP, (THREE,)), (Known.SKIP, (ONE, THREE)), (Known.SKIP, (ONE,)),
                           (Known.UPDATE, (ONE, THREE)), (Known.SKIP, (ONE, "8916"))):  # fmt: skip
        entry, revision = meet(row(*numbers), known)
        counts.add(entry, updates=revision is not None)
    counts.add((Row(9, ()), None, (Flaw(9, "", "", "hidden", Kind.SKIPPED),)))
    assert counts == Counts(rows=6, leads=2, updated=1, duplicates=1, refused=1, skipped=1, left_out=2)
