"""Secrets are hashed off the loop, compared in equal time, and lie in files of their owner."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from dialer.adapters import secrets
from dialer.domain.errors import BadValue, Conflict


async def test_a_secret_is_right_and_any_other_is_wrong():
    hashed = await secrets.hash_secret("4711")
    assert "4711" not in hashed
    assert await secrets.is_right(hashed, "4711")
    assert not await secrets.is_right(hashed, "4712")


@pytest.mark.parametrize("hashed", ["", "4711", "$argon2id$v=19$broken", "x" * 5000])
async def test_what_is_no_hash_is_never_right(hashed):
    assert not await secrets.is_right(hashed, "4711")


async def test_the_loop_goes_on_while_a_secret_is_checked(monkeypatch):
    loop_went_on = threading.Event()
    monkeypatch.setattr(secrets, "_verify", lambda hashed, secret: loop_went_on.wait(5.0))
    check = asyncio.create_task(secrets.is_right("hash", "4711"))
    await asyncio.sleep(0)
    loop_went_on.set()
    assert await check, "the loop was blocked by the check"


@pytest.mark.parametrize("secret", ["", "x" * 1025])
async def test_no_hash_is_made_of_nothing_or_of_a_book(secret):
    with pytest.raises(BadValue, match="1 to 1024 characters"):
        await secrets.hash_secret(secret)


def test_a_new_secret_is_random_and_its_owners(tmp_path):
    old = os.umask(0)
    try:
        one = secrets.write_secret(tmp_path / "new/ari")
        other = secrets.write_secret(tmp_path / "new/ami")
    finally:
        os.umask(old)
    assert one != other
    assert len(one) >= 32
    assert (tmp_path / "new/ari").stat().st_mode & 0o777 == 0o600
    assert secrets.read_secret(tmp_path / "new/ari") == one


def test_a_secret_is_never_overwritten(tmp_path):
    first = secrets.write_secret(tmp_path / "ari")
    with pytest.raises(Conflict, match="exists already"):
        secrets.write_secret(tmp_path / "ari")
    assert secrets.read_secret(tmp_path / "ari") == first


def test_a_file_that_others_may_read_is_named_with_the_cure(tmp_path, capsys):
    path = tmp_path / "ari"
    path.write_text("s3cret\n")
    path.chmod(0o644)
    assert secrets.read_secret(path) == "s3cret"
    said = capsys.readouterr().out
    assert f"chmod 600 {path}" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"  \n", "is empty"),
        (b"one\ntwo\n", "one line"),
        (b"with\x00nul", "one line"),
        (b"\xff\xfe", "not text"),
        (b"x" * 5000, "at most"),
    ],
)
def test_a_secret_file_must_hold_one_line(tmp_path, content, says):
    path = tmp_path / "ari"
    path.write_bytes(content)
    with pytest.raises(BadValue, match=says):
        secrets.read_secret(path)


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_secret_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(BadValue, match="cannot be read"):
        secrets.read_secret(tmp_path / name)
