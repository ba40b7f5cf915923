"""What may be dialled: by type and country of the number, closed by default, with the way to open it."""

from __future__ import annotations

import re

import phonenumbers
import pytest

from dialer.adapters.doctor.finding import Level
from dialer.adapters.doctor.sip import look_at_prefixes
from dialer.adapters.files.lists import open_content
from dialer.adapters.languages import CLDR
from dialer.adapters.numbering import (
    check_prefixes,
    checker,
    countries_of,
    facts_of,
    why_closed,
)
from dialer.adapters.phones import dnc_entry, reading
from dialer.domain.dialable import COUNTRIES, ORDINARY, DialRules, NumberType
from dialer.domain.errors import BadValue, Forbidden
from dialer.domain.listing import Flaw, Taken
from dialer.domain.trunk import Trunk
from dialer.domain.types import Language, PhoneNumber, TrunkId
from tools.cldr import cldr, country_names

RUSSIA = DialRules(frozenset({"RU"}))


def refusal(number: str, *prefixes: str, rules: DialRules = RUSSIA, country: str = "") -> str:
    """Why the number is not dialled; '' where it is."""
    trunk = Trunk(TrunkId("main"), "192.0.2.1", prefixes=prefixes)
    try:
        checker(rules)(PhoneNumber(number), (trunk,), country)
    except Forbidden as closed:
        return closed.sentence
    return ""


@pytest.mark.parametrize(
    ("number", "kind", "region"),
    [
        ("+78095051234", NumberType.PREMIUM_RATE, "RU"),
        ("+78031001010", NumberType.PREMIUM_RATE, "RU"),
        ("+78005553535", NumberType.TOLL_FREE, "RU"),
        ("+78043330000", NumberType.TOLL_FREE, "RU"),
        ("+79541234567", NumberType.SATELLITE, "RU"),
        ("+79401234567", NumberType.MOBILE, "AB"),
        ("+78402261234", NumberType.FIXED_LINE, "AB"),
        ("+79781234567", NumberType.MOBILE, "RU"),
        ("+77011234567", NumberType.MOBILE, "KZ"),
        ("+19005551234", NumberType.PREMIUM_RATE, "US"),
        ("+18765551234", NumberType.MOBILE, "JM"),
        ("+449098791234", NumberType.PREMIUM_RATE, "GB"),
        ("+447012345678", NumberType.PERSONAL, "GB"),
        ("+443001234567", NumberType.COMPANY, "GB"),
        ("+447797123456", NumberType.MOBILE, "JE"),
        ("+447911123456", NumberType.MOBILE, "GG"),
        ("+447624123456", NumberType.MOBILE, "IM"),
        ("+390669812345", NumberType.FIXED_LINE, "VA"),
        ("+491801234567", NumberType.SHARED_COST, "DE"),
        ("+33912345678", NumberType.VOIP, "FR"),
        ("+870773123456", NumberType.SATELLITE, "001"),
        ("+881612345678", NumberType.SATELLITE, "001"),
        ("+882161234567", NumberType.GLOBAL_NETWORK, "001"),
        ("+88310012345678", NumberType.GLOBAL_NETWORK, "001"),
        ("+878101234567890", NumberType.PERSONAL, "001"),
        ("+979123456789", NumberType.PREMIUM_RATE, "001"),
        ("+80012345678", NumberType.TOLL_FREE, "001"),
        ("+76001234567", NumberType.UNKNOWN, ""),
        ("+2101234567", NumberType.UNKNOWN, ""),  # no country has this code
    ],
)
def test_the_region_and_the_type_of_the_number_decide_and_not_its_first_digits(
    number: str, kind: NumberType, region: str
) -> None:
    facts = facts_of(PhoneNumber(number))
    assert (facts.type, facts.region) == (kind, region)


@pytest.mark.parametrize("kind", [kind for kind in NumberType if kind not in ORDINARY])
def test_every_type_that_may_cost_more_is_closed_until_the_setting_names_it(kind: NumberType) -> None:
    numbers = {
        NumberType.PREMIUM_RATE: "+78095051234",
        NumberType.TOLL_FREE: "+78005553535",
        NumberType.SATELLITE: "+79541234567",
        NumberType.GLOBAL_NETWORK: "+882161234567",
        NumberType.SHARED_COST: "+491801234567",
        NumberType.PERSONAL: "+447012345678",
        NumberType.COMPANY: "+443001234567",
        NumberType.PAGER: "+447640123456",
        NumberType.VOICEMAIL: "+49177991234567",
        NumberType.UNKNOWN: "+76001234567",
    }
    number = PhoneNumber(numbers[kind])
    region = facts_of(number).region
    assert facts_of(number).type is kind
    why = refusal(number, rules=DialRules(frozenset({region})))
    assert f"add {kind.value} to DIALER_NUMBER_TYPES" in why
    assert not refusal(number, rules=DialRules(frozenset({region}), frozenset({kind})))


