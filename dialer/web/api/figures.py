"""Figures: live sums, hours worked, state changes, and the pacer's last reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from dialer.domain import kpi
from dialer.domain.access import Caller, Permission
from dialer.domain.cdr import Tally
from dialer.domain.operators import State
from dialer.domain.today import AT_LEAST_S, Line
from dialer.domain.types import CampaignId, OperatorId, Outcome
from dialer.office import cell, figures
from dialer.web.auth import Needs
from dialer.web.paging import Limit, Page
from dialer.web.parts import Given, Spoken
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.values import Id, OneDay, OperatorNumber, Utc

router = resource("figures")
SeesCampaigns = Annotated[Caller, Depends(Needs(Permission.SEE_CAMPAIGNS))]
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_RECORDS))]


class Sums(BaseModel):
    attempts: int = 0
    answered: int = 0
    connected: int = 0
    abandoned: int = 0
    talk_s: float = Field(default=0.0, description="air time")
    duration_s: float = Field(default=0.0, description="request to end, all attempts together")


class TallyOut(Sums):
    """Sums of one operator, campaign and day."""

    operator: str | None = Field(description="null: attempts that no operator had")
    campaign: int
    day: str


class Tallies(BaseModel):
    total: Sums
    rows: list[TallyOut]


class LineOut(BaseModel):
    calls: int
    live: int = Field(description="answered")
    long: int = Field(description="talks of at least `at_least_s`")
    talk_s: float = Field(description="air time")
    outcomes: dict[Outcome, int]


class OperatorDayOut(LineOut):
    operator: str | None = Field(description="null: calls that no operator had")
    name: str
    states: dict[State, float] = Field(description="seconds in each state")
    logged_in_s: float
    worked_s: float = Field(description="logged in, less the pauses whose reason is not `is_worked`")
    occupancy: float | None = Field(description="(talking + wrap-up) / (logged in less pauses)")


class CampaignDayOut(LineOut):
    campaign: int
    name: str


class TodayOut(BaseModel):
    """A day of the office so far, from the records: what is up counts when it is over."""

    day: str
    since_at: datetime
    until_at: datetime
    at_least_s: float
    operators: list[OperatorDayOut]
    campaigns: list[CampaignDayOut]
    total: LineOut


class HoursOut(BaseModel):
    """How long an operator was in each state, in seconds."""

    operator: str
    name: str
    states: dict[State, float]
    logged_in_s: float
    worked_s: float = Field(description="logged in, less the pauses whose reason is not `is_worked`")
    occupancy: float | None = Field(description="(talking + wrap-up) / (logged in less pauses)")


class ChangeOut(BaseModel):
    operator: str
    was: State
    became: State
    reason: str
    at: datetime
    call: str | None
    campaign: int | None


class ForecastOut(BaseModel):
    """What predictive pacing foresees, and how true that has been since the service started."""

    within_s: float = Field(description="how far it looks")
    lines: int = Field(description="on their way to an answer")
    ringing: int
    answers: float = Field(description="expected in that time")
    free: float = Field(description="operators free now or expected to be in that time")
    risk: float = Field(description="that one line more would find nobody")
    price: float = Field(description="the risk that is allowed")
    budget: float = Field(description="calls that may still be abandoned")
    checked: int = Field(description="forecasts whose time is over")
    answers_calibration: float | None = Field(description="answers that came, of each one expected")
    answers_error: float | None = Field(description="answers that a forecast was off by, on average")
    free_calibration: float | None = Field(description="operators who came free, of each one expected")
    free_error: float | None = Field(description="operators that a forecast was off by, on average")


class DecisionOut(BaseModel):
    """The pacer's last word on a campaign."""

    campaign: int
    at: datetime
    reason: str
    forecast: ForecastOut | None = Field(description="null: this campaign's mode foresees nothing")


Since = Annotated[Utc, Query()]
Until = Annotated[Utc, Query(description="not included")]
OneOperator = Annotated[OperatorNumber | None, Query()]


