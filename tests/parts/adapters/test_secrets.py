"""Secrets lie in files of their owner."""

from __future__ import annotations

import os

import pytest

from dialer.adapters import secrets
from dialer.domain.errors import BadValue, Conflict


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


@pytest.mark.parametrize("how", ["written", "replaced", "linked elsewhere", "removed"])
def test_a_secret_file_that_may_hold_another_secret_has_another_stamp(tmp_path, how):
    file, other, path = tmp_path / "one", tmp_path / "other", tmp_path / "path"
    file.write_text("old")
    other.write_text("new")
    path.symlink_to(file)
    before = secrets.stamp_of(str(path))
    assert before == secrets.stamp_of(str(path))
    match how:
        case "written":
            file.write_text("newer")
        case "replaced":  # as long and as old as before: a careful copy
            os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
            other.replace(file)
        case "linked elsewhere":
            path.unlink()
            path.symlink_to(other)
        case "removed":
            file.unlink()
    assert secrets.stamp_of(str(path)) != before
    assert (secrets.stamp_of(str(path)) is None) == (how == "removed")
