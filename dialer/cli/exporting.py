"""Tables to files: where they go, in which form, and that it is told to the system's log."""

from __future__ import annotations

import getpass
import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from dialer.adapters.listening import exported_by_hand
from dialer.cli.screen import say, tell
from dialer.cli.stores import OWNER
from dialer.domain.errors import BadValue
from dialer.domain.export import Taken
from dialer.domain.said import counted, said
from dialer.office import exports as office
from dialer.ports.stores import Stores
from dialer.settings import Settings, office_zone

To = Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Instead of standard output.")]
Excel = Annotated[bool, typer.Option("--excel", help="As Excel opens it: dates, names, phones as text.")]
Xlsx = Annotated[Path | None, typer.Option("--xlsx", metavar="FILE", help="The same as a workbook.")]


async def write(
    export: office.Export,
    settings: Settings,
    stores: Stores,
    *,
    to: Path | None,
    excel: bool,
    xlsx: Path | None,
) -> int:
    """Gives how many rows it has."""
    if xlsx is not None and (to is not None or excel):
        raise BadValue(said("--xlsx names the file and the form: use it without --to and --excel"))
    told: list[Taken] = []
    export = office.noted(export, OWNER, f"cli:{_user()}", told.append)
    try:
        if xlsx is None and not excel:
            await _put(office.plain_text(export), to)
        else:
            reader = await office.reader_for(tell, office_zone(settings), stores)
            sheet = office.sheet(export, reader)
            if xlsx is None:
                await _put(office.excel_text(sheet, reader.decimal), to)
            else:
                from dialer.adapters.files.workbook import workbook  # noqa: PLC0415  few need it

                with owners(xlsx, "wb") as out, await workbook(sheet) as file:
                    shutil.copyfileobj(file, out)
    finally:
        await export.pages.aclose()  # a reader that has had enough ends it, too
        for one in told:
            exported_by_hand(one)
    return told[0].rows if told else 0


def tell_where(rows: int, to: Path | None) -> None:
    """Nothing on standard output where the table itself is there."""
    if to is not None:
        say(counted("{n:,} row is in {path}", "{n:,} rows are in {path}", rows, path=to))


async def _put(lines: AsyncIterator[str], to: Path | None) -> None:
    out = sys.stdout if to is None else owners(to)
    with suppress(BrokenPipeError):
        async for text in lines:
            out.write(text)
    if to is not None:
        out.close()


def owners(path: Path, mode: str = "w") -> IO[Any]:
    """It holds people's numbers: nobody but its owner may read it."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        if stat.S_ISREG(os.fstat(handle).st_mode):  # /dev/null is everybody's
            os.fchmod(handle, 0o600)  # one that was there may have had other rights
    except OSError as trouble:
        why = trouble.strerror
        raise BadValue(
            said("{path} cannot be written ({why}): name another place", path=path, why=why)
        ) from None
    if "b" in mode:
        return os.fdopen(handle, mode)
    return os.fdopen(handle, mode, encoding="utf-8", newline="")


def _user() -> str:
    """Who sits there: behind sudo, too."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
