"""*11: the operator takes calls."""

from __future__ import annotations

from agi.parts import Parts, ask_desk, caller, tell_state
from agi.phone import Phone


async def ready(phone: Phone, parts: Parts) -> None:
    """Rising tones and the state when it is done."""
    account = await caller(phone, parts)
    await tell_state(phone, parts, account.id, await ask_desk(phone, parts, "ready", account.id))
