"""Dispositions and pause reasons over the API: each list is set whole, what is wrong is told by its place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Api

SOLD = {"code": "sold", "title": {"ru": "Продано", "en": "Sold"}, "key": "7", "then": "close"}
LATER = {"code": "later", "title": {"en": "Later"}, "then": "retry", "after_s": 3600}


async def test_a_campaigns_outcomes_are_the_default_until_others_are_set(api: Api) -> None:
    boss = api["supervisor"]
    async with api["viewer"].get("/v1/campaigns/1") as answer:
        seen = await answer.json()
    assert [one["code"] for one in seen["dispositions"]] == [
        "agreed", "refused", "callback", "wrong_number", "no_contact", "dnc",
    ]  # fmt: skip
    assert seen["dispositions"][0] == {
        "code": "agreed", "title": {"ru": "Согласие", "en": "Agreed"}, "key": "1", "then": "close",
        "after_s": None,
    }  # fmt: skip
    change = {"dispositions": [SOLD, LATER], "version": seen["version"]}
    async with boss.patch("/v1/campaigns/1", json=change) as answer:
        told = await answer.json()
    assert (answer.status, told["dispositions"]) == (
        200,
        [SOLD | {"after_s": None}, LATER | {"title": {"ru": "", "en": "Later"}, "key": ""}],
    )
    async with boss.patch("/v1/campaigns/1", json=change) as answer:
        stale = await answer.json()
    assert (answer.status, stale["id"], stale["errors"][0]["place"]) == (409, "stale", "body/dispositions")
    assert '"after_s": 3600.0' in stale["errors"][0]["detail"]
    async with boss.post("/v1/campaigns", json={"name": "autumn", "dispositions": [SOLD]}) as answer:
        assert [one["code"] for one in (await answer.json())["dispositions"]] == ["sold"]


@pytest.mark.parametrize(
    ("entries", "place"),
    [
        ([], "body/dispositions"),
        ([SOLD, SOLD], "body/dispositions/1/code"),
        ([SOLD, LATER | {"key": "7"}], "body/dispositions/1/key"),
        ([SOLD | {"code": "Sold"}], "body/dispositions/0/code"),
        ([SOLD | {"then": "sell"}], "body/dispositions/0/then"),
        ([SOLD | {"title": {}}], "body/dispositions/0/title"),
        ([SOLD | {"title": "Sold"}], "body/dispositions/0/title"),
        ([SOLD | {"after_s": 5}], "body/dispositions/0/after_s"),
        ([SOLD | {"lead": 5}], "body/dispositions/0/lead"),
    ],
)
async def test_an_outcome_that_cannot_be_is_refused_with_its_place(
    api: Api, entries: list[Any], place: str
) -> None:
    async with api["supervisor"].patch("/v1/campaigns/1", json={"dispositions": entries}) as answer:
        told = await answer.json()
    assert (answer.status, told["errors"][0]["place"]) == (422, place)


async def test_pause_reasons_are_one_list_for_the_site(api: Api) -> None:
    boss = api["supervisor"]
    async with api["operator"].get("/v1/pause-reasons") as answer:
        seen = await answer.json()
    assert [(one["key"], one["code"], one["is_worked"]) for one in seen["reasons"]] == [
        ("1", "break", False), ("2", "lunch", False), ("3", "meeting", True), ("4", "training", True),
        ("5", "technical", True), ("0", "other", False),
    ]  # fmt: skip
    smoke = {"code": "smoke", "title": {"ru": "Перекур", "en": ""}, "key": "7", "is_worked": False}
    change = {"reasons": [smoke], "version": seen["version"]}
    async with api["operator"].put("/v1/pause-reasons", json=change) as answer:
        assert answer.status == 403
    async with boss.put("/v1/pause-reasons", json=change) as answer:
        assert (await answer.json()) == {"reasons": [smoke], "version": seen["version"] + 1}
    async with boss.put("/v1/pause-reasons", json=change) as answer:
        assert (answer.status, (await answer.json())["id"]) == (409, "stale")
    async with boss.put("/v1/pause-reasons", json={"reasons": [smoke | {"key": "9"}]}) as answer:
        told = await answer.json()
    assert (answer.status, told["errors"][0]["place"]) == (422, "body/reasons/0/key")
