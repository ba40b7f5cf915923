"""*14: the operator's shift is over."""

from __future__ import annotations

from agi.parts import Parts, ask_desk, caller, tell_state
from agi.phone import Phone


async def logout(phone: Phone, parts: Parts) -> None:
    """Falling tones and the state: logged out, or after the present call."""
    account = await caller(phone, parts)
    await tell_state(phone, parts, account.id, await ask_desk(phone, parts, "logout", account.id))
