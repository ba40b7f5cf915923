"""Tables for people: everything in them is told in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from enum import StrEnum
from typing import Any, get_args, get_type_hints

from dialer.adapters.languages import speaker
from dialer.domain.cdr import Cdr
from dialer.domain.disposition import Disposition, Title
from dialer.domain.export import Reader, columns, for_people
from dialer.domain.lead import Lead
from dialer.domain.operators import Account
from dialer.domain.said import titled, word
from dialer.domain.types import Language
from dialer.office.exports import LEADS, OPERATORS, RECORDS


def test_a_disposition_is_told_by_its_title_in_the_readers_language() -> None:
    sold = Disposition("sold", Title("Продано", "Sold"), "1")
    table = columns(titled("campaign", "disposition", context="table"))
    for language, told in ((Language.RU, "Продано"), (Language.EN, "Sold")):
        reader = Reader(speaker(language), UTC, {}, {}, {1: (sold,)})
        assert for_people([1, "sold"], table, reader)[1] == told
    assert [for_people([1, code], table, reader)[1] for code in ("agreed", "gone", "")] == [
        "Agreed",
        "gone",
        "",
    ]


def test_every_word_of_ours_in_a_table_has_its_russian() -> None:
    russian = speaker(Language.RU)
    for table, holds in ((RECORDS, Cdr), (LEADS, Lead), (OPERATORS, Account)):
        types = get_type_hints(holds)
        kinds = {kind for one in table if not one.inner for kind in _words_in(types.get(str(one.name)))}
        assert kinds
        english = {word(one) for kind in kinds for one in kind if russian(word(one)) == word(one)}
        assert english == set()


def _words_in(hint: Any) -> Iterator[type[StrEnum]]:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        yield hint
    for inner in get_args(hint):
        yield from _words_in(inner)
