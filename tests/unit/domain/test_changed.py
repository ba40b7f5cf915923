"""`changed`: what dataclasses.replace gives, for what is changed many times a second."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import pytest

from dialer.domain.call import Call, State
from dialer.domain.changed import changed
from dialer.domain.operators import Operator
from dialer.domain.types import CallId, CampaignId, LeadId, OperatorId, PhoneNumber, TrunkId

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CALL = Call(CallId("c-1"), CampaignId(1), LeadId(1), PhoneNumber("+79161234567"), TrunkId("main"))


def test_it_gives_what_replace_gives() -> None:
    after = changed(CALL, state=State.RINGING, ring_at=NOW)
    assert after == replace(CALL, state=State.RINGING, ring_at=NOW)
    assert hash(after) == hash(replace(CALL, state=State.RINGING, ring_at=NOW))


def test_the_old_one_stays_as_it_was() -> None:
    before = replace(CALL)
    after = changed(CALL, state=State.RINGING)
    assert before == CALL
    assert changed(after, state=State.LEASED) == CALL


def test_the_new_one_is_frozen_too() -> None:
    with pytest.raises(FrozenInstanceError):
        changed(CALL, ring_at=NOW).ring_at = None  # type: ignore[misc]


def test_a_field_that_is_not_there_is_named() -> None:
    with pytest.raises(TypeError, match=r"Operator has no stat"):
        changed(Operator(OperatorId("101")), stat="ready")  # type: ignore[call-arg]
