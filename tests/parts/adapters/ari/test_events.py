"""Real events, recorded from Asterisk, and what they mean to us."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dialer.adapters.ari.events import TABLE, noted, parse
from dialer.domain.call import Event
from dialer.domain.errors import BadValue
from dialer.domain.types import ChannelId
from dialer.ports.asterisk import ChannelNews, Noted, PhoneNews

CALLS = Path(__file__).parents[3] / "calls"


def recorded(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CALLS / f"{name}.jsonl").read_text().splitlines()]


def brief(event: Event) -> str:
    """An event as its name and what it carries besides the instant."""
    slots = [slot for slot in event.__dataclass_fields__ if slot != "at"]
    return " ".join([type(event).__name__, *(str(getattr(event, slot)) for slot in slots)]).rstrip()


def told(name: str, channel: str = "c-rec") -> list[str]:
    """What a recording tells of one channel, without what it says twice."""
    news = (item for raw in recorded(name) for item in parse(raw))
    ours = [item for item in news if isinstance(item, ChannelNews) and item.channel.startswith(channel)]
    return list(dict.fromkeys(brief(item.event) for item in ours))


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("busy", "Destroyed 17 486 False"),
        ("unallocated", "Destroyed 1 404 False"),
        ("congestion", "Destroyed 34 503 False"),
        ("rejected", "Destroyed 21 403 False"),
    ],
)
def test_a_call_that_the_network_refuses_carries_its_cause_and_its_sip_code(name: str, end: str) -> None:
    first, last = told(name)
    assert first.startswith("HangupRequested ")
    assert last == end


def test_our_own_hang_up_shows_as_a_soft_request_with_cause_32() -> None:
    assert told("cancelled") == ["Alerted 180", "HangupRequested 32 False True", "Destroyed 16 None False"]


def test_an_answer_and_a_hang_up_in_one_breath_are_both_told() -> None:
    assert told("gone_at_once") == [
        "Alerted 180",
        "Answered",
        "EnteredApp",
        "HangupRequested 16 False False",
        "LeftApp",
        "HangupRequested 16 False True",
        "Destroyed 16 None True",
    ]


def test_the_guards_message_is_told_with_its_beginning_and_its_end() -> None:
    assert told("guard_plays_message") == [
        "Alerted 183",
        "Answered",
        "EnteredApp",
        "LeftApp",
        "MessageStarted",
        "MessageEnded",
        "HangupRequested 16 False True",
        "Destroyed 16 None True",
    ]


def test_the_guard_speaks_within_two_seconds_of_the_answer_by_asterisks_own_clock() -> None:
    news = [
        item.event
        for raw in recorded("guard_plays_message")
        for item in parse(raw)
        if isinstance(item, ChannelNews)
    ]
    at = {type(event).__name__: event.at for event in reversed(news)}
    assert 1.5 < (at["MessageStarted"] - at["Answered"]).total_seconds() < 2.0


def test_a_talk_is_told_from_both_ends() -> None:
    person = told("talk_with_operator")
    assert person[:4] == ["Alerted 180", "Answered", "EnteredApp", "EnteredBridge ob-101"]
    assert person[-1] == "Destroyed 16 None True"
    leg = told("talk_with_operator", "op-rec")
    assert leg[:4] == ["Alerted 180", "Answered", "EnteredApp", "EnteredBridge ob-101"]
    assert "KeyPressed 5" in leg
    ends = [each for each in leg if each.startswith("HangupRequested")]
    assert ends == ["HangupRequested 32 False True", "HangupRequested 16 False True"], "it did not hang up"


def test_entering_our_application_says_who_and_what_for() -> None:
    news = [item for raw in recorded("talk_with_operator") for item in parse(raw)]
    entered = {item.channel: item for item in news if isinstance(item, ChannelNews) and item.args}
    assert {(item.args, item.exten, item.endpoint) for item in entered.values()} == {
        (("answered",), "answered", "main"),
        (("leg",), "up", "101"),
    }


def test_a_phone_is_reachable_once_it_answers_a_probe() -> None:
    news = [item for raw in recorded("phone_registers") for item in parse(raw)]
    assert [(item.endpoint, item.is_reachable) for item in news if isinstance(item, PhoneNews)] == [
        ("101", True)
    ]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("Unreachable", [False]),
        ("Removed", [False]),
        ("Reachable", [True]),
        ("NonQualified", []),
        ("Created", []),
    ],
)
def test_a_phone_is_gone_when_its_probe_or_its_registration_is(status: str, meaning: list[bool]) -> None:
    raw = recorded("phone_registers")[-1]
    raw["contact_info"]["contact_status"] = status
    assert [item.is_reachable for item in parse(raw) if isinstance(item, PhoneNews)] == meaning


def test_instants_are_aware_and_in_utc() -> None:
    raw = recorded("busy")[-1] | {"timestamp": "2025-06-01T15:00:00.250+0300"}
    (news,) = parse(raw)
    assert isinstance(news, ChannelNews)
    assert news.event.at.isoformat() == "2025-06-01T12:00:00.250000+00:00"


@pytest.mark.parametrize("kind", ["SomethingNew", "PlaybackStarted", "ChannelVarset", ""])
def test_what_is_not_in_the_table_means_nothing(kind: str) -> None:
    assert parse({"type": kind, "timestamp": "nonsense"}) == ()
    assert parse({}) == ()


def test_a_user_event_of_somebody_else_means_nothing() -> None:
    raw = next(event for event in recorded("guard_plays_message") if event["type"] == "ChannelUserevent")
    assert parse(raw | {"eventname": "Foreign"}) == ()
    assert parse(raw | {"userevent": {"step": "middle"}}) == ()


@pytest.mark.parametrize("kind", TABLE)
@pytest.mark.parametrize(
    "rest", [{}, {"timestamp": "yesterday"}, {"timestamp": None}, {"timestamp": "2025-01-01T00:00:00+0000"}]
)
def test_a_maimed_event_is_refused_by_name(kind: str, rest: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match=kind):
        parse({"type": kind, **rest})


@pytest.mark.parametrize("path", sorted(CALLS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_every_recording_can_be_read_twice_with_the_same_result(path: Path) -> None:
    events = recorded(path.stem)
    assert events
    assert [parse(raw) for raw in events] == [parse(raw) for raw in events]


ANSWER_AT, MESSAGE_AT, END_AT = (
    datetime(2026, 11, 24, 16, 30, second, 962000, tzinfo=UTC) for second in (3, 5, 9)
)
ANSWER, MESSAGE, END = (at.strftime("%Y-%m-%dT%H:%M:%S.962Z") for at in (ANSWER_AT, MESSAGE_AT, END_AT))


BEGUN = Noted(None, None, None, 0)  # dialled, and nothing more


@pytest.mark.parametrize(
    ("note", "its"),
    [
        (f"c-1,{ANSWER},,{END},16", Noted(ANSWER_AT, None, END_AT, 16)),
        (f"c-1,{ANSWER},{MESSAGE},{END},16", Noted(ANSWER_AT, MESSAGE_AT, END_AT, 16)),
        (f"c-1,{ANSWER},{MESSAGE},,", Noted(ANSWER_AT, MESSAGE_AT, None, 0)),
        (f"c-1,,,{END},127", Noted(None, None, END_AT, 127)),
        (f"c-2,{ANSWER},,{END},16", None),
        ("", None),
        ("c-1,,,,", BEGUN),
        (f"c-1,,,{END},17,,SIP 486 Busy Here", Noted(None, None, END_AT, 17, 486, words="Busy Here")),
        (
            f"c-1,,,{END},127,,SIP 402 No credit, call us",
            Noted(None, None, END_AT, 127, 402, words="No credit, call us"),
        ),
        (f"c-1,,,{END},19,,", Noted(None, None, END_AT, 19)),
        (
            f"c-1,{ANSWER},,{END},38,,SIP 200 OK",
            Noted(ANSWER_AT, None, END_AT, 38),
        ),  # the answer's, not the end's
        (
            f"c-1,{ANSWER},{MESSAGE},{END},16,1,SIP 200 OK",
            Noted(ANSWER_AT, MESSAGE_AT, END_AT, 16, message_over=True),
        ),
        ("c-1", BEGUN),
        (f"c-1,{ANSWER},,yesterday,16", BEGUN),  # it was here, more cannot be told
        (f"c-1,{ANSWER},,{END},many", BEGUN),
    ],
)
def test_what_was_noted_is_read_and_a_note_that_is_maimed_still_proves_the_call(
    note: str, its: Noted | None
) -> None:
    assert noted(ChannelId("c-1"), note) == its
