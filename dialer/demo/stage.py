"""Sets the stage: what an administrator would enter by hand, here in one go."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Protocol

from dialer.adapters.files.lists import open_path
from dialer.adapters.hashes import hash_secret
from dialer.adapters.languages import speaker
from dialer.adapters.phones import reading
from dialer.adapters.secrets import write_secret
from dialer.adapters.sounds import write_demo_message
from dialer.domain.campaign import Campaign
from dialer.domain.listing import Taken
from dialer.domain.operators import Account
from dialer.domain.said import said
from dialer.domain.schedule import every_day
from dialer.domain.trunk import NumberFormat, Trunk
from dialer.domain.types import CampaignId, Mode, OperatorId, TrunkId
from dialer.lab.lab import TrunkAccount
from dialer.lab.phones import Handset
from dialer.ports.stores import Stores
from dialer.settings import Settings, sounds_dir
from dialer.storage import open_database

LEADS = 500
TRUNK = TrunkId("carrier")
GUEST = OperatorId("199")  # whoever tries the demo with a softphone
GUEST_PIN = "1990"
RING_S = 8.0  # the lab's customers are quick; outside the lab 15 s is the least
WRAP_UP_S = 4.0
NAMES = (
    "Анна",
    "Борис",
    "Вера",
    "Глеб",
    "Дарья",
    "Егор",
    "Жанна",
    "Захар",
    "Инна",
    "Кирилл",
    "Лидия",
    "Марк",
)
COMPANIES = ("Обской маяк", "Северный ветер", "Лесопром", "ТехноЛад", "Уралсвязь", "Вольта", "Кедр", "Полюс")


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands ready when the service starts."""

    campaign: CampaignId
    operators: Sequence[OperatorId]
    guest_password: str
    leads: int


class Cast(Protocol):
    """Who plays at the other ends of the PBX's wires."""

    @property
    def trunk(self) -> TrunkAccount: ...

    @property
    def handsets(self) -> Sequence[Handset]: ...


async def set_stage(
    cast: Cast, settings: Settings, mode: Mode, ratio: float, *, ring_s: float = RING_S
) -> Stage:
    """A trunk, operators, a message, a campaign, and a list that is imported from a CSV file."""
    folder = settings.data_dir
    async with open_database(settings) as stores:
        await stores.trunks.add(_trunk(cast.trunk))
        operators = await _operators(cast.handsets, stores, folder / "secrets")
        guest_password = secrets.token_hex(6)
        name = speaker(settings.language)(said("You"))
        await stores.accounts.add(await _guest(folder / "secrets", guest_password, name))
        message = write_demo_message(sounds_dir(settings))
        campaign = await stores.campaigns.add(
            Campaign(
                CampaignId(0),
                "demo",
                mode=mode,
                ratio=ratio,
                operators=frozenset([*operators, GUEST]),
                trunks=(TRUNK,),
                schedule=every_day(time(0), time(0)),
                ring_s=ring_s,
                wrap_up_s=WRAP_UP_S,
                message=message.name,
            )
        )
        path = folder / "sample.csv"
        write_sample(path, LEADS)
        leads = await _import(stores, campaign.id, path, settings.country)
    return Stage(campaign.id, operators, guest_password, leads)


def _trunk(account: TrunkAccount) -> Trunk:
    return Trunk(
        TRUNK,
        host=account.host,
        port=account.port,
        register=True,
        user=account.user,
        password_file=str(account.password_file),
        number_format=NumberFormat.BARE,
        caller_ids=("+74951234567",),
        lines=60,
        calls_per_s=20,
        prefixes=("+7",),
    )


async def _operators(handsets: Sequence[Handset], stores: Stores, folder: Path) -> list[OperatorId]:
    for index, handset in enumerate(handsets):
        path = folder / f"sip-{handset.number}"
        if not path.exists():
            write_secret(path, handset.password)
        name = NAMES[index % len(NAMES)]
        await stores.accounts.add(Account(OperatorId(handset.number), name, sip_password_file=str(path)))
    return [OperatorId(handset.number) for handset in handsets]


async def _guest(folder: Path, password: str, name: str) -> Account:
    write_secret(folder / f"sip-{GUEST}", password)
    return Account(
        GUEST, name, sip_password_file=str(folder / f"sip-{GUEST}"), pin_hash=await hash_secret(GUEST_PIN)
    )


def write_sample(path: Path, leads: int) -> None:
    """A list as somebody would bring it: Russian headings, semicolons, numbers written in four ways."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["Телефон", "Контакт", "Компания", "Город"])
        for i in range(leads):
            rows.writerow([_written(i), NAMES[i % len(NAMES)], f"ООО «{COMPANIES[i % 8]} {i}»", "Москва"])


def _written(index: int) -> str:
    area, rest = 495 if index % 3 else 916, f"{2000000 + index * 137:07d}"
    pretty = f"{rest[:3]}-{rest[3:5]}-{rest[5:]}"
    forms = (f"+7 ({area}) {pretty}", f"8{area}{rest}", f"7{area}{rest}", f"8 ({area}) {pretty}")
    return forms[index % 4]


async def _import(stores: Stores, campaign: CampaignId, path: Path, country: str) -> int:
    taken = await stores.leads.numbers_of(campaign)
    leads = list(open_path(path, reading(country)).leads(Taken.by_campaign(taken)))
    _, count = await stores.leads.import_list(campaign, path.name, leads, now=datetime.now(UTC))
    return count
