"""`dialer doctor`: looks at everything that a call needs, and says how to mend what is not well."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from rich.text import Text

import asterisk_conf
from asterisk_conf.render import dialplan
from dialer.adapters.ami.registrations import Ami
from dialer.adapters.doctor import asterisk, machine, sip, stores
from dialer.adapters.doctor.finding import Check, Finding, Level, examine
from dialer.adapters.journal.damage import damages
from dialer.adapters.secrets import read_secret
from dialer.adapters.sql.revision import HEAD
from dialer.cli.api import TOKEN_FILE
from dialer.cli.environment import load_settings
from dialer.cli.migrate import database_revision
from dialer.cli.screen import AsJson, out, print_json, printable, say, tell
from dialer.domain.errors import ObzvonError, StoreDown
from dialer.domain.operators import Account
from dialer.domain.said import Said, listed, said, titled, word
from dialer.domain.trunk import Trunk
from dialer.domain.types import CellId
from dialer.lab.rootfs import is_accepted, wanted
from dialer.lab.tested import release, tested
from dialer.settings import (
    Settings,
    agi_peers,
    agi_secret_path,
    dial_rules,
    in_the_clear,
    recordings_dir,
    sounds_dir,
)
from dialer.storage import open_database, redis_url

LINES = {
    str(name): name
    for name in titled(
        "asterisk", "ari user", "modules", "dialplan", "application", "link", "event lag", "clock",
        "sessionlimit", "abilities", "phones", "trunks", "trunk", "prefixes", "ami", "registration",
        "feature codes", "service port", "service", "api", "keeper", "link lag", "set aside", "records",
        "name lookup", "database", "redis", "disk", "folders", "sounds", "recordings", "secrets", "journal",
        context="doctor",
    )
}  # fmt: skip
COLOURS = {Level.PASS: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows; nothing where it cannot be read."""

    trunks: Sequence[Trunk] = ()
    accounts: Sequence[Account] = ()


def doctor(as_json: AsJson = False) -> None:
    """Look at everything that a call needs; exit code 1 when something is broken."""
    findings = asyncio.run(look(load_settings()))
    broken = [finding for finding in findings if finding.level is Level.FAIL]
    if as_json:
        print_json(findings)
    else:
        _tell(findings)
    if broken:
        raise typer.Exit(1)


def _tell(findings: Sequence[Finding]) -> None:
    console = out()
    names = {finding: tell(_name(finding)) for finding in findings}
    width = max(map(len, names.values()))
    levels = {level: tell(word(level)) for level in Level}
    margin = max(map(len, levels.values()))
    for finding in findings:
        level = Text(f"{levels[finding.level]:<{margin}}", style=COLOURS[finding.level])
        console.print(level, Text(f"{names[finding]:<{width}}  {printable(tell(finding.text))}"))
        if finding.level is not Level.PASS and finding.mend:
            console.print(Text(f"{'':<{margin}} {'':<{width}}  -> {tell(finding.mend)}"))
    counts = {level: sum(finding.level is level for finding in findings) for level in Level}
    say(
        said(
            "{well} well, {doubtful} doubtful, {broken} broken",
            well=counts[Level.PASS],
            doubtful=counts[Level.WARN],
            broken=counts[Level.FAIL],
        )
    )


def _name(finding: Finding) -> Said:
    """Of a line; a way out is called by its own name after the word."""
    what, _, which = finding.name.partition(" ")
    return LINES.get(finding.name) or listed([LINES.get(what, what), which], " ")


async def look(settings: Settings) -> list[Finding]:
    """Every line, in an order that reads from the ground up."""
    known = await read_database(settings)
    return await examine(checks(settings, known))


async def read_database(settings: Settings) -> Known:
    """Trunks and accounts; that the database is broken is told by its own line."""
    try:
        if not await database_revision(settings):
            return Known()
        async with open_database(settings) as opened:
            return Known(await opened.trunks.all(), await opened.accounts.all())
    except ObzvonError:
        return Known()


