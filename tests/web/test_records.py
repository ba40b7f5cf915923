"""Records by REST: filters and order, and what each role reads of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dialer.domain.call import Call
from dialer.domain.cdr import Closing
from dialer.domain.operators import Operator
from dialer.domain.operators import State as Post
from dialer.domain.types import CallId, CampaignId, OperatorId, PhoneNumber, TrunkId
from tests.web.conftest import Api
from tests.web.world import CELL, NOW, record

OLEGS = replace(record(2, CampaignId(1)), operator=OperatorId("102"), trunk=TrunkId("spare"), talk_s=5.0)


async def asked(api: Api, role: str, path: str, **query: str) -> Any:
    async with api[role].get(path, params=query) as told:
        assert told.status == 200, await told.text()
        return await told.json()


async def ids(api: Api, role: str, **query: str) -> list[str]:
    return [one["id"] for one in (await asked(api, role, "/v1/cdrs", **query))["items"]]


async def test_records_are_found_by_their_traits_the_newest_first_where_that_is_asked(api: Api) -> None:
    await api.world.stores.ledger.close([Closing(OLEGS, None, OLEGS.id)])
    assert await ids(api, "supervisor", order="newest") == ["c-2", "c-1", "c-0"]
    assert await ids(api, "supervisor", trunk="spare") == ["c-2"]
    assert await ids(api, "supervisor", number="+79160000001") == ["c-1"]
    assert await ids(api, "supervisor", at_least_s="30") == ["c-0", "c-1"]
    page = await asked(api, "supervisor", "/v1/cdrs", order="newest", limit="2")
    assert await ids(api, "supervisor", order="newest", limit="2", after=page["next"]) == ["c-0"]
    assert await ids(api, "supervisor", disposition="maybe") == []  # a list of outcomes may have had it once
    for bad in ({"order": "best"}, {"number": "8916"}):
        async with api["supervisor"].get("/v1/cdrs", params=bad) as refused:
            assert refused.status == 422


async def test_an_operator_reads_the_own_records_whole_and_no_others(api: Api) -> None:
    await api.world.stores.ledger.close([Closing(OLEGS, None, OLEGS.id)])
    mine = await asked(api, "operator", "/v1/cdrs")
    assert [(one["id"], one["number"]) for one in mine["items"]] == [
        ("c-0", "+79160000000"),
        ("c-1", "+79160000001"),
    ]
    for path in ("/v1/cdrs?operator=102", "/v1/cdrs/c-2"):
        async with api["operator"].get(path) as refused:
            assert (refused.status, (await refused.json())["id"]) == (403, "forbidden")
    async with api["operator"].get("/v1/cdrs.csv") as export:
        assert export.status == 403


async def test_a_viewer_reads_no_number_whole(api: Api) -> None:
    assert (await asked(api, "viewer", "/v1/cdrs/c-0"))["number"] == "+7********00"
    async with api["viewer"].get("/v1/cdrs.csv") as export:
        assert export.status == 403


async def test_a_viewer_does_not_see_the_outside_phone_of_an_operator_whole(api: Api) -> None:
    phone = {"id": "190", "name": "Far", "phone": "outside", "number": "+79161112244", "trunk": "main"}
    async with api["admin"].post("/v1/operators", json=phone) as made:
        assert made.status == 201
    for role, number in (("viewer", "+7********44"), ("supervisor", "+79161112244")):
        assert (await asked(api, role, "/v1/operators/190"))["number"] == number


async def test_with_whom_an_operator_talks_is_shown_by_role(api: Api) -> None:
    call = Call(
        CallId("c-9"),
        CampaignId(1),
        None,
        PhoneNumber("+79161112233"),
        TrunkId("main"),
        operator=OperatorId("102"),
    )
    await api.world.live.put_call(CELL, call)
    at_work = Operator(OperatorId("102"), state=Post.TALKING, since_at=NOW, call=call.id)
    await api.world.live.put_operator(CELL, at_work)
    seen = {}
    for role in ("viewer", "operator", "supervisor"):
        rows = (await asked(api, role, "/v1/operators"))["items"]
        assert (rows[1]["state"], rows[1]["since_at"]) == ("talking", "2026-02-03T10:00:00Z")
        assert rows[0]["with_number"] is None
        seen[role] = rows[1]["with_number"]
    assert seen == {"viewer": "+7********33", "operator": None, "supervisor": "+79161112233"}
    assert (await asked(api, "viewer", "/v1/calls"))["items"][0]["number"] == "+7********33"
    assert (await asked(api, "operator", "/v1/calls"))["items"] == []
    async with api["operator"].get("/v1/calls/c-9") as refused:
        assert refused.status == 403
