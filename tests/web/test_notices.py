"""Notices over the API: what follows the last one that was read, to an operator what concerns him."""

from __future__ import annotations

import asyncio

from dialer.ports.between import About
from tests.web.conftest import Api


async def test_what_follows_is_waited_for_and_a_gap_is_told(api: Api) -> None:
    ring = api.world.notices
    ring.publish(About.OPERATOR, "101", {"state": "ready"})
    async with api["viewer"].get("/v1/notices") as answer:
        first = await answer.json()
    assert (first["gap"], [one["body"] for one in first["items"]]) == (True, [{"state": "ready"}])
    asked = {"seq": first["last"], "wait_s": 5}
    waiting = asyncio.create_task(api["viewer"].get("/v1/notices", params=asked).__aenter__())
    await asyncio.sleep(0.1)
    ring.publish(About.OPERATOR, "101", {"state": "paused"})
    async with asyncio.timeout(2):
        told = await (await waiting).json()
    assert told == {
        "items": [{"seq": first["last"] + 1, "kind": "operator", "id": "101", "body": {"state": "paused"}}],
        "last": first["last"] + 1,
        "gap": False,
    }


async def test_an_operator_reads_what_concerns_him_and_all_the_numbers_go_on(api: Api) -> None:
    ring = api.world.notices
    for operator in ("101", "102"):
        ring.publish(About.OPERATOR, operator, {"state": "ready"})
        ring.publish(About.CALL, f"c-{operator}", {"operator": operator})
    ring.publish(About.GATE, "disk", {"why": ""})
    async with api["operator"].get("/v1/notices") as answer:
        told = await answer.json()
    assert [one["id"] for one in told["items"]] == ["101", "c-101", "disk"]
    assert told["last"] == 1005
    async with api["viewer"].get("/v1/notices", params={"wait_s": 11}) as answer:
        assert answer.status == 422
