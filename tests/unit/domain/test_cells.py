"""A cell has one holder, and whoever is refused reads whose it is."""

from __future__ import annotations

from datetime import UTC, datetime

from dialer.domain.cells import Held, Holder
from dialer.domain.types import CellId


def test_who_holds_a_cell_is_told_with_what_frees_it() -> None:
    since_at, until_at = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC), datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    held = Held(CellId("main"), Holder("x", "host-a", 42), since_at, until_at)
    assert held.sentence.startswith("cell main belongs to process 42 on host-a since 2026-03-02 09:00:05 UTC")
    assert held.sentence.endswith("the cell is free at 09:15:00 UTC")
