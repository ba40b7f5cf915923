"""What operators get when they dial a feature code."""

from __future__ import annotations

import asyncio

import pytest

from agi import words
from dialer.domain import disposition, pauses
from dialer.domain.errors import BadValue, Conflict, LinkDown
from dialer.domain.operators import Operator, State
from dialer.domain.types import OperatorId

SAID = 'STREAM FILE "prompts/{}" ""'


async def test_own_number_and_pin_log_in(world):
    talk = await world.peer.call("login", "", "4711")
    await world.desk.asked.wait()
    assert [(c.verb, c.target) for c in world.desk.commands] == [("login", "operator:101")]
    assert talk.said("STREAM FILE") == [SAID.format("ru/wait-for-call")], "it is not so before the leg is up"


async def test_the_call_has_ended_before_an_own_phone_is_called_back(world):
    talk = await world.peer.call("login", "", "4711")
    assert talk.commands[-1] == "HANGUP"
    await world.desk.asked.wait()


async def test_another_operator_logs_in_from_a_colleagues_phone_in_their_own_language(world):
    talk = await world.peer.call("login", "102", "2222", argument="101")
    assert world.desk.commands[0].target == "operator:102"
    assert world.desk.commands[0].args["desk"] == "101", "it is this phone that will ring"
    assert talk.said("STREAM FILE")[-1] == SAID.format("en/logged-in"), "there is no leg to wait for"
    spoken = [line for line in talk.said("SET VARIABLE") if "language" in line]
    assert [line.split()[-1] for line in spoken] == ['"ru_RU_f_IvrvoiceRU"', '"en"']


async def test_a_phone_that_is_not_the_one_called_back_hears_of_a_refusal(world):
    world.desk.fail = Conflict("operator 102 is logged in already")
    talk = await world.peer.call("login", "102", "2222", argument="101")
    assert talk.is_refused
    assert talk.said("STREAM FILE")[-1] == SAID.format("en/phone-in-use")


@pytest.mark.parametrize(
    ("failure", "prompt"),
    [
        (Conflict("102 is there"), "phone-in-use"),
        (LinkDown("away"), "no-service"),
        (BadValue("x"), "not-done"),
    ],
)
async def test_what_stands_against_a_log_in_is_said_before_the_caller_hangs_up(world, failure, prompt):
    world.desk.fail = failure
    talk = await world.peer.call("login", "", "4711")
    assert talk.is_refused
    assert talk.said("STREAM FILE")[-1] == SAID.format(f"ru/{prompt}")
    assert SAID.format("ru/wait-for-call") not in talk.commands


async def test_whoever_works_at_a_phone_is_meant_by_its_feature_codes_and_not_its_own_operator(world):
    world.live.at_work = [
        Operator(OperatorId("101"), state=State.PAUSED, desk="102"),
        Operator(OperatorId("102")),
    ]
    await world.peer.call("ready", argument="102")
    assert world.desk.commands[0].target == "operator:101"


async def test_the_pin_is_in_no_log_and_no_command(world, caplog, capsys):
    talk = await world.peer.call("login", "", "90817263", "", "4711")
    await world.desk.asked.wait()
    assert not any("90817263" in text or "4711" in text for text in (*talk.commands, caplog.text))
    seen = capsys.readouterr()
    assert "90817263" not in seen.out + seen.err
    assert "refused" in seen.out + seen.err + caplog.text  # the log was really looked at
    assert "4711" not in seen.out + seen.err


async def test_three_wrong_pins_end_the_call(world):
    talk = await world.peer.call("login", "", "1", "", "2", "", "3", "", "4711")
    assert talk.is_refused
    assert len(talk.said("GET DATA")) == 6
    assert not world.desk.commands


async def test_five_wrong_pins_lock_the_number_whatever_comes_next(world):
    await world.peer.call("login", "", "1", "", "2", "", "3")
    await world.peer.call("login", "", "4", "", "5", "", "4711")
    talk = await world.peer.call("login", "", "4711")
    assert talk.is_refused
    assert not world.desk.commands