def test_a_refusal_names_the_kind_the_country_and_every_way_that_is_needed() -> None:
    assert refusal("+449098791234", "+44") == (
        "a premium-rate number (United Kingdom) is closed;"
        " to allow it, add premium-rate to DIALER_NUMBER_TYPES"
    )
    assert refusal("+449098791234", "+7") == (
        "a premium-rate number (United Kingdom) is closed;"
        " to allow it, add premium-rate to DIALER_NUMBER_TYPES, add GB to DIALER_COUNTRIES"
    )
    assert refusal("+77011234567", "+7") == (
        "a number of another country (Kazakhstan) is closed;"
        " to allow it, add KZ to DIALER_COUNTRIES or give the trunk a prefix that is this country's alone"
    )
    assert "(+870)" in refusal("+870773123456", "+870")


@pytest.mark.parametrize(
    ("number", "wide", "own", "region"),
    [
        ("+77011234567", "+7", "+77", "KZ"),
        ("+79401234567", "+7", "+7940", "AB"),
        ("+18765551234", "+1", "+1876", "JM"),
        ("+18095551234", "+1", "+1809", "DO"),
        ("+390669812345", "+39", "+3906698", "VA"),
        ("+447797123456", "+447", "", "JE"),
        ("+441534123456", "+44", "", "JE"),
        ("+447624123456", "+44", "", "IM"),
    ],
)
def test_a_shared_code_covers_its_first_country_alone_unless_another_one_is_named(
    number: str, wide: str, own: str, region: str
) -> None:
    assert refusal(number, wide)
    assert not own or not refusal(number, own)
    assert not refusal(number, wide, rules=RUSSIA.beside(region))
    assert not refusal(number, wide, country=region)


def test_the_prefixes_of_a_trunk_name_the_countries_that_have_them_alone() -> None:
    assert countries_of(("+375", "+7", "+1", "+44")) == {"BY", "RU", "US", "GB"}
    assert countries_of(("+882", "+8", "+979", "+210")) == set()
    assert not refusal("+375291234567", "+375")
    assert refusal("+375291234567", "+7")


LISTS = {
    "premium": (
        "Телефон;ФИО\n8 809 505-12-34;Платный\n+1 900 555 1234;US\n+44 909 879 1234;UK\n",
        [],
    ),
    "toll": (
        "ФИО;Телефон\nA;8-800-555-35-35\nB;8-809-505-12-34\nC;+7 804 333 00 00\nD;8 803 100 10 10\n"
        "E;+1 900 555 1234\nF;+44 909 879 1234\nG;8 954 123 45 67\nH;+882 16 1234567\nI;+870 773 123456\n"
        "J;+7 940 123 45 67\nK;+7 978 123 45 67\nL;+7 949 123 45 67\nM;8 701 123-45-67\n",
        ["+79781234567", "+79491234567"],
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_what_may_be_dialled_and_rejects_the_rest_by_kind(name: str) -> None:
    content, taken = LISTS[name]
    found: list[Flaw] = []
    leads = list(open_content("list.csv", content.encode(), reading("RU")).leads(Taken(), found.extend))
    assert [lead.numbers[0] for lead in leads] == taken
    assert len(found) == content.count("\n") - 1 - len(taken)
    assert all("DIALER_" in flaw.reason for flaw in found)


def test_the_setting_says_whether_toll_free_numbers_are_dialled() -> None:
    rules = DialRules(frozenset({"RU"}), frozenset({*ORDINARY, NumberType.TOLL_FREE}))
    content = "phone\n8-800-555-35-35\n8-809-505-12-34\n"
    leads = list(open_content("list.csv", content.encode(), reading("RU", rules)).leads(Taken()))
    assert [lead.numbers[0] for lead in leads] == ["+78005553535"]


def test_a_range_that_the_library_does_not_know_yet_can_be_opened() -> None:
    rules = DialRules(frozenset({"RU"}), frozenset({*ORDINARY, NumberType.UNKNOWN}))
    assert reading("RU").phones("8 370 123 45 67").flaws
    assert reading("RU", rules).phones("8 370 123 45 67").numbers == ("+73701234567",)


@pytest.mark.parametrize("entry", ["+89161234567", "+210*", "+9999999", "8916*", "+7916"])
def test_an_entry_that_bars_nothing_is_refused(entry: str) -> None:
    with pytest.raises(BadValue):
        dnc_entry(entry, "RU")


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("8 916 123-45-67", "+79161234567"),
        ("+44 909 879 1234", "+449098791234"),
        ("+7 600 123 45 67", "+76001234567"),
        ("+870773123456", "+870773123456"),
        ("+7 (916)*", "+7916*"),
        ("+8*", "+8*"),
    ],
)
def test_whatever_might_be_dialled_can_be_barred(entry: str, kept: str) -> None:
    assert dnc_entry(entry, "RU") == kept


