"""The policy without one of its parts: what each of them is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from dialer.domain.pacing import knowledge, learned
from dialer.domain.pacing.chance import Sum
from dialer.domain.pacing.forecast import ANY, HORIZONS, Forecast
from dialer.domain.pacing.knowledge import Knowledge
from dialer.domain.pacing.lessons import Lessons
from dialer.domain.pacing.predictive import Predictive
from dialer.domain.pacing.price import CARE, FIRST_PRICE, Price

Change = tuple[Any, str, Any]


def _all_alike(self: Forecast, calls: Any, chances: Sequence[float], now: Any) -> Sum:
    p = np.array(chances)
    new = self.new(ANY)
    return Sum(p.sum() * new, p.sum() * new - (p * p).sum() * new**2)


def _at_once(self: Lessons, lead: Any, lesson: float | None, now: Any) -> None:
    if (attempt := self._attempts.pop(lead, None)) is not None:
        del self.chances[lead]
        self.odds.learn(attempt.features, lesson)


def _level_only(self: Knowledge, lead: Any, now: Any, trunk: str = "") -> tuple[str, ...]:
    return ()


_forecast: Callable[..., None] = Forecast.__init__


def _nothing_under_way(self: Forecast, known: Any, *, ring_s: float, grace_s: float, under_way: Any) -> None:
    _forecast(self, known, ring_s=ring_s, grace_s=grace_s)


_price: Callable[..., float] = Price.at


def _never_stopped(self: Price, left: float, in_hand: float, ceiling: float, team: int) -> float:
    return _price(self, left, CARE, ceiling, team)


NO_PRIOR: tuple[Change, ...] = (
    (learned, "SETUP_PRIOR", 0.1),
    (learned, "RING_PRIOR", 0.1),
    (learned, "TALK_PRIOR", 0.1),
    (knowledge, "CAREFUL_RATE", 0.2),
)
WITHOUT: Mapping[str, tuple[Change, ...]] = {
    "ageing of calls": ((Forecast, "answers", _all_alike),),
    "operator forecast": ((Forecast, "free", lambda *_: Sum.none(HORIZONS)),),
    "budget feedback": ((Price, "at", lambda *_: FIRST_PRICE),),
    "hard stop": ((Price, "at", _never_stopped),),
    "odds by lead": ((Knowledge, "_features", _level_only),),
    "giving up": ((Predictive, "give_up", lambda _: ()),),
    "odds and giving up": (
        (Knowledge, "_features", _level_only),
        (Predictive, "give_up", lambda _: ()),
    ),
    "careful prior": NO_PRIOR,
    "doubt": ((Sum, "doubted", lambda self, _: self),),
    "learning in order": ((Lessons, "end", _at_once),),
    "what is under way": ((Forecast, "__init__", _nothing_under_way),),
}


@contextmanager
def without(part: str) -> Iterator[None]:
    """As long as it lasts, in this process."""
    with ExitStack() as stack:
        for where, name, instead in WITHOUT[part]:
            stack.enter_context(patch.object(where, name, instead))
        yield
