"""Whose a cell is: one service at a time, by the clock of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dialer.domain.days import told_at
from dialer.domain.said import Said, said
from dialer.domain.types import CellId


@dataclass(frozen=True, slots=True)
class Holder:
    """One life of a service."""

    id: str  # random, another one at every start
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Held:
    """A cell and who has it; every instant is the database's."""

    cell: CellId
    holder: Holder
    since_at: datetime
    until_at: datetime  # renewed again and again; once it is over, anybody may take the cell
    is_over: bool = False

    @property
    def sentence(self) -> Said:
        return said(
            "cell {cell} belongs to process {pid} on {host} since {since_at} UTC: stop that one, or give this"
            " service another DIALER_CELL; if it is dead, the cell is free at {until_at} UTC",
            cell=self.cell,
            pid=self.holder.pid,
            host=self.holder.host,
            since_at=told_at(self.since_at, seconds=True),
            until_at=f"{self.until_at:%H:%M:%S}",
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """The cell is ours; `before` had it last and never gave it back in good order (empty: nobody)."""

    before: str = ""