def test_every_country_has_a_name_in_each_language() -> None:
    for language in Language:
        names = country_names(language)
        assert all(names.values())
        assert len(names) > 240
    assert country_names(Language.RU)["Kazakhstan"] == "Казахстан"
    assert CLDR.read_text("utf-8") == cldr(), "python -m tools.cldr"


# --- what a trunk's prefixes and a site's countries lead to -----------------------------------------------


def test_the_countries_that_settings_take_are_those_that_have_numbers() -> None:
    assert {*phonenumbers.SUPPORTED_REGIONS, "AB"} == COUNTRIES


@pytest.mark.parametrize("prefix", ["+210", "+999", "+7600", "+79161234567890", "+7916123456789", "+28"])
def test_a_prefix_that_leads_nowhere_is_refused_by_name(prefix: str) -> None:
    with pytest.raises(BadValue, match=re.escape(prefix)):
        check_prefixes(["+7", prefix], RUSSIA)
    check_prefixes([prefix], DialRules(frozenset({"RU"}), frozenset({NumberType.UNKNOWN})))


@pytest.mark.parametrize(
    "prefix",
    [
        "+7",
        "+79161234567",
        "+7701",
        "+7940",
        "+375",
        "+1",
        "+1876",
        "+447",
        "+43",
        "+390",
        "+550",
        "+49151",
        "+861",
    ],
)
def test_a_prefix_with_numbers_that_may_be_dialled_is_taken_and_not_told_of(prefix: str) -> None:
    check_prefixes([prefix], RUSSIA)
    assert why_closed(prefix, RUSSIA) == ""


@pytest.mark.parametrize(
    ("prefix", "way"),
    [
        ("+7809", "premium-rate"),
        ("+7803", "premium-rate"),
        ("+7800", "toll-free"),
        ("+7954", "satellite"),
        ("+870", "satellite"),
        ("+8816", "satellite"),
        ("+88216", "global-network"),
        ("+8835", "global-network"),
        ("+979", "premium-rate"),
        ("+80", "toll-free"),
        ("+1900", "premium-rate"),
        ("+4490", "premium-rate"),
        ("+4470", "personal"),
        ("+49180", "shared-cost"),
        ("+447797", "JE to DIALER_COUNTRIES"),
    ],
)
async def test_a_prefix_into_what_is_closed_is_taken_and_told_with_the_way_to_open_it(
    prefix: str, way: str
) -> None:
    check_prefixes([prefix], RUSSIA)
    main = Trunk(TrunkId("main"), "192.0.2.1", prefixes=("+7", prefix))
    (told,) = await look_at_prefixes([main], RUSSIA)
    assert told.level is Level.WARN
    assert f"trunk main, prefix {prefix}: " in told.text and f"add {way}" in told.text


async def test_an_open_country_to_which_no_trunk_leads_is_told() -> None:
    main = Trunk(TrunkId("main"), "192.0.2.1", prefixes=("+7",))
    assert [one.level for one in await look_at_prefixes([main], RUSSIA.beside("KZ", "AB"))] == [Level.PASS]
    (told,) = await look_at_prefixes([main], RUSSIA.beside("BY"))
    assert "Belarus (BY) is open, and no trunk has a prefix for it" in told.text
    assert [one.level for one in await look_at_prefixes([], RUSSIA.beside("BY"))] == [Level.PASS]
