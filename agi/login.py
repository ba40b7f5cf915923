"""*10: the operator says who they are, by number and PIN, and is called back."""

from __future__ import annotations

import asyncio

import structlog

from agi import words
from agi.parts import Parts, ask_desk, operator_of
from agi.phone import Phone
from agi.state import at_work
from dialer.domain.errors import Conflict, Forbidden, Missing
from dialer.domain.operators import Account, State
from dialer.domain.types import OPERATOR_NUMBER, Language, LegKind, OperatorId, PhoneKind

log = structlog.get_logger()

TRIES = 3
KEY_S = 8.0  # how long to wait for the next key
NUMBER_DIGITS = 6
PIN_DIGITS = 12
PHONE_FREE_S = 0.5  # Asterisk's BYE and the phone's answer to it: a phone with one line is busy until then


async def login(phone: Phone, parts: Parts) -> None:
    """Three tries; then the operator hears that it worked, hangs up and is called back."""
    own = operator_of(phone)
    await phone.speak(await _language(parts, own))
    account = await _identified(phone, parts, own)
    await phone.speak(account.language)
    await _refuse_second(parts, account.id)
    if _is_called_back_here(account, own):
        await _done(phone)
        await phone.leave()
        await asyncio.sleep(PHONE_FREE_S)
        await ask_desk(phone, parts, "login", account.id)
    else:
        await ask_desk(phone, parts, "login", account.id)
        await _done(phone)
    log.info(f"operator {account.id} logged in by phone", operator=account.id, phone=own)


async def _identified(phone: Phone, parts: Parts, own: OperatorId) -> Account:
    """The account whose number and PIN were keyed; raises Forbidden after three wrong pairs."""
    prompt = words.ASK_NUMBER
    for _ in range(TRIES):
        number = await phone.ask(prompt, digits=NUMBER_DIGITS, wait_s=KEY_S) or own
        pin = await phone.ask(words.ASK_PIN, digits=PIN_DIGITS, wait_s=KEY_S)
        account = await _account(parts, number)
        if await parts.pins.are_right(account, pin) and account is not None and account.enabled:
            return account
        log.info("a log-in by phone was refused", phone=own, reason=_why(account))
        prompt = words.ASK_NUMBER_AGAIN
    raise Forbidden(f"{TRIES} log-ins by the phone of operator {own} were wrong: check its number and PIN")


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
        raise Conflict(f"operator {operator} is logged in already ({now.state}): log out first")


def _is_called_back_here(account: Account, own: OperatorId) -> bool:
    """Whether the leg will ring on the very phone that is in this call."""
    return account.id == own and account.leg is LegKind.NAILED_UP and account.phone is PhoneKind.SIP


async def _done(phone: Phone) -> None:
    if not await phone.say(words.LOGGED_IN):
        await phone.play(words.READY)
    await phone.say(words.GOODBYE)
