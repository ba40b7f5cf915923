"""*11: the operator takes calls."""

from __future__ import annotations

from agi import words
from agi.parts import Parts, ask_desk, caller
from agi.phone import Phone


async def ready(phone: Phone, parts: Parts) -> None:
    """Rising tones when it is done."""
    account = await caller(phone, parts)
    await ask_desk(phone, parts, "ready", account.id)
    await phone.play(words.READY)
