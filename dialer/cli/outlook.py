"""Who of a list can be called and when, as verbs show it."""

from __future__ import annotations

from typing import Any

from dialer.cli.later import checker, holiday_of, zone_of
from dialer.cli.screen import print_json, print_table, remark, say
from dialer.domain.outlook import REASONS, ListOutlook, When, Why, told
from dialer.domain.said import said, titled, word
from dialer.office.outlook import Means
from dialer.settings import Settings, dial_rules, office_zone


def means(settings: Settings) -> Means:
    """The gates of this place."""
    return Means(checker(dial_rules(settings)), zone_of, office_zone(settings), holiday_of)


def show_outlook(outlook: ListOutlook, *, as_json: bool = False) -> None:
    """In a sentence and by reason."""
    if as_json:
        print_json(as_plain(outlook))
        return
    say(told(outlook))
    rows = [(word(when), REASONS[why], n) for (when, why), n in sorted(outlook.why.items(), key=_order)]
    if rows:
        print_table(titled("can be called", "why not before", "leads"), rows)
    if outlook.first_at is not None:
        print_table(("", ""), [(said("the first of those who wait"), outlook.first_at)])
    if outlook.is_estimate:
        remark(said("an estimate: {n:,} leads were looked at, spread over the list", n=outlook.looked_at))


def _order(entry: tuple[tuple[When, Why], int]) -> tuple[int, int]:
    (when, _), n = entry
    return list(When).index(when), -n


def as_plain(outlook: ListOutlook) -> dict[str, Any]:
    """For programs, as the API shows it."""
    return {
        "leads": outlook.leads,
        **{when.value: n for when, n in outlook.when.items()},
        "first_at": outlook.first_at,
        "reasons": [{"when": when, "why": why, "leads": n} for (when, why), n in outlook.why.items()],
        "looked_at": outlook.looked_at,
        "is_estimate": outlook.is_estimate,
    }
