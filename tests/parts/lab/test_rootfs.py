"""The private root is made once, checked at each use, made again when it is broken, and never half."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path

import pytest

from dialer.domain.errors import Fatal
from dialer.lab import packages, rootfs, tested
from dialer.lab.rootfs import PrivateRoot, ensure_asterisk, is_accepted

VERSION = "22.10.1"


class Maker:
    """Stands in for mmdebstrap and dpkg: counts how often it was asked, and can fail."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fetched = self.unpacked = 0
        self.fails = ""
        self.version = VERSION
        self.said: list[str] = []
        monkeypatch.setattr(rootfs, "ask_version", self.ask)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        self.root = PrivateRoot(folder, fetch=self.fetch, unpack=self.unpack)

    def ask(self, command: list[str]) -> str:
        assert command[0] == "chroot"
        return self.version if Path(command[1], rootfs.BINARY).is_file() else ""

    def fetch(self, target: Path, progress: packages.Progress) -> None:
        self.fetched += 1
        if self.fails == "fetch":
            raise Fatal("downloading Asterisk failed: no network")
        (target / "asterisk_22.deb").write_text("a package")

    def unpack(self, source: Path, root: Path) -> None:
        self.unpacked += 1
        for name in ("etc", "usr/sbin", "usr/lib", "usr/share/asterisk/sounds"):
            (root / name).mkdir(parents=True)
        if self.fails == "unpack":
            raise Fatal("unpacking failed: disk full")
        (root / rootfs.BINARY).write_text("asterisk")
        (root / "usr/lib/libx.so").write_text((source / "asterisk_22.deb").read_text())

    def ensure(self) -> rootfs.Asterisk:
        return self.root.ensure(self.said.append)


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    return Maker(tmp_path / "cache", monkeypatch)


def test_it_is_made_once_and_used_ever_after(maker: Maker) -> None:
    first, second = maker.ensure(), maker.ensure()
    assert first == second
    assert (first.version, first.root) == (VERSION, maker.root.root)
    assert first.command("-V") == ["chroot", str(maker.root.root), "/usr/sbin/asterisk", "-V"]
    assert (maker.fetched, maker.unpacked) == (1, 1)


def test_it_knows_its_own_host_name(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootfs.socket, "gethostname", lambda: "box.example")
    maker.ensure()
    assert "127.0.0.1 box.example box\n" in (maker.root.root / "etc/hosts").read_text()
    monkeypatch.setattr(rootfs.socket, "gethostname", lambda: "renamed")
    maker.ensure()
    assert "127.0.0.1 renamed renamed\n" in (maker.root.root / "etc/hosts").read_text()


@pytest.mark.parametrize(
    "breakage", ["missing", "truncated", "no stamp", "garbled stamp", "does not run", "gone"]
)
def test_a_broken_one_is_noticed_and_made_again_without_the_network(maker: Maker, breakage: str) -> None:
    maker.ensure()
    root, stamp = maker.root.root, maker.root.folder / "asterisk-root.json"
    match breakage:
        case "missing":
            (root / "usr/lib/libx.so").unlink()
        case "truncated":
            (root / "usr/lib/libx.so").write_text("")
        case "no stamp":
            stamp.unlink()
        case "garbled stamp":
            stamp.write_text('{"version": "22')
        case "does not run":
            maker.version = ""
            assert maker.root.fault() == "it does not run"
            maker.version = "22.10.2"
        case "gone":
            rootfs.shutil.rmtree(root)
    assert maker.root.fault()
    maker.ensure()
    assert maker.root.fault() == ""
    assert (maker.fetched, maker.unpacked) == (1, 2)


def test_harmed_packages_are_fetched_again(maker: Maker) -> None:
    maker.ensure()
    (maker.root.packages / "asterisk_22.deb").write_text("harmed")
    (maker.root.root / "usr/lib/libx.so").unlink()
    maker.ensure()
    assert maker.fetched == 2
    assert (maker.root.root / "usr/lib/libx.so").read_text() == "a package"


@pytest.mark.parametrize("step", ["fetch", "unpack"])
def test_a_making_that_fails_leaves_nothing_and_can_be_tried_again(maker: Maker, step: str) -> None:
    maker.fails = step
    with pytest.raises(Fatal, match="no network" if step == "fetch" else "disk full"):
        maker.ensure()
    assert not maker.root.root.exists()
    assert not list(maker.root.folder.glob("making-*"))
    maker.fails = ""
    assert maker.ensure().version == VERSION


def test_a_making_that_was_killed_is_swept_up(maker: Maker) -> None:
    (maker.root.folder / "making-dead/root").mkdir(parents=True)
    maker.ensure()
    assert not list(maker.root.folder.glob("making-*"))


def test_a_failing_repair_says_so_and_keeps_the_packages(maker: Maker) -> None:
    maker.ensure()
    (maker.root.root / "usr/lib/libx.so").unlink()
    maker.version = "18.26.4"
    with pytest.raises(
        Fatal, match=r"the fetched Asterisk is 18\.26\.4, wanted is 20\.15 or later, .*tried: 22\.10\.1"
    ):
        maker.ensure()
    assert packages.are_sound(maker.root.packages)


