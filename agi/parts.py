"""What every dialplan entry needs, and who is calling."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agi import words
from agi.phone import Phone
from agi.pins import Locked, Pins
from dialer.domain import pauses, prompts
from dialer.domain.errors import (
    BadValue,
    Conflict,
    Forbidden,
    NetworkTrouble,
    ObzvonError,
    StoreDown,
    TimedOut,
)
from dialer.domain.operators import Account, Operator, State
from dialer.domain.pauses import PauseReason
from dialer.domain.types import OPERATOR_NUMBER, Language, OperatorId
from dialer.ports.between import Command, Desk, Shown
from dialer.ports.stores import Accounts, Pauses

ENDPOINT = re.compile(rf"(op-)?(?P<operator>{OPERATOR_NUMBER.pattern})")
DESK_S = 10.0  # the caller hears nothing meanwhile
UNIQUEID = re.compile(r"[A-Za-z0-9.-]{1,64}")


class WrongPin(Forbidden):
    """Number and PIN do not belong together."""


class AlreadyIn(Conflict):
    """The operator is at work."""


class PhoneInUse(Conflict):
    """Another operator is at work at this phone."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Given to each entry by the server."""

    desk: Desk
    accounts: Accounts
    live: Shown
    pins: Pins
    sound: Callable[[str], str] = str  # name of a sound of ours -> as Asterisk plays it
    language: Language = Language.RU  # before the operator is known
    pauses: Pauses | None = None  # None: the default reasons

    async def pause_reasons(self) -> Sequence[PauseReason]:
        return pauses.DEFAULT if self.pauses is None else (await self.pauses.get()).reasons


def operator_of(phone: Phone) -> OperatorId:
    """The operator whose registered phone calls: Asterisk checked its password, the name has the number."""
    named = ENDPOINT.fullmatch(phone.argument)
    if named is None:
        raise BadValue(
            f"endpoint {phone.argument[:40]!r} is no operator's phone: one is named NUMBER or op-NUMBER"
        )
    return OperatorId(named["operator"])


async def caller(phone: Phone, parts: Parts) -> Account:
    """The operator who calls: whoever works at this phone, else its own; spoken to in their language."""
    own = operator_of(phone)
    guests = [one.id for one in await parts.live.operators() if one.desk == own]
    account = await parts.accounts.get(guests[0] if guests else own)
    await phone.speak(account.language)
    if not account.enabled:
        raise Forbidden(f"operator {account.id} is switched off: switch it on, then try again")
    return account


async def ask_desk(
    phone: Phone, parts: Parts, verb: str, operator: OperatorId, **args: str
) -> Mapping[str, Any]:
    """Sends a command for this operator; the call's own id makes a repeated one harmless."""
    uniqueid, is_deed = phone.headers.get("agi_uniqueid", ""), verb != "outcomes" and "only_check" not in args
    key = f"agi-{uniqueid}-{verb}" if UNIQUEID.fullmatch(uniqueid) and is_deed else ""
    command = Command(verb=verb, target=f"operator:{operator}", args={"via": "phone", **args}, key=key)
    try:
        async with asyncio.timeout(DESK_S):
            return await parts.desk.do(command)
    except TimeoutError:
        raise TimedOut(
            f"the cell did not answer {verb} for operator {operator} within {DESK_S:g} s"
        ) from None


async def tell_state(phone: Phone, parts: Parts, operator: OperatorId, answer: Mapping[str, Any]) -> None:
    """What became of a command, as the desk has answered it."""
    state, then = answer.get("state", ""), answer.get("then", "")
    if state not in set(State):
        return
    await tell_operator(
        phone,
        parts,
        Operator(
            operator,
            state=State(state),
            reason=answer.get("reason", ""),
            then=State(then) if then in set(State) else None,
            then_reason=answer.get("then_reason", ""),
        ),
    )


async def tell_operator(phone: Phone, parts: Parts, operator: Operator) -> None:
    """The tone and the words of a state."""
    await phone.play(words.STATE_TONES[operator.state])
    await phone.tell(*prompts.of_state(operator, await _reasons(operator, parts)))


async def _reasons(operator: Operator, parts: Parts) -> Sequence[PauseReason]:
    """The site's list where a pause is to be told; a state is told without it while the database is away."""
    if State.PAUSED not in (operator.state, operator.then):
        return ()
    try:
        return await parts.pause_reasons()
    except StoreDown:
        return ()


def why(failure: ObzvonError) -> str:
    """The prompt for a refusal."""
    match failure:
        case WrongPin():
            return prompts.WRONG_PIN
        case Locked():
            return prompts.LOCKED
        case AlreadyIn():
            return prompts.ALREADY_IN
        case PhoneInUse():
            return prompts.PHONE_IN_USE
        case NetworkTrouble():
            return prompts.NO_SERVICE
        case _:
            return prompts.NOT_DONE
