"""The languages of the screens: gettext's catalogues, and how each language writes numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

from dialer.domain.said import Said, tell
from dialer.domain.types import Language

LOCALES = Path(__file__).parents[1] / "locales"
CLDR = LOCALES / "cldr.json"  # tools/cldr.py makes it
THIN = "\u202f"  # the space that keeps figures together


@dataclass(frozen=True, slots=True)
class Voice:
    """See dialer.domain.said.Tongue."""

    language: Language
    group: str
    decimal: str
    percent: str
    words: GNUTranslations

    def find(self, sentence: Said) -> str:
        """The template in this language; English where the catalogue has none."""
        if sentence.plural and sentence.context:
            return self.words.npgettext(sentence.context, sentence.text, sentence.plural, sentence.n)
        if sentence.plural:
            return self.words.ngettext(sentence.text, sentence.plural, sentence.n)
        if sentence.context:
            return self.words.pgettext(sentence.context, sentence.text)
        return self.words.gettext(sentence.text) if sentence.text else ""  # '' is the catalogue's own head


@cache
def voice(language: Language) -> Voice:
    """Read once for each language."""
    with (LOCALES / f"{language}.mo").open("rb") as file:
        words = GNUTranslations(file)
    if language is Language.RU:
        return Voice(language, THIN, ",", f"{THIN}%", words)
    return Voice(language, ",", ".", "%", words)  # its catalogue has those few that differ from their keys


@cache
def cldr() -> Mapping[str, Any]:
    """`countries`: region -> name; `territories`: zone -> country; `zones`: language -> zone -> city."""
    found: dict[str, Any] = json.loads(CLDR.read_text(encoding="utf-8"))
    return found


def speaker(language: str) -> Callable[[str], str]:
    """Tells sentences in this language."""
    tongue = voice(Language(language))
    return lambda sentence: tell(sentence, tongue)


def speaker_for(accept: str) -> Callable[[str], str]:
    """Tells sentences in the language that an Accept-Language header likes best."""
    return speaker(preferred(accept))


def preferred(accept: str) -> Language:
    """The first among equals of the languages that are known; English where none is named."""
    best, found = 0.0, Language.EN
    for part in accept[:1_000].split(","):
        name, _, weight = part.strip().partition(";")
        language = name.strip().lower().partition("-")[0]
        share = _share(weight)
        if language in set(Language) and share > best:
            best, found = share, Language(language)
    return found


def _share(weight: str) -> float:
    """`q=0.8`; 1 where nothing is said, 0 where it cannot be read."""
    name, _, value = weight.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(1.0, max(0.0, float(value))) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
