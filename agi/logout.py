"""*14: the operator's shift is over."""

from __future__ import annotations

from agi import words
from agi.parts import Parts, ask_desk, caller
from agi.phone import Phone


async def logout(phone: Phone, parts: Parts) -> None:
    """Says that the operator is logged off, and good-bye."""
    account = await caller(phone, parts)
    await ask_desk(phone, parts, "logout", account.id)
    if not await phone.say(words.LOGGED_OFF):
        await phone.play(words.PAUSED)
    await phone.say(words.GOODBYE)
