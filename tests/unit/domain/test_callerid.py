"""The person sees one of the trunk's numbers, the operator the person, without a sign that SIP reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain.call import Call, Rules
from dialer.domain.callerid import (
    NOBODY,
    caller_id_of,
    check_caller_id,
    display_of,
    person_of,
    shown_to_operator,
)
from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.trunk import Trunk
from dialer.domain.types import CallId, CampaignId, LeadId, PhoneNumber, TrunkId, masked

OURS, OTHER = "+74951234567", "+78121234567"
MAIN = Trunk(TrunkId("main"), "192.0.2.1", caller_ids=(OTHER, OURS))
SPARE = Trunk(TrunkId("spare"), "192.0.2.2", caller_ids=(OTHER,))
SPRING = Campaign(CampaignId(1), "spring", trunks=(MAIN.id,), caller_id=OURS)


def test_a_number_that_a_trunk_of_the_campaign_may_not_show_is_refused_with_those_that_it_may() -> None:
    check_caller_id(SPRING, [MAIN, SPARE])
    check_caller_id(replace(SPRING, caller_id=""), [MAIN, SPARE])
    with pytest.raises(BadValue, match=r"none of trunk spare's \(\+78121234567\)"):
        check_caller_id(replace(SPRING, trunks=(MAIN.id, SPARE.id)), [MAIN, SPARE])
    bare = Trunk(TrunkId("bare"), "192.0.2.3")
    with pytest.raises(BadValue, match=r"none of trunk bare's \(-\)"):
        check_caller_id(replace(SPRING, trunks=(bare.id,)), [bare])


def test_after_a_trunk_was_changed_its_own_number_is_shown() -> None:
    assert caller_id_of(SPRING, MAIN) == OURS
    assert caller_id_of(SPRING, replace(MAIN, caller_ids=(OTHER,))) == OTHER
    assert caller_id_of(replace(SPRING, caller_id=""), MAIN) == OTHER
    assert caller_id_of(SPRING, replace(MAIN, caller_ids=("74951234567",))) == OURS
    assert caller_id_of(SPRING, replace(MAIN, caller_ids=())) == OURS


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Иванов Пётр", "Иванов Пётр"),
        ('ООО "Ромашка" <x>', "ООО Ромашка x"),
        ("a\r\nP-Asserted-Identity: x", "aP-Asserted-Identity: x"),
        ("\\" * 9 + "x" * 90, "x" * 60),
        ("\u202eabc\x00", "abc"),
    ],
)
def test_a_phone_shows_name_and_number_and_no_sign_that_a_header_means_something_by(
    name: str, shown: str
) -> None:
    call = Call(CallId("c"), CampaignId(1), None, PhoneNumber("+79160000001"), MAIN.id, Rules(person=name))
    assert shown_to_operator(call) == (shown, "+79160000001")
    hidden = replace(call, rules=Rules(person=name, shows_person=False))
    assert shown_to_operator(hidden) == NOBODY


def test_an_extension_is_shown_before_the_name() -> None:
    lead = Lead(LeadId(1), SPRING.id, (PhoneNumber(OURS), PhoneNumber(OTHER)), name="Иван")
    colleague = replace(lead, extensions={PhoneNumber(OURS): "214"})
    assert person_of(lead) == "Иван"
    assert person_of(colleague) == "#214 Иван"
    assert person_of(replace(colleague, name="")) == "#214"
    assert person_of(replace(colleague, number_index=1)) == "Иван"


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+79161234567", "+7********67"), ("123456", "12**56"), ("12345", "12345"), ("", "")],
)
def test_a_log_shows_the_ends_of_a_number(number: str, shown: str) -> None:
    assert masked(number) == shown


@pytest.mark.parametrize(
    ("rules", "display"),
    [
        (Rules(person="Anna", shows_person=True), "Anna <+79161234567>"),
        (Rules(person="", shows_person=True), "<+79161234567>"),
        (Rules(person="Anna", shows_person=False), "Obzvon <0000>"),
    ],
)
def test_a_phone_that_rings_shows_what_it_will_show_in_the_talk(rules: Rules, display: str) -> None:
    call = Call(CallId("c-1"), SPRING.id, LeadId(1), PhoneNumber("+79161234567"), MAIN.id, rules=rules)
    assert display_of(call) == display
