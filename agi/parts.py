"""What every dialplan entry needs, and who is calling."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agi.phone import Phone
from agi.pins import Pins
from dialer.domain.errors import BadValue, Forbidden, TimedOut
from dialer.domain.operators import Account
from dialer.domain.types import OPERATOR_NUMBER, Language, OperatorId
from dialer.ports import Accounts, Command, Desk, Live

ENDPOINT = re.compile(rf"(op-)?(?P<operator>{OPERATOR_NUMBER.pattern})")
DESK_S = 10.0  # the caller hears nothing meanwhile
UNIQUEID = re.compile(r"[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Parts:
    """Given to each entry by the server."""

    desk: Desk
    accounts: Accounts
    live: Live
    pins: Pins
    language: Language  # before the operator is known


def operator_of(phone: Phone) -> OperatorId:
    """The operator whose registered phone calls: Asterisk checked its password, the name has the number."""
    named = ENDPOINT.fullmatch(phone.argument)
    if named is None:
        raise BadValue(
            f"endpoint {phone.argument[:40]!r} is no operator's phone: one is named NUMBER or op-NUMBER"
        )
    return OperatorId(named["operator"])


async def caller(phone: Phone, parts: Parts) -> Account:
    """The operator who calls; from here on they are spoken to in their language."""
    account = await parts.accounts.get(operator_of(phone))
    await phone.speak(account.language)
    if not account.enabled:
        raise Forbidden(f"operator {account.id} is switched off: switch it on, then try again")
    return account


async def ask_desk(
    phone: Phone, parts: Parts, verb: str, operator: OperatorId, **args: str
) -> Mapping[str, Any]:
    """Sends a command for this operator; the call's own id makes a repeated one harmless."""
    uniqueid = phone.headers.get("agi_uniqueid", "")
    key = f"agi-{uniqueid}-{verb}" if UNIQUEID.fullmatch(uniqueid) else ""
    command = Command(verb=verb, target=f"operator:{operator}", args={"via": "phone", **args}, key=key)
    try:
        async with asyncio.timeout(DESK_S):
            return await parts.desk.do(command)
    except TimeoutError:
        raise TimedOut(
            f"the cell did not answer {verb} for operator {operator} within {DESK_S:g} s"
        ) from None
