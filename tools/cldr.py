"""Writes dialer/locales/cldr.json: names that Unicode's CLDR has, of countries and of the cities of zones."""

from __future__ import annotations

import json

import phonenumbers
from babel import Locale
from babel.core import get_global

from dialer.adapters.languages import CLDR
from dialer.adapters.numbering import OWN_NAMES


def country_names(language: str) -> dict[str, str]:
    """English name -> name in this language, of every country that a number may belong to."""
    english, local = Locale("en").territories, Locale(language).territories
    names = {english[region]: local[region] for region in sorted(phonenumbers.SUPPORTED_REGIONS)}
    own = 1 if language == "ru" else 0
    return names | {both[0]: both[own] for both in OWN_NAMES.values()}


def cldr() -> str:
    """The file."""
    english = Locale("en").territories
    zones = {
        language: {
            zone: names.get("city") or zone.rpartition("/")[2].replace("_", " ")
            for zone, names in sorted(Locale(language).time_zones.items())
        }
        for language in ("ru", "en")
    }
    countries = {region: english[region] for region in sorted(english) if len(region) == 2}
    territories = dict(sorted(get_global("zone_territories").items()))
    found = {"countries": countries, "territories": territories, "zones": zones}
    return json.dumps(found, ensure_ascii=False, indent=0) + "\n"


def main() -> None:
    CLDR.write_text(cldr(), encoding="utf-8")


if __name__ == "__main__":
    main()
