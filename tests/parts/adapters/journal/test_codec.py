"""Dataclasses survive the way to JSON and back, and bad JSON gets a clear error."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, time, timedelta
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.adapters.codec import decode, encode, loosen
from dialer.domain.call import Call, Rules
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing, Remark, WrapUp
from dialer.domain.errors import BadValue
from dialer.domain.operators import Account, Operator, StateChange
from dialer.domain.trunk import Trunk
from dialer.domain.types import CallId, CampaignId, LeadId, OperatorId, PhoneNumber, TrunkId

KINDS = (Call, Operator, Closing, Remark, WrapUp, StateChange, Campaign, Account, Trunk)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(timedelta, st.timedeltas(timedelta(0), timedelta(days=400)))
st.register_type_strategy(time, st.times())
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


def whole(kind: Any) -> st.SearchStrategy[Any]:
    """A dataclass with every field drawn, also those that have a default."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: st.from_type(hints[field.name]) for field in fields(kind)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_value_comes_back_as_it_was(kind: Any, data: st.DataObject) -> None:
    value = data.draw(whole(kind))
    assert decode(kind, json.loads(json.dumps(encode(value)))) == value


AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
CALL = Call(
    CallId("c-1"), CampaignId(1), LeadId(2), PhoneNumber("+79161234567"), TrunkId("main"), Rules(ring_s=20.0)
)


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert decode(Call, {**encode(CALL), "mood": "sunny"}) == CALL


def test_a_field_that_an_earlier_version_did_not_write_gets_its_default() -> None:
    plain = encode(CALL)
    del plain["talk_s"], plain["rules"]["hold_s"]
    assert decode(Call, plain) == CALL


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"state": "asleep"}, "Call.state"),
        ({"state": ["leased"]}, "Call.state"),
        ({"dialled_at": "yesterday"}, "Call.dialled_at"),
        ({"dialled_at": "2026-01-31T09:00:00"}, "no time zone"),
        ({"talk_s": "long"}, "Call.talk_s"),
        ({"talk_s": True}, "Call.talk_s"),
        ({"campaign": 1.5}, "Call.campaign"),
        ({"campaign": True}, "Call.campaign"),
        ({"rules": {"ring_s": "x"}}, r"Call.rules: Rules.ring_s"),
        ({"rules": []}, "Call.rules"),
        ({"id": None}, "Call.id"),
    ],
)
def test_a_bad_field_is_named(change: dict[str, Any], names: str) -> None:
    with pytest.raises(BadValue, match=names):
        decode(Call, {**encode(CALL), **change})


def test_a_missing_field_is_named() -> None:
    plain = encode(CALL)
    del plain["number"]
    with pytest.raises(BadValue, match=r"Call\.number is not there"):
        decode(Call, plain)


def test_an_instant_without_zone_is_refused_on_the_way_out() -> None:
    with pytest.raises(BadValue, match="time zone"):
        encode(Operator(OperatorId("101"), since_at=AT.replace(tzinfo=None)))


def test_loosened_values_are_plain_json() -> None:
    answer = {
        "call": CALL,
        "at": AT,
        "some": {1, 2},
        "rest": timedelta(hours=1),
    }
    plain = json.loads(json.dumps(loosen(answer)))
    assert plain["call"]["rules"]["ring_s"] == 20.0
    assert plain["at"] == "2026-01-31T09:00:00+00:00"
    assert plain["rest"] == 3600
