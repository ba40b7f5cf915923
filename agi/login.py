"""*10: operators say who they are, by number and PIN, and are called back at the same phone."""

from __future__ import annotations

import asyncio

import structlog

from agi.parts import AlreadyIn, Parts, PhoneInUse, WrongPin, ask_desk, operator_of
from agi.phone import Phone
from agi.state import at_work
from dialer.domain import prompts
from dialer.domain.errors import Conflict, Missing
from dialer.domain.operators import Account, State
from dialer.domain.types import OPERATOR_NUMBER, Language, LegKind, OperatorId

log = structlog.get_logger()

TRIES = 3
KEY_S = 8.0  # how long to wait for the next key
NUMBER_DIGITS = 6
PIN_DIGITS = 12
PHONE_FREE_S = 0.5  # Asterisk's BYE and the phone's answer to it: a phone with one line is busy until then


async def login(phone: Phone, parts: Parts) -> None:
    """Three tries. What stands against a log-in is said at once.

    That the operator is logged in is said when it is so: here where the phone rings for each call only, else
    on the leg.
    """
    own = operator_of(phone)
    await phone.speak(await _language(parts, own))
    account = await _identified(phone, parts, own)
    await phone.speak(account.language)
    await _refuse_second(parts, account.id)
    try:
        await ask_desk(phone, parts, "login", account.id, desk=own, only_check="yes")
    except Conflict as taken:
        raise PhoneInUse(str(taken)) from taken
    if account.leg is LegKind.ON_DEMAND:
        await ask_desk(phone, parts, "login", account.id, desk=own)
        await phone.tell(prompts.LOGGED_IN)
    else:
        await phone.tell(prompts.WAIT)
        await phone.leave()
        await asyncio.sleep(PHONE_FREE_S)
        await ask_desk(phone, parts, "login", account.id, desk=own)
    log.info(f"operator {account.id} asked for a log-in by phone", operator=account.id, phone=own)


async def _identified(phone: Phone, parts: Parts, own: OperatorId) -> Account:
    """The account whose number and PIN were keyed; raises WrongPin after three wrong pairs."""
    prompt = prompts.ASK_NUMBER
    for _ in range(TRIES):
        number = await phone.ask_words(prompt, digits=NUMBER_DIGITS, wait_s=KEY_S) or own
        pin = await phone.ask_words(prompts.ASK_PIN, digits=PIN_DIGITS, wait_s=KEY_S)
        account = await _account(parts, number)
        if await parts.pins.are_right(account, pin, phone=own) and account is not None and account.enabled:
            return account
        log.info("a log-in by phone was refused", phone=own, reason=_why(account))
        prompt = prompts.ASK_AGAIN
    raise WrongPin(f"{TRIES} log-ins by the phone of operator {own} were wrong: check its number and PIN")


def _why(account: Account | None) -> str:
    if account is None:
        return "no such operator"
    if not account.pin_hash:
        return f"operator {account.id} has no PIN: set one"
    return (
        f"operator {account.id}: wrong PIN" if account.enabled else f"operator {account.id} is switched off"
    )


async def _account(parts: Parts, number: str) -> Account | None:
    if not OPERATOR_NUMBER.fullmatch(number):
        return None
    try:
        return await parts.accounts.get(OperatorId(number))
    except Missing:
        return None


async def _language(parts: Parts, own: OperatorId) -> Language:
    account = await _account(parts, own)
    return account.language if account else parts.language


async def _refuse_second(parts: Parts, operator: OperatorId) -> None:
    now = await at_work(parts, operator)
    if now is not None and now.state is not State.OFFLINE:
        raise AlreadyIn(f"operator {operator} is logged in already ({now.state}): log out first")
