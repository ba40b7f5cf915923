"""Whether the machine keeps up: how late the loop turns and Asterisk answers, in the last seconds."""

from __future__ import annotations

from collections import deque

from dialer.domain.said import Said, said

MOST_S = (
    0.4  # from an answer to the operator it takes two requests, and after 1.5 s the person hears the message
)
REMEMBERED_S = 5.0


class Busy:
    """Pure in what it is told; seconds are those of a clock that nobody sets."""

    def __init__(self) -> None:
        self._late: deque[tuple[float, float, bool]] = deque()  # when, by how much, was it Asterisk
        self.worst_s = 0.0  # since the start

    def told(self, now_s: float, late_s: float, *, by_asterisk: bool) -> None:
        """The loop turned so late, or Asterisk answered after so long."""
        self.worst_s = max(self.worst_s, late_s)
        while self._late and now_s - self._late[0][0] > REMEMBERED_S:
            self._late.popleft()
        if late_s > MOST_S:
            self._late.append((now_s, late_s, by_asterisk))

    def obstacle(self, now_s: float) -> Said | str:
        """Why nothing is dialled; empty: whoever answers is served in time. For any thread."""
        late = [one for one in tuple(self._late) if now_s - one[0] <= REMEMBERED_S]
        if not late:
            return ""
        _, late_s, by_asterisk = max(late, key=lambda one: one[1])
        if by_asterisk:
            return said(
                "the machine is too busy: Asterisk took {late_s:.1f} s for an answer"
                " (at most {most_s:g} s is well)",
                late_s=late_s,
                most_s=MOST_S,
            )
        return said(
            "the machine is too busy: this service was {late_s:.1f} s late (at most {most_s:g} s is well)",
            late_s=late_s,
            most_s=MOST_S,
        )
