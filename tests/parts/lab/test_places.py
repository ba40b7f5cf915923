"""Folders and ports of labs side by side: none twice, none left behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dialer.domain.errors import Fatal
from dialer.lab import home as homes
from dialer.lab.home import Home
from dialer.lab.ports import SINGLE, Ports, is_free
from dialer.lab.rootfs import Asterisk

HOST = "127.0.0.1"


def test_no_port_is_drawn_twice_while_it_is_held() -> None:
    one, two = Ports(seed=1), Ports(seed=1)
    try:
        first, second = ([ports.draw(HOST) for _ in range(20)] for ports in (one, two))
        assert len({*first, *second}) == 40
        assert all(port in SINGLE for port in first)
    finally:
        one.release()
        two.release()


def test_a_released_port_can_be_drawn_again() -> None:
    one, two = Ports(seed=2), Ports(seed=2)
    port = one.draw(HOST)
    one.release()
    try:
        assert two.draw(HOST) == port
    finally:
        two.release()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_in_use_is_not_free(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((HOST, 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        assert not is_free(HOST, taken.getsockname()[1])
        assert is_free("127.0.0.9", taken.getsockname()[1])


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(Fatal, match=r"the address 192\.0\.2\.1 cannot be used here"):
        is_free("192.0.2.1", 40000)


def test_a_range_for_sound_is_even_and_whole() -> None:
    start, end = Ports().draw_rtp()
    assert start % 2 == 0
    assert end - start >= 1999


@pytest.fixture
def rooted(tmp_path: Path) -> Asterisk:
    (tmp_path / "root").mkdir()
    return Asterisk("22.10.1", "/usr/sbin/asterisk", tmp_path / "root")


def test_inside_a_private_root_the_folder_has_the_same_path(tmp_path: Path, rooted: Asterisk) -> None:
    home = Home(rooted, tmp_path)
    home.make("pbx", "etc").joinpath("x.conf").write_text("x")
    assert Path(f"{rooted.root}{home.path}/pbx/etc/x.conf").read_text() == "x"
    assert home.path.resolve().stat().st_mode & 0o077 == 0
    home.remove()
    assert not os.path.lexists(home.path)
    assert not Path(f"{rooted.root}{home.path}").exists()


def test_with_the_hosts_own_asterisk_it_is_a_plain_folder(tmp_path: Path) -> None:
    home = Home(Asterisk("22.10.1", "/usr/sbin/asterisk"), tmp_path)
    assert home.path.is_dir()
    assert not home.path.is_symlink()
    home.remove()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_killed_labs_are_swept_and_those_of_living_ones_kept(
    tmp_path: Path, rooted: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homes, "SETTLED_S", -1.0)
    living, killed = Home(rooted, tmp_path), Home(rooted, tmp_path)
    killed._owner.close()  # as the kernel does when its process dies
    newcomer = Home(rooted, tmp_path)
    assert living.path.is_dir()
    assert not os.path.lexists(killed.path)
    assert not Path(f"{rooted.root}{killed.path}").exists()
    living.remove()
    newcomer.remove()
