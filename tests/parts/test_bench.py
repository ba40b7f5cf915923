"""What the bench writes on docs/bench.md: figures with their commit, and nothing else of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import page, short
from bench.calls import Wish
from bench.figures import BARE, PRODUCT, Probe, Result

HERE = page.Conditions("abc1234", "2026-03-02", 2, 0.1, "22.10.1")


def probe(
    side: str, asked: int, *, media: bool = False, seconds: float = 60.0, wait_ms: float = 9.0
) -> Probe:
    calls = round(asked * seconds)
    return Probe(side, media, asked, seconds, calls, {}, [wait_ms] * calls, 5.0, 5.0, None)


def result(*long: Probe, beyond: tuple[Probe, ...] = ()) -> Result:
    return Result((*long, *beyond), {}, {(each.side, each.media): each for each in long})


def test_the_table_has_what_was_held_for_a_minute_and_the_ratio_of_it() -> None:
    rates = ((PRODUCT, False, 120), (BARE, False, 140), (PRODUCT, True, 60), (BARE, True, 75))
    text = page.whole_run(result(*(probe(side, n, media=media) for side, media, n in rates)), HERE)
    assert "| no | **120/s**, 9 / 9 ms | **140/s**, 9 / 9 ms | **0.86** | 5.0 / 5.0 ms |" in text
    assert "| yes | **60/s**, 9 / 9 ms | **75/s**, 9 / 9 ms | **0.80** | 5.0 / 5.0 ms |" in text
    assert text.startswith("Commit abc1234, 2026-03-02: Asterisk 22.10.1")
    assert "the machine quiet (load average 0.1 before the run)" in text


def test_what_was_not_held_is_told_and_is_no_rate() -> None:
    slow = probe(PRODUCT, 135, seconds=6.0, wait_ms=130.0)
    text = page.whole_run(result(probe(PRODUCT, 120, wait_ms=120.0), probe(BARE, 140), beyond=(slow,)), HERE)
    assert "| no | not confirmed | **140/s**, 9 / 9 ms | unknown |" in text
    assert "- Not held without sound: the service at 135/s for 6 s (130 / 130 ms; answer to bridge" in text


def test_only_its_own_part_of_the_page_is_written(tmp_path: Path) -> None:
    begin, end = page.WHOLE
    there = tmp_path / "bench.md"
    there.write_text(f"before\n{begin}\nold\n{end}\nbehind\n")
    page.put(page.WHOLE, "new\n", there)
    assert there.read_text() == f"before\n{begin}\nnew\n{end}\nbehind\n"
    with pytest.raises(LookupError, match="short form"):
        page.put(page.SHORT, "new\n", there)


@pytest.mark.parametrize("marks", [page.SHORT, page.WHOLE])
def test_the_page_has_a_place_for_each_part(marks: tuple[str, str]) -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert [text.count(mark) for mark in marks] == [1, 1]


def test_only_a_whole_run_is_for_the_page() -> None:
    assert Wish().is_for_the_page
    parts = (
        Wish(media=(False,)),
        Wish(sides=(BARE,)),
        Wish(rates=(20,)),
        Wish(tone=True),
        Wish(confirm_s=10.0),
    )
    assert not any(wish.is_for_the_page for wish in (*parts, short.WISH))