async def test_a_locked_number_locks_its_phone_too_and_nobody_else_elsewhere(world):
    await world.peer.call("login", "", "1", "", "2", "", "3")
    await world.peer.call("login", "", "4", "", "5", "", "6")
    talk = await world.peer.call("login", "102", "2222")
    assert talk.is_refused, "from this phone nobody guesses on"
    assert talk.said("STREAM FILE")[-1] == SAID.format("ru/locked")
    await world.peer.call("login", "102", "2222", argument="105")
    assert [c.target for c in world.desk.commands] == ["operator:102"]


@pytest.mark.parametrize(
    ("number", "pin"),
    [("999", "4711"), ("1", "4711"), ("103", "3333"), ("104", ""), ("***", "4711"), ("101", "")],
    ids=["unknown", "too short", "switched off", "has no PIN", "stars", "no PIN keyed"],
)
async def test_whoever_may_not_log_in_hears_the_same_refusal(world, number, pin):
    talk = await world.peer.call("login", *(number, pin) * 3)
    assert talk.is_refused
    assert not world.desk.commands
    asked = [line.split('"')[1] for line in talk.said("GET DATA")]
    wanted = ["ask-number", "ask-pin", *("ask-again", "ask-pin") * 2]
    assert asked == [f"prompts/ru/{name}" for name in wanted]
    assert talk.said("STREAM FILE") == [SAID.format("ru/wrong-pin")]


async def test_a_second_login_is_refused_aloud(world):
    world.live.at_work = [Operator(OperatorId("101"), state=State.PAUSED)]
    talk = await world.peer.call("login", "", "4711")
    assert talk.is_refused
    assert not world.desk.commands


async def test_ready_is_told_by_rising_tones(world):
    world.desk.answer = {"state": "ready"}
    talk = await world.peer.call("ready")
    assert world.desk.commands[0].verb == "ready"
    assert talk.said("STREAM FILE") == [SAID.format("ru/state-ready")]
    assert talk.said("EXEC PlayTones") == [f'EXEC PlayTones "{words.RISING.pattern}"']


async def test_the_phone_of_endpoint_op_101_is_operator_101s(world):
    await world.peer.call("ready", argument="op-101")
    assert world.desk.commands[0].target == "operator:101"


@pytest.mark.parametrize(
    ("digit", "reason"), [*((one.key, one.code) for one in pauses.DEFAULT), ("", "other")]
)
async def test_each_digit_pauses_for_its_reason(world, digit, reason):
    world.desk.answer = {"state": "paused", "reason": reason}
    talk = await world.peer.call("pause", digit)
    words_said = [SAID.format("ru/state-paused"), SAID.format(f"ru/pause-{reason}")]
    assert talk.said("STREAM FILE") == words_said
    assert world.desk.commands[0].args["reason"] == reason
    assert talk.said("EXEC PlayTones") == [f'EXEC PlayTones "{words.FALLING.pattern}"']


@pytest.mark.parametrize(("digit", "said"), [(one.key, one.code) for one in disposition.DEFAULT])
async def test_each_digit_writes_down_its_disposition(world, digit, said):
    world.desk.in_call("c-7")
    talk = await world.peer.call("disposition", digit)
    assert world.desk.commands[0].args["call"] == "c-7", "for this call and for no later one"
    assert (world.desk.commands[0].verb, world.desk.commands[0].args["disposition"]) == (
        "dispose",
        said,
    )
    assert talk.said("STREAM FILE") == [SAID.format("ru/outcome"), SAID.format(f"ru/outcome-{said}")]


async def test_a_digit_without_a_meaning_may_be_corrected(world):
    world.desk.in_call("c-7")
    await world.peer.call("disposition", "8", "*", "1")
    assert world.desk.commands[0].args["disposition"] == "agreed"


