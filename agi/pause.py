"""*12: the operator takes no calls, for a reason chosen by digit."""

from __future__ import annotations

from agi import words
from agi.parts import Parts, ask_desk, caller, tell_state
from agi.phone import Phone
from dialer.domain.errors import BadValue

TRIES = 3
WAIT_S = 5.0


async def pause(phone: Phone, parts: Parts) -> None:
    """Falling tones, the pause and its reason when it is done."""
    account = await caller(phone, parts)
    digit = await choice(phone, words.PAUSE_DIGITS, if_none=words.NO_PAUSE_DIGIT)
    answer = await ask_desk(phone, parts, "pause", account.id, reason=words.PAUSE_DIGITS[digit])
    await tell_state(phone, account.id, answer)


async def choice(phone: Phone, meanings: words.Meanings, *, if_none: str = "") -> str:
    """A digit that has a meaning; after three that have none the call ends."""
    for left in reversed(range(TRIES)):
        digit = await phone.ask(words.ASK_DIGIT, digits=1, wait_s=WAIT_S) or if_none
        if digit in meanings:
            return digit
        if left:
            await phone.play(words.FAILED)
    raise BadValue(
        f"no digit of {', '.join(meanings)} was pressed in {TRIES} tries: see docs/reference/keys.md"
    )
