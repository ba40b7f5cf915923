"""Closed facts in dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo

from dialer.adapters.fitting import fitted
from dialer.adapters.memory.lists import MemoryLeads
from dialer.domain import hours
from dialer.domain.cdr import Cdr, Closing, Remark, Tally, WrapUp
from dialer.domain.depth import Depth, measure
from dialer.domain.errors import Missing
from dialer.domain.kpi import Hour, Key, Slot, answers_by_hour, by_quarter, fold
from dialer.domain.operators import State, StateChange
from dialer.domain.said import said
from dialer.domain.spending import SideCall, SideKind, Spent, merged, spent_by
from dialer.domain.today import Part, parts_of
from dialer.domain.types import (
    CallId,
    CampaignId,
    CellId,
    ChannelId,
    Direction,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)
from dialer.ports.stores import CdrQuery, Fact


@fitted
class MemoryLedger:
    def __init__(self, leads: MemoryLeads) -> None:
        self._leads = leads
        self.refuse: Callable[[Fact], Exception | None] = lambda fact: None
        self._rows: dict[CallId, Cdr] = {}
        self._last_of: dict[PhoneNumber, Cdr] = {}  # the attempt that ended last
        self._undialled: set[CallId] = set()
        self._wraps: dict[CallId, WrapUp] = {}
        self._said: dict[CallId, Remark] = {}  # the latest with a disposition
        self._noted: dict[CallId, Remark] = {}  # the latest with a note
        self._sayer: dict[CallId, OperatorId] = {}
        self._files: dict[CallId, str] = {}
        self._sides: dict[ChannelId, SideCall] = {}
        self._changes: dict[StateChange, None] = {}  # in the order in which they were told, each once

    def _check(self, facts: Sequence[Fact]) -> None:
        """One that is refused takes the whole transaction with it, as in a database."""
        for fact in facts:
            if (why := self.refuse(fact)) is not None:
                raise why

    async def close(self, closings: Sequence[Closing]) -> None:
        self._check(closings)
        for closing in closings:
            if closing.call in self._rows or closing.call in self._undialled:
                continue
            if closing.cdr is None:
                self._undialled.add(closing.call)
            else:
                self._rows[closing.call] = closing.cdr
                self._note_last(closing.cdr)
            wrap = self._wraps.get(closing.call)
            if closing.lead is not None and (wrap is None or wrap.lead is None):
                self._leads.apply(closing.lead, closing.cell)  # else the wrap-up was told first, and stands

    async def wrap(self, wraps: Sequence[WrapUp]) -> None:
        self._check(wraps)
        for wrap in wraps:
            known = self._wraps.get(wrap.call)
            if known is None or known.at < wrap.at:
                self._wraps[wrap.call] = wrap
                if wrap.lead is not None:
                    self._leads.apply(wrap.lead, None)

    async def remark(self, remarks: Sequence[Remark]) -> None:
        self._check(remarks)
        for one in remarks:
            for latest, word in ((self._said, one.disposition), (self._noted, one.note)):
                known = latest.get(one.call)
                if word and (known is None or known.at <= one.at):
                    latest[one.call] = one
                if word:
                    self._sayer.setdefault(one.call, one.operator)

    async def remarked(self, call: CallId) -> Remark | None:
        said, noted = self._said.get(call), self._noted.get(call)
        last = max((one for one in (said, noted) if one), key=lambda one: one.at, default=None)
        if last is None:
            return None
        return replace(
            last,
            operator=self._sayer[call],
            disposition=said.disposition if said else "",
            callback_at=said.callback_at if said else None,
            note=noted.note if noted else "",
        )

    async def log(self, changes: Sequence[StateChange]) -> None:
        self._check(changes)
        self._changes.update(dict.fromkeys(changes))

    async def side(self, calls: Sequence[SideCall]) -> None:
        self._check(calls)
        for side in calls:
            self._sides[side.id] = merged(self._sides.get(side.id), side)

    async def side_calls(
        self, *, trunk: TrunkId | None = None, kind: SideKind | None = None, limit: int = 100
    ) -> Sequence[SideCall]:
        its = [s for s in self._sides.values() if trunk in (None, s.trunk) and kind in (None, s.kind)]
        return sorted(its, key=lambda side: (side.begun_at, side.id), reverse=True)[:limit]

    async def spent(self, since_at: datetime, until_at: datetime) -> Mapping[tuple[CellId, TrunkId], Spent]:
        sums: dict[tuple[CellId, TrunkId], Spent] = {}
        calls = [
            (cdr.cell, cdr.trunk, cdr.dialled_at, cdr.answer_at, cdr.end_at)
            for cdr in self._rows.values()
            if cdr.direction is Direction.OUT
        ]
        sides = [
            (s.cell, s.trunk, s.begun_at, s.answer_at, s.end_at) for s in self._sides.values() if s.trunk
        ]
        for cell, trunk, dialled_at, answer_at, end_at in (*calls, *sides):
            if dialled_at < until_at and end_at >= since_at:
                more = spent_by(dialled_at, answer_at, end_at, since_at=since_at)
                sums[cell, trunk] = sums.get((cell, trunk), Spent()) + more
        return sums

    async def recorded(self, call: CallId, file: str, *, seconds: float) -> None:
        self._files[call] = file

    async def cdr(self, call: CallId) -> Cdr:
        if call not in self._rows:
            raise Missing(said("there is no record of the call {call}", call=call))
        return self._whole(self._rows[call])

    async def cdrs(self, query: CdrQuery) -> Sequence[Cdr]:
        found = (cdr for cdr in self._rows.values() if _answers(cdr, query))
        ordered = sorted(found, key=lambda cdr: cdr.id, reverse=query.newest_first)
        return [cdr for cdr in map(self._whole, ordered) if query.disposition in ("", cdr.disposition)][
            : query.limit
        ]

    async def tallies(self, since_at: datetime, until_at: datetime, zone: tzinfo) -> Mapping[Key, Tally]:
        return fold((cdr for cdr in self._rows.values() if since_at <= cdr.dialled_at < until_at), zone)

    async def quarters(self, since_at: datetime, until_at: datetime) -> Mapping[Slot, Tally]:
        return by_quarter(cdr for cdr in self._rows.values() if since_at <= cdr.dialled_at < until_at)

    async def parts(self, since_at: datetime, until_at: datetime, at_least_s: float) -> Sequence[Part]:
        its = (cdr for cdr in self._rows.values() if since_at <= cdr.dialled_at < until_at)
        return parts_of(its, at_least_s)

    async def answers_by_hour(
        self, campaign: CampaignId | None, since_at: datetime
    ) -> Mapping[Hour, tuple[int, int]]:
        its = (cdr for cdr in self._rows.values() if campaign in (None, cdr.campaign))
        return answers_by_hour(cdr for cdr in its if cdr.answer_at and cdr.answer_at >= since_at)

    async def depth(self, campaign: CampaignId, since_at: datetime, until_at: datetime) -> Depth:
        span = CdrQuery(campaign, since_at=since_at, until_at=until_at)
        its = (cdr for cdr in self._rows.values() if _answers(cdr, span))
        return measure(self._leads.of(campaign), its)

    async def changes(
        self,
        operator: OperatorId | None,
        since_at: datetime,
        until_at: datetime,
        *,
        skip: int = 0,
        limit: int | None = None,
    ) -> Sequence[StateChange]:
        found = (
            change
            for change in self._changes
            if operator in (None, change.operator) and since_at <= change.at < until_at
        )
        ordered = sorted(found, key=lambda change: change.at)
        return ordered[skip:] if limit is None else ordered[skip : skip + limit]

    async def hours(
        self, operator: OperatorId | None, since_at: datetime, until_at: datetime
    ) -> Mapping[OperatorId, Mapping[State, float]]:
        its = (change for change in self._changes if operator in (None, change.operator))
        return hours.fold(its, since_at=since_at, until_at=until_at)

    async def paused(
        self, operator: OperatorId | None, since_at: datetime, until_at: datetime
    ) -> Mapping[OperatorId, Mapping[str, float]]:
        its = (change for change in self._changes if operator in (None, change.operator))
        return hours.paused(its, since_at=since_at, until_at=until_at)

    async def last_operator_of(self, number: PhoneNumber) -> tuple[OperatorId, CampaignId] | None:
        its = (cdr for cdr in self._rows.values() if cdr.number == number)
        talks = (cdr for cdr in its if cdr.operator and cdr.bridge_at)
        last = max(talks, key=lambda cdr: (cdr.end_at, cdr.id), default=None)
        return (last.operator, last.campaign) if last and last.operator else None

    def last_of(self, number: PhoneNumber) -> Cdr | None:
        return self._last_of.get(number)

    def _note_last(self, cdr: Cdr) -> None:
        if cdr.outcome is Outcome.TRUNK_REFUSED:  # says nothing of the number, and must not hide what does
            return
        last = self._last_of.get(cdr.number)
        if last is None or (last.end_at, last.id) < (cdr.end_at, cdr.id):
            self._last_of[cdr.number] = cdr

    def _whole(self, cdr: Cdr) -> Cdr:
        whole = replace(cdr, recording=self._files.get(cdr.id, cdr.recording))
        if (wrap := self._wraps.get(cdr.id)) is not None:
            its = (wrap.disposition, wrap.note)
            whole = replace(whole, wrap_up_s=wrap.wrap_up_s, disposition=its[0], note=its[1])
        if (said := self._said.get(cdr.id)) is not None:
            whole = replace(whole, disposition=said.disposition, callback_at=said.callback_at)
        noted = self._noted.get(cdr.id)
        return whole if noted is None else replace(whole, note=noted.note)


def _answers(cdr: Cdr, query: CdrQuery) -> bool:
    return (
        query.campaign in (None, cdr.campaign)
        and query.operator in (None, cdr.operator)
        and query.lead in (None, cdr.lead)
        and query.outcome in ("", cdr.outcome)
        and (query.since_at is None or cdr.dialled_at >= query.since_at)
        and (query.until_at is None or cdr.dialled_at < query.until_at)
        and query.number in ("", cdr.number)
        and query.trunk in ("", cdr.trunk)
        and query.direction in ("", cdr.direction)
        and (query.at_least_s is None or round(cdr.talk_s * 1e6) >= round(query.at_least_s * 1e6))
        and (not query.after or (cdr.id < query.after if query.newest_first else cdr.id > query.after))
    )