async def test_digits_mean_what_the_cell_offers_for_this_call(world):
    sold = disposition.Disposition("sold", disposition.Title("Продано", "Sold"), "1")
    world.desk.in_call("c-7", sold)
    talk = await world.peer.call("disposition", "2", "1")
    assert world.desk.commands[0].args["disposition"] == "sold"
    assert talk.said("STREAM FILE")[-1] == SAID.format("ru/digit-1")


async def test_an_outcome_that_the_cell_does_not_take_is_refused_in_words(world):
    world.desk.in_call("c-7")
    world.desk.fail = BadValue("there is no disposition 'agreed'")
    talk = await world.peer.call("disposition", "1")
    assert (talk.is_refused, talk.said("STREAM FILE")[-1]) == (True, SAID.format("ru/not-done"))


@pytest.mark.parametrize("keys", [(), ("8", "7", "6")], ids=["no key", "wrong keys"])
async def test_no_disposition_is_guessed(world, keys):
    talk = await world.peer.call("disposition", *keys)
    assert talk.is_refused
    assert not world.desk.commands


async def test_logout_says_so(world):
    world.desk.answer = {"state": "offline"}
    talk = await world.peer.call("logout")
    assert world.desk.commands[0].verb == "logout"
    assert SAID.format("ru/state-offline") in talk.commands


@pytest.mark.parametrize("state", State)
async def test_every_state_is_told_by_its_tone(world, state):
    world.live.at_work = [Operator(OperatorId("101"), state=state, reason="lunch")]
    talk = await world.peer.call("state")
    assert f'EXEC PlayTones "{words.STATE_TONES[state].pattern}"' in talk.commands
    assert [line.split()[2] for line in talk.said("SAY DIGITS")] == ["101"]
    wanted = [f"ru/state-{state}"] + (["ru/pause-lunch"] if state is State.PAUSED else [])
    assert talk.said("STREAM FILE") == [SAID.format(name) for name in wanted]


async def test_why_a_phone_did_not_come_up_is_told_to_whoever_asks_for_the_state(world):
    world.live.at_work = [Operator(OperatorId("101"), reason="phone_did_not_answer")]
    talk = await world.peer.call("state")
    assert talk.said("STREAM FILE")[-1] == SAID.format("ru/reason-phone_did_not_answer")


async def test_an_operator_never_seen_is_offline(world):
    talk = await world.peer.call("state")
    assert SAID.format("ru/state-offline") in talk.commands


@pytest.mark.parametrize("route", ["ready", "pause", "logout"])
@pytest.mark.parametrize(
    "failure", [Conflict("not now"), LinkDown("Asterisk is away"), ZeroDivisionError("ours")]
)
async def test_what_the_desk_refuses_is_heard_and_logged_in_one_line(world, route, failure, capsys):
    world.desk.fail = failure
    talk = await world.peer.call(route)
    assert talk.is_refused
    lines = [line for line in capsys.readouterr().out.splitlines() if "failed" in line]
    assert len(lines) == 1
    assert str(failure) in lines[0]
    assert "Traceback" not in lines[0]


async def test_a_desk_that_does_not_answer_is_given_up_aloud(world, monkeypatch):
    monkeypatch.setattr("agi.parts.DESK_S", 0.05)
    monkeypatch.setattr(world.desk, "delay", asyncio.Event())
    assert (await world.peer.call("ready")).is_refused


async def test_without_any_sound_files_tones_and_keys_still_work(world):
    no_file = {"STREAM FILE": b"200 result=-1 endpos=0\n", "GET DATA": b"200 result=-1\n"}
    talk = await world.peer.call("pause", answers=no_file | {"WAIT FOR DIGIT": b"200 result=51\n"})
    assert world.desk.commands[0].args["reason"] == "meeting"
    assert talk.said("WAIT FOR DIGIT") == ["WAIT FOR DIGIT 5000"]


async def test_a_repeated_command_of_one_call_carries_one_key(world):
    await world.peer.call("ready")
    await world.peer.call("ready")
    keys = [command.key for command in world.desk.commands]
    assert keys == ["agi-17.1-ready", "agi-17.2-ready"]
