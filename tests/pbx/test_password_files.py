"""A password file is written anew under its old path: Asterisk has the new password, or keeps the old."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from dialer.domain.errors import NetworkTrouble, TimedOut
from dialer.lab.lab import Lab, Options
from tests.pbx.office import Office, numbers, open_office

SOON_S = 8.0  # a look every 2 s, a push, a registration that waits a second at most; and a slow machine


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def registering() -> AsyncIterator[tuple[Office, Path]]:
    """An office whose trunk registers, and its password file, which each test leaves as it was."""
    async with Lab.start(Options(phones=1)) as lab:
        file = lab.folder / "secrets" / "carrier-by-hand"
        file.touch(mode=0o600)
        file.write_text(lab.trunk.password)
        async with open_office(
            lab, numbers("+7916", 1), trunk=lambda its: replace(its, register=True, password_file=str(file))
        ) as office:
            yield office, file


async def trunk_is(office: Office, state: str) -> None:
    async def is_so() -> bool:
        return state in await office.lab.pbx.cli("pjsip show registrations")

    await office.until(is_so, f"the trunk is {state}", SOON_S)


def log_of(office: Office) -> str:
    return (office.lab.folder / "service.log").read_text()


async def test_a_trunks_new_password_works_within_seconds(registering: tuple[Office, Path]) -> None:
    office, file = registering
    right, wrong = office.lab.trunk.password, "0" * 24
    await trunk_is(office, "Registered")
    file.write_text(wrong)  # as long as the right one, in the same file
    await trunk_is(office, "Rejected")
    file.write_text(right)
    await trunk_is(office, "Registered")
    fresh = file.with_suffix(".new")  # as tools of configuration do it
    fresh.touch(mode=0o600)
    fresh.write_text(wrong)
    fresh.rename(file)
    await trunk_is(office, "Rejected")
    file.write_text(right)
    await trunk_is(office, "Registered")
    assert "a password file was written anew" in log_of(office)
    assert wrong not in log_of(office)
    assert right not in log_of(office)


async def test_a_phones_new_password_works_within_seconds(registering: tuple[Office, Path]) -> None:
    office, _ = registering
    phone, password = office.lab.world.phone("101"), office.lab.handsets[0].password
    file = office.settings.data_dir / "secrets" / "sip-101"
    await phone.registered()
    file.write_text("1" * len(password))

    async def is_refused() -> bool:
        await office.lab.world.phones[0].console.command("pjsip send register 101")
        with suppress(TimedOut):
            await phone.refused(timeout_s=1.0)
            return True
        return False

    await office.until(is_refused, "the old password is refused", SOON_S)
    began = time.monotonic()
    file.write_text(password)
    await phone.registered()
    assert time.monotonic() - began < SOON_S


async def test_a_file_that_cannot_be_read_is_named_and_the_old_password_goes_on(
    registering: tuple[Office, Path],
) -> None:
    office, file = registering
    await trunk_is(office, "Registered")
    file.unlink()
    sentence = f"the secret file {file} cannot be read: No such file or directory"

    async def is_told() -> bool:
        return sentence in log_of(office)

    await office.until(is_told, "the log names the file", SOON_S)
    with pytest.raises(NetworkTrouble, match="cannot be read: No such file"):
        await office.service.post("/v1/trunks/carrier/push")
    await office.lab.pbx.cli("pjsip send unregister carrier")
    await trunk_is(office, "Unregistered")
    await office.lab.pbx.cli("pjsip send register carrier")
    await trunk_is(office, "Registered")
    assert log_of(office).count(sentence) <= 2, "told once for each try, not at every look"
    file.touch(mode=0o600)
    file.write_text(office.lab.trunk.password)
    await office.service.post("/v1/trunks/carrier/push")
