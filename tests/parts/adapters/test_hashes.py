"""Secrets are hashed off the loop, and compared in equal time."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dialer.adapters import hashes
from dialer.domain.errors import BadValue


async def test_a_secret_is_right_and_any_other_is_wrong():
    hashed = await hashes.hash_secret("4711")
    assert "4711" not in hashed
    assert await hashes.is_right(hashed, "4711")
    assert not await hashes.is_right(hashed, "4712")


@pytest.mark.parametrize("hashed", ["", "4711", "$argon2id$v=19$broken", "x" * 5000])
async def test_what_is_no_hash_is_never_right(hashed):
    assert not await hashes.is_right(hashed, "4711")


async def test_the_loop_goes_on_while_a_secret_is_checked(monkeypatch):
    loop_went_on = threading.Event()
    monkeypatch.setattr(hashes, "_verify", lambda hashed, secret: loop_went_on.wait(5.0))
    check = asyncio.create_task(hashes.is_right("hash", "4711"))
    await asyncio.sleep(0)
    loop_went_on.set()
    assert await check, "the loop was blocked by the check"


@pytest.mark.parametrize("secret", ["", "x" * 1025])
async def test_no_hash_is_made_of_nothing_or_of_a_book(secret):
    with pytest.raises(BadValue, match="1 to 1024 characters"):
        await hashes.hash_secret(secret)
