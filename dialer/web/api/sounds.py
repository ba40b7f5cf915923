"""The safe-harbour message of a campaign: a WAV file that a person hears when no operator is free."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, File, UploadFile
from pydantic import Field

from dialer.domain.access import Caller, Permission
from dialer.domain.errors import BadValue
from dialer.domain.types import CampaignId, CampaignStatus
from dialer.web.api.commands import Pushed, try_later
from dialer.web.auth import Needs
from dialer.web.parts import Given
from dialer.web.problem import documented
from dialer.web.values import Id

router = APIRouter(tags=["campaigns"])
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_CAMPAIGNS))]
SMALLEST_WAV = 44  # bytes of the header


class MessageSaved(Pushed):
    """The message is in place; a running campaign has it with its next call."""

    message: str = Field(description="its name below the sounds folder")
    seconds: float


@router.post("/campaigns/{campaign}/message", responses=documented(404))
async def upload_message(
    parts: Given,
    who: Changes,
    campaign: Id,
    file: Annotated[UploadFile, File(description="WAV, PCM, up to a minute; converted to 8 kHz mono 16-bit")],
) -> MessageSaved:
    """Set what a person hears when no operator is free: your name and number, and how to be left alone."""
    row = await parts.stores.campaigns.get(CampaignId(campaign))
    content = await file.read()
    if len(content) < SMALLEST_WAV or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise BadValue("body/file: not a WAV file: it does not begin with RIFF and WAVE")
    # A new name for new content: a message that is being played is never written over.
    name = f"campaign-{campaign}-{hashlib.sha256(content).hexdigest()}"[:32].rstrip("-")
    seconds = await parts.tools.keep_message(name, content)
    await parts.stores.campaigns.save(replace(row, message=name))
    pushed = Pushed()
    if row.status is CampaignStatus.RUNNING:
        pushed = await try_later(parts, who, "reload", f"campaign:{campaign}")
    return MessageSaved(message=name, seconds=round(seconds, 3), **pushed.model_dump())
