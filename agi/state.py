"""*15: the operator hears their own state."""

from __future__ import annotations

from agi import words
from agi.parts import Parts, caller
from agi.phone import Phone
from dialer.domain.operators import Operator, State
from dialer.domain.types import OperatorId


async def state(phone: Phone, parts: Parts) -> None:
    """The operator's number, the tone and the word of the state; of a pause, the digit of its reason."""
    account = await caller(phone, parts)
    operator = await at_work(parts, account.id)
    now = operator.state if operator else State.OFFLINE
    await phone.say_digits(account.id)
    await phone.play(words.STATE_WORDS[now].tone)
    await phone.say(words.STATE_WORDS[now].word)
    if operator and now is State.PAUSED:
        digits = [digit for digit, reason in words.PAUSE_DIGITS.items() if reason == operator.reason]
        await phone.say_digits("".join(digits))


async def at_work(parts: Parts, operator: OperatorId) -> Operator | None:
    """The live state; None: not seen since the service began."""
    return next((one for one in await parts.live.operators() if one.id == operator), None)
