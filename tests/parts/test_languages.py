"""Russian and English: every sentence has its translation, with the same values, in all its forms."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Message

from dialer.adapters.doctor import asterisk
from dialer.adapters.languages import preferred, speaker, voice
from dialer.cli import campaign, doctor, records
from dialer.domain import operators, shifts
from dialer.domain.errors import Mistake
from dialer.domain.explain import Facts, explain
from dialer.domain.operators import State
from dialer.domain.said import Said, counted, full, listed, said, titled, word
from dialer.domain.types import Language
from dialer.web.api.campaign_fields import CampaignOut
from tests.unit.domain.test_explain import GOOD
from tools import catalogue
from tools.catalogue import compiled, path_of, read, template, texts

THIN = "\u202f"


@cache
def sentences() -> Sequence[Message]:
    """Of the whole code."""
    return [message for message in template() if message.id]


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def key(message: Message) -> tuple[str, str]:
    return message.context or "", texts(message.id)[0]


def test_there_is_something_to_translate() -> None:
    assert len(sentences()) > 500
    assert {"the campaign has no trunk", "{n} line; then {why}."} <= {key(one)[1] for one in sentences()}


@pytest.mark.parametrize("language", list(Language))
def test_every_sentence_of_the_code_is_in_the_catalogue_and_no_other(language: Language) -> None:
    there = {key(one): one for one in read(language) if one.id}
    wanted = {key(one) for one in sentences()}
    assert there.keys() == wanted if language is Language.RU else there.keys() < wanted, "make words"
    assert [one for one, message in there.items() if not all(texts(message.string))] == []
    assert [one for one, message in there.items() if message.fuzzy] == []


@pytest.mark.parametrize("language", list(Language))
def test_a_translation_holds_the_same_values(language: Language) -> None:
    wrong = []
    for message in read(language):
        if message.id:
            wanted = set().union(*map(names, texts(message.id)))
            wrong += [one for one in texts(message.string) if names(one) != wanted]
    assert wrong == []


def test_english_has_what_differs_from_its_key_alone() -> None:
    assert [one.id for one in read(Language.EN) if one.id and one.id == one.string] == []
    assert english(Said("phone_did_not_answer", context="reason")) == "phone did not answer"
    assert english(said("the campaign has no trunk")) == "the campaign has no trunk"
    assert english(counted("{n} lead", "{n} leads", 2)) == "2 leads"


def test_what_is_counted_has_every_form() -> None:
    plural, forms = [one for one in read(Language.RU) if not isinstance(one.id, str)], 3
    assert len(plural) > 10
    assert {len(texts(one.string)) for one in plural} == {forms}


@pytest.mark.parametrize("language", list(Language))
def test_what_runs_is_what_is_written(language: Language) -> None:
    with path_of(language, ".mo").open("rb") as file:
        runs = _words(file)
    assert runs == _words(BytesIO(compiled(read(language)))), "make words"


def _words(file: Any) -> dict[Any, str]:
    """All that gettext would find, without the head."""
    return {name: told for name, told in vars(GNUTranslations(file))["_catalog"].items() if name}


# --- lists of words that no extractor sees ----------------------------------------------------------------


def test_every_reason_that_the_product_gives_is_listed() -> None:
    given = {value for name, value in vars(shifts).items() if name.isupper() and isinstance(value, str)}
    assert given | {operators.NO_KEY} == set(catalogue.REASONS)


def test_every_gate_has_its_name() -> None:
    facts: Facts = GOOD
    assert {gate.name.partition(" ")[0] for gate in explain(facts).gates} <= records.GATES.keys()


def test_every_property_of_a_campaign_has_its_name() -> None:
    assert campaign.PROPERTIES.keys() == CampaignOut.model_fields.keys()


def test_every_line_of_the_doctor_has_its_name() -> None:
    folder = Path(asterisk.__file__).parent
    paths = [*folder.glob("*.py"), Path(doctor.__file__)]
    assert {name for path in paths for name in _lines(path)} <= doctor.LINES.keys()


def _lines(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            first = node.args[0]
            is_line = node.func.id in ("well", "doubtful", "broken", "Check")
            if is_line and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


# --- said -------------------------------------------------------------------------------------------------

russian, english = speaker("ru"), speaker("en")


@pytest.mark.parametrize(
    ("n", "told"),
    [
        (1, "1 линия, больше нет: звонить пока некому."),
        (2, "2 линии, больше нет: звонить пока некому."),
        (5, "5 линий, больше нет: звонить пока некому."),
        (11, "11 линий, больше нет: звонить пока некому."),
        (21, "21 линия, больше нет: звонить пока некому."),
    ],
)
def test_russian_counts_in_three_forms(n: int, told: str) -> None:
    sentence = counted("{n} line; then {why}.", "{n} lines; then {why}.", n, why=said("no lead is due"))
    assert russian(sentence) == told
    assert english(sentence) == sentence


def test_russian_writes_numbers_its_own_way() -> None:
    sentence = said("import {import_id} is taken back: {n:,} leads removed", import_id=1240, n=1_240)
    assert russian(sentence) == f"загрузка 1240 отменена, убрано лидов: 1{THIN}240"
    assert russian(Said("{share:.1%}", {"share": 0.017})) == f"1,7{THIN}%"
    assert english(Said("{n:,} {share:.1%}", {"n": 1240, "share": 0.017})) == "1,240 1.7%"


def test_what_nobody_translated_is_told_in_english() -> None:
    assert russian(said("a sentence of {n} words", n=5)) == "a sentence of 5 words"
    assert russian("as it is: {n}") == "as it is: {n}"


def test_nothing_is_told_as_nothing() -> None:
    assert russian(listed([*titled(""), ""], "")) == ""


def test_words_are_told_apart_by_their_kind() -> None:
    assert russian(word(State.WRAP_UP, "-")) == "постобработка"
    assert english(word(State.WRAP_UP, "-")) == "wrap-up"
    assert russian(said("abandoned")) == "потеряно"
    assert english(Said("missed_ring", context="reason")) == "missed ring"


def test_an_explanation_is_told_whole() -> None:
    told = [russian(gate.sentence) for gate in explain(GOOD).gates]
    assert told[0] == "Кампания идёт."
    assert told[6] == "Свободен 1 оператор (готов 1, разговор 1)."
    assert russian(full(said("the campaign has no trunk"))) == "У кампании нет транка."


@pytest.mark.parametrize("language", list(Language))
def test_a_language_is_read_once(language: Language) -> None:
    assert voice(language) is voice(language)


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en,ru;q=0.9", "en"),
        ("de,fr;q=0.9", "en"),
        ("de, ru;q=0.3", "ru"),
        ("en;q=0, ru;q=0.1", "ru"),
        ("ru;q=oops", "en"),
        ("ru;level=1", "en"),
        (";;;,,,=", "en"),
        ("RU-ru", "ru"),
        ("ru;q=0.5,en;q=0.5", "ru"),
        ("x" * 100_000, "en"),
    ],
)
def test_a_client_gets_the_language_that_it_likes_best(accept: str, language: str) -> None:
    assert preferred(accept) == language


def test_a_mistake_is_told_in_the_language_of_whoever_made_it() -> None:
    assert russian(Mistake(said("there is no trunk {trunk}", trunk="main")).sentence) == "нет транка main"
