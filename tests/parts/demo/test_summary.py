"""The summary of the demo: its keys are documented, and time of dialing is told apart from the drain."""

from __future__ import annotations

from pathlib import Path

from dialer.demo.summary import Spans, summarise

QUICKSTART = Path(__file__).parents[3] / "docs" / "quickstart.md"
HOURS = [{"logged_in_s": 60.0, "states": {"talking": 20.0, "wrap_up": 10.0, "paused": 10.0}}]


def test_seconds_are_those_of_dialing_and_occupancy_is_of_the_same_time() -> None:
    summary = summarise([], HOURS, "", Spans(60.04, 12.3), operators=1)
    assert (summary["seconds"], summary["drain_seconds"]) == (60.0, 12.3)
    assert summary["occupancy"] == 0.6


def test_every_key_of_the_summary_is_on_the_page() -> None:
    page = QUICKSTART.read_text("utf-8")
    missing = [key for key in summarise([], [], "", Spans(0, 0), operators=0) if f"| `{key}` |" not in page]
    assert not missing
