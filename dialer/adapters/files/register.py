"""A file of what shall never be dialled: its entries, each with its own end where a column has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo

from dialer.adapters.files.lists import ListFile
from dialer.adapters.fitting import LATEST_AT
from dialer.domain.columns import Field, ReadOptions, column_named
from dialer.domain.contents import is_nothing, share
from dialer.domain.days import read_instant
from dialer.domain.errors import BadValue
from dialer.domain.headers import names_end
from dialer.domain.intake import Counts
from dialer.domain.listing import Flaw, Taken
from dialer.domain.said import said
from dialer.domain.tables import Row

UNTIL = "until"  # what such a column is called in a mapping
MOSTLY = 0.5  # share of days among the values of a column whose header promises ends


class Register:
    """One opened file. Opening and reading are synchronous and take seconds: give them a thread."""

    def __init__(
        self, opening: Callable[[ReadOptions], ListFile], options: ReadOptions, *, zone: tzinfo, now: datetime
    ) -> None:
        """A day in the file begins by the clock of `zone`."""
        given = {word.strip().lower(): columns for word, columns in options.mapping.items()}
        wanted = given.pop(UNTIL, "")
        self.file = opening(replace(options, mapping=given))
        self._zone, self._now = zone, now
        self._at = column_named(wanted, self.file.columns.names) if wanted else self._found()
        if self._at is not None:
            if self.file.columns.fields[self._at] is Field.PHONE:
                raise BadValue(said("the column {column!r} holds the numbers, not their end", column=wanted))
            self.file.check = self._flaw

    @property
    def counts(self) -> Counts:
        return self.file.counts

    @property
    def columns(self) -> dict[str, str]:
        """What each column of the file is."""
        names = self.file.columns.names
        found = dict(zip(names, map(str, self.file.columns.fields), strict=True))
        return found if self._at is None else found | {names[self._at]: UNTIL}

    def read(
        self,
        on_flaws: Callable[[Sequence[Flaw]], object] = lambda flaws: None,
        on_progress: Callable[[Counts], object] = lambda counts: None,
    ) -> Mapping[str, datetime | None]:
        """Every entry once, with the end that its row names; None: it names none."""
        found: dict[str, datetime | None] = {}
        for row, lead in self.file.taken_rows(Taken(), on_flaws, on_progress):
            cell = self._cell(row)
            end_at = self._end(cell) if cell else None
            found |= dict.fromkeys(map(str, lead.numbers), end_at)
        return found

    def _found(self) -> int | None:
        """The first column whose header promises ends and whose values mostly are days."""
        for at, name in enumerate(self.file.columns.names):
            is_free = self.file.columns.fields[at] is not Field.PHONE
            if is_free and names_end(name) and share(self.file.sample(at), self._is_end) >= MOSTLY:
                return at
        return None

    def _cell(self, row: Row) -> str:
        """Empty where it says nothing."""
        if self._at is None or self._at >= len(row.cells) or is_nothing(row.cells[self._at]):
            return ""
        return row.cells[self._at].strip()

    def _flaw(self, row: Row) -> str:
        """Why the row cannot be taken: nobody is barred for a time that was not understood."""
        cell, column = self._cell(row), self.file.columns.names[self._at or 0]
        if not cell or cell == column:  # the header may stand there again
            return ""
        try:
            end_at = self._end(cell)
        except ValueError:
            return said(
                "{column}: {value!r} is no day and no instant, such as 2027-01-01",
                column=column,
                value=cell[:40],
            )
        return (
            "" if self._now < end_at else said("{column}: {value} is past already", column=column, value=cell)
        )

    def _is_end(self, cell: str) -> bool:
        try:
            self._end(cell.strip())
        except ValueError:
            return False
        return True

    def _end(self, cell: str) -> datetime:
        """ValueError; an end that no database can hold is the last one that it can."""
        at = read_instant(cell)
        return min(at if at.tzinfo else at.replace(tzinfo=self._zone), LATEST_AT)