def checks(settings: Settings, known: Known) -> list[Check]:
    """What is looked at with these settings."""
    process = machine.find_process(_port(settings)) if _is_here(settings) else None
    folders = (("sounds", sounds_dir(settings), False), ("recordings", recordings_dir(settings), True))
    room = {"data": settings.data_dir.absolute(), "recordings": recordings_dir(settings)}
    place = where(settings, known)
    agi = (_host(settings), settings.agi_bind, agi_peers(settings))
    listener = (settings.ari_bind, settings.ari_port, settings.cell)
    return [
        Check("asterisk", lambda: asterisk.look_at_asterisk(place), said("restart Asterisk")),
        Check("prefixes", lambda: sip.look_at_prefixes(place.trunks, dial_rules(settings))),
        Check("ami", lambda: stores.look_at_registrations(_ami(settings), _registering(known))),
        Check("feature codes", lambda: machine.look_at_feature_codes(*agi),
              said("check DIALER_ARI_HTTP_URL and DIALER_AGI_BIND")),
        Check("service port", lambda: machine.look_at_port(*listener)),
        Check("api", lambda: machine.look_at_api(settings.api_bind, in_the_clear(settings))),
        Check("service", lambda: stores.look_at_service(_address(settings))),
        Check("name lookup", lambda: machine.look_at_names(process)),
        Check("database", lambda: stores.look_at_database(lambda: database_revision(settings), HEAD),
              said("check DIALER_DATABASE_URL, and that the database runs")),
        Check("journal", lambda: _look_at_journal(settings)),
        Check("redis", lambda: stores.look_at_redis(redis_url(settings)),
              said("check DIALER_REDIS_URL, and that Redis runs")),
        Check("disk", lambda: machine.look_at_disk(room)),
        Check("folders", lambda: machine.look_at_folders(process, folders)),
        Check("secrets", lambda: machine.look_at_secrets(secret_files(settings, known))),
    ]  # fmt: skip


async def _look_at_journal(settings: Settings) -> list[Finding]:
    async def held() -> int:
        with suppress(StoreDown):  # a line of its own tells of that; the journal is read all the same
            if await database_revision(settings):
                async with open_database(settings) as opened:
                    return (await opened.leases.held_back()).get(CellId(settings.cell), 0)
        return 0

    place = settings.data_dir / "journal" / settings.cell
    return await stores.look_at_journal(damages(place), held, settings.cell)


def where(settings: Settings, known: Known) -> asterisk.Place:
    """Asterisk as these settings have it."""
    return asterisk.Place(
        url=settings.ari_http_url.rstrip("/"),
        user=settings.ari_user,
        password=_secret(settings.ari_password_file),
        app=settings.ari_app,
        modules=needed_modules(),
        dialplan=dialplan(),
        trunks=[trunk for trunk in known.trunks if trunk.enabled],
        is_accepted=is_accepted,
        wanted=wanted(),
        tested=tested(),
        release_of=release,
    )


def needed_modules() -> frozenset[str]:
    """Those that our own modules.conf cannot do without."""
    path = Path(asterisk_conf.__file__).with_name("modules.conf")
    lines = (line.partition("=") for line in path.read_text().splitlines())
    return frozenset(value.strip(" >") for key, _, value in lines if key.strip() == "require")


def secret_files(settings: Settings, known: Known) -> dict[str, Path]:
    """Every file with a password that is used."""
    files: dict[str, Any] = {"ARI": settings.ari_password_file, "AMI": settings.ami_password_file}
    files["FastAGI"] = agi_secret_path(settings)
    files |= {"PostgreSQL": settings.database_password_file, "Redis": settings.redis_password_file}
    files |= {said("trunk {trunk}", trunk=one.id): one.password_file for one in known.trunks}
    files |= {
        said("operator {operator}", operator=one.id): one.sip_password_file
        for one in known.accounts
        if one.enabled
    }
    return {what: Path(path) for what, path in files.items() if path}


def _secret(path: Path | None) -> str:
    try:
        return read_secret(path) if path else ""
    except ObzvonError:
        return ""  # the line about secrets says what is wrong with the file


def _ami(settings: Settings) -> Ami | None:
    secret = _secret(settings.ami_password_file)
    if not settings.ami_port or not secret:
        return None
    return Ami(settings.ami_host, settings.ami_port, settings.ami_user, secret)


def _registering(known: Known) -> list[str]:
    return [trunk.id for trunk in known.trunks if trunk.register and trunk.enabled]


def _address(settings: Settings) -> str:
    """Where the running service says that it is; empty when it does not run."""
    try:
        return (settings.data_dir / TOKEN_FILE).read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        return ""


def _port(settings: Settings) -> int:
    return urlsplit(settings.ari_http_url).port or 80


def _host(settings: Settings) -> str:
    return urlsplit(settings.ari_http_url).hostname or ""


def _is_here(settings: Settings) -> bool:
    """Whether Asterisk is on this machine."""
    host = _host(settings)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
