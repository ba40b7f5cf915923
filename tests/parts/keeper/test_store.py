"""What the service says to whoever holds its descriptors, and what it is given back."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dialer.keeper import store as store_module
from dialer.keeper.store import MARK, DescriptorStore, Held, Holder


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.setblocking(False)
        yield ear


def store(ear: socket.socket, **more: str) -> DescriptorStore:
    return DescriptorStore({"NOTIFY_SOCKET": ear.getsockname(), **more})


def test_a_descriptor_is_handed_over_with_its_name_and_taken_back_by_it(ear: socket.socket) -> None:
    its = store(ear)
    with socket.create_server(("127.0.0.1", 0)) as door:
        its.keep("door", door.fileno())
        message, fds, _, _ = socket.recv_fds(ear, 4096, 4)
        assert message == b"FDSTORE=1\nFDNAME=door"
        with socket.socket(fileno=fds[0]) as held:
            assert held.getsockname() == door.getsockname()
    its.forget("door")
    assert ear.recv(4096) == b"FDSTOREREMOVE=1\nFDNAME=door"


def heard(ear: socket.socket) -> list[bytes]:
    """All that lies there."""
    messages = []
    with suppress(BlockingIOError):
        while True:
            messages.append(ear.recv(4096))
    return messages


def test_what_a_busy_holder_does_not_take_is_said_later_and_in_order(ear: socket.socket) -> None:
    its = store(ear)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler, suppress(BlockingIOError):
        filler.setblocking(False)
        while True:
            filler.sendto(b"x", ear.getsockname())
    with socket.create_server(("127.0.0.1", 0)) as door:
        its.keep("link-main-1", door.fileno())
    its.forget("link-main-1")
    assert not its.settle()
    assert set(heard(ear)) == {b"x"}
    assert its.settle()
    assert heard(ear) == [b"FDSTORE=1\nFDNAME=link-main-1", b"FDSTOREREMOVE=1\nFDNAME=link-main-1"]


def test_only_what_is_meant_for_this_very_process_is_taken(ear: socket.socket) -> None:
    given = {"LISTEN_FDS": "0", "LISTEN_FDNAMES": ""}
    assert store(ear, LISTEN_PID=str(os.getpid()), **given).take("") == []
    other = {"LISTEN_FDS": "2", "LISTEN_FDNAMES": "door:link-main-1", "LISTEN_PID": str(os.getpid() + 1)}
    assert store(ear, **other).take("") == []


def test_descriptors_come_by_their_names_and_each_once(
    ear: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module.os, "set_inheritable", lambda fd, is_so: None)
    given = {"LISTEN_FDS": "3", "LISTEN_FDNAMES": "door:link-main-2:link-main-1", "LISTEN_PID": "17"}
    its = DescriptorStore({"NOTIFY_SOCKET": ear.getsockname(), **given}, pid=17)
    assert its.take("link-") == [Held("link-main-2", 4), Held("link-main-1", 5)]
    assert its.take("link-") == []
    assert its.take("door") == [Held("door", 3)]


def test_who_holds_them_is_known(ear: socket.socket) -> None:
    assert DescriptorStore({}).holder is Holder.NOBODY
    assert store(ear).holder is Holder.SYSTEMD
    assert store(ear, **{MARK: "1 0 0"}).holder is Holder.PARENT
    assert (store(ear, **{MARK: "1 2 137"}).follows, store(ear).follows) == (137, 0)


def test_without_a_holder_nothing_is_said_and_nothing_fails() -> None:
    its = DescriptorStore({})
    with socket.create_server(("127.0.0.1", 0)) as door:
        its.keep("door", door.fileno())
        its.forget("door")
    assert its.settle()
    assert not its.outlives_us()


@pytest.mark.parametrize(
    ("jobs", "follows"),
    [
        ("417 obzvon.service restart running\n", True),
        ("417 obzvon.service stop running\n", False),
        ("417 other.service restart running\n418 obzvon.service stop waiting\n", False),
        ("", False),
    ],
)
def test_a_restart_is_told_from_a_stop_by_what_systemd_is_about_to_do(
    jobs: str, follows: bool, ear: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "systemctl"
    program.write_text("#!/bin/sh\ncat <<'END'\n" + jobs + "END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(store_module, "_unit", lambda: "obzvon.service")
    assert store(ear).outlives_us() is follows


def test_where_systemd_cannot_be_asked_the_end_is_taken_for_final(
    ear: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_unit", lambda: "obzvon.service")
    monkeypatch.setenv("PATH", "/nowhere")
    assert not store(ear).outlives_us()
    its = store(ear)
    its.stays()
    assert its.outlives_us()
