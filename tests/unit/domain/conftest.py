"""Every sentence that a test of the core makes people read must have its translation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

import pytest

from dialer.adapters.languages import voice
from dialer.domain.said import Said
from dialer.domain.types import Language


def is_prose(template: str) -> bool:
    """Whether there are words around the names of the values: what only joins is the same everywhere."""
    return any(any(map(str.isalpha, part)) for part, *_ in Formatter().parse(template))


@pytest.fixture(scope="session")
def known() -> frozenset[str]:
    """What the Russian catalogue is looked up by: a sentence, or its context and the sentence."""
    keys = vars(voice(Language.RU).words)["_catalog"]
    return frozenset(key[0] if isinstance(key, tuple) else key for key in keys)


@pytest.fixture(autouse=True)
def _every_sentence_is_translated(known: frozenset[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made: set[str] = set()
    make = Said.__new__

    def listen(cls: type[Said], text: str, args: Mapping[str, Any] | None = None, **rest: Any) -> Said:
        if is_prose(text):
            made.add(f"{rest['context']}\x04{text}" if rest.get("context") else text)
        return make(cls, text, args, **rest)

    monkeypatch.setattr(Said, "__new__", staticmethod(listen))
    yield
    assert made - known == set(), "translate these in dialer/locales/ru.po, after `make words`"
