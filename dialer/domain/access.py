"""Who asks, and what they may: permissions, roles as sets of them, and the text of a role."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dialer.domain.errors import BadValue, Forbidden
from dialer.domain.said import said
from dialer.domain.types import OPERATOR_NUMBER, OperatorId

DEFAULT_DAYS, MOST_DAYS = 365, 3650  # that a token lasts


class Permission(StrEnum):
    """What can be allowed, as resource:action."""

    SEE_CAMPAIGNS = "campaigns:see"
    CHANGE_CAMPAIGNS = "campaigns:change"
    RUN_CAMPAIGNS = "campaigns:run"  # start, pause, stop
    SEE_LEADS = "leads:see"  # who they are; how many stand where is the campaign's
    CHANGE_LEADS = "leads:change"
    SEE_OPERATORS = "operators:see"
    CHANGE_OPERATORS = "operators:change"  # accounts and phones
    WORK = "operators:work"  # the verbs of a shift: one's own, for a caller who is an operator
    LOOK_AFTER_OPERATORS = "operators:look-after"  # unlock, try the phone
    SEE_CALLS = "calls:see"
    END_CALLS = "calls:end"
    SEE_RECORDS = "records:see"
    SEE_NUMBERS = "numbers:see"  # whole: of records, test calls and calls in flight
    LISTEN = "recordings:listen"
    CHANGE_RECORDS = "records:change"  # those that the database refuses: give them up
    CHANGE_PAUSES = "pauses:change"  # the site's list of reasons
    SEE_TRUNKS = "trunks:see"
    CHANGE_TRUNKS = "trunks:change"  # and test calls, which cost money
    EXPORT = "tables:export"  # whole tables as files; what is in them is asked for as well
    SEE_DNC = "dnc:see"
    CHANGE_DNC = "dnc:change"
    MANAGE_TOKENS = "tokens:manage"


class Role(StrEnum):
    """A set of permissions with a name, as a token carries it."""

    VIEWER = "viewer"
    OPERATOR = "operator"  # of one operator: its own verbs only
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


_SEES = frozenset(one for one in Permission if one.endswith(":see"))
_LEADS_OTHERS = frozenset(
    {
        Permission.CHANGE_CAMPAIGNS,
        Permission.RUN_CAMPAIGNS,
        Permission.CHANGE_LEADS,
        Permission.WORK,
        Permission.LOOK_AFTER_OPERATORS,
        Permission.END_CALLS,
        Permission.LISTEN,
        Permission.EXPORT,
        Permission.CHANGE_DNC,
        Permission.CHANGE_PAUSES,
    }
)
ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _SEES
    - {Permission.SEE_NUMBERS, Permission.SEE_LEADS, Permission.SEE_DNC},  # counts, no people
    Role.OPERATOR: _SEES | {Permission.WORK, Permission.LISTEN},
    Role.SUPERVISOR: _SEES | _LEADS_OTHERS,
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for something."""

    user: str
    permissions: frozenset[Permission]
    operator: OperatorId | None = None  # whose verbs these permissions are for; None: everybody's
    role: Role | None = None  # as sentences name it
    token: int = 0  # keys of commands count for one token


def caller(user: str, role: Role, operator: OperatorId | None = None, *, token: int = 0) -> Caller:
    """Somebody with a role."""
    return Caller(user, ROLES[role], operator, role, token)


def may(who: Caller, permission: Permission, operator: OperatorId | None = None) -> bool:
    """Whether `who` may do this; with `operator`: as that operator, or for them."""
    return permission in who.permissions and (operator is None or who.operator in (None, operator))


def demand(who: Caller, permission: Permission, operator: OperatorId | None = None) -> None:
    """Forbidden, with the role that is needed, unless `who` may do this."""
    if permission not in who.permissions:
        raise Forbidden(
            said(
                "this needs the role {role}; the token {name!r} has {role2}",
                role=next(role for role, allowed in ROLES.items() if permission in allowed),
                name=who.user,
                role2=who.role or "",
            )
        )
    if not may(who, permission, operator):
        raise Forbidden(
            said(
                "the token {name!r} is for operator {operator}, not {operator2}",
                name=who.user,
                operator=who.operator,
                operator2=operator,
            )
        )


def whose(who: Caller, permission: Permission, operator: OperatorId | None = None) -> OperatorId | None:
    """Whose facts `who` may read: an operator's token reads that operator's; None: everybody's.

    Forbidden without the permission, and for an operator who asks for another one.
    """
    demand(who, permission, operator)
    return operator or who.operator


def parse_role(text: str) -> tuple[Role, OperatorId | None]:
    """`admin`, `supervisor`, `viewer`, or `operator:101`: the role of that one operator."""
    name, _, operator = text.partition(":")
    if name == Role.OPERATOR and OPERATOR_NUMBER.fullmatch(operator):
        return Role.OPERATOR, OperatorId(operator)
    if name in set(Role) - {Role.OPERATOR} and not operator and ":" not in text:
        return Role(name), None
    raise BadValue(
        said("{text!r} is no role: take viewer, supervisor, admin, or operator:NUMBER", text=text[:40])
    )


def expiry(days: int, now: datetime) -> datetime:
    """When a token made now expires."""
    if not 1 <= days <= MOST_DAYS:
        raise BadValue(said("a token lasts 1 to {most} days, not {days}", most=MOST_DAYS, days=days))
    return now + timedelta(days=days)


def hashed(text: str) -> str:
    """SHA-256 of a token's text, in hexadecimal digits.

    Slow, salted hashes protect words that people choose and that can be guessed. A token is 256 random bits:
    nobody can try them all, however fast the hash, so a fast one is right, and each request can afford it.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
