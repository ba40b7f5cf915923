"""Outcomes and pause reasons as files: what `show` prints `set` takes, and a flaw is told with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Dialer

OUTCOMES = ("campaign", "dispositions")
PAUSES = ("operator", "pauses")


def test_what_is_shown_can_be_edited_and_set_until_somebody_else_was_quicker(
    shop: Dialer, tmp_path: Path
) -> None:
    shown = shop(*OUTCOMES, "show", "demo")
    assert (shown.code, shown.out.count("[[dispositions]]")) == (0, 6)
    file = tmp_path / "outcomes.toml"
    file.write_text(
        shown.out.replace('code = "agreed"', 'code = "sold"').replace('"Agreed"', '"Sold \\"now\\""')
    )
    done = shop(*OUTCOMES, "set", "demo", file)
    assert (done.code, "6 dispositions" in done.out) == (0, True)
    now = shop(*OUTCOMES, "show", "demo", "--json").json
    assert now["dispositions"][0]["title"] == {"ru": "Согласие", "en": 'Sold "now"'}
    assert "1=sold 2=refused" in shop("campaign", "show", "demo").out
    again = shop(*OUTCOMES, "set", "demo", file)
    assert (again.code, "somebody has changed it since" in again.err) == (1, True)
    (tmp_path / "outcomes.json").write_text(json.dumps({"dispositions": now["dispositions"][:2]}))
    assert shop(*OUTCOMES, "set", "demo", tmp_path / "outcomes.json").code == 0
    assert len(shop("campaign", "show", "demo", "--json").json["dispositions"]) == 2


def test_pause_reasons_go_the_same_way(shop: Dialer, tmp_path: Path) -> None:
    file = tmp_path / "pauses.toml"
    file.write_text(shop(*PAUSES, "show").out.replace('key = "1"', 'key = "7"'))
    assert shop(*PAUSES, "set", file).code == 0
    assert shop(*PAUSES, "show", "--json").json["reasons"][0]["key"] == "7"
    assert shop(*PAUSES, "set", file).code == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dispositions = [", "is not written as it must be"),
        ("reasons = []", "it has dispositions and, where it was shown, version"),
        ("dispositions = []\nversion = 0", "version is not a whole number"),
        ("dispositions = []", "from 1 to 100"),
        (
            '[[dispositions]]\ncode = "a"\ntitle = "A"\n[[dispositions]]\ncode = "a"\ntitle = "A"',
            "entry 2, code",
        ),
        ('[[dispositions]]\ncode = "a"\ntitle = "A"\nkey = 1', "entry 1, key: is not a text"),
    ],
)
def test_a_flaw_is_told_with_the_file_and_its_place(
    shop: Dialer, tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "outcomes.toml"
    file.write_text(text)
    said = shop(*OUTCOMES, "set", "demo", file)
    assert (said.code, "outcomes.toml" in said.err, told in said.err) == (1, True, True), said.err
    assert shop(*OUTCOMES, "set", "demo", tmp_path / "none.toml").code == 1
