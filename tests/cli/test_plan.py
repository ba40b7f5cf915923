"""`dialer plan`: from figures, from a campaign's records, and what bad input is answered with."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialer.domain.cdr import Cdr, Closing
from dialer.domain.types import CampaignId, Outcome
from dialer.settings import Settings
from dialer.storage import open_database
from tests.cli.conftest import Dialer
from tests.ports.made import entries, record

FIGURES = ("--operators", 20, "--leads", 900, "--answer", 40, "--talk", "60s")
SHORT = ("--runs", 2, "--more-operators", 0, "--more-ceiling", 0)


def test_a_plan_from_figures_is_a_table_with_advice(dialer: Dialer, tmp_path: Path) -> None:
    told = dialer("plan", *FIGURES, *SHORT, "--html", tmp_path / "plan.html")
    assert told.code == 0, told.err
    head, columns, progressive, power, predictive, *advice = told.out.splitlines()
    assert head == "20 operators, 900 leads: 40% answer, 60 s of talk, 12 s of wrap-up, days of 8 h"
    assert columns.split("  ")[0] == "variant"
    assert progressive.startswith("progressive")
    assert "0.0% (0.0–0.0)" in progressive
    assert power.startswith("power, 2 lines")
    assert predictive.startswith("predictive, ceiling 3.0%")
    assert advice[0].startswith("Predictive has tried everybody once after ")
    page = (tmp_path / "plan.html").read_text()
    assert page.count("<svg") == 3
    assert "http" not in page
    assert not re.search(r"\bnan\b", page)


def test_a_plan_for_programs_has_every_run(dialer: Dialer) -> None:
    told = dialer("plan", *FIGURES, *SHORT, "--json").json
    assert told["asked"] | {"leads": 900, "operators": 20, "answers": [0.4]} == told["asked"]
    assert [one["mode"] for one in told["variants"]] == ["progressive", "power", "predictive"]
    for one in told["variants"]:
        assert one["occupancy"]["low"] <= one["occupancy"]["mean"] <= one["occupancy"]["high"]
        assert len(one["occupancy"]["runs"]) == 2
    assert told["advice"]


@pytest.mark.parametrize(
    ("args", "answer"),
    [
        ((), "say --operators, --leads, --answer, --talk too, or --campaign NAME to take them from"),
        (("--operators", 6, "--leads", 10, "--talk", 60), "say --answer too, or --campaign NAME"),
        (("--operators", 0), "--operators '0': is not from 1 to 500."),
        (("--operators", 501), "--operators '501': is not from 1 to 500."),
        (("--operators", "six"), "--operators 'six': is not a whole number."),
        (("--leads", 0), "--leads '0': is not from 1 to 10,000,000."),
        (("--answer", "0.5%"), "--answer '0.5%': is not from 3% to 85%."),
        (("--answer", 99), "--answer '99': is not from 3% to 85%."),
        (("--answer", "often"), "--answer 'often': is not a percentage, such as 3 or 2.5%."),
        (("--talk", "long"), "--talk 'long': is not a length of time, such as 45, 30s, 15m, 2h, 3d."),
        (("--talk", "1s"), "--talk '1s': is not from 10 to 3600."),
        (("--wrap-up", "1h"), "--wrap-up '1h': is not from 0 to 1800."),
        (("--ceiling", "7%"), "--ceiling '7%': is not from 0.1% to 5.0%."),
        (("--ratio", "0.5"), "--ratio '0.5': is not from 1 to 10."),
        (("--hours", 25), "--hours '25': is not from 0.5 to 24."),
        (("--runs", 1), "--runs '1': is not from 2 to 100."),
        (("--more-ceiling", 9), "--more-ceiling '9': is not from 0% to 5%."),
        (("--campaign", "spring"), "there is no campaign 'spring': there are 'demo'"),
        (("--campaign", "demo"), "campaign 'demo' has 0 dials and 0 talks in its records, a plan needs 200"),
        (("--campaign", "demo", "--answer", 20, "--talk", 60), "campaign 'demo' has nobody left to call"),
    ],
)
def test_bad_input_is_one_sentence_that_says_what_would_do(
    shop: Dialer, args: Sequence[object], answer: str
) -> None:
    told = shop("plan", *args)
    assert told.code == 1
    assert told.out == ""
    assert answer in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("verb", [("plan", *FIGURES), ("simulate", "20_25_45")])
def test_a_page_that_cannot_be_written_is_told_before_anything_is_simulated(
    shop: Dialer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: Sequence[object]
) -> None:
    for name in ("plan.simulated", "simulate.rehearse"):
        monkeypatch.setattr(f"dialer.cli.{name}", lambda *_: pytest.fail("it was simulated for nothing"))
    told = shop(*verb, "--html", tmp_path / "no" / "plan.html")
    assert (told.code, told.out) == (1, "")
    assert "cannot be written" in told.err
    assert list(tmp_path.glob("no*")) == []


async def dialled(cdrs: Sequence[Cdr], leads: int) -> None:
    """Records and a list for the campaign of the shop."""
    async with open_database(Settings()) as stores:
        await stores.leads.import_list(CampaignId(1), "list.csv", entries(leads), now=datetime.now(UTC))
        await stores.ledger.close([Closing(cdr=cdr, lead=None, call=cdr.id) for cdr in cdrs])


def test_a_plan_from_a_campaign_takes_its_records_its_list_and_its_team(shop: Dialer) -> None:
    at = datetime.now(UTC) - timedelta(hours=3)
    talks = [replace(record(f"a-{n:04}"), dialled_at=at, talk_s=50.0) for n in range(120)]
    dials = [
        replace(record(f"b-{n:04}", outcome=Outcome.NO_ANSWER), dialled_at=at, answer_at=None, bridge_at=None)
        for n in range(280)
    ]
    asyncio.run(dialled([*talks, *dials], leads=70))
    told = shop("plan", "--campaign", "demo", "--operators", 25, *SHORT, "--json")
    assert told.code == 0, told.err
    asked = told.json["asked"]
    assert (asked["operators"], asked["leads"], asked["talk_s"]) == (25, 70, 50.0)
    assert asked["answers"][0] == pytest.approx(0.3)
    assert "demo, by its last 400 dials: 30.0% of first attempts answered" in told.err
    given = ("--operators", 25, "--talk", 90, "--leads", 40)
    other = shop("plan", "--campaign", "demo", *given, *SHORT, "--json")
    assert other.json["asked"] | {"leads": 40, "talk_s": 90.0} == other.json["asked"]
