"""The main stories of the API, over a real server and a real TCP connection."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from starlette.datastructures import UploadFile

from dialer.domain.call import Call, State
from dialer.domain.cdr import Tally
from dialer.domain.columns import ReadOptions
from dialer.domain.dnc import Entry
from dialer.domain.errors import BadValue, Conflict, Forbidden, LinkDown
from dialer.domain.guesses import Guesses, key_of_operator, key_of_phone
from dialer.domain.kpi import slot_of
from dialer.domain.operators import Operator, StateChange
from dialer.domain.operators import State as Post
from dialer.domain.said import plain, said
from dialer.domain.spending import SideCall, SideKind
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    ChannelId,
    LeadId,
    OperatorId,
    PhoneNumber,
    TrunkId,
)
from dialer.office import records
from dialer.ports.between import Check, Command
from tests.web.conftest import Api
from tests.web.world import CELL, NOW, record

SPAN = {"since_at": "2026-02-03T09:00:00Z", "until_at": "2026-02-03T14:00:00+03:00"}


async def test_of_two_who_change_one_thing_the_second_is_told_what_differs(api: Api) -> None:
    boss, admin = api["supervisor"], api["admin"]
    async with boss.get("/v1/campaigns/1") as answer:
        seen = (await answer.json())["version"]
    async with boss.patch("/v1/campaigns/1", json={"rest_s": 60, "ratio": 2, "version": seen}) as answer:
        assert (await answer.json())["version"] == seen + 1
    async with boss.patch("/v1/campaigns/1", json={"priority": 5, "version": seen}) as answer:
        told = await answer.json()
    assert (answer.status, told["id"]) == (409, "stale")
    assert told["errors"] == [
        {"place": "body/ratio", "detail": "is now 2.0", "allowed": ""},
        {"place": "body/rest_s", "detail": "is now 60.0", "allowed": ""},
    ]
    async with admin.get("/v1/operators/101") as answer:
        seen = (await answer.json())["version"]
    async with admin.patch("/v1/operators/101", json={"pin": "4711", "leg_kind": "on_demand"}) as answer:
        assert (await answer.json())["version"] == seen + 1
    async with admin.patch("/v1/operators/101", json={"name": "Bea", "version": seen}) as answer:
        told = await answer.json()
    assert {one["place"]: one["detail"] for one in told["errors"]} == {
        "body/leg_kind": 'is now "on_demand"',
        "body/pin": "is another one now",
    }
    async with admin.get("/v1/trunks/main") as answer:
        seen = (await answer.json())["version"]
    async with admin.patch("/v1/trunks/main", json={"lines": 11, "version": seen + 1}) as answer:
        assert answer.status == 409
    async with admin.patch("/v1/trunks/main", json={"lines": 11, "version": seen}) as answer:
        assert answer.status == 200
    async with admin.patch("/v1/trunks/main", json={"lines": 11, "version": 0}) as answer:
        assert answer.status == 422


async def test_a_number_that_is_not_dialled_here_is_refused_by_kind_wherever_it_is_given(api: Api) -> None:
    leads = [{"numbers": ["+79161112230"]}, {"numbers": ["+79161112231", "+449098791234"]}]
    async with api["supervisor"].post("/v1/campaigns/1/leads", json=leads) as refused:
        why = (await refused.json())["detail"]
    assert refused.status == 422
    assert why.startswith("body/1/numbers/1: a premium-rate number (United Kingdom) is closed")
    for number, kind in {"+77011234567": "Kazakhstan", "+79541234567": "a satellite telephone"}.items():
        phone = {"id": "190", "name": "Far", "phone": "outside", "number": number, "trunk": "main"}
        async with api["admin"].post("/v1/operators", json=phone) as refused:
            assert refused.status == 422
            assert kind in (await refused.json())["detail"]
    async with api["supervisor"].post("/v1/dnc", json={"entry": "+89161234567"}) as refused:
        assert refused.status == 422
    async with api["supervisor"].post("/v1/dnc", json={"entry": "+449098791234"}) as barred:
        assert barred.status == 201


async def test_a_trunks_ceiling_is_set_and_what_it_used_today_is_told_with_calls_of_no_campaign(
    api: Api,
) -> None:
    boss = api["admin"]
    async with boss.patch("/v1/trunks/main", json={"money_per_day": 100.0}) as refused:
        assert refused.status == 422
        assert "needs a price" in (await refused.json())["detail"]
    body = {"money_per_day": 1.0, "price": 3.0, "price_per_call": 0.5, "currency": "RUB"}
    async with boss.patch("/v1/trunks/main", json=body) as saved:
        assert saved.status == 200
        assert {name: (await saved.json())[name] for name in body} == body
    test = SideCall(
        ChannelId("t-1"), CELL, SideKind.TEST, TrunkId("main"), PhoneNumber("+79161234567"), "boss", NOW, NOW,
        answer_at=NOW, is_over=True, outcome="connected",
    )  # fmt: skip
    await api.world.stores.ledger.side([replace(test, end_at=NOW + timedelta(seconds=30))])
    async with api["viewer"].get("/v1/trunks/main/today") as told:
        used = await told.json()
    before = await api.world.stores.records.spent(NOW.replace(hour=0), NOW + timedelta(hours=1))
    seconds, calls = before[CELL, TrunkId("main")].seconds, before[CELL, TrunkId("main")].attempts
    assert (used["calls"], used["day"]) == (calls, "2026-02-03")
    assert used["money"] == pytest.approx(seconds / 60 * 3 + calls * 0.5, abs=1e-3)
    assert used["share"] > 1
    assert "RUB of the 1 that it may spend in a day" in used["why_closed"]
    async with api["viewer"].get("/v1/side-calls", params={"kind": "test"}) as told:
        assert [one["number"] for one in await told.json()] == ["+7********67"]
    async with api["operator"].get("/v1/side-calls", params={"kind": "test"}) as told:
        (side,) = await told.json()
    assert (side["number"], side["who"], side["outcome"]) == ("+79161234567", "boss", "connected")


async def test_a_campaign_is_made_filled_started_and_explained(api: Api) -> None:
    boss = api["supervisor"]
    body = {
        "name": "Осень",
        "operators": ["101"],
        "trunks": ["main"],
        "mode": "power",
        "ratio": 1.5,
        "ceiling": 0.02,
        "best_first": True,
        "weight": 3,
        "tone": False,
        "ring_s": 20,
        "message": "hello",
    }
    async with boss.post("/v1/campaigns", json=body) as made:
        assert made.status == 201
        campaign = await made.json()
    assert campaign["status"] == "draft"
    assert {name: campaign[name] for name in body} == body
    here = f"/v1/campaigns/{campaign['id']}"
    leads = [
        {"numbers": [f"+7916111223{n}"], "name": f"Лид {n}", "extra": {"город": "Омск"}} for n in range(3)
    ]
    async with boss.post(f"{here}/leads", json=[*leads, leads[0]]) as added:
        told = await added.json()
        assert (added.status, told["added"]) == (201, 3)
        assert told["duplicates"] == [{"place": "body/3/numbers", "number": "+79161112230"}]
    async with boss.get(f"{here}/leads", params={"limit": 2}) as page:
        first = await page.json()
    async with boss.get(f"{here}/leads", params={"limit": 2, "after": first["next"]}) as page:
        second = await page.json()
    assert [lead["name"] for lead in first["items"] + second["items"]] == ["Лид 0", "Лид 1", "Лид 2"]
    assert second["next"] is None
    async with boss.post(f"{here}/start") as started:
        assert started.status == 200
    assert api.world.desk.told[-1] == Command("start", f"campaign:{campaign['id']}")
    async with boss.get(f"{here}/explain") as explained:
        gates = (await explained.json())["gates"]
    assert gates[1] == {
        "name": "hours",
        "is_open": False,
        "value": "closed in all zones",
        "opens_at": "2026-02-03T11:00:00Z",
    }
    async with boss.get(f"{here}/depth") as measured:
        depth = await measured.json()
    assert (depth["leads"], depth["deepest"], depth["day"]) == (3, 0, "2026-02-03")
    assert depth["day_contacts_per_1000"] is None
    assert depth["sentence"].startswith("Leads in the list: 3; none was dialled yet. The likeliest go first:")


async def test_a_campaign_that_may_not_start_says_every_reason_and_stays_as_it_is(api: Api) -> None:
    boss = api["supervisor"]
    async with boss.post("/v1/campaigns", json={"name": "empty"}) as made:
        empty = (await made.json())["id"]
    async with boss.post(f"/v1/campaigns/{empty}/start") as refused:
        problem = await refused.json()
    assert (refused.status, problem["id"]) == (409, "conflict")
    assert "no message" in problem["detail"]
    assert "no trunk" in problem["detail"]
    adverts = {
        "name": "adverts",
        "purpose": "advertising",
        "message": "m",
        "trunks": ["main"],
        "operators": ["101"],
    }
    async with boss.post("/v1/campaigns", json=adverts) as made:
        forbidden = (await made.json())["id"]
    async with boss.post(f"/v1/campaigns/{forbidden}/start") as refused:
        problem = await refused.json()
    assert (refused.status, problem["id"]) == (403, "forbidden")
    assert "advertising" in problem["detail"]
    async with boss.post(f"/v1/campaigns/{forbidden}/pause") as refused:
        assert refused.status == 409
    assert {row.status for row in await api.world.stores.campaigns.all()} == {CampaignStatus.DRAFT}
    assert api.world.desk.told == []


async def test_one_switch_pauses_every_campaign_that_runs_and_says_what_became_of_the_calls(api: Api) -> None:
    stores = api.world.stores
    (row, *_) = await stores.campaigns.all()
    first, second = [await stores.campaigns.add(replace(row, name=name)) for name in "ab"]
    for row in (first, second):
        await stores.campaigns.set_status(row.id, CampaignStatus.RUNNING)
    async with api["supervisor"].post("/v1/stop", json={"talks": "end"}) as told:
        counts = {"given_up": 2, "ended": 1, "go_on": 1, "pushed": True, "push_note": ""}
        assert await told.json() == {"campaigns": ["a", "b"], **counts}
    sent = api.world.desk.told[-1]
    assert (sent.verb, sent.target, sent.args) == ("stop", "cell:own", {"talks": "end"})
    statuses = {row.name: row.status for row in await stores.campaigns.all()}
    assert [statuses[name] for name in "ab"] == [CampaignStatus.PAUSED] * 2
    assert CampaignStatus.RUNNING not in statuses.values()
    await stores.campaigns.set_status(first.id, CampaignStatus.RUNNING)
    api.world.desk.fails = LinkDown("no cell answers")
    async with api["supervisor"].post("/v1/stop") as told:
        answer = await told.json()
    assert (answer["campaigns"], answer["pushed"], answer["push_note"]) == (["a"], False, "no cell answers")
    async with api["viewer"].post("/v1/stop") as refused:
        assert refused.status == 403


async def test_a_campaign_is_stopped_even_while_no_cell_listens(api: Api) -> None:
    api.world.desk.fails = LinkDown("no cell answers")
    async with api["supervisor"].post("/v1/campaigns/1/stop") as told:
        assert await told.json() == {
            "campaign": 1,
            "status": "stopped",
            "pushed": False,
            "push_note": "no cell answers",
        }
    assert (await api.world.stores.campaigns.get(CampaignId(1))).status is CampaignStatus.STOPPED


async def test_a_changed_campaign_keeps_what_was_not_named(api: Api) -> None:
    async with api["supervisor"].patch("/v1/campaigns/1", json={"rest_s": 60, "retries": {}}) as changed:
        after = await changed.json()
    kept = await api.world.stores.campaigns.get(CampaignId(1))
    assert changed.status == 200
    assert (after["rest_s"], after["retries"], after["name"]) == (60.0, {}, "spring")
    assert (kept.rest.total_seconds(), dict(kept.retries), kept.operators) == (60, {}, {"101"})
    assert api.world.desk.told == []  # a draft: nobody has to reload it


async def test_a_running_campaign_is_reloaded_when_it_changes_even_if_asterisk_is_away(api: Api) -> None:
    await api.world.stores.campaigns.set_status(CampaignId(1), CampaignStatus.RUNNING)
    async with api["supervisor"].patch("/v1/campaigns/1", json={"priority": 5}) as changed:
        assert (await changed.json())["pushed"] is True
    assert api.world.desk.told[-1] == Command("reload", "campaign:1")
    api.world.desk.fails = LinkDown("Asterisk is not connected")
    async with api["supervisor"].patch("/v1/campaigns/1", json={"priority": 6}) as changed:
        told = await changed.json()
    assert (told["priority"], told["pushed"], told["push_note"]) == (6, False, "Asterisk is not connected")


async def test_a_list_file_is_imported_shown_and_undone(api: Api) -> None:
    form = aiohttp.FormData(quote_fields=False)  # as browsers do
    content = "телефон\nabc\n+79160000001\n+79161234567\n".encode()
    form.add_field("file", content, filename="список.csv")
    async with api["supervisor"].post("/v1/campaigns/1/imports?dry_run=true", data=form) as told:
        report = await told.json()
    assert (told.status, report["import_id"], report["leads"]) == (200, None, 1)
    assert (report["refused"], report["duplicates"], report["updated"]) == (1, 1, 0)
    assert report["rejects"] == [
        {"line": 2, "value": "abc", "reason": "tel: no number"},
        {"line": 3, "value": "+79160000001", "reason": "tel: the number is in the campaign already"},
    ]
    assert api.world.outside.imports == [("список.csv", len(content))]
    assert api.world.outside.options == [ReadOptions()]
    async with api["viewer"].get("/v1/campaigns/1/imports") as told:
        assert [one["file_name"] for one in await told.json()] == ["spring.csv"]
    async with api["supervisor"].delete("/v1/imports/1") as undone:
        assert await undone.json() == {"import_id": 1, "removed": 3}


async def test_an_import_takes_every_option_that_the_command_line_has(api: Api) -> None:
    query = [
        ("map", "Куда=phone"), ("map", "3=skip"), ("header", "true"), ("header_row", "3"),
        ("encoding", "cp866"), ("sheet", "Клиенты"), ("country", "KZ"), ("zone", "UTC+5"),
        ("hidden_rows", "true"), ("dry_run", "true"),
    ]  # fmt: skip
    form = aiohttp.FormData()
    form.add_field("file", b"a\n1\n", filename="list.txt")
    async with api["supervisor"].post("/v1/campaigns/1/imports", params=query, data=form) as told:
        assert told.status == 200
    (options,) = api.world.outside.options
    assert options == ReadOptions(
        {"phone": "Куда", "skip": "3"}, True, 3, "cp866", "Клиенты", "KZ", "UTC+5", hidden_rows=True
    )
    for name, bad in (("map", "x"), ("header_row", "-1"), ("country", "Kasachstan"), ("header", "maybe")):
        form = aiohttp.FormData()
        form.add_field("file", b"a\n1\n", filename="list.txt")
        async with api["supervisor"].post("/v1/campaigns/1/imports", params={name: bad}, data=form) as told:
            assert told.status == 422, name


async def test_an_excluded_lead_is_out(api: Api) -> None:
    async with api["supervisor"].post("/v1/leads/2/exclude") as told:
        assert (await told.json())["status"] == "excluded"
    async with api["operator"].get("/v1/campaigns/1/leads", params={"status": "excluded"}) as page:
        assert [lead["id"] for lead in (await page.json())["items"]] == [2]
    async with api["viewer"].get("/v1/campaigns/1/leads/count") as told:
        counts = await told.json()
    assert (counts["new"], counts["excluded"]) == (2, 1)


async def test_an_operator_works_a_shift_with_his_own_token(api: Api) -> None:
    me = api["operator"]
    for verb, body in [
        ("login", {"desk": "102"}),
        ("ready", None),
        ("hold", None),
        ("unhold", None),
        ("mute", None),
        ("unmute", None),
        ("keys", {"keys": "1#"}),
        ("extension", None),
        ("hang_up", None),
        (
            "dispose",
            {"disposition": "callback", "note": "после обеда", "callback_at": "2026-02-03T15:00:00+03:00"},
        ),
        ("pause", {"reason": "lunch"}),
        ("logout", None),
    ]:
        async with me.post(f"/v1/operators/101/{verb}", json=body) as told:
            assert told.status == 200, (verb, await told.text())
        assert (api.world.desk.told[-1].verb, api.world.desk.told[-1].target) == (verb, "operator:101")
    begun = next(command for command in api.world.desk.told if command.verb == "login")
    assert begun.args == {"desk": "102"}
    disposed = next(command for command in api.world.desk.told if command.verb == "dispose")
    assert disposed.args == {
        "disposition": "callback",
        "note": "после обеда",
        "callback_at": "2026-02-03T12:00:00+00:00",
    }
    moved = plain(said("not in two hours: {why}", why="it is night"))
    api.world.desk.answers["dispose"] = {"callback_at": "2026-02-04T06:00:00+00:00", "moved": moved}
    async with me.post("/v1/operators/101/dispose", json={"disposition": "callback"}) as told:
        result = (await told.json())["result"]
        assert result == {
            "callback_at": "2026-02-04T06:00:00+00:00",
            "moved": "not in two hours: it is night",
        }
    async with me.post("/v1/operators/102/ready") as refused:
        assert (refused.status, (await refused.json())["id"]) == (403, "forbidden")


async def test_the_same_key_is_done_once(api: Api) -> None:
    key = {"Idempotency-Key": "press-1"}
    numbers = []
    for _ in range(2):
        async with api["supervisor"].post("/v1/operators/101/ready", headers=key) as told:
            numbers.append((await told.json())["result"]["number"])
    async with api["admin"].post("/v1/operators/101/ready", headers=key) as told:
        numbers.append((await told.json())["result"]["number"])  # another caller's key is another key
    async with api["supervisor"].post("/v1/operators/102/ready", headers=key) as told:
        assert (told.status, (await told.json())["id"]) == (422, "key-used")  # another target
    assert numbers == [1, 1, 2]


async def test_a_refused_verb_says_why(api: Api) -> None:
    for error, status in [(Conflict("operator 101 is talking: end the call first"), 409),
                          (Forbidden("38-FZ: advertising is not dialled automatically"), 403),
                          (LinkDown("Asterisk is not connected"), 503)]:  # fmt: skip
        api.world.desk.fails = error
        async with api["supervisor"].post("/v1/operators/101/ready") as told:
            problem = await told.json()
            assert told.content_type == "application/problem+json"
        assert (told.status, problem["status"], problem["id"]) == (status, status, error.id)
        assert problem["detail"] == str(error)


async def test_operators_show_account_and_live_state(api: Api) -> None:
    at_work = Operator(
        OperatorId("101"), state=Post.TALKING, since_at=NOW, call=CallId("c-9"), campaign=CampaignId(1)
    )
    await api.world.live.put_operator(CELL, at_work)
    async with api["viewer"].get("/v1/operators") as page:
        first, second = (await page.json())["items"]
    assert (first["state"], first["call"], first["since_at"]) == ("talking", "c-9", "2026-02-03T10:00:00Z")
    assert (second["id"], second["state"], second["has_pin"]) == ("102", "offline", True)
    assert not {"pin_hash", "sip_password_file"} & first.keys()
    async with api["viewer"].get("/v1/operators?state=offline") as page:
        assert [one["id"] for one in (await page.json())["items"]] == ["102"]


async def test_an_operator_who_is_locked_out_by_wrong_pins_is_let_in_by_a_supervisor(api: Api) -> None:
    pins, keys = api.world.stores.pins, (key_of_operator("101"), key_of_phone("101"))
    locked = Guesses(locks=1, locked_until_at=NOW + timedelta(minutes=1), last_at=NOW)
    for key in (*keys, key_of_operator("102")):
        await pins.keep(key, locked)
    for who, told in (("viewer", 403), ("supervisor", 204)):
        async with api[who].post("/v1/operators/101/unlock") as answer:
            assert answer.status == told
        assert [await pins.of(key) for key in keys] == [locked if told == 403 else Guesses()] * 2
    assert await pins.of(key_of_operator("102")) == locked
    async with api["supervisor"].post("/v1/operators/199/unlock") as missing:
        assert (missing.status, "199" in await missing.text()) == (404, True)


async def test_an_account_is_made_and_its_secrets_are_never_shown(api: Api) -> None:
    body = {"id": "103", "name": "Анна", "sip_password": "very-secret-1", "pin": "4711"}
    async with api["admin"].post("/v1/operators", json=body) as made:
        text = await made.text()
    assert made.status == 201
    assert "very-secret-1" not in text
    assert "4711" not in text
    account = await api.world.stores.accounts.get(OperatorId("103"))
    assert (account.sip_password_file, account.pin_hash) == ("/secrets/operator-103", "hash-of-4")
    assert api.world.desk.told[-1] == Command("push", "operator:103")
    api.world.desk.fails = BadValue("the secret file cannot be read")
    async with api["admin"].post("/v1/operators", json={"id": "104", "name": "Олег"}) as made:
        told = await made.json()
    assert (made.status, told["pushed"], told["push_note"]) == (201, False, "the secret file cannot be read")
    async with api["admin"].post("/v1/operators", json=body | {"sip_password": "another-one"}) as again:
        assert again.status == 409
    assert api.world.outside.secrets["operator-103"] == "very-secret-1"  # the refused one changed nothing


async def test_a_trunk_is_made_changed_tested_and_removed(api: Api) -> None:
    admin = api["admin"]
    body = {
        "id": "second",
        "host": "sip.example.org",
        "register": True,
        "user": "u",
        "password": "carrier-pass",
    }
    async with admin.post("/v1/trunks", json=body) as made:
        text = await made.text()
        trunk = await made.json()
    assert made.status == 201
    assert "carrier-pass" not in text
    assert "/secrets" not in text
    assert (trunk["register"], trunk["has_password"], trunk["pushed"]) == (True, True, True)
    async with admin.patch("/v1/trunks/second", json={"lines": 30, "codecs": ["ulaw"]}) as changed:
        assert (await changed.json())["lines"] == 30
    async with admin.post("/v1/trunks/second/test", json={"number": "+79161234567"}) as tested:
        assert tested.status == 200
    assert api.world.desk.told[-1] == Command(
        "test", "trunk:second", {"number": "+79161234567", "by": "admin"}
    )
    async with admin.delete("/v1/trunks/main") as refused:
        assert (refused.status, "campaign 'spring'" in (await refused.json())["detail"]) == (409, True)
    async with admin.delete("/v1/trunks/second") as removed:
        assert removed.status == 200
    async with admin.get("/v1/trunks/second") as gone:
        assert gone.status == 404
    assert TrunkId("main") in {row.id for row in await api.world.stores.trunks.all()}


async def test_calls_in_flight_are_seen_and_ended(api: Api) -> None:
    for n, state in enumerate([State.RINGING, State.BRIDGED]):
        call = Call(CallId(f"c-7{n}"), CampaignId(1), LeadId(1), PhoneNumber("+79160000001"), TrunkId("main"))
        await api.world.live.put_call(CELL, replace(call, state=state, dialled_at=NOW))
    async with api["viewer"].get("/v1/calls") as page:
        assert [one["state"] for one in (await page.json())["items"]] == ["ringing", "bridged"]
    async with api["viewer"].get("/v1/calls?state=bridged") as page:
        assert [one["id"] for one in (await page.json())["items"]] == ["c-71"]
    async with api["supervisor"].post("/v1/calls/c-71/hang_up") as told:
        assert told.status == 200
    assert api.world.desk.told[-1] == Command("hang_up", "call:c-71")
    async with api["supervisor"].post("/v1/calls/c-0/hang_up") as ended:
        assert "/v1/cdrs/c-0" in (await ended.json())["detail"]


async def test_records_come_in_pages_by_filter_and_as_csv(api: Api) -> None:
    viewer = api["viewer"]
    async with viewer.get("/v1/cdrs", params={"limit": 1}) as page:
        first = await page.json()
    async with viewer.get("/v1/cdrs", params={"limit": 1, "after": first["next"]}) as page:
        second = await page.json()
    assert [page["items"][0]["id"] for page in (first, second)] == ["c-0", "c-1"]
    async with viewer.get("/v1/cdrs", params={"since_at": "2026-02-03T13:01:00+03:00"}) as page:
        assert [one["id"] for one in (await page.json())["items"]] == ["c-1"]
    async with viewer.get("/v1/cdrs", params={"outcome": "busy"}) as page:
        assert (await page.json())["items"] == []
    async with api["supervisor"].get("/v1/cdrs.csv") as export:
        assert export.content_type == "text/csv"
        rows = list(csv.DictReader(io.StringIO(await export.text())))
    assert [row["id"] for row in rows] == ["c-0", "c-1"]
    assert rows[0]["number"] == "+79160000000"
    assert rows[0]["reason"] == "'=cmd|' /C calc'!A0"
    assert rows[0]["dialled_at"] == "2026-02-03T10:00:00Z"


async def test_an_export_runs_over_many_pages_of_the_store(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "EXPORT_PAGE", 1)
    async with api["supervisor"].get("/v1/cdrs.csv?excel=true") as export:
        text = (await export.read()).decode("utf-8")
    assert text.startswith("\ufeffid;campaign;lead")
    assert [line.partition(";")[0] for line in text.splitlines()[1:]] == ["c-0", "c-1"]


async def test_tallies_are_told_with_their_total(api: Api) -> None:
    cdr = record(0, CampaignId(1))
    await api.world.live.add(slot_of(cdr), Tally(2, 1, 1, 0, 30.0, 35.0), once=CallId("c-0"))
    await api.world.live.add(("", 1, slot_of(cdr)[2]), Tally(3, 0, 0, 0, 0.0, 9.0), once=CallId("c-5"))
    async with api["viewer"].get("/v1/tallies") as told:
        live = await told.json()
    assert live["total"]["attempts"] == 5
    assert [(row["operator"], row["attempts"]) for row in live["rows"]] == [(None, 3), ("101", 2)]
    async with api["viewer"].get("/v1/tallies/recorded", params=SPAN) as told:
        assert (await told.json())["total"] == {
            "attempts": 2, "answered": 2, "connected": 2, "abandoned": 0, "talk_s": 60.0, "duration_s": 70.0,
        }  # fmt: skip


async def test_hours_worked_and_their_ledger(api: Api) -> None:
    moves = [
        (Post.OFFLINE, Post.READY, "2026-02-03T09:00:00"),
        (Post.READY, Post.TALKING, "2026-02-03T09:30:00"),
        (Post.TALKING, Post.PAUSED, "2026-02-03T09:40:00"),
    ]
    at = type(NOW).fromisoformat
    await api.world.stores.ledger.log(
        [StateChange(OperatorId("101"), was, became, "", at(f"{when}+00:00")) for was, became, when in moves]
    )
    async with api["viewer"].get("/v1/hours", params=SPAN) as told:
        (mine,) = await told.json()
    assert mine["states"] == {"ready": 1800.0, "talking": 600.0, "paused": 1200.0}
    assert (mine["logged_in_s"], mine["occupancy"]) == (3600.0, 0.25)
    async with api["viewer"].get("/v1/state-changes", params=SPAN | {"limit": "2"}) as page:
        first = await page.json()
    assert [one["became"] for one in first["items"]] == ["ready", "talking"]
    assert first["next"] == "2"


async def test_do_not_call_entries_are_added_listed_and_removed(api: Api) -> None:
    boss = api["supervisor"]
    for body in ({"entry": "+79161234567", "reason": "asked"}, {"entry": "+7916*", "campaign": 1}):
        async with boss.post("/v1/dnc", json=body) as added:
            assert added.status == 201
    async with boss.get("/v1/dnc") as page:
        assert [(one["entry"], one["campaign"]) for one in (await page.json())["items"]] == [
            ("+7916*", 1),
            ("+79161234567", None),
        ]
    async with boss.get("/v1/dnc/check?number=8%20916%20123-45-67") as asked:
        found = await asked.json()
    assert (found["number"], found["barred"]) == ("+79161234567", True)
    assert "+79161234567" in [row["entry"] for row in found["by"]]
    async with boss.get("/v1/dnc/check?number=%2B79990000000") as asked:
        assert await asked.json() == {"number": "+79990000000", "barred": False, "by": []}
    async with boss.get("/v1/dnc/check?number=%2B7916*") as refused:
        assert refused.status == 422
    async with boss.delete("/v1/dnc/+79161234567") as removed:
        assert removed.status == 204
    async with boss.delete("/v1/dnc/+79161234567") as gone:
        assert gone.status == 404


async def send_list(api: Api, text: str, **query: str) -> Any:
    form = aiohttp.FormData()
    form.add_field("file", text.encode(), filename="register.csv")
    async with api["supervisor"].post("/v1/dnc/imports", data=form, params=query) as told:
        return told.status, await told.json()


async def test_a_register_of_numbers_and_prefixes_is_taken_from_a_file_and_renewed(api: Api) -> None:
    text = "phone;what\n+7495*;town\n8 (921) 123-45-67;\nnone;\n+79311112233;\n"
    status, tried = await send_list(api, text, dry_run="true")
    assert (status, tried["new"], tried["source"]) == (200, 3, "register.csv")
    _, told = await send_list(api, text, source="national", reason="law", until_at="2090-01-01T00:00:00Z")
    assert (told["entries"], told["new"], told["rows"], told["refused"]) == (3, 3, 4, 1)
    assert [(one["line"], one["value"]) for one in told["rejects"]] == [(4, "none")]
    assert told["mapping"]["phone"] == "phone"
    async with api["operator"].get("/v1/dnc", params={"source": "national", "limit": "2"}) as page:
        first = await page.json()
    assert [(one["entry"], one["reason"], one["by"]) for one in first["items"]] == [
        ("+7495*", "law", "supervisor"),
        ("+79211234567", "law", "supervisor"),
    ]
    assert (first["items"][0]["until_at"], first["items"][0]["expired"]) == ("2090-01-01T00:00:00Z", False)
    async with api["operator"].get("/v1/dnc", params={"after": first["next"]}) as page:
        assert [one["entry"] for one in (await page.json())["items"]] == ["+79311112233"]
    assert (await send_list(api, text, replace="true"))[0] == 422
    old = Entry("", None, "", NOW - timedelta(days=30), "monthly")
    await api.world.stores.numbers.block_all(["+7495*", "+79211234567", "+79311112233"], old)
    _, told = await send_list(api, "phone\n+79311112233\n+79311112244\n", source="monthly", replace="true")
    assert (told["new"], told["removed"]) == (1, 2)
    async with api["operator"].get("/v1/dnc/sources") as page:
        (monthly, national) = await page.json()
    assert (monthly, national["entries"]) == (
        {
            "source": "monthly",
            "campaign": None,
            "entries": 2,
            "expired": 0,
            "seen_at": "2026-02-03T10:00:00Z",
        },
        3,
    )
    boss = api["supervisor"]
    async with boss.delete("/v1/dnc/sources/national") as freed:
        assert await freed.json() == {"source": "national", "removed": 3}
    async with boss.delete("/v1/dnc/sources/national") as gone:
        assert gone.status == 404


async def test_a_row_of_a_register_may_name_its_own_end_and_the_file_is_not_held_in_memory(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(self: UploadFile, size: int = -1) -> bytes:
        raise AssertionError("the whole file")

    monkeypatch.setattr(UploadFile, "read", read)
    text = "phone;until\n+79211234567;2027-01-01\n+79311112233;\n+79311112244;soon\n+79311112255;01.02.2020\n"
    status, told = await send_list(api, text, source="asked", until_at="2090-01-01T00:00:00Z")
    assert (status, told["entries"], told["refused"], told["mapping"]["until"]) == (200, 2, 2, "until")
    assert [(one["line"], one["reason"]) for one in told["rejects"]] == [
        (4, "until: 'soon' is no day and no instant, such as 2027-01-01"),
        (5, "until: 01.02.2020 is past already"),
    ]
    async with api["operator"].get("/v1/dnc", params={"source": "asked"}) as page:
        ends = {one["entry"]: one["until_at"] for one in (await page.json())["items"]}
    assert ends == {"+79211234567": "2027-01-01T00:00:00Z", "+79311112233": "2090-01-01T00:00:00Z"}


async def test_barring_a_number_bars_the_persons_others_where_that_is_asked(api: Api) -> None:
    lead = {"numbers": ["+79211110001", "+79211110002"], "name": "Anna"}
    async with api["supervisor"].post("/v1/campaigns/1/leads", json=[lead]) as added:
        assert added.status == 201
    body = {"entry": "+79211110002", "scope": "person", "until_at": "2090-01-01T00:00:00Z"}
    async with api["supervisor"].post("/v1/dnc", json=body) as added:
        told = await added.json()
    assert (told["also"], told["until_at"]) == (["+79211110001"], "2090-01-01T00:00:00Z")
    for bad in (
        {"entry": "+7921*", "scope": "person"},
        {"entry": "+79211110002", "until_at": "2020-01-01T00:00:00Z"},
    ):
        async with api["supervisor"].post("/v1/dnc", json=bad) as refused:
            assert refused.status == 422


async def test_a_message_is_checked_and_named_by_its_content(api: Api) -> None:
    wav = b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(200)
    form = aiohttp.FormData()
    form.add_field("file", wav, filename="../../etc/passwd.wav")
    async with api["supervisor"].post("/v1/campaigns/1/message", data=form) as told:
        saved = await told.json()
    assert (told.status, saved["seconds"]) == (200, 2.5)
    assert saved["message"].startswith("campaign-1-")
    assert api.world.outside.messages == {saved["message"]: wav}
    assert (await api.world.stores.campaigns.get(CampaignId(1))).message == saved["message"]


async def test_tokens_are_made_shown_once_and_revoked(api: Api) -> None:
    async with api["admin"].post("/v1/tokens", json={"name": "wall", "role": "viewer"}) as made:
        text = (await made.json())["token"]
    mine = {"Authorization": f"Bearer {text}"}
    async with api["nobody"].get("/v1/me", headers=mine) as told:
        assert await told.json() == {"name": "wall", "role": "viewer", "operator": None}
    async with api["admin"].get("/v1/tokens") as listed:
        assert text not in await listed.text()
    async with api["admin"].delete("/v1/tokens/wall") as revoked:
        assert revoked.status == 204
    async with api["nobody"].get("/v1/me", headers=mine) as told:
        assert told.status == 401
    async with api["admin"].delete("/v1/tokens/admin") as own:
        assert own.status == 409


async def test_health_readiness_and_metrics_need_no_token(api: Api) -> None:
    async with api["nobody"].get("/healthz") as told:
        assert (told.status, (await told.json())["version"]) == (200, "0.1.0")
    async with api["nobody"].get("/readyz") as told:
        assert (told.status, (await told.json())["ready"]) == (200, True)
    api.world.checks.append(Check("journal", False, "400 facts wait for the database"))
    async with api["nobody"].get("/readyz") as told:
        assert told.status == 503
        assert (await told.json())["checks"][-1] == {
            "name": "journal",
            "ok": False,
            "detail": "400 facts wait for the database",
        }
    async with api["nobody"].get("/metrics") as told:
        assert told.content_type == "text/plain"
        assert "dialer_build_info" in await told.text()


async def test_each_answer_under_v1_is_measured_and_a_scrape_is_not(api: Api) -> None:
    registry = api.world.metrics.registry
    for path in ("/v1/operators", "/v1/nothing", "/metrics"):
        async with api["admin"].get(path):
            pass
    counts = [
        registry.get_sample_value("dialer_api_seconds_count", {"method": "GET", "status": status})
        for status in ("2xx", "4xx")
    ]
    assert counts == [1, 1]


async def test_a_trunk_is_not_narrowed_under_an_operator_whose_phone_it_calls(api: Api) -> None:
    boss = api["admin"]
    phone = {"phone": "outside", "number": "+74951112233", "trunk": "main"}
    async with boss.patch("/v1/operators/101", json=phone) as changed:
        assert changed.status == 200
    async with boss.patch("/v1/trunks/main", json={"prefixes": ["+7916"]}) as narrowed:
        assert narrowed.status == 409
        assert "operator 101" in (await narrowed.json())["detail"]
    async with boss.get("/v1/trunks/main") as kept:
        assert (await kept.json())["prefixes"] == ["+7"]


async def test_what_is_set_aside_is_shown_with_its_reason(api: Api) -> None:
    api.world.desk.set_aside |= {"main": "the host cannot be looked up", "102": "no password"}
    for path in ("trunks", "operators"):
        async with api["viewer"].get(f"/v1/{path}") as listed:
            shown = {one["id"]: one["fault"] for one in (await listed.json())["items"]}
        expected = {"main": "the host cannot be looked up", "101": "", "102": "no password"}
        assert shown == {name: why for name, why in expected.items() if name in shown}
        assert any(shown.values())
