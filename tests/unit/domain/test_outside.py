"""A trunk is not narrowed under the feet of an operator whose phone is called by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.domain.errors import Conflict, Forbidden
from dialer.domain.operators import Account
from dialer.domain.outside import check_phones
from dialer.domain.trunk import NumberFormat, Trunk
from dialer.domain.types import OperatorId, PhoneKind, PhoneNumber, TrunkId

MAIN = Trunk(TrunkId("main"), "sip.example.org", prefixes=("+7", "+49"))
HANS = Account(
    OperatorId("102"), "Hans", phone=PhoneKind.OUTSIDE, number=PhoneNumber("+4930123456"), trunk=MAIN.id
)


def anything(number: PhoneNumber, trunks: object, country: str) -> None:
    return None


def test_a_trunk_that_calls_every_phone_may_be_changed() -> None:
    check_phones(MAIN, [HANS], anything)


@pytest.mark.parametrize(
    "narrower", [replace(MAIN, prefixes=("+7",)), replace(MAIN, number_format=NumberFormat.NATIONAL)]
)
def test_the_operators_whom_a_narrower_trunk_could_not_call_are_named(narrower: Trunk) -> None:
    with pytest.raises(Conflict, match=r"outside phone of operator 102 \(.*trunk first"):
        check_phones(narrower, [HANS], anything)


def test_kinds_of_numbers_that_are_closed_count_too() -> None:
    def closed(number: PhoneNumber, trunks: object, country: str) -> None:
        raise Forbidden("a satellite telephone is closed")

    with pytest.raises(Conflict, match="satellite"):
        check_phones(MAIN, [HANS], closed)


@pytest.mark.parametrize(
    "other",
    [
        replace(HANS, enabled=False),
        replace(HANS, phone=PhoneKind.SIP),
        replace(HANS, trunk=TrunkId("spare")),
        replace(HANS, number=None),
    ],
)
def test_whoever_is_not_called_by_it_is_not_asked(other: Account) -> None:
    check_phones(replace(MAIN, prefixes=("+7",)), [other], anything)
