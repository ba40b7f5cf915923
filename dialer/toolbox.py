"""What other rooms do for the API: files, sounds, secrets, reasons, the token of the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from secrets import token_hex

from dialer.adapters.calendars import check_calendar, holiday_of
from dialer.adapters.files.lists import ListFile, open_content
from dialer.adapters.files.workbook import workbook
from dialer.adapters.hashes import hash_secret
from dialer.adapters.languages import speaker_for
from dialer.adapters.listening import exported, finished, listened
from dialer.adapters.numbering import check_prefixes, checker, with_prefixes
from dialer.adapters.phones import dnc_entry, reading, reading_of_barred
from dialer.adapters.secrets import new_token, write_secret
from dialer.adapters.zones import zone_of, zones_of
from dialer.domain.access import hashed
from dialer.domain.columns import ReadOptions
from dialer.domain.errors import Missing, StoreDown
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw, Reading, Taken
from dialer.domain.said import listed
from dialer.domain.types import CampaignId
from dialer.office import outlook
from dialer.office.records import RecordingMeans
from dialer.ports.between import Clock
from dialer.ports.stores import Stores, Tokens
from dialer.settings import Settings, dial_rules, office_zone, recordings_dir, sounds_dir
from dialer.web.parts import Imported, ReadEntries, Reject, Tools


def api_tools(settings: Settings, stores: Stores, *, clock: Clock) -> Tools:
    """What other rooms do for the API."""

    async def keep_message(name: str, content: bytes) -> float:
        from dialer.adapters.sounds import store_message  # noqa: PLC0415  few uploads, and numpy takes long

        return (await store_message(sounds_dir(settings), name, content)).seconds

    return Tools(
        import_list=partial(_import_list, settings=settings, stores=stores, clock=clock),
        read_barred=partial(read_barred, country=settings.country),
        keep_message=keep_message,
        keep_secret=partial(_keep_secret, settings.data_dir.absolute() / "secrets"),
        check_number=checker(dial_rules(settings)),
        check_prefixes=lambda prefixes: check_prefixes(prefixes, dial_rules(settings)),
        check_calendar=check_calendar,
        holiday_of=holiday_of,
        dnc_entry=lambda text: dnc_entry(text, settings.country),
        hash_pin=hash_secret,
        zones_of=zones_of,
        zone_of=zone_of,
        new_token=new_token,
        recordings=RecordingMeans(partial(finished, recordings_dir(settings)), listened),
        workbook=workbook,
        exported=exported,
        clock=clock,
        zone=office_zone(settings),
        speak=speaker_for,
    )


async def _import_list(
    campaign: CampaignId,
    file_name: str,
    content: bytes,
    options: ReadOptions,
    *,
    dry_run: bool,
    settings: Settings,
    stores: Stores,
    clock: Clock,
) -> Imported:
    taken = Taken.by_campaign(await stores.leads.numbers_of(campaign))
    file, leads, flaws = await asyncio.to_thread(
        _read_list,
        file_name,
        content,
        await _reading_for(settings, stores, campaign, options),
        options,
        taken,
    )
    shown = [_preview_row(lead) for lead in leads[:10]]
    means = outlook.Means(checker(dial_rules(settings)), zone_of, office_zone(settings), holiday_of)
    known = await stores.campaigns.get(campaign)
    foreseen = await outlook.of_leads(known, leads, stores, means=means, now=clock())
    import_id, count = None, len(leads)
    if not dry_run:
        import_id, count = await stores.leads.import_list(campaign, file_name, leads, now=clock())
    rejects = _told(flaws)
    columns = dict(zip(file.columns.names, map(str, file.columns.fields), strict=True))
    duplicates = file.counts.duplicates + len(leads) - count  # another import brings the same numbers
    return Imported(import_id, count, duplicates, rejects, columns, shown, foreseen)


async def read_barred(file_name: str, content: bytes, options: ReadOptions, *, country: str) -> ReadEntries:
    """A file of what shall never be dialled, read whole by a process of its own."""
    wanted = reading_of_barred(options.country or country)
    return await asyncio.to_thread(_read_barred, file_name, content, wanted, options)


@asynccontextmanager
async def cli_admitted(tokens: Tokens, path: Path, address: str, clock: Clock) -> AsyncIterator[None]:
    """The command line on this machine speaks to the API with a token that lasts as long as its file.

    Its name is drawn: other web processes on the same database have theirs.
    """
    if left_over := await tokens.find(hashed(_token_in(path))):  # by a service that was killed
        await tokens.revoke(left_over.name, clock())
    name, (text, sha256) = f"cli-{token_hex(4)}", new_token()
    await tokens.add(name, "admin", sha256=sha256, now=clock())
    _put_token(path, address, text)
    try:
        yield
    finally:
        _put_token(path)
        with suppress(Missing, StoreDown):
            await tokens.revoke(name, clock())


def _token_in(path: Path) -> str:
    """The token that the file has; '' for no such file, or for one that is broken."""
    try:
        return path.read_text(encoding="utf-8").splitlines()[1]
    except (OSError, ValueError, IndexError):
        return ""


def _put_token(path: Path, *lines: str) -> None:
    """A file of its owner's with these lines in place of the old one; without lines there is none."""
    path.unlink(missing_ok=True)
    if lines:
        path.touch(mode=0o600)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


async def _keep_secret(folder: Path, name: str, secret: str) -> str:
    """A file of a new name each time: whoever compares paths sees that the secret has changed."""
    path = folder / f"{name}-{token_hex(4)}"
    await asyncio.to_thread(write_secret, path, secret)
    return str(path)


async def _reading_for(
    settings: Settings, stores: Stores, campaign: CampaignId, options: ReadOptions
) -> Reading:
    """Takes what the campaign may dial: its country and what its trunks' prefixes name are open as well."""
    known = await stores.campaigns.get(campaign)
    trunks = [trunk for trunk in await stores.trunks.all() if trunk.id in known.trunks]
    country = options.country or settings.country
    rules = with_prefixes(dial_rules(settings).beside(known.country, country), *trunks)
    return reading(country, rules, options.zone)


def _read_list(
    name: str, content: bytes, wanted: Reading, options: ReadOptions, taken: Taken
) -> tuple[ListFile, list[Lead], list[Flaw]]:
    """The whole file, in a thread: reading is synchronous and may take seconds."""
    file = open_content(name, content, wanted, options)
    flaws: list[Flaw] = []
    return file, list(file.leads(taken, flaws.extend)), flaws


def _read_barred(name: str, content: bytes, wanted: Reading, options: ReadOptions) -> ReadEntries:
    file = open_content(name, content, wanted, options)
    flaws: list[Flaw] = []
    entries = list(dict.fromkeys(one for lead in file.leads(Taken(), flaws.extend) for one in lead.numbers))
    counts, columns = file.counts, dict(zip(file.columns.names, map(str, file.columns.fields), strict=True))
    refused = counts.refused + counts.skipped
    return ReadEntries(entries, counts.rows, refused, counts.duplicates, _told(flaws), columns)


def _told(flaws: Sequence[Flaw]) -> list[Reject]:
    return [Reject(flaw.line, flaw.value, listed([flaw.column, flaw.reason], ": ")) for flaw in flaws]


def _preview_row(lead: Lead) -> dict[str, str]:
    return {"numbers": ", ".join(lead.numbers), "name": lead.name, "company": lead.company}
