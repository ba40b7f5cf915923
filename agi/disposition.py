"""*13: what came of the operator's last call, chosen by digit."""

from __future__ import annotations

from agi.parts import Parts, ask_desk, caller
from agi.pause import choice
from agi.phone import Phone
from dialer.domain import prompts
from dialer.domain.disposition import read
from dialer.domain.errors import Conflict


async def disposition(phone: Phone, parts: Parts) -> None:
    """The outcome is said back when it is written down.

    It is for the call that the operator had when the code was dialled. If another has begun meanwhile,
    nothing is written down. Digits mean what they mean on the leg and on the screen: the cell says which
    outcomes this call has, whatever has been made of its campaign since the talk began.
    """
    account = await caller(phone, parts)
    offered = await ask_desk(phone, parts, "outcomes", account.id)
    call = offered.get("call", "")
    if not call:
        raise Conflict(f"operator {account.id} has no call to give an outcome to")
    keyed = {one.key: one for one in read(offered.get("dispositions", ())) if one.key}
    if not keyed:
        raise Conflict(f"no disposition of call {call} has a key: give it one, or use the screen")
    chosen = await choice(phone, keyed)
    await ask_desk(phone, parts, "dispose", account.id, disposition=chosen.code, call=call)
    await phone.tell(*prompts.of_outcome(chosen))
