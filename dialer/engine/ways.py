"""What the cell asks of the composition root: pure questions that need a library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from time import monotonic

from dialer.domain.dialable import CheckNumber
from dialer.domain.gates import may_dial
from dialer.domain.schedule import HolidayOf, ZoneOf, no_holidays
from dialer.domain.types import PhoneNumber
from dialer.domain.verdict import Verdict
from dialer.domain.workday import Workday
from dialer.engine.books import Resolve
from dialer.engine.clocks import ASK_S
from dialer.engine.inbound import CallersOf
from dialer.ports.between import Follow


async def no_trouble(host: str) -> str:
    """Of a name that nobody looks up: Asterisk will say what is wrong with it."""
    return ""


@dataclass(frozen=True, slots=True)
class Ways:
    """Pure questions that need a library: the composition root answers them."""

    secret_of: Callable[[str], str]  # what lies in a secret file; empty for no file
    stamp_of: Callable[[str], object]  # of a secret file: another one when it may hold another secret
    number_of: Callable[[str], PhoneNumber | None]  # a number as a person wrote it
    callers_of: CallersOf  # a caller as a network wrote him: every number that it may mean
    zone_of: ZoneOf
    holiday_of: HolidayOf = no_holidays
    follow: Follow = timedelta  # of the cell's clock; by default one that nobody sets
    look_at_clocks_s: float = ASK_S
    lab: bool = False
    resolve: Resolve = no_trouble
    seconds: Callable[[], float] = monotonic  # a clock that nobody sets
    workday: Workday = field(default_factory=Workday)  # how long a shift may last

    def gates(self, check_number: CheckNumber) -> Callable[..., Verdict]:
        """The gates of a number, with what they need of libraries."""
        return partial(may_dial, zone_of=self.zone_of, holiday_of=self.holiday_of, check_number=check_number)
