"""An upload and a campaign say by REST who can be called, when, and why not before."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from dialer.domain.campaign import Campaign
from dialer.domain.dnc import Entry
from dialer.domain.trunk import Trunk
from dialer.domain.types import CampaignId, TrunkId
from dialer.settings import Settings
from tests.parts.web.test_once import Office, form
from tests.web.world import ask

LIST = "Телефон;Город\n8 911 000-00-01;Москва\n8 911 000-00-02;Москва\n8 911 000-00-03;Владивосток\n"
RUSSIAN = {"Accept-Language": "ru"}


async def test_a_preview_says_what_the_campaign_says_afterwards(sqlite_url: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        office = Office(sqlite_url, Settings(data_dir=tmp_path / "data"), stack)
        app = await office.process()
        token = await office.admit("supervisor")
        await office.stores.trunks.add(Trunk(TrunkId("main"), "192.0.2.1"))
        made = await office.stores.campaigns.add(Campaign(CampaignId(0), "spring", trunks=(TrunkId("main"),)))
        await office.stores.numbers.block(Entry("+79110000001", None, "asked", office.now()))
        raw, headers = form(LIST.encode(), "mark")
        path = f"/v1/campaigns/{made.id}/imports"
        dry = await ask(app, "POST", f"{path}?dry_run=true", token=token, raw=raw, headers=headers | RUSSIAN)
        foreseen = dry.json["outlook"]
        assert [foreseen[one] for one in ("leads", "now", "today", "later", "never")] == [3, 1, 0, 1, 1]
        assert {(one["when"], one["why"]) for one in foreseen["reasons"]} == {
            ("never", "barred"),
            ("later", "hours"),  # one in the afternoon in Moscow is eight in the evening in Vladivostok
        }
        assert foreseen["sentence"].startswith("из 3 лидов 1 можно набрать сейчас")
        done = await ask(app, "POST", path, token=token, raw=raw, headers=headers | RUSSIAN)
        assert done.json["outlook"] == foreseen
        wall = await office.admit("viewer")
        of_campaign = f"/v1/campaigns/{made.id}/outlook"
        assert (await ask(app, "GET", of_campaign, token=wall, headers=RUSSIAN)).json == foreseen
        assert (await ask(app, "GET", "/v1/campaigns/9/outlook", token=wall)).status == 404
