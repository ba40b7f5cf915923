"""What people may ask of a cell: by the desk and by the keys of a phone; what is refused and why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.domain.disposition import DEFAULT, Disposition, Then, Title, read
from dialer.domain.dnc import Entry
from dialer.domain.errors import BadValue, Conflict, Missing
from dialer.domain.lead import Lead
from dialer.domain.operators import LegState, State
from dialer.domain.said import heard
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    LeadId,
    LeadStatus,
    Mode,
    Outcome,
    PhoneNumber,
)
from dialer.ports.between import Command
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time


async def open_house(*, leads: int = 0, wrap_up_s: float = 30.0, **changes: Any) -> House:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=300)))
    await house.furnish(operators=1, leads=leads, wrap_up_s=wrap_up_s, **changes)
    await house.start()
    return house


async def do(house: House, verb: str, target: str = "operator:101", **args: str) -> str:
    answer = await house.cell.desk.do(Command(verb, target, args))
    return str(answer.get("state", ""))


@in_virtual_time
async def test_a_shift_by_the_desk() -> None:
    house = await open_house()
    assert await do(house, "login") == "connecting"
    await until(lambda: house.operator().state is State.PAUSED)
    assert house.operator().leg is LegState.UP
    assert await do(house, "ready") == "ready"
    assert await do(house, "pause", reason="lunch") == "paused"
    assert await do(house, "logout") == "offline"
    await until(lambda: not house.asterisk.lines, 1.0)
    await until(lambda: not house.journal.depth())
    day = await house.stores.records.changes(None, now().replace(hour=0), now())
    assert [change.became for change in day] == ["connecting", "paused", "ready", "paused", "offline"]
    await house.stop()


@in_virtual_time
async def test_a_phone_that_does_not_answer_ends_the_log_in() -> None:
    house = await open_house()
    house.asterisk.phones["101"] = Fate("no_answer")
    await do(house, "login")
    await until(lambda: house.operator().state is State.OFFLINE)
    assert house.operator().reason == "phone_did_not_answer"
    await do(house, "login")
    await house.stop()


@in_virtual_time
async def test_who_logs_out_while_the_phone_rings_is_not_called_in_again() -> None:
    house = await open_house()
    house.asterisk.phones["101"] = Fate(after_s=5, talk_s=1e6)
    await do(house, "login")
    await asyncio.sleep(1)
    assert await do(house, "logout") == "offline"
    await asyncio.sleep(20)
    assert house.operator().state is State.OFFLINE
    assert house.asterisk.lines == {}
    await house.stop()


@pytest.mark.parametrize(
    ("verb", "target", "args", "error", "word"),
    [
        ("login", "operator:999", {}, Missing, "999"),
        ("dance", "operator:101", {}, BadValue, "dance"),
        ("login", "robot:101", {}, BadValue, "robot:101"),
        ("login", "operator", {}, BadValue, "operator:ID"),
        ("ready", "operator:101", {}, Conflict, "log in first"),
        ("pause", "operator:101", {"reason": ""}, BadValue, "reason"),
        ("pause", "operator:101", {"reason": "x\r\ny"}, BadValue, "printable"),
        ("hang_up", "operator:101", {}, Conflict, "no talk"),
        ("hold", "operator:101", {}, Conflict, "no talk"),
        ("mute", "operator:101", {}, Conflict, "no phone leg"),
        ("dispose", "operator:101", {"disposition": "agreed"}, Conflict, "no call"),
        ("dispose", "operator:101", {"callback_at": "soon"}, BadValue, "soon"),
        ("dispose", "operator:101", {"callback_at": "2026-03-02T10:00:00"}, BadValue, "zone"),
        ("hang_up", "call:c-1", {}, Missing, "c-1"),
    ],
)
@in_virtual_time
async def test_what_cannot_be_done_is_refused_with_a_reason_and_changes_nothing(
    verb: str, target: str, args: dict[str, str], error: type[Exception], word: str
) -> None:
    house = await open_house()
    before = house.operators()
    with pytest.raises(error, match=word):
        await house.cell.desk.do(Command(verb, target, args))
    assert house.operators() == before
    await house.stop()


@in_virtual_time
async def test_a_disposition_that_does_not_exist_and_keys_that_cannot_be_sent_are_refused() -> None:
    house = await open_house(leads=1)
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING)
    with pytest.raises(BadValue, match="sold"):
        await do(house, "dispose", disposition="sold")
    with pytest.raises(BadValue, match="cannot be sent"):
        await do(house, "keys", keys="1x")
    await do(house, "keys", keys="12#")
    assert house.operator().disposition == ""
    await house.stop()


@in_virtual_time
async def test_the_outcomes_of_a_call_are_those_that_its_campaign_had_when_the_talk_began() -> None:
    agreed, sold = DEFAULT[0], Disposition("sold", Title("Продано", "Sold"), "1", Then.CLOSE)
    house = await open_house(leads=1)
    assert (await house.cell.desk.do(Command("outcomes", "operator:101")))["call"] == ""
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING)
    kept = await house.stores.campaigns.get(house.campaign.id)
    await house.stores.campaigns.save(replace(kept, dispositions=(sold,)))
    await house.cell.books.load()
    offered = await house.cell.desk.do(Command("outcomes", "operator:101"))
    assert offered["call"] == house.operator().call
    assert read(json.loads(json.dumps(offered["dispositions"]))) == DEFAULT
    with pytest.raises(BadValue, match="there is no disposition 'sold'"):
        await do(house, "dispose", disposition="sold")
    await do(house, "dispose", disposition=agreed.code)
    await do(house, "hang_up")
    await until(lambda: house.operator().state is State.READY, 60)
    await until(lambda: not house.journal.depth())
    (record,), (lead,) = await house.cdrs(), await house.leads(house.campaign)
    assert (record.disposition, lead.status) == ("agreed", LeadStatus.DONE)
    await house.stop()


@in_virtual_time
async def test_a_callback_answers_with_the_instant_that_is_kept_and_it_is_dialled_then_above_all_limits() -> (
    None
):
    house = await open_house(leads=1, max_attempts=1)
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING)
    number = house.calls()[0].number
    at = (now() + timedelta(minutes=10)).replace(microsecond=0)
    with pytest.raises(BadValue, match="in the past"):
        await do(
            house, "dispose", disposition="callback", callback_at=(now() - timedelta(hours=1)).isoformat()
        )
    with pytest.raises(BadValue, match="only a callback has an instant"):
        await do(house, "dispose", disposition="agreed", callback_at=at.isoformat())
    assert house.operator().disposition == ""
    said = {"disposition": "callback", "note": "after lunch", "callback_at": at.isoformat()}
    answer = await house.cell.desk.do(Command("dispose", "operator:101", said))
    assert (answer["callback_at"], answer["moved"]) == (at.isoformat(), "")
    again = await house.cell.desk.do(Command("dispose", "operator:101", {"disposition": "callback"}))
    assert again["callback_at"] == at.isoformat()
    assert house.operator().callback_at == at
    await until(lambda: not house.journal.depth())
    remark = await house.stores.records.remarked(house.operator().call or CallId(""))
    assert remark is not None
    assert (remark.disposition, remark.callback_at, remark.note) == ("callback", at, "after lunch")
    await house.cell.desk.do(Command("note", "operator:101", {"note": "after supper"}))
    with pytest.raises(BadValue, match="the note is empty"):
        await do(house, "note")
    with pytest.raises(Conflict, match="is over"):
        await do(house, "note", note="x", call="c-another")
    await do(house, "dispose", disposition="callback")
    await do(house, "hang_up")
    await until(lambda: house.operator().state is State.READY, 60)
    await until(lambda: [call for call in house.calls() if call.number == number] != [], 900)
    assert timedelta() <= now() - at < timedelta(seconds=10)
    await house.stop()


@in_virtual_time
async def test_a_callback_of_a_number_that_is_barred_is_refused() -> None:
    house = await open_house(leads=1)
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING)
    number = house.calls()[0].number
    await house.stores.numbers.block(Entry(number, None, "by letter", now()))
    with pytest.raises(Conflict, match=r"do-not-call list.*by letter"):
        await do(house, "dispose", disposition="callback")
    await do(house, "dispose", disposition="refused")
    await house.stop()


@in_virtual_time
async def test_a_word_about_one_call_is_not_taken_for_the_next_one_that_came_while_the_database_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = await open_house(leads=2)
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING)
    first = house.operator().call
    about = [call.number for call in house.calls() if call.id == first]
    numbers, answered = house.stores.numbers, asyncio.Event()
    ask = numbers.history

    async def slow(asked: Iterable[PhoneNumber], *args: Any) -> Any:
        if (its := list(asked)) == about:
            await answered.wait()
        return await ask(its, *args)

    monkeypatch.setattr(numbers, "history", slow)
    telling = asyncio.create_task(do(house, "dispose", disposition="callback"))
    await asyncio.sleep(0)
    await do(house, "hang_up")
    await until(lambda: house.operator().state is State.WRAP_UP)
    await do(house, "ready")
    await until(lambda: house.operator().call not in (None, first))
    answered.set()
    with pytest.raises(Conflict, match="is over for operator"):
        await telling
    assert house.operator().disposition == ""
    await house.stop()


@in_virtual_time
async def test_the_extension_of_the_number_in_talk_is_keyed_in_and_shown_to_the_operator() -> None:
    house = await open_house(leads=1)
    board = PhoneNumber("+74950000001")
    rows = [
        Lead(
            LeadId(0),
            CampaignId(1),
            (board,),
            name="Ann",
            zones=("Europe/Moscow",),
            extensions={board: "214"},
        ),
    ]
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING)
    with pytest.raises(Conflict, match="no extension"):
        await do(house, "extension")
    await house.stores.leads.import_list(CampaignId(1), "more.csv", rows, now=now())
    await do(house, "hang_up")
    await do(house, "dispose", disposition="refused")
    await until(lambda: [call for call in house.calls() if call.number == board] != [], 300)
    await until(lambda: house.operator().state is State.TALKING)
    (call,) = house.calls()
    assert call.rules.person == "#214 Ann"
    await do(house, "extension")
    assert house.asterisk.keyed == [(call.id, "214")]
    await house.stop()


@pytest.mark.parametrize("talks", ["", "end"])
@in_virtual_time
async def test_one_switch_ends_ringing_once_it_is_lawful_and_talks_by_choice(talks: str) -> None:
    house = House(
        PretendAsterisk(lambda number: Fate(after_s=2 if number.endswith("00") else 60, talk_s=300))
    )
    await house.furnish(operators=1, leads=3, mode=Mode.POWER, ratio=3.0, ring_s=50.0)
    await house.start()
    await house.all_ready()
    await until(lambda: house.operator().state is State.TALKING)
    assert len(house.calls()) == 3
    await house.stores.campaigns.set_status(CampaignId(1), CampaignStatus.PAUSED)
    told = await house.cell.desk.do(Command("stop", "cell:own", {"talks": talks}))
    assert told == {"given_up": 2, "ended": bool(talks), "go_on": not talks}
    await asyncio.sleep(5)
    assert len(house.calls()) == 2 + (not talks)
    await asyncio.sleep(12)
    assert len(house.calls()) == (not talks)
    await asyncio.sleep(60)
    assert len(house.asterisk.dialled) == 3
    rung = [cdr for cdr in await house.cdrs() if cdr.outcome is Outcome.GIVEN_UP]
    assert [round(cdr.ring_s) for cdr in rung] == [15, 15]
    await house.stop()


@in_virtual_time
async def test_the_same_key_is_done_once() -> None:
    house = await open_house()
    first = await house.cell.desk.do(Command("login", "operator:101", {}, key="k1"))
    await until(lambda: house.operator().state is State.PAUSED)
    assert await house.cell.desk.do(Command("login", "operator:101", {}, key="k1")) == first
    with pytest.raises(Conflict, match="logged in already"):
        await house.cell.desk.do(Command("login", "operator:101", {}, key="k2"))
    await house.stop()


@in_virtual_time
async def test_an_account_that_is_switched_off_logs_its_operator_out() -> None:
    house = await open_house()
    await house.all_ready()
    account = house.cell.floor.accounts[house.operator().id]
    await house.stores.accounts.save(type(account)(account.id, account.name, enabled=False))
    await until(lambda: house.operator().state is State.OFFLINE, 1.0)
    assert house.operator().reason == "account_disabled"
    await house.stop()


@in_virtual_time
async def test_a_cell_tells_the_last_word_of_its_pacer_on_each_campaign() -> None:
    house = await open_house(leads=1)
    await do(house, "login")
    await until(lambda: house.operator().state is State.PAUSED)
    answer = await house.cell.desk.do(Command("decisions", "cell:main"))
    told = {one["campaign"]: heard(one["reason"]) for one in answer["decisions"]}
    assert told == house.cell.pacer.reasons
    assert told, "a campaign that runs is decided on"
    assert [one["forecast"] for one in answer["decisions"]] == [None], "progressive mode foresees nothing"
    with pytest.raises(BadValue, match="decisions, faults"):
        await do(house, "dance", "cell:main")
    await house.stop()


@in_virtual_time
async def test_a_predictive_campaign_tells_what_it_foresees_and_how_true_that_was() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=4, talk_s=6)))
    await house.furnish(operators=2, leads=60, mode=Mode.PREDICTIVE)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.cell.pacer.scorecard.scores) == 1, 120.0)
    (told,) = (await house.cell.desk.do(Command("decisions", "cell:main")))["decisions"]
    forecast = json.loads(json.dumps(told["forecast"]))
    assert set(forecast) == {
        "within_s", "lines", "ringing", "answers", "free", "risk", "price", "budget", "checked",
        "answers_calibration", "answers_error", "free_calibration", "free_error",
    }  # fmt: skip
    assert forecast["checked"] == 1
    assert 0 < forecast["within_s"] < 30
    assert 0 <= forecast["risk"] <= 1
    assert forecast["answers_error"] >= 0
    house.cell.pacer.draining = True
    house.cell.pacer.pace()
    (told,) = (await house.cell.desk.do(Command("decisions", "cell:main")))["decisions"]
    assert told["forecast"] is None, "nothing is foreseen any more"
    await house.stop()


@in_virtual_time
async def test_a_command_asked_again_after_a_crash_is_answered_and_not_done_twice() -> None:
    house = await open_house()
    login = Command("login", "operator:101", {}, key="k1")
    first = await house.cell.desk.do(login)
    await until(lambda: house.operator().state is State.PAUSED)
    await do(house, "logout")
    await house.kill()
    await house.start()
    assert await house.cell.desk.do(login) == first
    assert house.operator().state is State.OFFLINE, "it was not logged in a second time"
    await house.stop()


@in_virtual_time
async def test_a_command_that_a_crash_cut_short_is_not_done_again_and_says_so() -> None:
    house = await open_house()
    house.asterisk.phones["101"] = Fate("no_answer")
    test = Command("test", "operator:101", {}, key="k1")
    cut = asyncio.create_task(house.cell.desk.do(test))
    await until(lambda: bool(house.asterisk.lines))
    with pytest.raises(Conflict, match="has not ended"):
        await house.cell.desk.do(test)
    cut.cancel()
    await house.kill()
    await house.start()
    lines = dict(house.asterisk.lines)
    with pytest.raises(Conflict, match="a restart came in between"):
        await house.cell.desk.do(test)
    assert house.asterisk.lines.keys() <= lines.keys(), "the phone was not called again"
    await house.stop()


@in_virtual_time
async def test_a_refused_command_may_be_asked_again_with_its_key() -> None:
    house = await open_house()
    ready = Command("ready", "operator:101", {}, key="k1")
    with pytest.raises(Conflict):
        await house.cell.desk.do(ready)
    await house.kill()
    await house.start()
    await do(house, "login")
    await until(lambda: house.operator().state is State.PAUSED)
    assert (await house.cell.desk.do(ready))["state"] == "ready"
    await house.stop()


@in_virtual_time
async def test_a_campaign_with_a_cap_counts_its_own_calls() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=100)))
    campaign = await house.furnish(operators=2, leads=2, cap=3)
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.calls()) == 2)
    other = replace(house.calls()[0], id=CallId("c-other"), campaign=CampaignId(99), slot=None)
    house.cell.calls.add(other, None, campaign)
    told = await house.cell.desk.do(Command("explain", f"campaign:{campaign.id}"))
    (cap,) = [heard(gate["value"]) for gate in told["gates"] if gate["name"] == "cap"]
    assert cap == "2 calls are in flight, at most 3 are allowed."
    with pytest.raises(Missing, match="there is no campaign 77"):
        await house.cell.desk.do(Command("explain", "campaign:77"))
    await house.kill()


@pytest.mark.parametrize("name", ["abc", "12a", "1.5", "-1"])
@in_virtual_time
async def test_a_campaign_is_named_by_its_number(name: str) -> None:
    house = await open_house()
    for verb in ("reload", "explain"):
        with pytest.raises(BadValue, match="is no campaign: give its id"):
            await do(house, verb, f"campaign:{name}")
    await house.stop()
