"""How far down its list a campaign is: places, dials and contacts, each counted once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain import call as c
from dialer.domain.cdr import close
from dialer.domain.depth import Depth, Span, held_back, measure, told
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId, CellId, Direction, LeadId, LeadStatus, PhoneNumber
from tests.unit.domain.stories import LEASED, TO_TALK, at, play
from tests.unit.domain.test_cdr import CAMPAIGN, LEAD, record

NEW = Lead(LeadId(1), CampaignId(1), (PhoneNumber("+79160000001"),))
LIST = [
    replace(NEW, id=LeadId(5), priority=9, attempts=1, status=LeadStatus.RETRY),
    NEW,
    replace(NEW, id=LeadId(2), status=LeadStatus.LEASED),
    replace(NEW, id=LeadId(3), status=LeadStatus.EXCLUDED),
    replace(NEW, id=LeadId(7), attempts=2, status=LeadStatus.DONE),
    replace(NEW, id=LeadId(9)),
]
TALK = record(*TO_TALK, c.Destroyed(at(65.02), 16))


def test_a_list_is_measured_down_to_the_last_lead_that_was_dialled() -> None:
    depth = measure(reversed(LIST), [])
    assert (depth.leads, depth.dialled, depth.deepest) == (6, 2, 5)
    assert (depth.passed_over, depth.at_hand) == (2, 1)
    assert measure([NEW], []).deepest == 0


def test_a_list_is_in_the_order_of_its_priorities() -> None:
    leads = [
        replace(LIST[0], id=LeadId(n), priority=priority, attempts=int(n == 4))
        for n, priority in ((1, 5), (2, -3), (3, 7), (4, 0), (6, 0))
    ]
    leads = [replace(lead, status=LeadStatus.NEW) for lead in leads]
    depth = measure(leads, [])
    assert (depth.deepest, depth.passed_over, depth.at_hand) == (3, 2, 0)


def test_only_our_own_dials_of_this_list_count_in_the_span() -> None:
    returned = replace(TALK, direction=Direction.IN)
    strange = replace(TALK, lead=LeadId(99))
    span = measure(LIST, [TALK, TALK, returned, strange]).span
    assert (span.leads, span.dials, span.first, span.last) == (1, 2, 5, 5)
    assert measure(LIST, [returned, strange]).span == Span()


@pytest.mark.parametrize(("dials", "contacts", "share"), [(0, 0, None), (4, 1, 250), (4, 0, 0)])
def test_contacts_are_told_for_a_thousand_dials(dials: int, contacts: int, share: float | None) -> None:
    assert Span(dials=dials, contacts=contacts).contacts_per_1000 == share


def test_what_was_dialled_is_told_only_where_something_was() -> None:
    assert str(told(Depth(leads=3), "2026-03-02", best_first=False)).endswith("none was dialled yet.")
    some = told(measure(LIST, [TALK]), "2026-03-02", best_first=False)
    assert "dialled: 2, down to place 5; passed over: 2" in str(some)
    assert "at places 5 to 5; 1000 people answered of 1,000 dials" in str(some)
    assert "likeliest" not in str(some)
    assert "likeliest" in str(told(measure(LIST, [TALK]), "2026-03-02", best_first=True))


def test_a_record_begins_with_the_request_else_the_lease_else_the_end() -> None:
    ended, _ = play(LEASED, *TO_TALK, c.Destroyed(at(9), 16))
    begins = []
    for dialled_at, leased_at in ((at(0), at(-1)), (None, at(-1)), (at(0), None), (None, None)):
        call = replace(ended, dialled_at=dialled_at, leased_at=leased_at)
        cdr = close(call, CellId("main"), LEAD, CAMPAIGN).cdr
        begins.append(cdr and cdr.dialled_at)
    assert begins == [at(0), at(-1), at(0), at(9)]


def test_leads_that_wait_for_a_person_are_counted_by_their_cell() -> None:
    assert held_back("main", 1).startswith("1 lead of cell main is held back")
    assert held_back("main", 12).startswith("12 leads of cell main are held back")
