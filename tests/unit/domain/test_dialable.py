"""Which numbers this site may dial, and what is said of those that are closed."""

from __future__ import annotations

import pytest

from dialer.domain.dialable import (
    TOLD,
    WORLD,
    DialRules,
    NumberFacts,
    NumberType,
    check_allowed,
    known_country,
)
from dialer.domain.errors import BadValue, Forbidden

RULES = DialRules(frozenset({"RU"}))


@pytest.mark.parametrize("region", ["RU", WORLD, ""])
@pytest.mark.parametrize("kind", [NumberType.MOBILE, NumberType.FIXED_LINE, NumberType.VOIP])
def test_ordinary_numbers_of_an_open_country_or_of_none_may_be_dialled(kind: NumberType, region: str) -> None:
    check_allowed(NumberFacts(kind, region), RULES)


@pytest.mark.parametrize("kind", [kind for kind in NumberType if kind not in RULES.types])
def test_any_other_kind_is_closed_and_says_how_it_is_opened(kind: NumberType) -> None:
    with pytest.raises(Forbidden) as closed:
        check_allowed(NumberFacts(kind, "RU"), RULES)
    assert str(closed.value) == f"{TOLD[kind]} is closed; to allow it, add {kind} to DIALER_NUMBER_TYPES"
    check_allowed(NumberFacts(kind, "RU"), DialRules(frozenset({"RU"}), frozenset({kind})))


def test_an_ordinary_number_of_another_country_needs_the_country_or_a_trunk_of_its_own() -> None:
    with pytest.raises(Forbidden) as closed:
        check_allowed(NumberFacts(NumberType.MOBILE, "KZ", "Kazakhstan"), RULES)
    assert str(closed.value) == (
        "a number of another country (Kazakhstan) is closed; to allow it, add KZ to DIALER_COUNTRIES or give"
        " the trunk a prefix that is this country's alone"
    )
    check_allowed(NumberFacts(NumberType.MOBILE, "KZ"), RULES.beside("KZ"))


def test_another_kind_of_another_country_needs_both() -> None:
    with pytest.raises(Forbidden) as closed:
        check_allowed(NumberFacts(NumberType.SATELLITE, "KZ", "Kazakhstan"), RULES)
    assert str(closed.value) == (
        "a satellite telephone (Kazakhstan) is closed; to allow it, add satellite to DIALER_NUMBER_TYPES,"
        " add KZ to DIALER_COUNTRIES"
    )
    for rules in (RULES.beside("KZ"), DialRules(frozenset({"RU"}), frozenset({NumberType.SATELLITE}))):
        with pytest.raises(Forbidden):
            check_allowed(NumberFacts(NumberType.SATELLITE, "KZ"), rules)


def test_a_campaigns_country_is_open_beside_the_sites_and_none_opens_nothing() -> None:
    assert RULES.beside("KZ", "").countries == {"RU", "KZ"}
    assert RULES.beside("").countries == {"RU"}
    assert RULES.countries == {"RU"}


def test_a_country_is_written_by_its_two_letters() -> None:
    assert known_country("KZ") == "KZ"
    for code in ("kz", "XX", "", "KAZ"):
        with pytest.raises(BadValue, match="there is no country"):
            known_country(code)
