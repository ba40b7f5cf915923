"""Notices: what has changed since the last look, without asking for everything again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from dialer.domain.access import Caller, Permission
from dialer.ports.between import About, Notice
from dialer.web.auth import Needs
from dialer.web.parts import Given
from dialer.web.problem import documented
from dialer.web.queries import resource

router = resource("calls", "/notices")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_CALLS))]
LATEST = 2**63 - 1
LONGEST_S = 10.0


class NoticeOut(BaseModel):
    """How a thing is now; a later notice of the same thing replaces it. It has no phone numbers."""

    seq: int
    kind: str = Field(description=f"{', '.join(About)}; a later version may have others")
    id: str
    body: dict[str, Any]


class NewsOut(BaseModel):
    """What follows the notice that was read last."""

    items: list[NoticeOut]
    last: int = Field(description="send it as `seq` for what follows")
    gap: bool = Field(description="some are gone: read everything anew, then put these on top")


@router.get("", responses=documented())
async def read_notices(
    parts: Given,
    who: Sees,
    seq: Annotated[int, Query(ge=0, le=LATEST, description="the last one that was read; 0 at first")] = 0,
    wait_s: Annotated[float, Query(ge=0, le=LONGEST_S, description="for the first that follows")] = 0.0,
) -> NewsOut:
    """What has become of calls, operators, campaigns, trunks and gates; to an operator what concerns him."""
    news = await parts.notices.since(seq, wait_s=wait_s)
    items = [
        NoticeOut(seq=one.seq, kind=one.kind, id=one.id, body=dict(one.body))
        for one in news.notices
        if who.operator is None or _concerns(one, who.operator)
    ]
    return NewsOut(items=items, last=news.last, gap=news.gap)


def _concerns(notice: Notice, operator: str) -> bool:
    """Calls and states of others are theirs."""
    if notice.kind == About.OPERATOR:
        return notice.id == operator
    return notice.kind != About.CALL or notice.body.get("operator") == operator
