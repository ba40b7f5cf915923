"""Lists from which operators choose: what may stand in them, and the place of what may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.domain import disposition, pauses, prompts
from dialer.domain.disposition import DEFAULT, Disposition, Then, Title
from dialer.domain.errors import BadField, BadValue
from dialer.domain.types import Language

SOLD = {"code": "sold", "title": {"ru": "Продано", "en": "Sold"}, "key": "1", "then": "close"}


def test_what_was_written_is_read_back() -> None:
    later = Disposition("later", Title(en="Later"), "", Then.RETRY, timedelta(hours=3))
    every = (*DEFAULT, later)
    assert disposition.read([disposition.plain(one) for one in every]) == every
    assert pauses.read([pauses.plain(one) for one in pauses.DEFAULT]) == pauses.DEFAULT
    disposition.check(every)
    pauses.check(pauses.DEFAULT)


def test_one_title_stands_for_both_languages() -> None:
    (one,) = disposition.read([{"code": "sold", "title": " Продано "}])
    assert (one.title.told(Language.EN), one.title.told(Language.RU), one.key) == ("Продано", "Продано", "")
    assert Title(en="Sold").told(Language.RU) == "Sold"


@pytest.mark.parametrize(
    ("changed", "place", "why"),
    [
        ({"code": "Sold!"}, "dispositions/1/code", "small Latin letters"),
        ({"code": ""}, "dispositions/1/code", "no code"),
        ({"code": "x" * 33}, "dispositions/1/code", "no code"),
        ({"code": 7}, "dispositions/1/code", "not a text"),
        ({"code": "agreed"}, "dispositions/1/code", "agreed stands at dispositions/0 already"),
        ({"key": "0"}, "dispositions/1/key", "0 stands at dispositions/0 already"),
        ({"key": "12"}, "dispositions/1/key", "'12' is no key"),
        ({"key": "#"}, "dispositions/1/key", "'#' is no key"),
        ({"key": 1}, "dispositions/1/key", "put it in quotes"),
        ({"title": ""}, "dispositions/1/title", "is empty"),
        ({"title": {"ru": " "}}, "dispositions/1/title", "is empty"),
        ({"title": {"de": "Verkauft"}}, "dispositions/1/title", "neither a text nor a table of ru and en"),
        ({"title": "x" * 101}, "dispositions/1/title", "more than 100"),
        ({"title": "a\nb"}, "dispositions/1/title", "cannot be printed"),
        ({"then": "sell"}, "dispositions/1/then", "none of close, callback"),
        ({"after_s": 60}, "dispositions/1/after_s", "goes with retry only, not with close"),
        ({"then": "retry", "after_s": -1}, "dispositions/1/after_s", "not from 0"),
        ({"then": "retry", "after_s": float("inf")}, "dispositions/1/after_s", "not from 0"),
        ({"then": "retry", "after_s": "1h"}, "dispositions/1/after_s", "number of seconds"),
        ({"then": "retry", "after_s": True}, "dispositions/1/after_s", "number of seconds"),
        ({"lead": "close"}, "dispositions/1/lead", "there are after_s, code, key, then, title"),
    ],
)
def test_what_cannot_be_is_named_by_its_place(changed: dict[str, Any], place: str, why: str) -> None:
    first = {"code": "agreed", "title": "Agreed", "key": "0"}
    with pytest.raises(BadField, match=why) as told:
        disposition.check(disposition.read([first, SOLD | changed]))
    assert told.value.field == place


@pytest.mark.parametrize("entries", [[], [{"code": f"c{n}", "title": "x"} for n in range(101)]])
def test_a_list_has_an_entry_and_not_too_many(entries: list[Any]) -> None:
    with pytest.raises(BadField, match="from 1 to 100"):
        disposition.check(disposition.read(entries))


@pytest.mark.parametrize("entries", [None, "sold", {"code": "sold"}, ["sold"], [None]])
def test_what_is_no_list_of_entries_is_refused(entries: Any) -> None:
    with pytest.raises(BadField, match=r"not a list|not a table"):
        disposition.read(entries)


@pytest.mark.parametrize("key", ["9", "#"])
def test_no_pause_takes_the_keys_of_log_out_and_ready(key: str) -> None:
    with pytest.raises(BadField, match="is no key") as told:
        pauses.check([replace(pauses.DEFAULT[0], key=key)])
    assert told.value.field == "reasons/0/key"


def test_whether_a_pause_is_worked_is_yes_or_no() -> None:
    with pytest.raises(BadField, match="neither true nor false"):
        pauses.read([{"code": "smoke", "title": "Smoke", "is_worked": "no"}])


@pytest.mark.parametrize("code", ["", "sale!", "AGREED", "connected"])
def test_an_unknown_word_is_refused_with_the_known_ones(code: str) -> None:
    with pytest.raises(BadValue, match="use one of agreed, refused, callback"):
        disposition.find(DEFAULT, code)


def test_what_is_said_back_is_the_word_of_the_outcome_else_its_key_else_that_there_is_one() -> None:
    sold = Disposition("sold", Title(en="Sold"), "7")
    assert prompts.of_outcome(DEFAULT[0]) == ("outcome", "outcome-agreed")
    assert prompts.of_outcome(sold) == ("outcome", "digit-7")
    assert prompts.of_outcome(replace(sold, key="")) == ("outcome",)
