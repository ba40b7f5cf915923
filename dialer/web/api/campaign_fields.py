"""What a campaign looks like in requests and in answers."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dialer.domain.campaign import DEFAULT_RETRIES, Campaign, Retry
from dialer.domain.law import HEAVIEST, HIGHEST_CEILING, HIGHEST_RATIO, LOWEST_CEILING
from dialer.domain.schedule import Window, every_day
from dialer.domain.types import (
    CampaignStatus,
    Language,
    Mode,
    OperatorId,
    Outcome,
    PhoneNumber,
    Purpose,
    TrunkId,
)
from dialer.web.api.commands import Pushed
from dialer.web.values import Body, Country, Flag, Number, OperatorNumber, Seconds, Slug, Title, Whole

HourMinute = Annotated[
    str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["09:00"])
]

SoundName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9-]{0,31})?$")]


class WindowFields(Body):
    """Hours of one weekday in the called person's zone; the end is not included, 00:00 is midnight."""

    weekday: Annotated[Whole, Field(ge=0, le=6, description="0 is Monday")]
    start: HourMinute
    end: HourMinute

    def to_domain(self) -> Window:
        return Window(self.weekday, time.fromisoformat(self.start), time.fromisoformat(self.end))

    @classmethod
    def of(cls, window: Window) -> Self:
        return cls(weekday=window.weekday, start=f"{window.start:%H:%M}", end=f"{window.end:%H:%M}")


class RetryFields(Body):
    """What follows after one outcome."""

    delays_s: list[Seconds] = Field(max_length=50, description="wait before each further try, in turn")
    next_number: Flag = Field(False, description="go on with the lead's next number")

    def to_domain(self) -> Retry:
        return Retry(tuple(timedelta(seconds=delay) for delay in self.delays_s), self.next_number)

    @classmethod
    def of(cls, retry: Retry) -> Self:
        return cls(delays_s=[delay.total_seconds() for delay in retry.delays], next_number=retry.next_number)


class CampaignFields(Body):
    """Everything that can be set."""

    name: Title = ""
    purpose: Purpose = Purpose.SERVICE
    country: Country = "RU"
    mode: Mode = Mode.PROGRESSIVE
    ratio: Annotated[float, Field(strict=True, ge=0.1, le=HIGHEST_RATIO)] = Field(
        1.0, description="power: lines per operator"
    )
    priority: Annotated[Whole, Field(ge=-1000, le=1000)] = 0
    weight: Annotated[Whole, Field(ge=1, le=HEAVIEST)] = Field(
        1, description="of campaigns of one priority that share operators: the proportion of their calls"
    )
    operators: list[OperatorNumber] = Field(default_factory=list, max_length=10_000)
    trunks: list[Slug] = Field(default_factory=list, max_length=50, description="in order of preference")
    caller_id: Number | Annotated[str, StringConstraints(max_length=0)] = Field(
        "", description="empty: the trunk's own"
    )
    schedule: list[WindowFields] = Field(
        default_factory=lambda: [WindowFields.of(window) for window in every_day(time(9), time(20))],
        max_length=100,
    )
    ring_s: Annotated[float, Field(strict=True, ge=1, le=300)] = 25.0
    wrap_up_s: Annotated[float, Field(strict=True, ge=0, le=3600)] = 30.0
    after_wrap_up_ready: Flag = True
    message: SoundName = Field("", description="a sound that is there already; an upload makes one")
    language: Language = Language.RU
    record: Flag = False
    tone: Flag = Field(True, description="the operator hears a short tone before each person")
    shows_person: Flag = Field(True, description="the operator's phone shows who is on the line")
    longest_talk_s: Annotated[float, Field(strict=True, ge=10, le=86_400)] = 3600.0
    longest_hold_s: Annotated[float, Field(strict=True, ge=5, le=86_400)] = 300.0
    max_attempts: Annotated[Whole, Field(ge=1, le=1000)] = 10
    rest_s: Seconds = Field(1800.0, description="between two attempts at one number")
    abandoned_rest_s: Seconds = Field(259_200.0, description="after an abandoned call")
    retries: dict[Outcome, RetryFields] = Field(
        default_factory=lambda: {outcome: RetryFields.of(retry) for outcome, retry in DEFAULT_RETRIES.items()}
    )
    cap: Annotated[Whole, Field(ge=0, le=100_000)] = Field(
        0, description="most calls in flight; 0: none of its own"
    )
    ceiling: Annotated[float, Field(strict=True, ge=LOWEST_CEILING, le=HIGHEST_CEILING)] = Field(
        0.03, description="predictive: most abandoned calls, as a share of live answers; 0.03 is 3 %"
    )
    best_first: Flag = Field(
        False, description="predictive: likeliest leads first; saves dials, leaves a worse list"
    )

    def changes(self) -> dict[str, Any]:
        """What was sent, as fields of the domain's Campaign."""
        sent: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        for mine, its in (("rest_s", "rest"), ("abandoned_rest_s", "abandoned_rest")):
            if mine in sent:
                sent[its] = timedelta(seconds=sent.pop(mine))
        if "operators" in sent:
            sent["operators"] = frozenset(OperatorId(one) for one in self.operators)
        if "trunks" in sent:
            sent["trunks"] = tuple(TrunkId(one) for one in self.trunks)
        if "caller_id" in sent:
            sent["caller_id"] = PhoneNumber(self.caller_id)
        if "schedule" in sent:
            sent["schedule"] = tuple(window.to_domain() for window in self.schedule)
        if "retries" in sent:
            sent["retries"] = {outcome: retry.to_domain() for outcome, retry in self.retries.items()}
        return sent