def test_many_at_once_make_one(maker: Maker) -> None:
    found: list[rootfs.Asterisk] = []
    threads = [threading.Thread(target=lambda: found.append(maker.ensure())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 6
    assert (maker.fetched, maker.unpacked) == (1, 1)


def test_without_root_one_sentence_says_what_to_do(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Fatal, match="needs root: run this as root, or install such an Asterisk"):
        maker.ensure()


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    with pytest.raises(Fatal, match="sipp is missing: install the package sip-tester"):
        packages.ensure_program("sipp", "sip-tester", lambda words: None)


def test_a_command_that_fails_is_quoted_with_its_last_words() -> None:
    with pytest.raises(Fatal, match=r"listing failed \(ls\): .*No such file"):
        packages.run(["ls", "/no/such/place"], "listing")
    with pytest.raises(Fatal, match=r"listing failed: .*no-such-program"):
        packages.run(["no-such-program"], "listing")


GOOD_ENOUGH = ["22.10.1", "22.5.0", "21.10.0", "20.15.2", "23.0.0", "24.1.0~rc1"]
TOO_OLD = ["22.4.1", "21.9.9", "20.14.0", "19.8.1", "18.26.4", "", "GIT-master"]


@pytest.mark.parametrize("version", [*GOOD_ENOUGH, *TOO_OLD])
def test_versions_with_the_outbound_websocket_are_accepted(version: str) -> None:
    assert is_accepted(version) is (version in GOOD_ENOUGH)


def test_the_hosts_own_asterisk_is_used_if_it_will_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = fake_asterisk(tmp_path, "Asterisk 22.6.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    asterisk = ensure_asterisk(lambda words: None)
    assert (asterisk.version, asterisk.root) == ("22.6.0", None)
    assert asterisk.command("-V") == [str(own), "-V"]


def test_the_hosts_own_asterisk_is_passed_over_aloud_if_it_is_too_old(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, maker: Maker
) -> None:
    fake_asterisk(tmp_path, "Asterisk 16.28.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(rootfs, "PrivateRoot", lambda folder: maker.root)
    monkeypatch.setattr(
        rootfs, "ask_version", lambda command: VERSION if command[0] == "chroot" else "16.28.0"
    )
    assert ensure_asterisk(maker.said.append).root == maker.root.root
    assert maker.said[0].startswith("the host's Asterisk is 16.28.0, wanted is 20.15 or later")


def fake_asterisk(folder: Path, says: str) -> Path:
    program = folder / "asterisk"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


# --- the version that is written down ---------------------------------------------------------------------


def sums_of_the_lock() -> dict[str, str]:
    """File name -> hash, as a download of exactly what the lock names would have them."""
    return {
        f"{one.name}_{one.version.replace(':', '%3a')}_{one.architecture}.deb": one.sha256
        for one in tested.read_lock(tested.LOCK.read_text())
    }


def test_the_lock_names_every_package_that_is_fetched_with_version_and_hash() -> None:
    lock = tested.read_lock(tested.LOCK.read_text())
    assert {one.name for one in lock} >= {*packages.PACKAGES, "asterisk-modules", "asterisk-config"}
    assert all(re.fullmatch("[0-9a-f]{64}", one.sha256) for one in lock)
    assert is_accepted(tested.tested())
    assert tested.renewed(tested.LOCK.read_text(), sums_of_the_lock().items()) == tested.LOCK.read_text()


@pytest.mark.parametrize(
    ("called", "release"),
    [
        ("1:22.10.1+dfsg+~cs6.17.60671434-1", "22.10.1"),
        ("22.10.1~dfsg+~cs6.17", "22.10.1"),
        ("22.11.0-rc2", "22.11.0-rc2"),
        ("1:22.11.0~rc2~dfsg-1", "22.11.0-rc2"),
        ("GIT-master-1a2b", ""),
    ],
)
def test_a_version_is_the_same_whoever_says_it(called: str, release: str) -> None:
    assert tested.release(called) == release


def test_what_the_lock_names_is_taken_without_a_word_and_also_on_another_architecture() -> None:
    sums = sums_of_the_lock()
    assert tested.other_than_tested(sums.items()) == ""
    other = {name.replace("_amd64", "_arm64"): "0" * 64 if "_amd64" in name else sums[name] for name in sums}
    assert tested.other_than_tested(other.items()) == ""


@pytest.mark.parametrize("difference", ["newer", "same version, other content", "gone"])
def test_an_archive_that_has_moved_is_told_loudly_with_the_tested_version_and_does_not_stop_the_set_up(
    maker: Maker, difference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = sums_of_the_lock()
    name = next(each for each in sums if each.startswith("asterisk_"))
    known = sums.pop(name)
    if difference == "newer":
        sums[name.replace("22.10.1", "22.99.0")] = known
    elif difference != "gone":
        sums[name] = "0" * 64
    monkeypatch.setattr(
        packages, "write_sums", lambda folder: (folder / "sums.json").write_text(json.dumps(sums))
    )
    assert maker.ensure().version == VERSION
    warning = maker.said[-1]
    assert "NOT THE TESTED ONE" in warning and f"Asterisk {tested.tested()}" in warning
    assert ("22.99.0" in warning) == (difference == "newer")
