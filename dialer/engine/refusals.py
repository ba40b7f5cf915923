"""Carriers that refuse us: after some refusals in a row a trunk rests, then one call tries it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from dialer.domain.call import Call
from dialer.domain.clocks import shifted
from dialer.domain.said import Said, said
from dialer.domain.types import Alerting, Direction, Outcome, TrunkId

log = structlog.get_logger()

IN_ROW = 5  # without a ringing phone or an answer between
FIRST_REST_S, LONGEST_REST_S = 15.0, 600.0
MOST_WORDS = 80  # signs of what a carrier writes
PROBE_S = 180.0  # a probe of which nothing is heard for so long is forgotten


@dataclass(frozen=True, slots=True)
class Rest:
    """A trunk that is not used, until an instant; then one call at a time tries it."""

    trunk: TrunkId
    until_at: datetime
    length_s: float
    refusals: int  # in a row
    cause: int | None
    sip_code: int | None
    words: str = ""  # the carrier's own
    probed_at: datetime | None = None  # the call that tries it was decided

    def why(self) -> Said:
        """For explain, lists and alerts."""
        refusals, trunk = self.refusals, self.trunk
        words = " ".join(filter(None, (str(self.sip_code or ""), self.words))) or f"Q.850 {self.cause}"
        return said(
            "trunk {trunk} rests, its carrier refuses our calls ({words}, {n} in a row): the account, its"
            " credit or the caller id; one call tries it now and then",
            trunk=trunk,
            words=words,
            n=refusals,
        )


class Refusals:
    """Counts them by trunk; told of the end of each call, and of each sign that a trunk carries calls."""

    def __init__(self) -> None:
        self._in_row: Counter[TrunkId] = Counter()
        self._rests: dict[TrunkId, Rest] = {}
        self.on_rest: Callable[[TrunkId, bool], None] = lambda trunk, rests: None

    def ended(self, call: Call, now: datetime) -> bool:
        """Whether this end is a refusal that begins or prolongs a rest."""
        if call.direction is not Direction.OUT or call.dialled_at is None:
            return False
        if call.outcome is Outcome.TRUNK_REFUSED:
            return self._refused(call, call.dialled_at, now)
        if call.answer_at is not None or call.alerting is Alerting.RINGING or call.outcome is Outcome.BUSY:
            self.carries(call.trunk)
        elif self._is_probe(call.trunk, call.dialled_at):  # it told nothing
            rest = self._rests[call.trunk]
            self._rests[call.trunk] = replace(
                rest, until_at=now + timedelta(seconds=FIRST_REST_S), probed_at=None
            )
        return False

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before."""
        self._rests = {trunk: shifted(rest, by) for trunk, rest in self._rests.items()}

    def carries(self, trunk: TrunkId) -> None:
        """A phone rings, or somebody answered."""
        self._in_row[trunk] = 0
        if self._rests.pop(trunk, None) is not None:
            log.info("the carrier takes our calls again", trunk=trunk)
            self.on_rest(trunk, False)

    def _refused(self, call: Call, dialled_at: datetime, now: datetime) -> bool:
        trunk = call.trunk
        self._in_row[trunk] += 1
        before = self._rests.get(trunk)
        if before is None and self._in_row[trunk] < IN_ROW:
            return False
        if before is not None and not self._is_probe(trunk, dialled_at):
            return False  # dialled before the rest began
        length_s = min(2 * before.length_s, LONGEST_REST_S) if before else FIRST_REST_S
        until_at = now + timedelta(seconds=length_s)
        said_so = (self._in_row[trunk], call.cause, call.sip_code, call.reason[:MOST_WORDS])
        self._rests[trunk] = Rest(trunk, until_at, length_s, *said_so)
        log.warning(
            "the carrier refuses our calls: the trunk rests", trunk=trunk, sip=call.sip_code, rest_s=length_s
        )
        self.on_rest(trunk, True)
        return True

    def _is_probe(self, trunk: TrunkId, dialled_at: datetime) -> bool:
        rest = self._rests.get(trunk)
        return rest is not None and rest.probed_at is not None and dialled_at >= rest.probed_at

    def said(self, trunk: TrunkId, words: str) -> None:
        """What the carrier wrote behind its code."""
        if (rest := self._rests.get(trunk)) is not None:
            self._rests[trunk] = replace(rest, words=words[:MOST_WORDS])

    def sent(self, trunk: TrunkId, at: datetime) -> None:
        """A call by this trunk was decided: during a rest it is the one that tries."""
        if (rest := self._rests.get(trunk)) is not None:
            self._rests[trunk] = replace(rest, probed_at=at)

    def is_resting(self, trunk: TrunkId) -> bool:
        return trunk in self._rests

    def why_not(self, trunk: TrunkId, now: datetime) -> str:
        """Why the trunk may not be used now; empty: it may, if only by one call."""
        rest = self._rests.get(trunk)
        if rest is None:
            return ""
        is_tried = rest.probed_at is not None and now - rest.probed_at < timedelta(seconds=PROBE_S)
        return rest.why() if now < rest.until_at or is_tried else ""
