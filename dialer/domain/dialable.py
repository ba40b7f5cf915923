"""Which kinds of numbers, and of which countries, may be dialled: closed unless somebody opened them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dialer.domain.errors import BadValue, Forbidden
from dialer.domain.said import Said, either, listed, said
from dialer.domain.trunk import Trunk
from dialer.domain.types import PhoneNumber

# (number, the trunks that may carry it, the campaign's country or ''): Forbidden if it is not dialled here
CheckNumber = Callable[[PhoneNumber, Sequence[Trunk], str], None]
# ISO 3166 codes of all that have numbers, as libphonenumber knows them; AB: Abkhazia has no code of its own.
_CODES = (
    "AB AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS "
    "BT BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH "
    "ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID "
    "IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU "
    "LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO "
    "NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ "
    "SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ "
    "VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW "
)
COUNTRIES = frozenset(_CODES.split())
WORLD = "001"  # the region of numbers that belong to no country, as CLDR and libphonenumber write it


class NumberType(StrEnum):
    """As the numbering plan of the number's country has it; settings are written with these words."""

    MOBILE = "mobile"
    FIXED_LINE = "fixed-line"
    VOIP = "voip"
    TOLL_FREE = "toll-free"
    SHARED_COST = "shared-cost"
    PREMIUM_RATE = "premium-rate"
    PERSONAL = "personal"
    COMPANY = "company"  # one number for all offices of a company (UAN)
    PAGER = "pager"
    VOICEMAIL = "voicemail"
    SATELLITE = "satellite"
    GLOBAL_NETWORK = "global-network"  # +882, +883: networks of no country, priced like satellites
    UNKNOWN = "unknown"  # in no range that the numbering plan knows


ORDINARY = (NumberType.MOBILE, NumberType.FIXED_LINE, NumberType.VOIP)
TOLD: Mapping[NumberType, Said] = {
    NumberType.MOBILE: said("a mobile number"),
    NumberType.FIXED_LINE: said("a fixed-line number"),
    NumberType.VOIP: said("an internet telephony number"),
    NumberType.TOLL_FREE: said("a toll-free number"),
    NumberType.SHARED_COST: said("a shared-cost number"),
    NumberType.PREMIUM_RATE: said("a premium-rate number"),
    NumberType.PERSONAL: said("a personal number, which may forward to anywhere"),
    NumberType.COMPANY: said("a company's access number"),
    NumberType.PAGER: said("a pager's number"),
    NumberType.VOICEMAIL: said("a voice mailbox"),
    NumberType.SATELLITE: said("a satellite telephone"),
    NumberType.GLOBAL_NETWORK: said("a number of a global network"),
    NumberType.UNKNOWN: said("a number of no range that is known to exist"),
}


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What the numbering plan says of a number."""

    type: NumberType
    region: str  # ISO 3166, WORLD, or '' where it is not known
    country: str = ""  # the region's name for people


@dataclass(frozen=True, slots=True)
class DialRules:
    """What this site may dial."""

    countries: frozenset[str]  # ISO 3166
    types: frozenset[NumberType] = frozenset(ORDINARY)

    def beside(self, *countries: str) -> DialRules:
        """The same, with these countries open as well; '' is none."""
        return replace(self, countries=self.countries.union(filter(None, countries)))


def known_country(code: str) -> str:
    """The code, where a country has it; else BadValue."""
    if code not in COUNTRIES:
        raise BadValue(
            said(
                "there is no country {code!r}: write its two letters of ISO 3166, such as KZ or GB", code=code
            )
        )
    return code


def check_allowed(facts: NumberFacts, rules: DialRules) -> None:
    """Raises Forbidden with the kind, the country and the way to open what is closed."""
    type_open = facts.type in rules.types
    country_open = facts.region in ("", WORLD) or facts.region in rules.countries
    if type_open and country_open:
        return
    what = said("a number of another country") if type_open else TOLD[facts.type]
    if facts.country:
        what = said("{what} ({country})", what=what, country=facts.country)
    add_country = said("add {country} to DIALER_COUNTRIES", country=facts.region)
    ways = [] if type_open else [said("add {type} to DIALER_NUMBER_TYPES", type=facts.type.value)]
    if not country_open:
        own = said("give the trunk a prefix that is this country's alone")
        ways.append(either([add_country, own]) if type_open else add_country)
    raise Forbidden(said("{what} is closed; to allow it, {ways}", what=what, ways=listed(ways)))