@router.get("/today", responses=documented())
async def show_today(
    parts: Given,
    who: Sees,
    *,
    day: OneDay = None,
    at_least_s: Annotated[float, Query(ge=0, le=86_400, description="a long talk begins here")] = AT_LEAST_S,
) -> TodayOut:
    """A day by operator and by campaign: calls, answers, talks, air time, hours, outcomes."""
    tools = parts.tools
    told = await figures.today(
        parts.day(day), who, parts.stores, zone=tools.zone, at_least_s=at_least_s, now=tools.clock()
    )
    return TodayOut(
        day=told.day.isoformat(),
        since_at=told.since_at,
        until_at=told.until_at,
        at_least_s=told.at_least_s,
        operators=[
            OperatorDayOut(
                operator=one.operator,
                name=one.name,
                states=dict(one.states),
                logged_in_s=one.logged_in_s,
                worked_s=one.worked_s,
                occupancy=one.occupancy,
                **_line(one.line),
            )
            for one in told.operators
        ],
        campaigns=[
            CampaignDayOut(campaign=one.campaign, name=one.name, **_line(one.line)) for one in told.campaigns
        ],
        total=LineOut(**_line(told.total)),
    )


@router.get("/tallies", responses=documented())
async def list_tallies(
    parts: Given,
    who: Sees,
    *,
    day: OneDay = None,
    operator: OneOperator = None,
    campaign: Annotated[Id | None, Query()] = None,
) -> Tallies:
    """The live sums of a day; equal to the records when nothing is in flight."""
    its = None if campaign is None else CampaignId(campaign)
    zone = parts.tools.zone
    return _told(
        await figures.live_sums(
            parts.day(day), who, parts.live, zone=zone, operator=_one(operator), campaign=its
        )
    )


@router.get("/tallies/recorded", responses=documented())
async def fold_tallies(parts: Given, who: Sees, since_at: Since, until_at: Until) -> Tallies:
    """The same sums folded from the records, for any span."""
    zone = parts.tools.zone
    return _told(await figures.recorded_sums(since_at, until_at, who, parts.stores, zone=zone))


@router.get("/hours", responses=documented())
async def list_hours(
    parts: Given, who: Sees, since_at: Since, until_at: Until, operator: OneOperator = None
) -> list[HoursOut]:
    """Hours worked, from the ledger of state changes; what a state before the span has left of it counts."""
    now = parts.tools.clock()
    rows = await figures.hours_worked(since_at, until_at, who, parts.stores, operator=_one(operator), now=now)
    return [HoursOut.model_validate(row, from_attributes=True) for row in rows]


@router.get("/state-changes", responses=documented())
async def list_changes(
    parts: Given,
    who: Sees,
    since_at: Since,
    until_at: Until,
    *,
    operator: OneOperator = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before")] = 0,
    limit: Limit = 100,
) -> Page[ChangeOut]:
    """The ledger itself: who went from which state to which, and when."""
    rows = await figures.changes(
        since_at, until_at, who, parts.stores, operator=_one(operator), skip=after, limit=limit + 1
    )
    page = [ChangeOut.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return Page(items=page, next=str(after + limit) if len(rows) > limit else None)


@router.get("/decisions", responses=documented())
async def list_decisions(parts: Given, who: SeesCampaigns, speak: Spoken) -> list[DecisionOut]:
    """What the pacer last decided for each campaign, and why; the reason by Accept-Language."""
    return [
        DecisionOut(
            campaign=one.campaign,
            at=one.at,
            reason=speak(one.reason),
            forecast=None if one.forecast is None else ForecastOut.model_validate(one.forecast),
        )
        for one in await cell.decisions(who, parts.desk, parts.cell)
    ]


def _told(sums: Mapping[kpi.Key, Tally]) -> Tallies:
    return Tallies(
        total=Sums.model_validate(kpi.total(sums.values()), from_attributes=True),
        rows=[
            TallyOut.model_validate(
                {"operator": key[0] or None, "campaign": key[1], "day": key[2]} | _sums(tally)
            )
            for key, tally in sorted(sums.items())
        ],
    )


def _line(line: Line) -> dict[str, Any]:
    return LineOut.model_validate(line, from_attributes=True).model_dump()


def _sums(tally: Tally) -> dict[str, float]:
    return Sums.model_validate(tally, from_attributes=True).model_dump()


def _one(operator: str | None) -> OperatorId | None:
    return None if operator is None else OperatorId(operator)
