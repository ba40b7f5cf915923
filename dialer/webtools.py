"""What the web is given of other rooms: adapters bound to the settings, and no use case."""

from __future__ import annotations

import asyncio
from datetime import tzinfo
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import IO

from dialer.adapters.calendars import check_calendar, holiday_of
from dialer.adapters.files.lists import open_upload
from dialer.adapters.files.opening import Opener
from dialer.adapters.files.register import Register
from dialer.adapters.files.workbook import workbook
from dialer.adapters.hashes import hash_secret
from dialer.adapters.languages import speaker_for
from dialer.adapters.listening import exported, finished, listened
from dialer.adapters.numbering import check_prefixes, checker
from dialer.adapters.phones import dnc_entry, reading_of_barred
from dialer.adapters.secrets import new_token, write_secret
from dialer.adapters.zones import zone_of, zones_of
from dialer.domain.columns import ReadOptions
from dialer.domain.listing import Flaw
from dialer.domain.said import listed
from dialer.office.records import RecordingMeans
from dialer.ports.between import Clock
from dialer.settings import Settings, dial_rules, office_zone, recordings_dir, sounds_dir
from dialer.web.parts import MOST_REJECTS, ReadEntries, Reject, Tools


def web_tools(settings: Settings, *, clock: Clock) -> Tools:
    """Everything that routes ask of other rooms."""
    rules = dial_rules(settings)

    def upload(name: str, file: IO[bytes]) -> Opener:
        return Opener(partial(open_upload, name, file), country=settings.country, rules=rules)

    async def keep_message(name: str, content: bytes) -> float:
        from dialer.adapters.sounds import store_message  # noqa: PLC0415  few uploads, and numpy takes long

        return (await store_message(sounds_dir(settings), name, content)).seconds

    return Tools(
        upload=upload,
        read_barred=partial(read_barred, country=settings.country, zone=office_zone(settings), clock=clock),
        workbook=workbook,
        exported=exported,
        keep_message=keep_message,
        keep_secret=partial(_keep_secret, settings.data_dir.absolute() / "secrets"),
        check_number=checker(rules),
        check_prefixes=lambda prefixes: check_prefixes(prefixes, rules),
        dnc_entry=lambda text: dnc_entry(text, settings.country),
        hash_pin=hash_secret,
        zones_of=zones_of,
        zone_of=zone_of,
        check_calendar=check_calendar,
        holiday_of=holiday_of,
        new_token=new_token,
        recordings=RecordingMeans(partial(finished, recordings_dir(settings)), listened),
        clock=clock,
        zone=office_zone(settings),
        speak=speaker_for,
    )


async def _keep_secret(folder: Path, name: str, secret: str) -> str:
    """A file of a new name each time: whoever compares paths sees that the secret has changed."""
    path = folder / f"{name}-{token_hex(4)}"
    await asyncio.to_thread(write_secret, path, secret)
    return str(path)


async def read_barred(
    file_name: str, file: IO[bytes], options: ReadOptions, *, country: str, zone: tzinfo, clock: Clock
) -> ReadEntries:
    """A file of what shall never be dialled, read by a process of its own."""
    opening = partial(open_upload, file_name, file, reading_of_barred(options.country or country))
    opened = partial(Register, opening, options, zone=zone, now=clock())
    return await asyncio.to_thread(lambda: _entries(opened()))


def _entries(register: Register) -> ReadEntries:
    flaws: list[Flaw] = []
    entries = register.read(flaws.extend)
    counts = register.counts
    refused = counts.refused + counts.skipped
    rejects = [Reject(flaw.line, flaw.value, _why(flaw)) for flaw in flaws[:MOST_REJECTS]]
    return ReadEntries(entries, counts.rows, refused, counts.duplicates, rejects, register.columns)


def _why(flaw: Flaw) -> str:
    return listed([flaw.column, flaw.reason], ": ") if flaw.column else flaw.reason
