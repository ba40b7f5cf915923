"""Lists drawn at random are read as they are meant, or asked about; and the page of real ones is true."""

from __future__ import annotations

from bench.lists.judge import Came, judge_all
from bench.lists.variants import ASKED, draw
from tests.parts.adapters.files.page import PAGE, page

LISTS = 150  # a thousand: python -m bench.lists


def test_drawn_lists_are_read_as_they_are_meant() -> None:
    table = judge_all(draw(seed) for seed in range(LISTS))
    assert [(one.variant.seed, one.why, one.variant.traits) for one in table.wrong] == []
    assert table.every[Came.RIGHT] >= 0.75 * LISTS  # of the others most must be asked about
    for phones in ASKED:
        assert set(table.by["phones", phones]) <= {Came.ASKED}


def test_the_same_number_draws_the_same_list() -> None:
    for seed in (1, 2, 3):
        one, other = draw(seed), draw(seed)
        assert (one.traits, one.wanted) == (other.traits, other.wanted)
        assert one.traits["form"] == "XLSX" or one.content == other.content


def test_the_page_of_lists_says_what_comes_out_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.parts.adapters.files.page"
