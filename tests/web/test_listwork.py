"""Working a list by REST: search, export, and one act on all that were chosen."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

import pytest

from dialer.office import exports
from tests.web.conftest import Api

L = "/v1/campaigns/1/leads"


async def add(api: Api, count: int, **fields: Any) -> Sequence[str]:
    numbers = [f"+7917111{n:04}" for n in range(count)]
    leads = [{"numbers": [number], "name": f"Lead {at}"} | fields for at, number in enumerate(numbers)]
    async with api["supervisor"].post(L, json=leads) as added:
        assert added.status == 201, await added.text()
    return numbers


async def work(api: Api, who: str = "supervisor", **body: Any) -> tuple[int, Any]:
    async with api[who].post(f"{L}/work", json=body) as told:
        return told.status, await told.json()


async def test_leads_are_sought_by_several_things_at_once(api: Api) -> None:
    await add(api, 12, company="Ромашка")
    asked: list[tuple[str, str]] = [("search", "ромашка"), ("status", "new"), ("status", "retry")]
    async with api["operator"].get(L, params=[*asked, ("attempts_most", "0"), ("limit", "5")]) as told:
        page = await told.json()
    assert (len(page["items"]), page["items"][0]["name"]) == (5, "Lead 0")
    async with api["operator"].get(L, params=[*asked, ("after", page["next"]), ("limit", "100")]) as told:
        assert len((await told.json())["items"]) == 7
    async with api["operator"].get(L, params={"search": "8 (917) 111-00-03"}) as told:
        assert [lead["name"] for lead in (await told.json())["items"]] == ["Lead 3"]
    async with api["operator"].get(L, params=[("search", "a"), ("search", "b")]) as refused:
        assert refused.status == 422


async def test_a_list_is_exported_in_pages_and_no_cell_is_a_formula(
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "PAGE", 4)
    numbers = await add(api, 9, company="@SUM(A1)", extra={"город": "Омск"})
    async with api["supervisor"].get(f"{L}.csv", params={"search": "SUM", "excel": "true"}) as told:
        assert "leads-1.csv" in told.headers["Content-Disposition"]
        text = (await told.read()).decode("utf-8-sig")
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    assert [row["numbers"] for row in rows] == [f'="{number}"' for number in numbers]
    assert {(row["company"], row["extra"]) for row in rows} == {("'@SUM(A1)", "город: Омск")}
    async with api["supervisor"].get("/v1/campaigns/9/leads.csv") as missing:
        assert missing.status == 404


async def test_one_act_is_done_to_all_that_are_chosen_after_a_preview(api: Api) -> None:
    await add(api, 4)
    choice = {"search": "Lead", "statuses": ["new"]}
    status, preview = await work(api, act="exclude", choice=choice, dry_run=True)
    assert (status, preview) == (200, {"chosen": {"new": 4}, "changed": 4, "left_out": {}, "next": None})
    assert await work(api, act="exclude", choice=choice) == (status, preview)
    assert (await work(api, act="exclude", choice=choice))[1]["changed"] == 0
    again = (await work(api, act="reset", choice={"search": "Lead"}))[1]
    assert (again["changed"], again["left_out"]) == (0, {"excluded": 4})
    assert (await work(api, act="include", choice={"statuses": ["excluded"]}))[1]["changed"] >= 4


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"act": "dance"}, "body/act"),
        ({"act": "delete"}, "choice"),
        ({"act": "priority", "whole_list": True}, "priority"),
        ({"act": "priority", "whole_list": True, "priority": 1001}, "body/priority"),
        ({"act": "move", "whole_list": True}, "to"),
        ({"act": "move", "whole_list": True, "to": 1}, "to"),
        ({"act": "delete", "choice": {"name": "x"}}, "body/choice/name"),
        ({"act": "delete", "choice": {"number": "8916"}}, "body/choice/number"),
        ({"act": "delete", "whole_list": True, "after": -1}, "body/after"),
    ],
)
async def test_what_is_wrong_with_an_order_is_named(
    api: Api,
    body: dict[str, Any],
    place: str,
) -> None:
    status, told = await work(api, **body)
    assert status == 422
    assert place in str(told)


async def test_who_only_sees_works_on_nothing(api: Api) -> None:
    assert (await work(api, "viewer", act="delete", whole_list=True))[0] == 403
    status, told = await work(api, act="move", whole_list=True, to=99)
    assert (status, told["id"]) == (404, "missing")


async def edit(api: Api, lead: int, seen: dict[str, Any] | None = None, **changes: Any) -> tuple[int, Any]:
    body = {"changes": changes} | ({"seen": seen} if seen is not None else {})
    async with api["supervisor"].patch(f"/v1/leads/{lead}", json=body) as told:
        return told.status, await told.json()


async def one(api: Api, search: str) -> Any:
    async with api["operator"].get(L, params={"search": search}) as told:
        return (await told.json())["items"][0]


async def test_a_lead_is_corrected_from_what_was_seen(api: Api) -> None:
    await add(api, 2)
    lead = await one(api, "Lead 0")
    new = {"numbers": ["+79171119999", "+79171110000"], "extensions": {"+79171119999": "214"}}
    rest = {"zones": ["Asia/Omsk"], "next_at": "2026-02-05T10:00:00Z", "priority": 5, "extra": {"a": "b"}}
    status, told = await edit(api, lead["id"], {"name": "Lead 0"}, name="Anna", **new, **rest)
    assert status == 200, told
    assert {name: told[name] for name in (*new, *rest, "name", "status", "number_index")} == {
        **new,
        **rest,
        "name": "Anna",
        "status": "retry",
        "number_index": 1,
    }
    assert await one(api, "Anna") == told
    status, told = await edit(api, lead["id"], {"name": "Lead 0"}, name="Ann")
    assert (status, "name is Anna, not Lead 0" in told["detail"]) == (409, True)
    status, told = await edit(api, lead["id"], numbers=["+79171110001"])
    assert (status, "one of these numbers" in told["detail"]) == (409, True)
    status, told = await edit(api, lead["id"], next_at=None)
    assert (status, told["status"], told["next_at"]) == (200, "new", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"numbers": []},
        {"numbers": ["89161234567"]},
        {"extensions": {"+79171115555": "1"}},
        {"zones": ["Mars/Base"]},
        {"zones": ["../../etc/passwd"]},
        {"priority": 1001},
        {"next_at": "tomorrow"},
        {"status": "new"},
        {"attempts": 0},
    ],
)
async def test_what_a_lead_cannot_be_is_refused(api: Api, changes: dict[str, Any]) -> None:
    await add(api, 1)
    lead = await one(api, "Lead 0")
    assert (await edit(api, lead["id"], **changes))[0] == 422
    assert await one(api, "Lead 0") == lead


async def test_one_list_is_paused_and_resumed(api: Api) -> None:
    await add(api, 3)
    async with api["viewer"].get("/v1/campaigns/1/imports") as told:
        row = (await told.json())[-1]
    assert (row["leads"], row["paused"], row["waiting"]) == (3, False, None)
    lists = f"/v1/imports/{row['id']}"
    async with api["viewer"].post(f"{lists}/pause") as refused:
        assert refused.status == 403
    async with api["supervisor"].post(f"{lists}/pause") as told:
        assert (told.status, (await told.json())["waiting"]) == (200, 3)
    async with api["viewer"].get("/v1/campaigns/1") as told:
        assert (await told.json())["paused_lists"] == [row["id"]]
    async with api["viewer"].get("/v1/campaigns/1/leads/count") as told:
        assert (await told.json())["paused"] == 3
    async with api["supervisor"].post(f"{lists}/resume") as told:
        assert (await told.json())["paused"] is False
    async with api["supervisor"].post("/v1/imports/999999/pause") as missing:
        assert missing.status == 404


async def test_a_campaign_is_copied_hidden_and_brought_back(api: Api) -> None:
    async with api["supervisor"].post("/v1/campaigns/1/copy", json={"name": "The copy"}) as told:
        assert told.status == 201, await told.text()
        made = await told.json()
    its = f"/v1/campaigns/{made['id']}"
    assert (made["status"], made["operators"], made["archived"]) == ("draft", [], False)
    async with api["supervisor"].post(f"{its}/archive", params={"version": made["version"] + 1}) as stale:
        assert (stale.status, (await stale.json())["id"]) == (409, "stale")
    async with api["supervisor"].post(f"{its}/archive", params={"version": made["version"]}) as told:
        assert (await told.json())["archived"] is True

    async def names(**asked: str) -> list[str]:
        async with api["viewer"].get("/v1/campaigns", params=asked) as page:
            return [row["name"] for row in (await page.json())["items"]]

    assert "The copy" not in await names()
    assert "The copy" in await names(archived="true")
    async with api["supervisor"].post(f"{its}/start") as refused:
        assert (refused.status, "archive" in (await refused.json())["detail"]) == (409, True)
    async with api["supervisor"].post(f"{its}/unarchive") as told:
        assert told.status == 200
    assert "The copy" in await names()
    async with api["supervisor"].patch(its, json={"holidays": "RU-MOW"}) as refused:
        assert (refused.status, "known are" in (await refused.json())["detail"]) == (422, True)
    async with api["supervisor"].patch(its, json={"holidays": "DE-BY"}) as told:
        assert (await told.json())["holidays"] == "DE-BY"


async def test_why_a_lead_is_not_called_is_told_to_who_sees_leads(api: Api) -> None:
    async with api["operator"].get("/v1/leads/1/why") as told:
        answer = await told.json()
    assert (told.status, answer["lead"], answer["summary"]) == (200, 1, "it is closed")
    assert (answer["reasons"][0]["name"], answer["reasons"][0]["act"]) == ("hours", "waiting")
    async with api["viewer"].get("/v1/leads/1/why") as refused:
        assert refused.status == 403
