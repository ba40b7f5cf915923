"""Two who change the same thing at once: nobody overwrites what somebody else has changed unseen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain.editions import FIRST, UNKEPT, Edition, check, follows
from dialer.domain.errors import Stale
from dialer.domain.trunk import Trunk
from dialer.domain.types import TrunkId

TRUNK = Trunk(TrunkId("main"), "192.0.2.1", lines=10)


def kept(*changes: dict[str, object]) -> Trunk:
    """As a store keeps it after these changes, one after another."""
    known = replace(TRUNK, edition=FIRST)
    for change in changes:
        new = replace(known, **change)  # type: ignore[arg-type]
        known = replace(new, edition=follows(known, new))
    return known


def test_the_first_edition_is_one_and_each_change_is_one_more() -> None:
    assert (UNKEPT.version, FIRST.version) == (0, 1)
    assert [kept(*({"lines": n} for n in range(changes))).edition.version for changes in (0, 1, 3)] == [
        1,
        2,
        4,
    ]


def test_each_field_has_the_edition_in_which_it_was_changed_last() -> None:
    trunk = kept({"lines": 20}, {"host": "192.0.2.2"}, {"lines": 30, "host": "192.0.2.3"}, {"port": 5070})
    assert trunk.edition == Edition(5, {"lines": 4, "host": 4, "port": 5})
    assert trunk.edition.since(3) == ["host", "lines", "port"]
    assert trunk.edition.since(4) == ["port"]
    assert trunk.edition.since(5) == []


def test_what_was_made_from_an_older_edition_is_refused_with_what_has_changed_since() -> None:
    known = kept({"lines": 20}, {"host": "192.0.2.2"})
    seen_at_first = replace(TRUNK, port=5070, edition=FIRST)
    with pytest.raises(Stale, match="you saw version 1, it is version 3 now") as stale:
        follows(known, seen_at_first)
    assert stale.value.fields == {"host": "192.0.2.2", "lines": 20}
    with pytest.raises(Stale, match="you saw version 4, it is version 3 now"):
        follows(known, replace(known, edition=Edition(4)))


def test_a_value_that_no_store_has_given_takes_any_place() -> None:
    known = kept({"lines": 20})
    assert follows(known, replace(TRUNK, lines=20, port=5070)) == Edition(3, {"lines": 2, "port": 3})


def test_whoever_says_which_edition_was_seen_is_told_when_it_is_another() -> None:
    known = kept({"lines": 20})
    check(known, None)
    check(known, 2)
    for version in (0, 1, 3):
        with pytest.raises(Stale):
            check(known, version)
