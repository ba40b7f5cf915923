"""What is so as long as nobody has said otherwise: settings that people make, and facts not yet seen."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from dialer.domain.abilities import Abilities
from dialer.domain.call import Call, Destroyed, HangupRequested, Rules
from dialer.domain.campaign import Campaign, Retry
from dialer.domain.columns import ReadOptions
from dialer.domain.operators import Account, Operator
from dialer.domain.pacing.decision import CallView, OperatorView
from dialer.domain.shifts import LegDown, Released
from dialer.domain.spending import SideCall
from dialer.domain.tables import Row
from dialer.domain.trunk import Trunk

SETTINGS: dict[type[Any], dict[str, bool]] = {
    Trunk: {"register": False, "enabled": True, "probe": True, "srtp": False},
    Campaign: {
        "after_wrap_up_ready": True,
        "record": False,
        "tone": True,
        "shows_person": True,
        "dnc_whole_lead": False,
        "best_first": False,
        "archived": False,
    },
    Retry: {"next_number": False},
    Account: {"enabled": True},
    Rules: {"record": False, "tone": True, "shows_person": True},
    ReadOptions: {"hidden_rows": False},
    Abilities: {"srtp": True},
}
# Nothing has happened yet, nobody has seen it: all of these are no.
FACTS = (Call, Operator, HangupRequested, Destroyed, LegDown, Released, CallView, OperatorView, SideCall, Row)


def switches(kind: type[Any]) -> dict[str, bool]:
    """What is on or off in a value of this kind of which nothing was said."""
    return {one.name: one.default for one in fields(kind) if isinstance(one.default, bool)}


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_setting_that_nobody_has_made_is_as_the_pages_say(kind: type[Any]) -> None:
    assert switches(kind) == SETTINGS[kind]


@pytest.mark.parametrize("kind", FACTS)
def test_what_was_not_seen_has_not_happened(kind: type[Any]) -> None:
    found = switches(kind)
    assert found
    assert not any(found.values())
    assert all(one.default is not MISSING for one in fields(kind) if one.name in found)
