"""Pretend people of a list, and the ways in which their values are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

NAMES = ("Иван", "Пётр", "Ольга", "Анна", "Сергей", "Мария", "Юлия", "Дмитрий", "Наталья", "Фёдор")
SURNAMES = (
    "Иванов",
    "Петренко",
    "Щукина",
    "Смирнова",
    "Ёлкин",
    "Цой",
    "Жданов",
    "Шевчук",
    "Быков",
    "Эйдельман",
)
FATHERS = ("Иванович", "Петровна", "Сергеевич", "Юрьевна", "Ильич", "Андреевна")
FIRMS = ("ООО «Ромашка»", "ЗАО Пион", "ИП Щукин", 'ООО "Вектор-М"', "АО Жемчуг", "ООО Съезд и Ко")
CITIES = ("Москва", "Тверь", "Омск", "Екатеринбург", "Казань", "Санкт-Петербург")
NOTES = ("перезвонить", "просил не раньше 10:00", "был на выставке", "", "VIP", "думает до пятницы")
WEIGHTS = (2, 4, 10, 3, 5, 9, 4, 6, 8)


@dataclass(frozen=True)
class Person:
    """What stands in one row, as it is meant."""

    name: tuple[str, str, str]  # surname, name, father's
    company: str
    inn: str
    city: str
    note: str
    numbers: tuple[str, ...]  # ten digits each
    extension: str = ""  # of the first

    @property
    def full_name(self) -> str:
        return " ".join(self.name)


def person(rng: Random, numbers: int = 1, *, fixed: bool = False) -> Person:
    return Person(
        (rng.choice(SURNAMES), rng.choice(NAMES), rng.choice(FATHERS)),
        rng.choice(FIRMS),
        inn(rng),
        rng.choice(CITIES),
        rng.choice(NOTES),
        tuple(number(rng, fixed=fixed) for _ in range(numbers)),
    )


def number(rng: Random, *, fixed: bool = False) -> str:
    code = rng.choice(("495", "812") if fixed else ("911", "921", "931"))
    return code + f"{rng.randrange(2_000_000, 9_999_999)}"


def inn(rng: Random) -> str:
    """With a check digit that fits; a fifth begin with a zero, as those of some regions do."""
    body = f"{rng.choice(('0', '7', '7', '5'))}{rng.randrange(1, 9)}{rng.randrange(10**7):07}"
    return body + str(sum(int(one) * by for one, by in zip(body, WEIGHTS, strict=True)) % 11 % 10)


def grouped(digits: str) -> tuple[str, str, str, str]:
    return digits[:3], digits[3:6], digits[6:8], digits[8:]


def _spaced(pattern: str) -> Callable[[str], str]:
    return lambda digits: pattern.format(*grouped(digits))


# how a number is written: name -> ten digits -> cell
WRITTEN: Mapping[str, Callable[[str], str]] = {
    "+7 (911) 123-45-67": _spaced("+7 ({}) {}-{}-{}"),
    "8 911 123 45 67": _spaced("8 {} {} {} {}"),
    "8-911-123-45-67": _spaced("8-{}-{}-{}-{}"),
    "8(911)1234567": _spaced("8({}){}{}{}"),
    "89111234567": _spaced("8{}{}{}{}"),
    "79111234567": _spaced("7{}{}{}{}"),
    "9111234567": _spaced("{}{}{}{}"),
    "+79111234567": _spaced("+7{}{}{}{}"),
    "non-breaking": _spaced("+7\u00a0{}\u00a0{}\u2011{}\u2011{}"),
    "dashes of print": _spaced("8 ({}) {}–{}–{}"),
    "dots": _spaced("8.{}.{}.{}.{}"),
    "as a float": _spaced("7{}{}{}{}.0"),
    "scientific, whole": lambda digits: f"7.{digits}E+10",
    "scientific, comma": lambda digits: f"7,{digits}E+10",
    "as a formula": _spaced('="8{}{}{}{}"'),
    "an apostrophe before": _spaced("'8{}{}{}{}"),
    "direction marks": _spaced("\u202d+7 {} {}-{}-{}\u202c"),
    "a word before": _spaced("тел. 8 {} {}-{}-{}"),
    "mob: before": _spaced("моб.: +7 {} {}-{}-{}"),
    "a name behind": _spaced("8-{}-{}-{}-{} Ольга"),
    "a remark behind": _spaced("8 {} {}-{}-{} (после 18:00)"),
    "trailing signs": _spaced(" +7 {} {}-{}-{}; "),
}
BEYOND_CP1251 = ("non-breaking", "dashes of print", "direction marks")  # signs that older encodings lack
ROUNDED = "scientific, rounded"  # the number is gone: each row must be refused


def rounded(digits: str) -> str:
    return f"7.{digits[:4]}E+10"


EXTENSIONS: Mapping[str, str] = {
    "доб.": "{} доб. {}",
    "доб": "{}, доб {}",
    "ext": "{} ext {}",
    "in brackets": "{} (доб. {})",
    "#": "{}#{}",
    "x": "{} x{}",
}
TWO_IN_A_CELL: Mapping[str, str] = {
    "comma": "{}, {}",
    "slash": "{} / {}",
    "line break": "{}\n{}",
    "and": "{} и {}",
    "semicolon": "{}; {}",
}
