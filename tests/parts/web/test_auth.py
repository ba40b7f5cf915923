"""Tokens and roles keep their promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialer.adapters.memory.people import MemoryTokens
from dialer.domain.errors import BadValue, Forbidden
from dialer.domain.types import OperatorId
from dialer.web.auth import Caller, Role, authenticate, hashed, may_act_for, new_token, parse_role

NOW = datetime(2026, 2, 3, tzinfo=UTC)


def test_a_new_token_is_256_random_bits_and_only_its_hash_is_for_keeping() -> None:
    made = {new_token()[0] for _ in range(100)}
    text, digest = new_token()
    assert len(made) == 100
    assert text.startswith("obz_")
    assert len(text) == len("obz_") + 43  # 32 bytes in base64
    assert digest == hashed(text)
    assert text not in digest
    assert len(digest) == 64


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER  {} "])
async def test_a_token_in_force_names_its_caller(header: str) -> None:
    tokens = MemoryTokens()
    text, digest = new_token()
    await tokens.add("anna", "operator:101", sha256=digest, now=NOW)
    assert await authenticate(tokens, header.format(text), NOW) == Caller(
        1, "anna", Role.OPERATOR, OperatorId("101")
    )


async def test_a_revoked_token_and_a_stores_mistake_open_nothing() -> None:
    tokens = MemoryTokens()
    text, digest = new_token()
    other, _ = new_token()
    row = await tokens.add("wall", "viewer", sha256=digest, now=NOW)
    assert await authenticate(tokens, f"Bearer {other}", NOW) is None

    async def wrong(sha256: str) -> object:
        return row  # a store that finds something for every hash

    tokens.find = wrong  # type: ignore[method-assign, assignment]  # the mistake that is tested
    assert await authenticate(tokens, f"Bearer {other}", NOW) is None
    row = replace(row, revoked_at=NOW)
    assert await authenticate(tokens, f"Bearer {text}", NOW) is None


@pytest.mark.parametrize(
    "text",
    ["", "root", "Admin", "operator", "operator:", "operator:1", "operator:1a", "admin:101", "viewer:"],
)
def test_what_is_no_role_is_refused_with_the_list_of_roles(text: str) -> None:
    with pytest.raises(BadValue, match="viewer, supervisor, admin, or operator:NUMBER"):
        parse_role(text)


def test_roles_are_ordered_and_an_operator_acts_for_himself_only() -> None:
    assert [role.rank for role in (Role.VIEWER, Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN)] == [0, 1, 2, 3]
    mine = Caller(1, "anna", Role.OPERATOR, OperatorId("101"))
    may_act_for(mine, OperatorId("101"))
    may_act_for(Caller(2, "boss", Role.SUPERVISOR), OperatorId("101"))
    with pytest.raises(Forbidden, match="for operator 101, not 102"):
        may_act_for(mine, OperatorId("102"))
