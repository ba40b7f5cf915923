"""One word per idea: what docs/glossary.md says is not used stands in no catalogue, page, board or alert."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs/glossary.md"
ROW = re.compile(r"^\| (?!word |-)(.+) \|$", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
PAGES = (
    *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("asterisk_conf/*.md"),
    *ROOT.glob("dashboards/*.py"), *ROOT.glob("docker/**/*.yml"),
)  # fmt: skip


def rows() -> list[list[str]]:
    """The cells of every row."""
    return [[cell.strip() for cell in row.split("|")] for row in ROW.findall(GLOSSARY.read_text("utf-8"))]


def plain(text: str) -> str:
    return " ".join(text.casefold().replace("ё", "е").split())


def pattern(word: str) -> re.Pattern[str]:
    """`агент*` is any form that begins so."""
    stems = re.escape(plain(word)).replace(r"\*", r"\w*").replace(r"\ ", r"\s")
    return re.compile(rf"(?<![\w-]){stems}(?![\w-])")


FORBIDDEN = {word.strip(): row[0] for row in rows() for word in row[4].split(",") if word.strip()}
PATTERNS = {word: pattern(word) for word in FORBIDDEN}


def texts() -> Iterator[tuple[str, str]]:
    """(place, text) of all that people read."""
    for path in PAGES:
        text = path.read_text("utf-8")
        if path == GLOSSARY:
            text = "\n".join(" | ".join(row[:4]) for row in rows())
        yield str(path.relative_to(ROOT)), CODE.sub(" ", text) if path.suffix == ".md" else text
    with (ROOT / "dialer/locales/ru.po").open("rb") as file:
        for one in read_po(file, locale="ru"):
            for text in (one.id, one.string):
                for form in [text] if isinstance(text, str) else text:
                    yield f"ru.po: {one.id}"[:90], form


def wrong() -> list[str]:
    found = []
    for place, text in texts():
        read = plain(text)
        found += [
            f"{place}: {word} ({FORBIDDEN[word]})" for word, one in PATTERNS.items() if one.search(read)
        ]
    return found


def test_no_text_uses_a_word_that_the_glossary_forbids() -> None:
    assert wrong() == []


def test_every_idea_has_one_word_in_each_language_and_forbids_none_of_another() -> None:
    table = rows()
    assert len(table) > 40
    assert {len(row) for row in table} == {5}
    words = [row[0] for row in table]
    assert len(words) == len(set(words))
    allowed = {plain(word) for row in table for cell in row[:2] for word in re.split("[,;]", cell)}
    assert {word for word, one in PATTERNS.items() if any(one.fullmatch(word) for word in allowed)} == set()


@pytest.mark.parametrize(
    ("text", "word"),
    [("Новых вызовов нет", "вызовов"), ("Оператора связи нет", "оператор* связи"), ("our agents", "agents"),
     ("чёрный список", "чёрн* спис*"), ("Брошенные звонки", "брошен*")],
)  # fmt: skip
def test_a_forbidden_word_is_seen(text: str, word: str) -> None:
    assert PATTERNS[word].search(plain(text))


@pytest.mark.parametrize("text", ["постобработка", "вызываем", "User_Agent", "a reagent"])
def test_a_word_that_only_looks_like_one_is_not(text: str) -> None:
    assert [word for word, one in PATTERNS.items() if one.search(plain(text))] == []


PAIRS = {  # what an English sentence speaks of, and what its Russian one must not say
    "occupancy": "загруз*", "wrap-up": "обработк*", "carrier": "оператор* связи",
    "disposition": "исход*", "abandoned": "брош*", "do-not-call": "не звонить", "campaign": "акци*",
}  # fmt: skip


def test_a_translation_has_the_word_of_its_idea() -> None:
    found = []
    with (ROOT / "dialer/locales/ru.po").open("rb") as file:
        for one in read_po(file, locale="ru"):
            key = plain(one.id if isinstance(one.id, str) else one.id[0])
            told = plain(one.string if isinstance(one.string, str) else " ".join(one.string))
            found += [
                f"{key[:80]}: {never}" for word, never in PAIRS.items()
                if re.search(rf"\b{word}\b", key) and pattern(never).search(told)
            ]  # fmt: skip
    assert found == []
