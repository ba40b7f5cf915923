"""*13: what came of the operator's last call, chosen by digit."""

from __future__ import annotations

from agi import words
from agi.parts import Parts, ask_desk, caller
from agi.pause import choice
from agi.phone import Phone


async def disposition(phone: Phone, parts: Parts) -> None:
    """Thanks, and the digit, when it is written down."""
    account = await caller(phone, parts)
    digit = await choice(phone, words.DISPOSITION_DIGITS)
    await ask_desk(phone, parts, "dispose", account.id, disposition=words.DISPOSITION_DIGITS[digit])
    if not await phone.say(words.THANKS):
        await phone.play(words.READY)
    await phone.say_digits(digit)
