"""The safe-harbour message of a campaign: a WAV file that a person hears when no operator is free."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Depends, File, UploadFile
from pydantic import Field

from dialer.domain.access import Caller, Permission
from dialer.domain.types import CampaignId
from dialer.office import campaigns as office
from dialer.web.api.commands import Pushed
from dialer.web.auth import Needs
from dialer.web.parts import Given
from dialer.web.problem import documented
from dialer.web.queries import one_file, resource
from dialer.web.values import Id

router = resource("campaigns")
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_CAMPAIGNS))]


class MessageSaved(Pushed):
    """The message is in place; a running campaign has it with its next call."""

    message: str = Field(description="its name below the sounds folder")
    seconds: float


@router.post("/campaigns/{campaign}/message", responses=documented(404), dependencies=[Depends(one_file)])
async def upload_message(
    parts: Given,
    who: Changes,
    campaign: Id,
    file: Annotated[UploadFile, File(description="WAV, PCM, up to a minute; converted to 8 kHz mono 16-bit")],
) -> MessageSaved:
    """Set what a person hears when no operator is free: your name and number, and how to be left alone."""
    told, seconds = await office.give_message(
        CampaignId(campaign),
        await file.read(),
        who,
        parts.desk,
        parts.stores,
        keep=parts.tools.keep_message,
    )
    return MessageSaved(message=told.campaign.message, seconds=round(seconds, 3), **asdict(told.pushed))
