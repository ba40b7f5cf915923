"""Tokens and roles keep their promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialer.adapters.memory.people import MemoryTokens
from dialer.adapters.secrets import new_token
from dialer.domain.access import Role, caller, hashed
from dialer.domain.types import OperatorId
from dialer.web.auth import authenticate

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
    assert await authenticate(tokens, header.format(text), NOW) == caller(
        "anna", Role.OPERATOR, OperatorId("101"), token=1
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
