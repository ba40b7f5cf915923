"""Rule packs, and what they and the settings say to the start of a campaign."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from math import inf, nan
from typing import Any

import pytest

from dialer.domain import law
from dialer.domain.campaign import Campaign
from dialer.domain.law import check_start, choose
from dialer.domain.schedule import Window, every_day, hours
from dialer.domain.types import CampaignId, Mode, OperatorId, Purpose, TrunkId
from dialer.domain.verdict import Gate

GOOD = Campaign(
    CampaignId(1),
    "spring",
    operators=frozenset({OperatorId("101")}),
    trunks=(TrunkId("main"),),
    message="sorry",
)
PACKS = [*law.PACKS.values(), law.GENERAL]


@pytest.mark.parametrize(
    ("country", "purpose", "name"),
    [
        ("RU", Purpose.ADVERTISING, "ru-advertising"),
        ("RU", Purpose.DEBT, "ru-debt"),
        ("RU", Purpose.SURVEY, "ru"),
        ("US", Purpose.ADVERTISING, "us-tsr"),
        ("US", Purpose.DEBT, "us-debt"),
        ("GB", Purpose.SERVICE, "uk-ofcom"),
        ("FR", Purpose.LOYALTY, "fr"),
        ("DE", Purpose.QUALITY, "de"),
        ("BR", Purpose.DEBT, "general"),
    ],
)
def test_country_and_purpose_choose_the_pack(country: str, purpose: Purpose, name: str) -> None:
    assert choose(country, purpose).name == name


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_every_rule_names_its_source_and_version_and_every_pack_a_lawful_ring_time(pack: law.Pack) -> None:
    assert all(rule.id and rule.source and rule.version for rule in pack.rules)
    assert [rule.seconds for rule in pack.rules if isinstance(rule, law.RingAtLeast)] == [15.0]
    assert sum(isinstance(rule, law.Hours) for rule in pack.rules) <= 1


def test_a_sound_campaign_may_start() -> None:
    assert check_start(GOOD) == []
    assert check_start(replace(GOOD, mode=Mode.POWER, ratio=2.5, ceiling=0.0)) == []
    assert check_start(replace(GOOD, mode=Mode.PREDICTIVE, ratio=0.0)) == []


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.POWER, Mode.PREDICTIVE])
def test_advertising_in_russia_is_not_dialled_automatically(mode: Mode) -> None:
    (problem,) = check_start(replace(GOOD, purpose=Purpose.ADVERTISING, mode=mode))
    assert (problem.gate, problem.rule) == (Gate.LAW, "ru-no-automatic-advertising")
    assert problem.reason == (
        f"advertising in RU may not be dialled in {mode} mode (38-FZ art. 18 part 2):"
        " choose manual or preview"
    )


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.PREVIEW])
def test_advertising_in_russia_may_be_dialled_by_operators_once_these_modes_are_there(mode: Mode) -> None:
    (problem,) = check_start(replace(GOOD, purpose=Purpose.ADVERTISING, mode=mode))
    assert problem.gate is Gate.SETTINGS
    assert problem.reason == f"{mode} mode is not available yet: choose progressive, power or predictive"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"message": ""}, "there is no message for people who get no operator: give the campaign one"),
        ({"trunks": ()}, "the campaign has no trunk: give it at least one"),
        ({"operators": frozenset()}, "the campaign has no operators: give it at least one"),
        (
            {"schedule": ()},
            "the schedule is empty: add the days and hours in which people may be called",
        ),
        ({"ring_s": 14.9}, "the ring time is 14.9 s, the law asks for at least 15 s"),
        ({"ring_s": -1.0}, "the ring time is -1 s, the law asks for at least 15 s"),
        ({"ring_s": 600.0}, "the ring time is 600 s, at most 120 s make sense: lower ring_s"),
        ({"ring_s": nan}, "the ring time is nan s, at most 120 s make sense: lower ring_s"),
        ({"mode": Mode.POWER, "ratio": 0.0}, "the ratio is 0 lines per free operator: set it above 0"),
        ({"mode": Mode.POWER, "ratio": -2.0}, "the ratio is -2 lines per free operator"),
        ({"mode": Mode.POWER, "ratio": 10.5}, "the ratio is 10.5 lines per free operator"),
        ({"mode": Mode.POWER, "ratio": nan}, "the ratio is nan lines per free operator"),
        ({"mode": Mode.POWER, "ratio": inf}, "the ratio is inf lines per free operator"),
        ({"max_attempts": 0}, "max_attempts is 0, so no lead is ever called: set it to 1 or more"),
        ({"cap": -1}, "the cap is -1 calls in flight: set it to 1 or more, or to 0 for none"),
        (
            {"mode": Mode.PREDICTIVE, "ceiling": 0.0009},
            "the ceiling of abandoned calls is 0.09% of live answers: set it from 0.1% to 5.0%",
        ),
        (
            {"mode": Mode.PREDICTIVE, "ceiling": 0.0501},
            "the ceiling of abandoned calls is 5.01% of live answers",
        ),
        ({"mode": Mode.PREDICTIVE, "ceiling": nan}, "the ceiling of abandoned calls is nan% of live answers"),
        (
            {"country": "FR", "schedule": (Window(5, time(10), time(18)),)},
            "no hour of the schedule is lawful (Code de la consommation",
        ),
    ],
)
def test_each_flaw_refuses_the_start_with_its_sentence(changes: dict[str, object], sentence: str) -> None:
    (problem,) = check_start(replace(GOOD, **changes))  # type: ignore[arg-type]  # replace checks the names
    assert not problem.ok
    assert problem.reason.startswith(sentence)


def test_all_flaws_are_told_at_once() -> None:
    assert len(check_start(Campaign(CampaignId(1), "empty", ring_s=3, schedule=()))) == 5


def test_a_short_ring_time_is_for_the_lab_only() -> None:
    assert check_start(replace(GOOD, ring_s=4.0), lab=True) == []
    assert [problem.rule for problem in check_start(replace(GOOD, ring_s=4.0))] == ["ring"]


def test_lawful_hours_leave_a_schedule_that_meets_them() -> None:
    assert check_start(replace(GOOD, country="FR", schedule=every_day(time(19, 59), time(21)))) == []


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_ringing_calls_may_be_given_up_unless_a_pack_says_never(pack: law.Pack) -> None:
    assert law.may_give_up(pack)
    strict = replace(pack, rules=(*pack.rules, law.GiveUpNever("never", "house rule", "1")))
    assert not law.may_give_up(strict)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"weight": 1}, ""),
        ({"weight": 2}, ""),
        ({"weight": 100}, ""),
        ({"weight": 0}, "the weight is 0: set it from 1 to 100"),
        ({"weight": 101}, "the weight is 101"),
        ({"ring_s": 120.0}, ""),
        ({"ring_s": 120.5}, "at most 120 s make sense"),
        ({"ring_s": 15.0}, ""),
        ({"ring_s": 14.5}, "the law asks for at least 15 s"),
        ({"max_attempts": 1}, ""),
        ({"max_attempts": 0}, "no lead is ever called"),
        ({"cap": 0}, ""),
        ({"cap": -1}, "the cap is -1 calls in flight"),
        ({"mode": Mode.POWER, "ratio": 10.0}, ""),
        ({"mode": Mode.POWER, "ratio": 0.1}, ""),
        ({"mode": Mode.POWER, "ratio": 0.0}, "the ratio is 0 lines"),
        ({"mode": Mode.POWER, "ratio": 10.5}, "the ratio is 10.5 lines"),
        ({"mode": Mode.PROGRESSIVE, "ratio": 99.0}, ""),
        ({"mode": Mode.PREDICTIVE, "ceiling": 0.001}, ""),
        ({"mode": Mode.PREDICTIVE, "ceiling": 0.05}, ""),
        ({"mode": Mode.PREDICTIVE, "ceiling": 0.0009}, "the ceiling of abandoned calls is 0.09%"),
        ({"mode": Mode.PREDICTIVE, "ceiling": 0.051}, "the ceiling of abandoned calls is 5.10%"),
        ({"mode": Mode.POWER, "ceiling": 0.9}, ""),
    ],
    ids=str,
)
def test_a_setting_may_be_at_its_edge_and_not_beyond(changes: dict[str, Any], word: str) -> None:
    told = [str(verdict.reason) for verdict in check_start(replace(GOOD, **changes))]
    assert len(told) == bool(word)
    assert word in "".join(told)


@pytest.mark.parametrize(
    ("country", "purpose", "lawful"),
    [
        ("RU", Purpose.DEBT, "Mon-Fri 08:00-22:00, Sat-Sun 09:00-20:00"),
        ("RU", Purpose.SURVEY, None),
        ("US", Purpose.SURVEY, "Mon-Sun 08:00-21:00"),
        ("FR", Purpose.SURVEY, "Mon-Fri 10:00-13:00, Mon-Fri 14:00-20:00"),
        ("GB", Purpose.SURVEY, None),
    ],
)
def test_the_lawful_hours_of_a_pack(country: str, purpose: Purpose, lawful: str | None) -> None:
    rule = law.hours_of(choose(country, purpose))
    assert (str(hours(rule.windows)) if rule else None) == lawful
