"""What other rooms do for the API: files, sounds, secrets, reasons."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Any

from dialer.adapters.files.lists import ListFile, open_content
from dialer.adapters.languages import speaker_for
from dialer.adapters.phones import reading, zones_of
from dialer.adapters.secrets import hash_secret, write_secret
from dialer.adapters.sounds import store_message
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw, Taken
from dialer.domain.said import heard, listed
from dialer.domain.types import CampaignId
from dialer.ports import Clock, Command, Desk, Stores
from dialer.settings import Settings, sounds_dir
from dialer.web.parts import Explanation, GateLine, Imported, Reasoned, Reject, Tools


def api_tools(settings: Settings, stores: Stores, desk: Desk, *, clock: Clock) -> Tools:
    """What other rooms do for the API."""

    async def import_list(campaign: CampaignId, file_name: str, content: bytes, *, dry_run: bool) -> Imported:
        taken = Taken.by_campaign(await stores.leads.numbers_of(campaign))
        file, leads, flaws = await asyncio.to_thread(_read_list, file_name, content, settings.country, taken)
        shown = [_preview_row(lead) for lead in leads[:10]]
        import_id = None
        if not dry_run:
            import_id, _ = await stores.leads.import_list(campaign, file_name, leads, now=clock())
        rejects = [Reject(flaw.line, flaw.value, listed([flaw.column, flaw.reason], ": ")) for flaw in flaws]
        columns = dict(zip(file.columns.names, map(str, file.columns.fields), strict=True))
        return Imported(import_id, len(leads), file.counts.duplicates, rejects, columns, shown)

    async def keep_message(name: str, content: bytes) -> float:
        return (await store_message(sounds_dir(settings), name, content)).seconds

    async def keep_secret(name: str, secret: str) -> str:
        """A file of a new name each time: whoever compares paths sees that the secret has changed."""
        path = settings.data_dir.absolute() / "secrets" / f"{name}-{token_hex(4)}"
        await asyncio.to_thread(write_secret, path, secret)
        return str(path)

    async def explain(campaign: CampaignId) -> Explanation:
        answer = await desk.do(Command("explain", f"campaign:{campaign}"))
        return Explanation(
            campaign=campaign,
            at=datetime.fromisoformat(answer["at"]),
            gates=[_gate_line(gate) for gate in answer["gates"]],
            held_back={heard(why): count for why, count in answer["held_back"]},
            summary=heard(answer["summary"]),
        )

    async def decisions() -> Sequence[Reasoned]:
        answer = await desk.do(Command("decisions", f"cell:{settings.cell}"))
        return [_reasoned(one) for one in answer["decisions"]]

    return Tools(
        import_list=import_list,
        keep_message=keep_message,
        keep_secret=keep_secret,
        hash_pin=hash_secret,
        zones_of=zones_of,
        explain=explain,
        decisions=decisions,
        clock=clock,
        speak=speaker_for,
    )


def _read_list(
    name: str, content: bytes, country: str, taken: Taken
) -> tuple[ListFile, list[Lead], list[Flaw]]:
    """The whole file, in a thread: reading is synchronous and may take seconds."""
    file = open_content(name, content, reading(country))
    flaws: list[Flaw] = []
    return file, list(file.leads(taken, flaws.extend)), flaws


def _preview_row(lead: Lead) -> dict[str, str]:
    return {"numbers": ", ".join(lead.numbers), "name": lead.name, "company": lead.company}


def _gate_line(gate: Mapping[str, Any]) -> GateLine:
    opens_at = datetime.fromisoformat(gate["opens_at"]) if gate["opens_at"] else None
    return GateLine(gate["name"], gate["is_open"], heard(gate["value"]), opens_at)


def _reasoned(told: Mapping[str, Any]) -> Reasoned:
    at, reason = datetime.fromisoformat(told["at"]), heard(told["reason"])
    return Reasoned(CampaignId(told["campaign"]), at, reason, told["forecast"])
