"""What a carrier sees of its trunk: lines in use and requests a second, and the most of both."""

from __future__ import annotations

from collections import Counter, deque

WINDOW_S = 1.0 - 1e-6  # a second, as far as sums of floats can tell


class Carrier:
    """Counts and lets everything pass: keeping the limits is the dialer's part."""

    def __init__(self) -> None:
        self.lines: Counter[str] = Counter()
        self.most_lines: Counter[str] = Counter()
        self.most_calls: Counter[str] = Counter()  # in any second
        self._went: dict[str, deque[float]] = {}

    def began(self, trunk: str, at_s: float) -> None:
        """A request has come."""
        self.lines[trunk] += 1
        self.most_lines[trunk] = max(self.most_lines[trunk], self.lines[trunk])
        went = self._went.setdefault(trunk, deque())
        while went and at_s - went[0] >= WINDOW_S:
            went.popleft()
        went.append(at_s)
        self.most_calls[trunk] = max(self.most_calls[trunk], len(went))

    def ended(self, trunk: str) -> None:
        """Its line is free again."""
        self.lines[trunk] -= 1
