"""Figures are folded from records by one rule each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from dialer.domain import call as c
from dialer.domain.cdr import Cdr, close
from dialer.domain.kpi import answers_by_hour, fold, key_of, tally_of
from dialer.domain.types import CampaignId, CellId, Direction, Outcome
from tests.unit.domain.stories import ANN, DIALLED, LEASED, RINGS, TO_MESSAGE, TO_TALK, at, play
from tests.unit.domain.test_cdr import CAMPAIGN, LEAD

NINE, TEN = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC)
ONE = CampaignId(1)


def record(*story: c.Event) -> Cdr:
    cdr = close(play(LEASED, *story)[0], CellId("main"), LEAD, CAMPAIGN).cdr
    assert cdr is not None
    return cdr


TALK = record(*TO_TALK, c.Destroyed(at(65.02), 16))
SILENT = record(DIALLED, RINGS, c.Destroyed(at(21), 19, 480))
LOST = record(*TO_MESSAGE, c.MessageStarted(at(6.6)), c.Destroyed(at(12), 16))
RETURNED = replace(TALK, direction=Direction.IN)


def test_only_an_answered_call_counts_as_answered_and_only_a_talk_as_connected() -> None:
    figures = [
        (t.attempts, t.answered, t.connected, t.abandoned) for t in map(tally_of, (TALK, SILENT, LOST))
    ]
    assert figures == [(1, 1, 1, 0), (1, 0, 0, 0), (1, 1, 0, 1)]


def test_an_attempt_lasts_from_the_request_to_the_end() -> None:
    assert (tally_of(TALK).talk_s, tally_of(TALK).duration_s) == (60, 65.02)
    assert (tally_of(SILENT).talk_s, tally_of(SILENT).duration_s) == (0, 21)


def test_a_record_counts_on_the_utc_day_on_which_it_was_dialled() -> None:
    late = datetime(2026, 3, 3, 1, 30, tzinfo=timezone(timedelta(hours=3)))
    assert key_of(replace(TALK, dialled_at=late), UTC) == (ANN, 1, "2026-03-02")
    assert key_of(SILENT, UTC) == ("", 1, "2026-03-02")


def test_sums_add_each_figure_of_each_record_once() -> None:
    total = fold([TALK, TALK, TALK], UTC)[ANN, 1, "2026-03-02"]
    assert (total.attempts, total.answered, total.connected, total.abandoned) == (3, 3, 3, 0)
    assert (total.talk_s, total.duration_s) == (180, 195.06)
    assert fold([LOST, LOST, LOST], UTC)["", 1, "2026-03-02"].abandoned == 3


def test_neither_a_return_call_nor_one_without_an_answer_counts_among_our_answers() -> None:
    assert answers_by_hour([RETURNED, SILENT]) == {}
    assert answers_by_hour([TALK, RETURNED, SILENT]) == {(ONE, NINE): (1, 0)}


def test_answers_and_abandoned_ones_are_counted_by_the_hour_of_the_answer() -> None:
    later = replace(TALK, answer_at=at(3600), outcome=Outcome.ABANDONED)
    other = replace(LOST, campaign=CampaignId(2))
    assert answers_by_hour([TALK, TALK, LOST, LOST, LOST, later, other]) == {
        (ONE, NINE): (5, 3),
        (ONE, TEN): (1, 1),
        (CampaignId(2), NINE): (1, 1),
    }
