"""Problems have stable ids, safe bodies and places that can be found."""

from __future__ import annotations

import json

import pytest

from dialer.domain import errors
from dialer.web.problem import KINDS, documented, place_of, respond

OURS = {errors.ObzvonError, errors.Fatal, errors.IllegalMove}


def _tree(root: type[errors.ObzvonError]) -> set[type[errors.ObzvonError]]:
    """Those that the domain names; the lab and the command line have kinds that never reach the API."""
    found = {root}.union(*(_tree(child) for child in root.__subclasses__()))
    return {kind for kind in found if kind.__module__ == errors.__name__}


def test_every_error_that_is_not_our_own_fault_has_its_status() -> None:
    for kind in _tree(errors.ObzvonError) - OURS:
        assert kind.id in KINDS, kind
        assert 400 <= KINDS[kind.id][0] < 600
    for kind in OURS:
        assert kind.id not in KINDS


@pytest.mark.parametrize(
    ("loc", "place"),
    [
        (("body", "schedule", 0, "start"), "body/schedule/0/start"),
        (("body", "a/b~c"), "body/a~1b~0c"),
        (("query", "limit"), "query/limit"),
    ],
)
def test_a_place_is_a_json_pointer_below_its_part_of_the_request(loc: tuple[object, ...], place: str) -> None:
    assert place_of(loc) == place


def test_text_that_utf_8_cannot_hold_comes_out_as_json_escapes() -> None:
    response = respond("bad-value", "a lone \ud800 and жизнь")
    assert json.loads(bytes(response.body))["detail"] == "a lone \ud800 and жизнь"
    assert "жизнь".encode() in bytes(response.body)


def test_what_may_work_later_says_when_to_ask_again() -> None:
    assert respond("store-down", "x").headers["retry-after"] == "2"
    assert "retry-after" not in respond("missing", "x").headers


def test_the_errors_of_every_route_are_documented_with_their_ids() -> None:
    told = documented(404)
    assert {400, 401, 403, 404, 413, 422, 429, 500, 503} == set(told)
    assert "`link-down`" in told[503]["description"]
    assert "`missing`" in told[404]["description"]
