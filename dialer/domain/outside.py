"""Operators' outside phones, and the trunks by which they are called."""

from __future__ import annotations

from collections.abc import Iterable

from dialer.domain.dialable import CheckNumber
from dialer.domain.errors import BadValue, Conflict, Forbidden
from dialer.domain.numbers import dial_string
from dialer.domain.operators import Account
from dialer.domain.said import listed, said
from dialer.domain.trunk import Trunk
from dialer.domain.types import PhoneKind


def check_phones(trunk: Trunk, accounts: Iterable[Account], check_number: CheckNumber) -> None:
    """Conflict when the trunk, as it would be, could not call the phone of an operator who has it there."""
    lost = [
        said("operator {operator} ({why})", operator=account.id, why=why)
        for account in accounts
        if (why := _why_not(trunk, account, check_number))
    ]
    if lost:
        raise Conflict(
            said(
                "trunk {trunk} could not call the outside phone of {operators}: change that phone or its"
                " trunk first",
                trunk=trunk.id,
                operators=listed(lost),
            )
        )


def _why_not(trunk: Trunk, account: Account, check_number: CheckNumber) -> str:
    if not account.enabled or account.phone is not PhoneKind.OUTSIDE:
        return ""
    if account.trunk != trunk.id or account.number is None:
        return ""
    try:
        dial_string(account.number, trunk)
        check_number(account.number, (trunk,), "")
    except (Forbidden, BadValue) as refusal:
        return refusal.sentence
    return ""
