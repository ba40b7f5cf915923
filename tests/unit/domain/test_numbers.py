"""Numbers as trunks want them, and the ones that never go out."""

from __future__ import annotations

import re
from dataclasses import replace

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.domain.errors import BadValue, Forbidden, Mistake
from dialer.domain.numbers import carries, check_dialable, dial_string, may_carry, split_country
from dialer.domain.trunk import NumberFormat, Trunk
from dialer.domain.types import PhoneNumber, TrunkId

TRUNK = Trunk(TrunkId("main"), "192.0.2.1", prefixes=("+7", "+44", "+1"))


def written(number: str, number_format: NumberFormat = NumberFormat.BARE, *prefixes: str) -> str:
    trunk = replace(TRUNK, number_format=number_format, prefixes=prefixes or TRUNK.prefixes)
    return dial_string(PhoneNumber(number), trunk)


@pytest.mark.parametrize(
    ("number", "number_format", "text"),
    [
        ("+79161234567", NumberFormat.PLUS, "+79161234567"),
        ("+79161234567", NumberFormat.BARE, "79161234567"),
        ("+79161234567", NumberFormat.NATIONAL, "89161234567"),
        ("+441632960960", NumberFormat.PLUS, "+441632960960"),
        ("+441632960960", NumberFormat.BARE, "441632960960"),
    ],
)
def test_each_trunk_gets_numbers_in_its_own_form(number: str, number_format: NumberFormat, text: str) -> None:
    assert written(number, number_format) == text


@pytest.mark.parametrize(
    "number",
    [
        "01",
        "02",
        "03",
        "04",
        "101",
        "102",
        "103",
        "104",
        "112",
        "110",
        "911",
        "999",
        "+112",
        "+911",
        "+999",
        "+7112",
        "+7103",
        "+701",
        "+1911",
        "+44999",
        "+44112",
    ],
)
def test_emergency_numbers_are_never_dialled_in_any_disguise(number: str) -> None:
    with pytest.raises(Forbidden, match="emergency or service number"):
        written(number)


@pytest.mark.parametrize(
    "number", ["+7123456", "+74951", "+4412345", "+44123456", "+1234567", "+71234567"[:8]]
)
def test_short_numbers_are_never_dialled(number: str) -> None:
    with pytest.raises(Mistake):
        written(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "79161234567",
        "89161234567",
        "+7916;x=1",
        "+7916123456a",
        "+7 916 123 45 67",
        "+7916123456\n",
        "+79161234567\n",
        "+79161234567@evil",
        "+0123456789",
        "+1234567890123456",
        "+７９１６１２３４５６７",
        "anonymous",
    ],
)
def test_what_is_no_e164_number_is_refused_with_the_way_out(number: str) -> None:
    with pytest.raises(BadValue, match=r"write it as \+79161234567"):
        written(number)


def test_a_prefix_that_the_trunk_may_not_dial_is_refused_and_the_number_masked() -> None:
    with pytest.raises(
        Forbidden, match=r"Trunk main may not dial \+7\*+67: its prefixes are \+1, \+44"
    ) as caught:
        written("+79161234567", NumberFormat.BARE, "+1", "+44")
    assert "9161234567" not in str(caught.value)


def test_a_trunk_without_prefixes_dials_nothing() -> None:
    with pytest.raises(Forbidden, match="its prefixes are none"):
        dial_string(PhoneNumber("+79161234567"), replace(TRUNK, prefixes=()))
    with pytest.raises(Forbidden):
        dial_string(PhoneNumber("+79161234567"), replace(TRUNK, prefixes=("",)))


def test_a_trunk_that_writes_8_reaches_no_other_country() -> None:
    with pytest.raises(Forbidden, match="set its number format to 7 or"):
        written("+441632960960", NumberFormat.NATIONAL)


DIGITS = "0123456789"
# Other digits and pluses, what ends a header.
AWKWARD = DIGITS + "++()-. ;,x*#&=@%aЯ\t\n\r\0\u00a0\u200e٣४９＋²"


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.text(DIGITS, min_size=6, max_size=15).map("+".__add__),
        st.text(AWKWARD, max_size=18),
        st.tuples(st.text(DIGITS, min_size=6, max_size=14), st.sampled_from(AWKWARD)).map("+".join),
    )
)
def test_whatever_goes_out_is_digits_with_at_most_one_plus(text: str) -> None:
    for number_format in NumberFormat:
        try:
            out = written(text, number_format, "+")
        except Mistake:
            continue
        assert re.fullmatch(r"\+?[0-9]{8,15}", out)


def test_the_table_of_country_codes_is_that_of_the_numbering_plan() -> None:
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        assert split_country(PhoneNumber(f"+{code}5551234567")) == (str(code), "5551234567")


PREFIXES = st.lists(st.sampled_from(["+7", "+79", "+7916", "+", "+44", "+1", "+49", ""]), max_size=3)
DIALABLE = st.sampled_from(["+79161234567", "+74951234567", "+441632960960", "+4930123456", "+12025550123"])


@given(PREFIXES, st.sampled_from(NumberFormat), DIALABLE)
def test_pacing_sends_a_number_by_a_trunk_if_and_only_if_the_trunk_can_dial_it(
    prefixes: list[str], number_format: NumberFormat, number: str
) -> None:
    trunk = replace(TRUNK, number_format=number_format, prefixes=tuple(prefixes))
    check_dialable(PhoneNumber(number))
    try:
        can_dial = bool(dial_string(PhoneNumber(number), trunk))
    except Mistake:
        can_dial = False
    assert may_carry(carries(trunk), PhoneNumber(number)) is can_dial
