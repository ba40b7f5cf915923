"""Lists from which operators choose, as requests and answers have them: dispositions and pause reasons."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from dialer.domain import disposition, pauses
from dialer.domain.access import Caller, Permission
from dialer.domain.disposition import LONGEST_S, MOST, Disposition, Then
from dialer.domain.pauses import PauseReason, PauseReasons
from dialer.office import pause_reasons as office
from dialer.web.auth import Needs
from dialer.web.parts import Given
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.values import Body, Code, Flag, Version

router = resource("operators", "/pause-reasons")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_OPERATORS))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_PAUSES))]
Named = Annotated[str, Field(max_length=disposition.LONGEST_TITLE)]
Key = Annotated[str, Field(max_length=1, description="a digit of the phone; empty: none", examples=["1"])]


class TitleFields(Body):
    """What people read; one language is enough, it then stands for both."""

    ru: Named = ""
    en: Named = ""


class DispositionFields(Body):
    """What an operator may say came of a call."""

    code: Code = Field(description="records keep it: it stays when the title changes")
    title: TitleFields
    key: Key = ""
    then: Then = Field(Then.NOTHING, description="what it does to the lead")
    after_s: Annotated[float, Field(strict=True, ge=0, le=LONGEST_S)] | None = Field(
        None, description="with retry: how long it waits; null: as after a call that nobody answered"
    )

    @classmethod
    def of(cls, one: Disposition) -> Self:
        return cls.model_validate(disposition.plain(one))


class TitleOut(BaseModel):
    ru: str
    en: str


class DispositionOut(BaseModel):
    code: str
    title: TitleOut
    key: str
    then: Then
    after_s: float | None = None


def to_dispositions(sent: list[DispositionFields]) -> tuple[Disposition, ...]:
    """The domain's; BadField names the place."""
    return disposition.read([one.model_dump() for one in sent])


class PauseReasonFields(Body):
    """Why an operator takes no calls."""

    code: Code = Field(description="the state ledger keeps it")
    title: TitleFields
    key: Key = Field("", description="a digit of the phone, behind the star; not 9, which logs out")
    is_worked: Flag = Field(False, description="counts as time at work")


class PauseReasonsChange(Body):
    """The whole list, in place of the one that is there."""

    reasons: list[PauseReasonFields] = Field(max_length=MOST)
    version: Version = None


class PauseReasonOut(BaseModel):
    code: str
    title: TitleOut
    key: str
    is_worked: bool


class PauseReasonsOut(BaseModel):
    """The site's list."""

    model_config = ConfigDict(title="PauseReasons")
    reasons: list[PauseReasonOut]
    version: int = Field(description="rises with each change of the list")

    @classmethod
    def of(cls, known: PauseReasons) -> Self:
        told: list[dict[str, Any]] = [pauses.plain(one) for one in known.reasons]
        return cls.model_validate({"reasons": told, "version": known.edition.version})


@router.get("", responses=documented())
async def list_pause_reasons(parts: Given, who: Sees) -> PauseReasonsOut:
    """Why operators may pause, with the keys of their phones."""
    return PauseReasonsOut.of(await office.seen(who, parts.stores))


@router.put("", responses=documented(409))
async def change_pause_reasons(parts: Given, who: Changes, body: PauseReasonsChange) -> PauseReasonsOut:
    """Put another list in its place; phones know it within a second."""
    reasons: tuple[PauseReason, ...] = pauses.read([one.model_dump() for one in body.reasons])
    return PauseReasonsOut.of(await office.change(reasons, who, parts.stores, version=body.version))
