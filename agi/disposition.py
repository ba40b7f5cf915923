"""*13: what came of the operator's last call, chosen by digit."""

from __future__ import annotations

from agi.parts import Parts, ask_desk, caller
from agi.pause import choice
from agi.phone import Phone
from agi.state import at_work
from dialer.domain import prompts
from dialer.domain.errors import Conflict


async def disposition(phone: Phone, parts: Parts) -> None:
    """The outcome is said back when it is written down.

    It is for the call that the operator had when the code was dialled. If another has begun meanwhile,
    nothing is written down.
    """
    account = await caller(phone, parts)
    now = await at_work(parts, account.id)
    if now is None or now.call is None:
        raise Conflict(f"operator {account.id} has no call to give an outcome to")
    known = await parts.dispositions_of(now.campaign)
    keyed = {one.key: one for one in known if one.key}
    if not keyed:
        raise Conflict(f"no disposition of campaign {now.campaign} has a key: give it one, or use the screen")
    chosen = await choice(phone, keyed)
    await ask_desk(phone, parts, "dispose", account.id, disposition=chosen.code, call=now.call)
    await phone.tell(*prompts.of_outcome(chosen))
