"""*12: the operator takes no calls, for a reason chosen by digit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from agi import words
from agi.parts import Parts, ask_desk, caller, tell_state
from agi.phone import Phone
from dialer.domain.errors import BadValue
from dialer.domain.pauses import OTHER

TRIES = 3
WAIT_S = 5.0
NONE = ""  # no key in time
T = TypeVar("T")


async def pause(phone: Phone, parts: Parts) -> None:
    """Falling tones, the pause and its reason when it is done."""
    account = await caller(phone, parts)
    reasons = {one.key: one.code for one in await parts.pause_reasons() if one.key}
    reason = await choice(phone, {**reasons, NONE: OTHER})
    answer = await ask_desk(phone, parts, "pause", account.id, reason=reason)
    await tell_state(phone, parts, account.id, answer)


async def choice(phone: Phone, meanings: Mapping[str, T]) -> T:
    """What a digit means; after three that mean nothing the call ends."""
    for left in reversed(range(TRIES)):
        digit = await phone.ask(words.ASK_DIGIT, digits=1, wait_s=WAIT_S) or NONE
        if digit in meanings:
            return meanings[digit]
        if left:
            await phone.play(words.FAILED)
    raise BadValue(
        f"no digit of {', '.join(filter(None, meanings))} was pressed in {TRIES} tries:"
        " see docs/reference/keys.md"
    )
