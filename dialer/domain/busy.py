"""Whether the machine keeps up: how late loop and Asterisk are, and for how long dialing then waits."""

from __future__ import annotations

from dataclasses import dataclass

from dialer.domain.said import Said, said

MOST_S = (
    0.4  # from an answer to the operator it takes two requests, and after 1.5 s the person hears the message
)
FIRST_S = 5.0  # nobody is dialled for so long after the machine was late
# Calls themselves are work: a machine that is late again soon is given twice as long each time. On two cores
# with a load of 25 one hold of 5 s followed another, and whoever was dialled between two was abandoned.
SOON_S = 60.0
LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class _Hold:
    """Nobody is dialled before `opens_s`; by how much the machine was late at most, and was it Asterisk."""

    opens_s: float
    length_s: float
    late_s: float
    by_asterisk: bool


class Busy:
    """Pure in what it is told; seconds are those of a clock that nobody sets."""

    def __init__(self) -> None:
        self._hold: _Hold | None = None  # the last one
        self.worst_s = 0.0  # since the start

    def told(self, now_s: float, late_s: float, *, by_asterisk: bool) -> None:
        """The loop turned so late, or Asterisk answered after so long."""
        self.worst_s = max(self.worst_s, late_s)
        if late_s <= MOST_S:
            return
        before, length_s = self._hold, FIRST_S
        if before is not None and now_s <= before.opens_s:  # it goes on
            length_s = before.length_s
            if before.late_s > late_s:
                late_s, by_asterisk = before.late_s, before.by_asterisk
        elif before is not None and now_s <= before.opens_s + SOON_S:
            length_s = min(2 * before.length_s, LONGEST_S)
        self._hold = _Hold(now_s + length_s, length_s, late_s, by_asterisk)

    def obstacle(self, now_s: float) -> Said | str:
        """Why nothing is dialled; empty: whoever answers is served in time. For any thread."""
        hold = self._hold
        if hold is None or now_s > hold.opens_s:
            return ""
        if hold.by_asterisk:
            return said(
                "the machine is too busy: Asterisk took {late_s:.1f} s for an answer"
                " (at most {most_s:g} s is well)",
                late_s=hold.late_s,
                most_s=MOST_S,
            )
        return said(
            "the machine is too busy: this service was {late_s:.1f} s late (at most {most_s:g} s is well)",
            late_s=hold.late_s,
            most_s=MOST_S,
        )
