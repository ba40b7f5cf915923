"""Which encoding a text is in, by what its letters look like in each of those that it may be in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SAMPLE = 20_000  # bytes that are no ASCII, with what stands around them
LOW_MARGIN = 0.12
CYRILLIC = ("cp1251", "cp866", "koi8-r", "mac-cyrillic")
WESTERN = ("cp1252", "mac-roman", "cp850")
CENTRAL = ("cp1250", "iso8859-2", "cp852")
_CENTRAL_COUNTRIES = frozenset({"PL", "CZ", "SK", "HU", "SI", "HR", "RO", "AL"})
_CYRILLIC_COUNTRIES = frozenset(
    {"RU", "BY", "KZ", "KG", "UA", "TJ", "UZ", "MD", "BG", "MK", "RS", "MN", "AM"}
)
_PRIOR = 0.08  # of the encodings that the country uses, and of the usual one among several
_WORD = re.compile(r"[^\W\d_]+|[^\x00-\x7f]")

# Which letters follow a letter of a Russian word, the most frequent first; `^` begins the word, `$` ends it.
# Counted in Russian sentences and names; what is not listed hardly occurs.
_FOLLOW = {
    "^": "сповкнмздтбиарглучфеэхжяюцш",
    "а": "$нлртсмздвкбепйягчужхюшиофцё",
    "б": "оаеруиыл$кщнцзьсвхъюэ",
    "в": "$аеоиынлрсуьтякшгхдмёч",
    "г": "оариеу$вдлнсцбйк",
    "д": "аиоен$ружывлёмкясхшэь",
    "е": "$рнтлвсдмйкгезфчшцжбияпщхоаёу",
    "ё": "тнв$мрдлхк",
    "ж": "иеднауб$сокм",
    "з": "авоин$мдгыреьуксялжбз",
    "и": "$нтясклремдйвхчзшбпиагцофжую",
    "й": "$тклндсроецмчавзшпиб",
    "к": "ао$иусерлтвнкюпмэ",
    "л": "иаьое$юуялгжсбёыкнтдм",
    "м": "ае$оипбуяысмнёьэфчвг",
    "н": "аи$оеыдтнкясуьгчёцблшзв",
    "о": "в$рнтлсмдбкгпйежзчяцошаих",
    "п": "ораеиу$лпыкснтьёбх",
    "р": "аоие$унгтыяскмьвшбжрдёлпфхц",
    "с": "ткеоа$яилвпьнмусрчхбдышёцж",
    "т": "$еоариьсвкуындёлтмчя",
    "у": "$стрзджналкгбмпчэюшещвхйоиф",
    "ф": "ораиёу$езцфглт",
    "х": "$аориусевгтн",
    "ц": "еи$оакыувбю",
    "ч": "еаи$нёткьоу",
    "ш": "иеатлкнёров$пух",
    "щ": "еиаё",
    "ъ": "е",
    "ы": "$йехтлзвшмбкчрпднсяг",
    "ь": "$еянштзскмгвоюёдибп",
    "э": "тр$фксйнлд",
    "ю": "тч$рджщсбнкмлзюг",
    "я": "$тнелчмзксдрюябпцщхгв",
}
_RANK = {first: {second: rank for rank, second in enumerate(follow)} for first, follow in _FOLLOW.items()}
# Words that lists are full of, and too short to be known by their pairs.
_SHORT = frozenset(
    [
        "доб",
        "вн",
        "внутр",
        "тел",
        "моб",
        "сот",
        "раб",
        "дом",
        "гор",
        "факс",
        "нет",
        "да",
        "ооо",
        "оао",
        "зао",
        "пао",
        "ао",
        "ип",
    ]
)
_MISPLACED = re.compile(r"[»”“’°§₽€©®™№](?=[^\W\d_])|(?<=[^\W\d_])[«„§₽€№](?=[^\W\d_])")
_FINE = frozenset("№«»—–…“”„‘’°§₽€\u00a0•·×©®™")
_WESTERN_LETTERS = frozenset("äöüßÄÖÜéèêëàâçîïôûùœæñóíáúãõåøìòÉÈÀÇÑÅØÆ¡¿")
_CENTRAL_LETTERS = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽőűŐŰâăîșțşţđĐ")


@dataclass(frozen=True, slots=True)
class Guess:
    """The encoding, and how much better than the next one it fits; 1: nothing else can be meant."""

    encoding: str
    margin: float
    rival: str = ""

    @property
    def is_unsure(self) -> bool:
        return self.margin < LOW_MARGIN


def guess_encoding(content: bytes, country: str = "RU") -> Guess:
    """Of a text without a mark."""
    if content.isascii():
        return Guess("utf-8", 1.0)
    good, bad = _utf8_signs(content[: 4 * 1024 * 1024])
    if good > bad:
        return Guess("utf-8", 1.0)
    sample = _sample(content)
    scores = sorted(((_score(sample, name, country), name) for name in _candidates(country)), reverse=True)
    best, name = scores[0]
    text = sample.decode(name, "replace")
    others = (pair for pair in scores[1:] if sample.decode(pair[1], "replace") != text)
    score, rival = next(others, (best - 1.0, ""))
    return Guess(name, min(1.0, max(0.0, best - score)), rival)


def _utf8_signs(content: bytes) -> tuple[int, int]:
    """Letters that are no ASCII, and bytes that are no UTF-8."""
    text = content.decode("utf-8", "surrogateescape")
    bad = len(re.findall("[\udc80-\udcff]", text))
    return sum(not sign.isascii() for sign in text) - bad, bad


def _sample(content: bytes) -> bytes:
    """Words with signs that are no ASCII, from the whole of the text, each once."""
    seen: dict[bytes, None] = {}
    size = 0
    for match in re.finditer(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*", content):
        if match[0] not in seen:
            seen[match[0]] = None
            size += len(match[0])
            if size > SAMPLE:
                break
    return b" ".join(seen)


def _candidates(country: str) -> Sequence[str]:
    return (*CYRILLIC, *WESTERN, *(CENTRAL if country in _CENTRAL_COUNTRIES else ()))


def _score(sample: bytes, encoding: str, country: str) -> float:
    """How much the sample looks like words in this encoding: about 1 for a language that is known."""
    text = sample.decode(encoding, "replace")
    strange = [sign for sign in text if not sign.isascii()]
    if not strange:
        return 0.0
    of_letters = _russian if encoding in CYRILLIC else _latin
    total = sum(of_letters(word) for word in _WORD.findall(text))
    total += sum(_of_sign(sign) for sign in strange if not sign.isalpha())
    total -= 2.0 * len(_MISPLACED.findall(text))
    return total / len(strange) + _prior(encoding, country)


def _prior(encoding: str, country: str) -> float:
    usual = CYRILLIC if country in _CYRILLIC_COUNTRIES else WESTERN
    usual = CENTRAL if country in _CENTRAL_COUNTRIES else usual
    return (_PRIOR if encoding in usual else 0.0) + (_PRIOR / 4 if encoding == usual[0] else 0.0)


def _of_sign(sign: str) -> float:
    return 0.5 if sign in _FINE else -3.0 if sign == "\ufffd" or "\x80" <= sign <= "\x9f" else -1.0


def _russian(word: str) -> float:
    """Pairs of letters that follow each other in Russian, and the case of letters."""
    if word.isascii() or not word.isalpha():
        return 0.0
    if not all("\u0400" <= sign <= "\u04ff" for sign in word):
        return -1.5 * len(word)
    lower = word.lower()
    if lower in _SHORT:
        return 1.2 * len(word)
    pairs = zip(f"^{lower}", f"{lower}$", strict=True)
    total = sum(_of_pair(first, second) for first, second in pairs) * len(word) / (len(word) + 1)
    turns = sum(one.islower() and two.isupper() for one, two in pairwise(word))
    late = word[1:].isupper() and word[:1].islower()
    return total - 1.5 * turns - (1.0 if late else 0.0)


def _of_pair(first: str, second: str) -> float:
    rank = _RANK.get(first, {}).get(second)
    if rank is None:
        return -1.0 if first in _RANK and (second in _RANK or second == "$") else -1.5
    return 1.3 - 0.075 * rank


def _latin(word: str) -> float:
    """Few letters with marks, each of them usual, among plain ones of the same case."""
    if word.isascii() or not word.isalpha():
        return 0.0
    total = 0.0
    for place, sign in enumerate(word):
        if sign.isascii():
            continue
        known = sign in _WESTERN_LETTERS or sign in _CENTRAL_LETTERS
        beside = word[max(0, place - 1) : place] + word[place + 1 : place + 2]
        total += 0.9 if known else -0.8
        total -= 0.9 * sum(not other.isascii() for other in beside)
        total -= 1.0 if place and sign.isupper() and word[place - 1].islower() else 0.0
        total -= 0.6 if sign.islower() and len(beside) > 1 and beside.isupper() else 0.0
    return total