class NewCampaign(CampaignFields):
    """A campaign to be made; it starts as a draft."""

    name: Title


def without_defaults(schema: dict[str, Any]) -> None:
    """In a change, what is not named stays: no default stands in for it."""
    for one in schema.get("properties", {}).values():
        one.pop("default", None)


class CampaignChange(CampaignFields):
    """What is to be changed; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=without_defaults)


class WindowOut(BaseModel):
    weekday: int
    start: str
    end: str


class RetryOut(BaseModel):
    delays_s: list[float]
    next_number: bool


class CampaignOut(BaseModel):
    """A campaign as it is. Nothing is checked here: what is in the database can always be shown."""

    id: int
    name: str
    purpose: Purpose
    country: str
    mode: Mode
    status: CampaignStatus
    ratio: float
    priority: int
    weight: int
    operators: list[str]
    trunks: list[str]
    caller_id: str
    schedule: list[WindowOut]
    ring_s: float
    wrap_up_s: float
    after_wrap_up_ready: bool
    message: str = Field(description="sound of the safe-harbour message; empty: the campaign cannot start")
    language: Language
    record: bool
    tone: bool
    shows_person: bool
    longest_talk_s: float
    longest_hold_s: float
    max_attempts: int
    rest_s: float
    abandoned_rest_s: float
    retries: dict[Outcome, RetryOut]
    cap: int
    ceiling: float
    best_first: bool

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        return cls(
            operators=sorted(campaign.operators),
            trunks=list(campaign.trunks),
            schedule=[
                WindowOut(weekday=one.weekday, start=f"{one.start:%H:%M}", end=f"{one.end:%H:%M}")
                for one in campaign.schedule
            ],
            rest_s=campaign.rest.total_seconds(),
            abandoned_rest_s=campaign.abandoned_rest.total_seconds(),
            retries={
                outcome: RetryOut(
                    delays_s=[delay.total_seconds() for delay in retry.delays], next_number=retry.next_number
                )
                for outcome, retry in campaign.retries.items()
            },
            **{name: getattr(campaign, name) for name in _SAME},
        )


_SAME = (
    "id", "name", "purpose", "country", "mode", "status", "ratio", "priority", "weight", "caller_id",
    "ring_s", "cap", "wrap_up_s", "after_wrap_up_ready", "message", "language", "record", "tone",
    "shows_person", "longest_talk_s", "longest_hold_s", "max_attempts", "ceiling", "best_first",
)  # fmt: skip


class CampaignSaved(CampaignOut, Pushed):
    """A campaign as it is, and whether the cell that dials it knows it already."""
