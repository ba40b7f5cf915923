"""The demo beside a service that runs: who plays, and what is entered for it in the service's database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialer.adapters.secrets import read_secret
from dialer.demo.stage import GUEST
from dialer.demo.troupe import OPERATORS, dress
from dialer.domain.law import LAWFUL_RING_S
from dialer.settings import Settings
from dialer.storage import open_database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "service", sounds_dir=tmp_path / "sounds")


def password_in(text: str, user: str) -> str:
    found = re.search(rf"username ?= ?{user}\npassword ?= ?(\S+)", text)
    assert found
    return found[1]


def written(folder: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in folder.glob("*/*.conf")}


async def test_carrier_and_phones_know_the_passwords_that_the_service_has(
    settings: Settings, tmp_path: Path
) -> None:
    await dress(settings, tmp_path)
    carrier = (tmp_path / "carrier/pjsip.conf").read_text()
    phones = (tmp_path / "phones/handsets.conf").read_text()
    async with open_database(settings) as stores:
        (trunk,), accounts = await stores.trunks.all(), await stores.accounts.all()
    assert password_in(carrier, trunk.user) == read_secret(Path(trunk.password_file))
    assert f"bind = {trunk.host}:{trunk.port}" in carrier
    players = [one for one in accounts if one.id != GUEST]
    assert len(players) == OPERATORS
    for one in players:
        assert password_in(phones, one.id) == read_secret(Path(one.sip_password_file))


async def test_every_file_is_filled_in_and_knows_its_own_folder(settings: Settings, tmp_path: Path) -> None:
    await dress(settings, tmp_path)
    for kind in ("carrier", "phones"):
        assert "@@" not in "".join(path.read_text() for path in (tmp_path / kind).iterdir())
        assert f"astetcdir => {tmp_path / kind}\n" in (tmp_path / kind / "asterisk.conf").read_text()


async def test_people_get_their_lawful_time_to_answer(settings: Settings, tmp_path: Path) -> None:
    await dress(settings, tmp_path)
    async with open_database(settings) as stores:
        (campaign,) = await stores.campaigns.all()
    assert campaign.ring_s >= LAWFUL_RING_S  # a service in containers is in no lab


async def test_a_second_start_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    await dress(settings, tmp_path)
    async with open_database(settings) as stores:
        first = (await stores.trunks.all(), await stores.accounts.all(), await stores.campaigns.all())
    files = written(tmp_path)
    await dress(settings, tmp_path)
    async with open_database(settings) as stores:
        assert (await stores.trunks.all(), await stores.accounts.all(), await stores.campaigns.all()) == first
    assert written(tmp_path) == files
