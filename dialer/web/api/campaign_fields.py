"""What a campaign looks like in requests and in answers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import time, timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dialer.domain import disposition
from dialer.domain.bounds import CALENDAR, CAMPAIGN, SOUND, Within
from dialer.domain.campaign import DEFAULT_RETRIES, Campaign, Retry, plain
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
from dialer.office.campaigns import Saved
from dialer.web.api.choices import DispositionFields, DispositionOut, to_dispositions
from dialer.web.api.commands import Pushed
from dialer.web.values import (
    Body,
    Country,
    Flag,
    Number,
    OperatorNumber,
    Seconds,
    Slug,
    Title,
    Version,
    Whole,
    formed,
    within,
)

HourMinute = Annotated[
    str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["09:00"])
]

LIMITS = {name: bound for name, bound in CAMPAIGN.items() if isinstance(bound, Within)}
SoundName = Annotated[str, formed(SOUND)]


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
    ratio: Annotated[float, within(LIMITS["ratio"])] = Field(1.0, description="power: lines per operator")
    priority: Annotated[int, within(LIMITS["priority"])] = 0
    weight: Annotated[int, within(LIMITS["weight"])] = Field(
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
    holidays: Annotated[str, formed(CALENDAR)] = Field(
        "",
        description="no calls on public holidays: of the country of the person's time zone (zone), of a"
        " country (RU) or a region (DE-BY); empty: holidays are days like others",
    )
    ring_s: Annotated[float, within(LIMITS["ring_s"])] = 25.0
    wrap_up_s: Annotated[float, within(LIMITS["wrap_up_s"])] = 30.0
    after_wrap_up_ready: Flag = True
    message: SoundName = Field("", description="a sound that is there already; an upload makes one")
    language: Language = Language.RU
    record: Flag = False
    tone: Flag = Field(True, description="the operator hears a short tone before each person")
    shows_person: Flag = Field(True, description="the operator's phone shows who is on the line")
    longest_talk_s: Annotated[float, within(LIMITS["longest_talk_s"])] = 3600.0
    longest_hold_s: Annotated[float, within(LIMITS["longest_hold_s"])] = 300.0
    max_attempts: Annotated[int, within(LIMITS["max_attempts"])] = 10
    rest_s: Seconds = Field(1800.0, description="between two attempts at one number")
    abandoned_rest_s: Seconds = Field(259_200.0, description="after an abandoned call")
    retries: dict[Outcome, RetryFields] = Field(
        default_factory=lambda: {outcome: RetryFields.of(retry) for outcome, retry in DEFAULT_RETRIES.items()}
    )
    cap: Annotated[int, within(LIMITS["cap"])] = Field(
        0, description="most calls in flight; 0: none of its own"
    )
    ceiling: Annotated[float, within(LIMITS["ceiling"])] = Field(
        0.03, description="predictive: most abandoned calls, as a share of live answers; 0.03 is 3 %"
    )
    dnc_whole_lead: Flag = Field(False, description="the disposition dnc bars the lead's other numbers, too")
    best_first: Flag = Field(
        False, description="predictive: likeliest leads first; saves dials, leaves a worse list"
    )
    dispositions: list[DispositionFields] = Field(
        default_factory=lambda: [DispositionFields.of(one) for one in disposition.DEFAULT],
        max_length=disposition.MOST,
        description="what operators may say came of a call; the whole list is replaced",
    )

    def changes(self) -> dict[str, Any]:
        """What was sent, as fields of the domain's Campaign."""
        sent: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set - {"version"}}
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
        if "dispositions" in sent:
            sent["dispositions"] = to_dispositions(self.dispositions)
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
    version: Version = None


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
    holidays: str
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
    dnc_whole_lead: bool
    best_first: bool
    dispositions: list[DispositionOut]
    paused_lists: list[int] = Field(
        description="imports whose leads are not called: POST /v1/imports/{id}/pause"
    )
    archived: bool = Field(description="listed only where asked for, never dialled")
    version: int = Field(description="rises with each change of its settings")

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        return cls.model_validate(plain(campaign))


class CampaignSaved(CampaignOut, Pushed):
    """A campaign as it is, and whether the cell that dials it knows it already."""

    @classmethod
    def saved(cls, told: Saved) -> Self:
        return cls.model_validate(plain(told.campaign) | asdict(told.pushed))
