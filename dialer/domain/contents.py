"""What a cell of a list holds, by itself: a name, an INN, an address, nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")
INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]+"
)
_NOTHING = re.compile(
    r"[\s\-–—−_.?!*/\\x×х0+]*|н[/\\.\s]*д|н[/\\]у|нет(?:\s+(?:данных|номера|телефона))?|не\s*(?:указан\w*|известн\w*|задан\w*)"
    r"|отсутств\w*|пусто|без\s+(?:номера|телефона)|уточн\w*|n[/\\.\s]*a|none|null|nil|nan|no|empty|unknown|undefined|missing"
    r"|#(?:n/a|н/д|ref!|ссылка!|value!|знач!)|k\.?\s?a\.?",
    re.IGNORECASE,
)
_DIGITS = frozenset("123456789")
_SIGNS = _DIGITS | {"+"}
_PERSON_WORD = r"(?:[A-ZА-ЯЁÀ-Þ][\w'’-]*\.?|(?:де|да|ван|фон|дер|оглы|кызы|von|van|de|der|la|di|al|bin))"
_PERSON = re.compile(rf"{_PERSON_WORD}(?:\s+{_PERSON_WORD}){{0,4}}")
_SURNAME = re.compile(
    r"\w+(?:ов|ев|ёв|ин|ын|ский|цкий|ской|ова|ева|ёва|ина|ына|ская|цкая|енко|чук|юк|ян|янц|дзе|швили|ых|их|ко|вич)",
    re.IGNORECASE,
)
_PATRONYMIC = re.compile(r"\w+(?:ович|евич|ьич|овна|евна|ична|инична)", re.IGNORECASE)
_GIVEN_NAMES = """
александр алексей анатолий андрей антон артём артем борис вадим валерий василий виктор виталий владимир
вячеслав геннадий георгий григорий даниил денис дмитрий евгений егор иван игорь илья кирилл константин лев
леонид максим марат михаил никита николай олег павел пётр петр роман руслан сергей станислав степан тимур
фёдор федор эдуард юрий ярослав александра алина алла анастасия анна валентина вера вероника виктория галина
дарья екатерина елена елизавета жанна зоя инна ирина кристина ксения лариса лидия людмила любовь марина
мария надежда наталья наталия нина оксана ольга полина раиса светлана софья татьяна ульяна юлия яна ivan
olga anna peter pyotr john mary james michael robert david maria elena sergey sergei alex alexander dmitry
dmitri andrey pavel thomas hans julia paul
"""
_GIVEN = frozenset(_GIVEN_NAMES.split())
_ORGANISATION = re.compile(
    r"(?:^|[\s\"«(])(?:ооо|оао|зао|пао|ао|ип|нко|ано|гуп|муп|мбоу|гбу|фгуп|тоо|одо|чп|тов|llc|ltd|inc|gmbh|corp|ag|plc|s\.?r\.?l)"
    r"(?:[\s\".,»)]|$)",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?=.*[0-9])[\w./#-]{1,40}")
_INN_WEIGHTS = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


def is_nothing(cell: str) -> bool:
    """Empty, or a word that people write where they have nothing to write."""
    if cell[:1] in _SIGNS and cell[-1:] in _DIGITS:
        return False  # a number, most likely: every word above begins otherwise or ends otherwise
    return _NOTHING.fullmatch(cell.strip()) is not None


def is_email(cell: str) -> bool:
    return EMAIL.fullmatch(cell.strip()) is not None


def is_person(cell: str) -> bool:
    """A person's name as it is usually written; a single word must look like one."""
    plain = cell.strip()
    if any(sign.isdigit() for sign in plain) or is_organisation(plain):
        return False
    if not _PERSON.fullmatch(plain) and not _PERSON.fullmatch(plain.title()):
        return False
    return any(
        word.casefold() in _GIVEN or _SURNAME.fullmatch(word) or _PATRONYMIC.fullmatch(word)
        for word in plain.split()
    )


def is_words(cell: str) -> bool:
    """Letters, at least as many as everything else: what a name may be."""
    plain = cell.strip()
    letters = sum(sign.isalpha() for sign in plain)
    return letters > 0 and not any(sign.isdigit() for sign in plain) and "@" not in plain


def is_organisation(cell: str) -> bool:
    return _ORGANISATION.search(cell) is not None


def is_code(cell: str) -> bool:
    """A number or a mark of somebody's own: `C-001`, `17`."""
    return _CODE.fullmatch(cell.strip()) is not None


def share(cells: Sequence[str], fits: Callable[[str], bool]) -> float:
    """Of those cells that hold something."""
    filled = [cell for cell in cells if not is_nothing(cell)]
    return sum(map(fits, filled)) / len(filled) if filled else 0.0


# --- INN --------------------------------------------------------------------------------------------------


def is_inn(cell: str) -> bool:
    """With check digits that fit, a lost zero restored."""
    return not inn_flaw(whole_inn(cell))


def whole_inn(text: str) -> str:
    """The digits, with the zero that a spreadsheet took away where the check digit proves it."""
    plain = re.sub(r"[\s\u00a0']", "", text).removesuffix(".0")
    if plain.isascii() and plain.isdigit() and len(plain) in (9, 11) and not inn_flaw(f"0{plain}"):
        return f"0{plain}"
    return plain


def inn_flaw(value: str) -> str:
    """What is wrong with the check digits of a Russian taxpayer number: `length`, `check`, or nothing."""
    if not (value.isascii() and value.isdigit() and len(value) in (10, 12)) or not value.strip("0"):
        return "length"
    for length in (10,) if len(value) == 10 else (11, 12):
        weights = _INN_WEIGHTS[len(_INN_WEIGHTS) - length + 1 :]
        control = sum(int(digit) * weight for digit, weight in zip(value, weights, strict=False)) % 11 % 10
        if control != int(value[length - 1]):
            return "check"
    return ""
