"""A campaign for programs: every setting, in values that JSON knows, under the names that the API takes."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import time, timedelta

from dialer.domain.campaign import Campaign, Retry, plain
from dialer.domain.editions import OWN
from dialer.domain.schedule import Window
from dialer.domain.types import CampaignId, OperatorId, Outcome, TrunkId

CAMPAIGN = Campaign(
    CampaignId(1),
    "spring",
    operators=frozenset({OperatorId("102"), OperatorId("101")}),
    trunks=(TrunkId("b"), TrunkId("a")),
    paused_lists=frozenset({7, 3}),
    schedule=(Window(0, time(9), time(18, 30)),),
    rest=timedelta(minutes=30),
    abandoned_rest=timedelta(hours=72),
    retries={Outcome.BUSY: Retry((timedelta(minutes=5),), next_number=True)},
)


def test_every_setting_is_told_once_in_values_that_json_knows() -> None:
    told = plain(CAMPAIGN)
    renamed = {"rest": "rest_s", "abandoned_rest": "abandoned_rest_s", OWN: "version"}
    assert told.keys() == {renamed.get(one.name, one.name) for one in fields(Campaign)}
    assert json.loads(json.dumps(told)) == told


def test_lengths_of_time_are_in_seconds_and_sets_in_order() -> None:
    told = plain(CAMPAIGN)
    assert (told["rest_s"], told["abandoned_rest_s"]) == (1800, 72 * 3600)
    assert told["retries"] == {"busy": {"delays_s": [300], "next_number": True}}
    assert (told["operators"], told["trunks"], told["paused_lists"]) == (["101", "102"], ["b", "a"], [3, 7])
    assert told["schedule"] == [{"weekday": 0, "start": "09:00", "end": "18:30"}]
    assert told["version"] == CAMPAIGN.edition.version
