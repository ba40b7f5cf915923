"""Lessons: learned in the order of the dials, each once, and none holds up the others for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.pacing.lessons import LOST, Attempt, Lessons
from dialer.domain.pacing.odds import Odds
from dialer.domain.pacing.traits import LATELY, Divisions
from dialer.domain.types import CampaignId, LeadId, PhoneNumber

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def begun(*leads: int, odds: Odds | None = None) -> Lessons:
    lessons = Lessons(odds or Odds())
    for n in leads:
        lessons.begin(LeadId(n), Attempt((), 0.1 * n, after(n)))
    return lessons


def test_a_burst_of_dials_does_not_look_better_for_its_early_answers() -> None:
    """A quarter answers after ten seconds, the others stop after 28: in between only answers have come."""
    lessons, in_order = begun(), Odds()
    rate = lessons.odds.level()
    for n in range(400):
        lessons.begin(LeadId(n), Attempt((), 0.2, NOW))
        in_order.learn((), float(n % 4 == 0))
    for n in range(1, 400):
        if n % 4 == 0:
            lessons.end(LeadId(n), 1.0, after(10))
    assert lessons.odds.level() == rate, "the first dial still rings"
    for n in range(400):
        if n % 4 or n == 0:
            lessons.end(LeadId(n), float(n == 0), after(28))
    assert lessons.odds.level() == pytest.approx(in_order.level())
    assert not lessons.chances


def test_a_dial_keeps_its_chance_until_it_is_learned_and_others_have_the_campaigns_rate() -> None:
    lessons = begun(1, 2)
    lessons.end(LeadId(2), 0.0, after(5))
    assert lessons.p(LeadId(2)) == pytest.approx(0.2)
    lessons.end(LeadId(1), 1.0, after(6))
    assert lessons.p(LeadId(1)) == lessons.p(LeadId(2)) == lessons.p(None) == lessons.odds.level()


@pytest.mark.parametrize("how", ["dropped", "lost"])
def test_a_dial_without_a_lesson_holds_up_nobody(how: str) -> None:
    lessons = begun(1, 2)
    rate = lessons.odds.level()
    if how == "dropped":
        lessons.end(LeadId(2), 1.0, after(5))
        assert lessons.odds.level() == rate
        lessons.drop(LeadId(1), after(6))
    else:
        lessons.end(LeadId(2), 1.0, after(3) + LOST)
    assert lessons.odds.level() > rate
    assert not lessons.chances


def test_the_end_of_a_call_that_was_not_dialled_by_pacing_teaches_nothing() -> None:
    lessons = begun()
    rate = lessons.odds.level()
    lessons.end(LeadId(7), 1.0, NOW)
    lessons.drop(LeadId(8), NOW)
    assert lessons.odds.level() == rate


def test_columns_that_divide_the_list_are_found_among_the_leads_dialled_and_found_again_on_another_list() -> (
    None
):
    divisions, campaign = Divisions(), Campaign(CampaignId(1), "spring")

    def dial(n: int, **extra: str) -> None:
        divisions.see(Lead(LeadId(n), campaign.id, (PhoneNumber(f"+7916{n:07}"),), extra=extra))

    for n in range(200):
        dial(n, segment=f"s{n % 5}", contract=f"{n}")
    assert divisions.columns == ("segment",)
    for n in range(2 * LATELY):
        dial(n, city=f"c{n % 3}")
    assert divisions.columns == ("city",)


@pytest.mark.parametrize("hours", [5, -5])
def test_a_dial_is_lost_after_as_long_as_ever_whatever_the_clock_is_set_to(hours: int) -> None:
    lessons, by = begun(1, 2), timedelta(hours=hours)
    rate = lessons.odds.level()
    lessons.clock_was_set(by)
    lessons.end(LeadId(2), 1.0, after(1) + LOST + by - timedelta.resolution)
    assert lessons.odds.level() == rate, "the first one may still ring"
    lessons.drop(LeadId(7), after(9))
    lessons.end(LeadId(2), 1.0, after(1) + LOST + by)
    assert lessons.odds.level() > rate
