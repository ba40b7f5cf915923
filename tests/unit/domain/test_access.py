"""Roles are sets of permissions, and an operator's are for that operator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.access import (
    ROLES,
    Caller,
    Permission,
    Role,
    caller,
    demand,
    expiry,
    hashed,
    may,
    parse_role,
    whose,
)
from dialer.domain.errors import BadValue, Forbidden
from dialer.domain.types import OperatorId

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANNA, OTHER = OperatorId("101"), OperatorId("102")


def test_every_role_has_its_set_and_an_administrator_has_all() -> None:
    assert ROLES.keys() == set(Role)
    assert ROLES[Role.ADMIN] == set(Permission)
    assert ROLES[Role.VIEWER] < ROLES[Role.OPERATOR] < ROLES[Role.SUPERVISOR] < ROLES[Role.ADMIN]
    assert not [one for one in ROLES[Role.VIEWER] if not one.endswith(":see")]


def test_a_caller_without_permissions_may_nothing() -> None:
    nobody = Caller("nobody", frozenset())
    assert not [one for one in Permission if may(nobody, one)]
    for one in Permission:
        with pytest.raises(Forbidden, match="this needs the role"):
            demand(nobody, one)


def test_the_role_that_is_needed_is_the_least() -> None:
    with pytest.raises(Forbidden, match="needs the role supervisor; the token 'wall' has viewer"):
        demand(caller("wall", Role.VIEWER), Permission.RUN_CAMPAIGNS)


def test_a_set_that_is_no_role_is_asked_for_what_it_holds() -> None:
    """A quality controller, say: hears records, sees no trunk."""
    listener = Caller("quality", frozenset({Permission.SEE_RECORDS}))
    demand(listener, Permission.SEE_RECORDS)
    assert not may(listener, Permission.SEE_TRUNKS)


def test_an_operator_works_for_itself_only_and_a_supervisor_for_everybody() -> None:
    mine = caller("anna", Role.OPERATOR, ANNA)
    demand(mine, Permission.WORK, ANNA)
    demand(caller("boss", Role.SUPERVISOR), Permission.WORK, ANNA)
    assert not may(mine, Permission.WORK, OTHER)
    with pytest.raises(Forbidden, match="for operator 101, not 102"):
        demand(mine, Permission.WORK, OTHER)


@pytest.mark.parametrize(
    "text",
    ["", "root", "Admin", "operator", "operator:", "operator:1", "operator:1a", "admin:101", "viewer:"],
)
def test_what_is_no_role_is_refused_with_the_list_of_roles(text: str) -> None:
    with pytest.raises(BadValue, match="viewer, supervisor, admin, or operator:NUMBER"):
        parse_role(text)


@pytest.mark.parametrize("text", ["viewer", "supervisor", "admin", "operator:101"])
def test_the_roles_of_stored_tokens_go_on_opening_what_they_opened(text: str) -> None:
    role, operator = parse_role(text)
    assert (role, operator) == (Role(text.partition(":")[0]), ANNA if ":" in text else None)


@pytest.mark.parametrize("days", [1, 3650])
def test_a_token_lasts_as_many_days_as_were_asked_for(days: int) -> None:
    assert expiry(days, NOW) - NOW == timedelta(days=days)


@pytest.mark.parametrize("days", [-1, 0, 3651])
def test_a_token_that_would_last_too_long_or_not_at_all_is_refused(days: int) -> None:
    with pytest.raises(BadValue, match=f"a token lasts 1 to 3650 days, not {days}"):
        expiry(days, NOW)


def test_an_operators_token_reads_that_operators_facts_whoever_is_asked_for() -> None:
    own, boss = caller("anna", Role.OPERATOR, ANNA), caller("boss", Role.SUPERVISOR)
    assert whose(own, Permission.SEE_RECORDS) == whose(own, Permission.SEE_RECORDS, ANNA) == ANNA
    with pytest.raises(Forbidden):
        whose(own, Permission.SEE_RECORDS, OTHER)
    assert whose(boss, Permission.SEE_RECORDS) is None
    assert whose(boss, Permission.SEE_RECORDS, OTHER) == OTHER


def test_a_token_is_kept_as_its_hash_whatever_signs_a_client_sends() -> None:
    assert hashed("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len({hashed(text) for text in ("", "abc", "abd", "\udcff", "ключ")}) == 5
