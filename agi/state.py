"""*15: the operator hears their own state."""

from __future__ import annotations

from agi.parts import Parts, caller, tell_operator
from agi.phone import Phone
from dialer.domain.operators import Operator
from dialer.domain.types import OperatorId


async def state(phone: Phone, parts: Parts) -> None:
    """The operator's number, the tone and the words of the state; of being logged out, why."""
    account = await caller(phone, parts)
    operator = await at_work(parts, account.id)
    await phone.say_digits(account.id)
    await tell_operator(phone, parts, operator or Operator(account.id))


async def at_work(parts: Parts, operator: OperatorId) -> Operator | None:
    """The live state; None: not seen since the service began."""
    return next((one for one in await parts.live.operators() if one.id == operator), None)
