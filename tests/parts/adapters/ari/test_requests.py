"""What leaves for Asterisk, and what is stopped at the last moment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dialer.adapters.ari import requests
from dialer.adapters.ari.connection import Request
from dialer.domain.errors import BadValue
from dialer.domain.types import BridgeId, ChannelId
from dialer.ports.asterisk import Outgoing

CALL = ChannelId("c-20250101-0001")


def originate(**change: Any) -> Request:
    given: dict[str, Any] = {
        "channel": CALL,
        "endpoint": "PJSIP/79160000001@main",
        "context": "obz-out",
        "exten": "answered",
        "caller_id": "74950000000",
        "timeout_s": 30,
        "variables": {"OBZ_MESSAGE": "/srv/sounds/a"},
    }
    return requests.originate(Outgoing(**{**given, **change}))


NO_FORWARDS = {"FORWARD_CONTEXT": "obz-nowhere"}


def test_a_call_goes_into_the_dialplan_under_our_own_id_and_never_to_an_application() -> None:
    request = originate()
    assert (request.method, request.path) == ("POST", "channels")
    assert request.query == {
        "endpoint": r"PJSIP/79160000001@trunk\/main",
        "context": "obz-out",
        "extension": "answered",
        "priority": "1",
        "channelId": CALL,
        "callerId": "74950000000",
        "timeout": "30",
    }
    assert request.body == {"variables": {"OBZ_MESSAGE": "/srv/sounds/a", **NO_FORWARDS}}


def test_a_call_with_a_place_is_noted_there_with_its_request_and_again_at_its_end() -> None:
    body = originate(variables={"OBZ_SLOT": "c7"}).body
    assert body == {
        "variables": {
            "OBZ_SLOT": "c7",
            "GLOBAL(OBZ_NOTED_c7)": f"{CALL},,,,",
            "CHANNEL(hangup_handler_push)": "obz-end,gone,1",
            **NO_FORWARDS,
        }
    }


@pytest.mark.parametrize(
    ("endpoint", "sent"),
    [
        ("PJSIP/79160000001@main", r"PJSIP/79160000001@trunk\/main"),
        ("PJSIP/+79160000001@main", r"PJSIP/+79160000001@trunk\/main"),
        ("PJSIP/112@x", r"PJSIP/112@trunk\/x"),
        ("PJSIP/101", "PJSIP/101"),
    ],
)
def test_numbers_by_trunks_and_phones_by_name_are_dialled(endpoint: str, sent: str) -> None:
    assert originate(endpoint=endpoint).query["endpoint"] == sent


@pytest.mark.parametrize(
    "endpoint",
    [
        "PJSIP/7916;x=1@main",
        "PJSIP/79160000001@main&PJSIP/79160000002@main",
        "PJSIP/79160000001@main\r\nX: y",
        "PJSIP/7916 000@main",
        "PJSIP/12@main",
        "PJSIP/7916000000123456@main",
        "PJSIP/@main",
        "PJSIP/sip:1@evil.example@main",
        "PJSIP/٧٩١٦@main",
        "PJSIP/79160000001@Main",
        "PJSIP/",
        "Local/79160000001@obz-out",
        "",
    ],
)
def test_anything_else_is_not_dialled(endpoint: str) -> None:
    with pytest.raises(BadValue):
        originate(endpoint=endpoint)


def test_a_refused_number_is_masked_in_the_complaint() -> None:
    with pytest.raises(BadValue) as refusal:
        originate(endpoint="PJSIP/7916000000123456@main")
    assert "7916000000123456" not in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        {"channel": "c+1"},
        {"channel": "c 1"},
        {"channel": "../c"},
        {"channel": ""},
        {"caller_id": ""},
        {"caller_id": "7495\r\nX: y"},
        {"caller_id": "7" * 81},
        {"timeout_s": 0},
        {"timeout_s": 601},
        {"context": "obz out"},
        {"exten": "a,1"},
        {"variables": {"A B": "1"}},
        {"variables": {"A": "1\n2"}},
        {"variables": {"SHELL(rm -rf x)": "1"}},
    ],
)
def test_no_other_value_of_a_call_can_break_out(change: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        originate(**change)


def test_the_frame_says_what_asterisk_expects() -> None:
    frame = json.loads(originate().frame("7"))
    assert (frame["type"], frame["request_id"], frame["method"], frame["uri"]) == (
        "RESTRequest",
        "7",
        "POST",
        "channels",
    )
    assert {"name": "channelId", "value": CALL} in frame["query_strings"]
    assert json.loads(frame["message_body"]) == {"variables": {"OBZ_MESSAGE": "/srv/sounds/a", **NO_FORWARDS}}


def test_a_header_for_the_phone_may_be_set_as_a_variable() -> None:
    name = "PJSIP_HEADER(add,Alert-Info)"
    assert originate(variables={name: "info=alert-autoanswer"}).body == {
        "variables": {name: "info=alert-autoanswer", **NO_FORWARDS}
    }


@pytest.mark.parametrize("media", [["sound:beep"], ["sound:/srv/x/camp-1", "tone:ring"], ["digits:101"]])
def test_sounds_are_played_one_after_another(media: list[str]) -> None:
    assert requests.play(CALL, media).query == {"media": ",".join(media)}


@pytest.mark.parametrize(
    "media", [[], ["beep"], ["sound:../../etc/passwd"], ["sound:a,sound:b"], ["sound:a\n"]]
)
def test_nothing_else_is_played(media: list[str]) -> None:
    with pytest.raises(BadValue):
        requests.play(CALL, media)


def test_keys_and_hang_up_reasons_come_from_short_lists() -> None:
    with pytest.raises(BadValue):
        requests.send_keys(CALL, "12x")
    with pytest.raises(BadValue, match="choose from"):
        requests.hang_up(CALL, "rude")


def test_ids_from_outside_cannot_leave_their_place_in_the_path() -> None:
    with pytest.raises(BadValue):
        requests.on_bridge("DELETE", BridgeId("../channels/c-1"))
    with pytest.raises(BadValue):
        requests.delete_object("endpoint", "a/../b")
    with pytest.raises(BadValue):
        requests.delete_object("endpoint", "trunk/../b")
