"""A sentence stays English for logs and records, and can be said again in any language."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from dialer.domain.errors import BadValue, Missing
from dialer.domain.said import Said, counted, either, full, heard, listed, plain, said, tell, titled, word


class Fruit(StrEnum):
    RED_APPLE = "red_apple"


@dataclass(frozen=True)
class Latin:
    """Upper case for words that it does not know; thousands by an apostrophe."""

    words: dict[str, str] = field(default_factory=dict)
    group: str = "'"
    decimal: str = ","
    percent: str = " %"

    def find(self, sentence: Said) -> str:
        text = sentence.plural if sentence.plural and sentence.n != 1 else sentence.text
        return self.words.get(f"{sentence.context}/{text}" if sentence.context else text, text)


def latin(sentence: str, **words: str) -> str:
    return tell(sentence, Latin(words | {"{n} dogs": "{n} canes", "{n} dog": "{n} canis", "cat": "felis"}))


def test_it_is_the_english_sentence() -> None:
    told = said("{n:,} of {name!r}, {share:.1f}", n=1240, name="x", share=0.25)
    assert told == "1,240 of 'x', 0.2"
    assert json.dumps([told]) == "[\"1,240 of 'x', 0.2\"]"
    assert {told: 1}["1,240 of 'x', 0.2"] == 1


def test_numbers_are_written_as_the_language_writes_them() -> None:
    told = said("{n:,} of {id}, {share:.1f}, {part:.0%}", n=1240, id=1240, share=0.25, part=0.371)
    assert latin(told) == "1'240 of 1240, 0,2, 37 %"


def test_a_sentence_within_a_sentence_is_told_in_the_same_language() -> None:
    inner = counted("{n} dog", "{n} dogs", 2)
    assert latin(said("a {pet} and {pack}", pet=said("cat"), pack=inner)) == "a felis and 2 canes"
    assert (
        latin(listed([said("cat"), "cat", counted("{n} dog", "{n} dogs", 1)], "; ")) == "felis; cat; 1 canis"
    )


def test_what_people_wrote_is_never_a_template() -> None:
    assert latin(said("called {name}", name="{n} dogs {0} {x.y}")) == "called {n} dogs {0} {x.y}"
    assert latin(listed(["{n}", "{}"])) == "{n}, {}"
    assert latin("{n} dogs") == "{n} dogs"


def test_a_full_sentence_begins_and_ends_as_one_in_every_language() -> None:
    assert full(said("cat")) == "Cat."
    assert latin(full(said("cat"))) == "Felis."
    assert full("no dog.") == "No dog."


def test_words_of_ours_have_a_context_of_their_own() -> None:
    told = word(Fruit.RED_APPLE, "-")
    assert (told, told.context) == ("red-apple", "test_said.Fruit")
    assert tell(told, Latin({"test_said.Fruit/red-apple": "malum"})) == "malum"
    (column,) = titled("red-apple")
    assert tell(column, Latin({"test_said.Fruit/red-apple": "malum"})) == "red-apple"


def test_one_of_several_in_words() -> None:
    assert either(["a"]) == "a"
    assert either(["a", "b", "c"]) == "a or b or c"


@pytest.mark.parametrize(
    "sentence",
    [
        said("a {pet}", pet=full(said("cat"))),
        counted("{n} dog", "{n} dogs", 5),
        word(Fruit.RED_APPLE),
        listed([said("cat"), "x"]),
    ],
)
def test_it_survives_the_way_to_another_process(sentence: Said) -> None:
    again = heard(json.loads(json.dumps(plain(sentence))))
    assert again == sentence
    assert latin(again) == latin(sentence) != ""
    assert latin(copy.deepcopy(sentence)) == latin(sentence)


def test_a_plain_sentence_of_an_older_process_is_understood() -> None:
    assert heard("as it is") == plain("as it is") == "as it is"


def test_an_error_keeps_its_sentence() -> None:
    error = Missing(said("no {pet}", pet=said("cat")))
    assert str(error) == "no cat"
    assert latin(error.sentence) == "no felis"
    assert BadValue().sentence == "A value is not acceptable: names the thing, the place and the way out."


@pytest.mark.parametrize(("n", "told"), [(0, "0 calls"), (1, "1 call"), (2, "2 calls"), (-1, "-1 calls")])
def test_only_one_is_told_in_the_singular(n: int, told: str) -> None:
    assert counted("{n} call", "{n} calls", n) == told
