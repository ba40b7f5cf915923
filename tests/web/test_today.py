"""A day that can be seen: its table by REST, and what each role sees of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dialer.domain import pauses
from dialer.domain.cdr import Closing
from dialer.domain.operators import State as Post
from dialer.domain.operators import StateChange
from dialer.domain.types import CallId, CampaignId, OperatorId, Outcome
from tests.web.conftest import Api
from tests.web.world import NOW, record

ANNA, OLEG = OperatorId("101"), OperatorId("102")


async def fill(api: Api) -> None:
    """Beside two talks of Anna's: one of Oleg's, one that nobody had, one from before midnight in Moscow."""
    talk = record(2, CampaignId(1))
    more = [
        replace(talk, operator=OLEG, talk_s=12.5),
        replace(talk, id=CallId("c-3"), operator=None, outcome=Outcome.NO_ANSWER, answer_at=None, talk_s=0.0),
        replace(talk, id=CallId("c-4"), dialled_at=datetime.fromisoformat("2026-02-02T23:59:59+03:00")),
    ]
    await api.world.stores.ledger.close([Closing(cdr, None, cdr.id) for cdr in more])
    yesterday = NOW - timedelta(days=1)
    moves = [
        StateChange(ANNA, Post.OFFLINE, Post.PAUSED, "lunch", yesterday),  # has not moved since
        StateChange(OLEG, Post.OFFLINE, Post.READY, "", NOW - timedelta(hours=2)),
        StateChange(OLEG, Post.READY, Post.TALKING, "", NOW - timedelta(hours=1)),
        StateChange(OperatorId("103"), Post.READY, Post.OFFLINE, "", yesterday),  # not there today
    ]
    await api.world.stores.ledger.log(moves)


async def shown(api: Api, role: str, **query: str) -> Any:
    async with api[role].get("/v1/today", params=query) as told:
        assert told.status == 200, await told.text()
        return await told.json()


async def test_a_day_is_told_by_operator_and_by_campaign(api: Api) -> None:
    await fill(api)
    told = await shown(api, "viewer")
    assert (told["day"], told["since_at"], told["until_at"]) == (
        "2026-02-03",
        "2026-02-02T21:00:00Z",
        "2026-02-03T21:00:00Z",
    )
    anna, oleg, nobody = told["operators"]
    assert (anna["operator"], anna["name"], anna["calls"], anna["long"], anna["talk_s"]) == (
        "101", "Operator 101", 2, 2, 60.0,
    )  # fmt: skip
    assert anna["states"] == {"paused": 13 * 3600.0}  # from midnight in Moscow to now
    assert (anna["logged_in_s"], anna["worked_s"]) == (13 * 3600.0, 0.0), "lunch is no work"
    assert (oleg["calls"], oleg["live"], oleg["long"], oleg["talk_s"]) == (1, 1, 0, 12.5)
    assert (oleg["states"], oleg["occupancy"]) == ({"ready": 3600.0, "talking": 3600.0}, 0.5)
    assert (nobody["operator"], nobody["calls"], nobody["live"]) == (None, 1, 0)
    (spring,) = told["campaigns"]
    assert (spring["campaign"], spring["name"], spring["calls"], spring["live"]) == (1, "spring", 4, 3)
    assert spring["outcomes"] == told["total"]["outcomes"] == {"connected": 3, "no_answer": 1}


async def test_a_pause_counts_as_work_where_the_site_says_so(api: Api) -> None:
    await fill(api)
    lunch = [replace(one, is_worked=one.code == "lunch") for one in pauses.DEFAULT]
    await api.world.stores.pauses.save(pauses.PauseReasons(tuple(lunch)))
    anna, oleg, nobody = (await shown(api, "viewer"))["operators"]
    assert [one["worked_s"] for one in (anna, oleg, nobody)] == [13 * 3600.0, 7200.0, 0.0]
    day = {"since_at": "2026-02-02T21:00:00Z", "until_at": "2026-02-03T21:00:00Z"}
    async with api["viewer"].get("/v1/hours", params=day) as told:
        assert [one["worked_s"] for one in await told.json()] == [13 * 3600.0, 7200.0, 0.0]


async def test_another_day_and_another_length_may_be_asked_for(api: Api) -> None:
    await fill(api)
    assert (await shown(api, "viewer", at_least_s="12.5"))["total"]["long"] == 3
    before = await shown(api, "viewer", day="2026-02-02")
    assert before["total"]["calls"] == 1
    assert [one["states"] for one in before["operators"]] == [{"paused": 11 * 3600.0}]
    assert (await shown(api, "viewer", day="2026-01-01"))["operators"] == []


async def test_an_operator_sees_the_own_day_alone(api: Api) -> None:
    await fill(api)
    told = await shown(api, "operator")
    assert [one["operator"] for one in told["operators"]] == ["101"]
    assert (told["total"]["calls"], told["campaigns"][0]["calls"]) == (2, 2)
    day = {"since_at": "2026-02-02T21:00:00Z", "until_at": "2026-02-03T21:00:00Z"}
    async with api["operator"].get("/v1/hours", params=day) as hours:
        assert [one["operator"] for one in await hours.json()] == ["101"]
    for path in ("/v1/hours", "/v1/state-changes"):
        async with api["operator"].get(path, params=day | {"operator": "102"}) as refused:
            assert refused.status == 403
    async with api["operator"].get("/v1/tallies/recorded", params=day) as sums:
        assert {row["operator"] for row in (await sums.json())["rows"]} == {"101"}
