"""Dialing waits while the machine does not keep up, and goes on when it does."""

from __future__ import annotations

import pytest

from dialer.domain.busy import MOST_S, REMEMBERED_S, Busy


@pytest.mark.parametrize("by_asterisk", [True, False])
def test_late_by_too_much_closes_dialing_for_some_seconds(by_asterisk: bool) -> None:
    busy = Busy()
    busy.told(10.0, MOST_S - 0.01, by_asterisk=by_asterisk)
    assert busy.obstacle(10.0) == ""
    busy.told(11.0, MOST_S + 0.11, by_asterisk=by_asterisk)
    assert "the machine is too busy" in busy.obstacle(11.0)
    assert busy.obstacle(11.0 + REMEMBERED_S) != ""
    assert busy.obstacle(11.1 + REMEMBERED_S) == ""
    assert busy.worst_s == MOST_S + 0.11


def test_the_worst_of_the_last_seconds_is_named_with_its_figure() -> None:
    busy = Busy()
    busy.told(10.0, 0.5, by_asterisk=True)
    busy.told(11.0, 2.25, by_asterisk=False)
    busy.told(12.0, 0.6, by_asterisk=True)
    assert "this service was 2.2 s late" in busy.obstacle(12.0)
    assert "Asterisk took 0.6 s for an answer" in busy.obstacle(11.5 + REMEMBERED_S)
