"""The day's table adds up, whatever it is read by."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.domain.cdr import Cdr
from dialer.domain.today import line_of, lines_by, parts_of
from dialer.domain.types import CampaignId, OperatorId, Outcome
from tests.unit.domain.test_kpi import LOST, SILENT, TALK

records = st.builds(
    lambda cdr, campaign, operator, talk_s: replace(
        cdr, campaign=CampaignId(campaign), operator=operator, talk_s=talk_s
    ),
    st.sampled_from([TALK, SILENT, LOST]),
    st.integers(1, 3),
    st.sampled_from([None, OperatorId("101"), OperatorId("102")]),
    st.integers(0, 90_000_000).map(lambda us: us / 1e6),
)


def test_a_talk_of_just_the_length_is_long_and_one_that_is_shorter_is_not() -> None:
    talks = [replace(TALK, talk_s=talk_s) for talk_s in (29.999, 30.0, 31.0)]
    (part,) = parts_of(talks, 30.0)
    assert (part.calls, part.live, part.long) == (3, 3, 2)
    assert line_of([part]).talk_s == 90.999


def test_an_answer_counts_as_live_whoever_was_there_for_it() -> None:
    line = line_of(parts_of([TALK, SILENT, LOST], 30.0))
    assert (line.calls, line.live, line.long) == (3, 2, 1)
    assert line.outcomes == {Outcome.CONNECTED: 1, Outcome.ABANDONED: 1, Outcome.NO_ANSWER: 1}


@given(st.lists(records, max_size=30))
def test_the_lines_of_operators_and_of_campaigns_add_up_to_the_same_total(cdrs: list[Cdr]) -> None:
    parts = parts_of(cdrs, 30.0)
    total = line_of(parts)
    assert total.calls == len(cdrs) == sum(total.outcomes.values())
    for lines in (lines_by(parts, lambda part: part.operator), lines_by(parts, lambda part: part.campaign)):
        for figure in ("calls", "live", "long"):
            assert sum(getattr(line, figure) for line in lines.values()) == getattr(total, figure)
        assert sum(line.talk_s for line in lines.values()) == pytest.approx(total.talk_s, abs=1e-6)
