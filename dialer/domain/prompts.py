"""What an operator hears said: the name of each prompt, and its words in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from dialer.domain.disposition import Disposition
from dialer.domain.operators import Operator, State
from dialer.domain.pauses import PauseReason
from dialer.domain.types import Language

FOLDER = "prompts"  # below the folder of sounds; then the language, then the name
LONGEST_S = 4.0  # of a prompt that is heard on the leg

AFTER_THE_CALL = "after-call"
NOT_TAKEN = "not-taken"
OUTCOME = "outcome"
TOO_LATE = "too-late"
LOGGED_IN = "logged-in"
LOGGED_OUT = "logged-out"
WAIT = "wait-for-call"
NOT_DONE = "not-done"
NO_SERVICE = "no-service"
WRONG_PIN = "wrong-pin"
LOCKED = "locked"
ALREADY_IN = "already-in"
PHONE_IN_USE = "phone-in-use"
ASK_NUMBER = "ask-number"
ASK_AGAIN = "ask-again"
ASK_PIN = "ask-pin"

# name: (Russian, English); the sounds in dialer/prompts are made from these by `make prompts`
WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "state-offline": ("Вы не на смене.", "You are logged out."),
        "state-connecting": ("Вызываем ваш телефон.", "Calling your phone."),
        "state-ready": ("Ожидание звонка.", "Ready."),
        "state-reserved": ("Соединяем.", "Connecting a call."),
        "state-talking": ("Разговор.", "Talking."),
        "state-wrap_up": ("Постобработка.", "Wrap up."),
        "state-paused": ("Пауза.", "Pause."),
        "pause-break": ("Перерыв.", "Break."),
        "pause-lunch": ("Обед.", "Lunch."),
        "pause-meeting": ("Совещание.", "Meeting."),
        "pause-training": ("Обучение.", "Training."),
        "pause-technical": ("Техническая причина.", "Technical reason."),
        "pause-other": ("Другая причина.", "Other reason."),
        "pause-login": ("После входа.", "After log in."),
        OUTCOME: ("Итог:", "Outcome:"),
        "outcome-agreed": ("согласие.", "agreed."),
        "outcome-refused": ("отказ.", "refused."),
        "outcome-callback": ("перезвонить.", "call back."),
        "outcome-wrong_number": ("неверный номер.", "wrong number."),
        "outcome-no_contact": ("нужного человека нет.", "no contact."),
        "outcome-dnc": ("больше не звонить.", "do not call again."),
        "digit-0": ("номер ноль.", "number zero."),
        "digit-1": ("номер один.", "number one."),
        "digit-2": ("номер два.", "number two."),
        "digit-3": ("номер три.", "number three."),
        "digit-4": ("номер четыре.", "number four."),
        "digit-5": ("номер пять.", "number five."),
        "digit-6": ("номер шесть.", "number six."),
        "digit-7": ("номер семь.", "number seven."),
        "digit-8": ("номер восемь.", "number eight."),
        "digit-9": ("номер девять.", "number nine."),
        AFTER_THE_CALL: ("После звонка:", "After this call:"),
        NOT_TAKEN: ("Не принято.", "Not accepted."),
        TOO_LATE: ("Поздно, не принято.", "Too late, not accepted."),
        LOGGED_IN: ("Вы вошли.", "You are logged in."),
        LOGGED_OUT: ("Смена окончена.", "You are logged out."),
        "reason-phone_did_not_answer": ("Телефон не ответил.", "The phone did not answer."),
        "reason-phone_not_registered": ("Телефон не зарегистрирован.", "The phone is not registered."),
        "reason-phone_failed": ("Телефон не принял звонок.", "The phone did not take the call."),
        "reason-phone_lost": ("Связь с телефоном потеряна.", "The phone was lost."),
        "reason-number_may_not_be_called": ("Этот номер нельзя вызвать.", "This number may not be called."),
        "reason-shift_too_long": ("Смена была слишком долгой.", "The shift was too long."),
        "reason-closing_time": ("Рабочий день окончен.", "The working day is over."),
        NOT_DONE: ("Не выполнено.", "Not done."),
        NO_SERVICE: ("Сервис не отвечает.", "The service does not answer."),
        WRONG_PIN: ("Неверный номер или код.", "Wrong number or code."),
        LOCKED: ("Вход закрыт. Попробуйте позже.", "Log in is locked. Try again later."),
        ALREADY_IN: ("Вы уже на смене.", "You are logged in already."),
        PHONE_IN_USE: ("Этот телефон занят другим оператором.", "Another operator is at this phone."),
        ASK_NUMBER: ("Введите номер и решётку.", "Enter your number and pound."),
        ASK_AGAIN: ("Неверно. Введите номер и решётку.", "Wrong. Enter your number and pound."),
        ASK_PIN: ("Введите код и решётку.", "Enter your code and pound."),
        WAIT: ("Положите трубку и ждите звонка.", "Hang up and wait for the call."),
    }
)


def path_of(prompt: str, language: Language) -> str:
    """The name of a sound, below the folder of sounds."""
    return f"{FOLDER}/{language}/{prompt}"


def of_state(operator: Operator, reasons: Iterable[PauseReason] = ()) -> tuple[str, ...]:
    """The state, a pause with its reason, and what was asked to follow the present call.

    `reasons` is the site's list, by which a reason without a word is told by its key.
    """
    keys = {one.code: one.key for one in reasons}
    said: list[str] = [f"state-{operator.state}"]
    if operator.state is State.PAUSED:
        said += _of_pause(operator.reason, keys)
    if operator.state is State.OFFLINE and f"reason-{operator.reason}" in WORDS:
        said.append(f"reason-{operator.reason}")
    match operator.then:
        case State.PAUSED:
            said += [AFTER_THE_CALL, f"state-{State.PAUSED}", *_of_pause(operator.then_reason, keys)]
        case State.OFFLINE:
            said += [AFTER_THE_CALL, LOGGED_OUT]
        case _:
            pass
    return tuple(said)


def _of_pause(reason: str, keys: Mapping[str, str]) -> Iterable[str]:
    """By its word, or as what happened to the phone; a reason of the site's own by its key, if it has one."""
    key = keys.get(reason)
    words = (f"pause-{reason}", f"reason-{reason}", f"digit-{key}")
    return [word for word in words if word in WORDS][:1]


def of_outcome(said: Disposition) -> tuple[str, ...]:
    """By its word; by its key where somebody has made it, and no word was recorded for it."""
    words = (OUTCOME, f"outcome-{said.code}", f"digit-{said.key}")
    return words[:2] if words[1] in WORDS else (words[0], words[2]) if said.key else words[:1]
