"""docs/reference/: pages about the command line and the settings, made from themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from dialer.cli.environment import PREFIX, allowed
from dialer.cli.screen import say
from dialer.settings import Settings

MADE = "Made from the code; `make docs` writes it anew."


def docs(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="docs/reference")]) -> None:
    """Write the reference pages anew."""
    from dialer.cli.main import app  # the tree of verbs, of which this is one

    for name, page in (("cli.md", cli_page(typer.main.get_command(app))), ("settings.md", settings_page())):
        (folder / name).write_text(page, encoding="utf-8")
        say(f"{folder / name}")


# --- the command line -------------------------------------------------------------------------------------

HEAD = f"""# The command line

{MADE} Exit codes: 0 done, 1 not done (one sentence on stderr says why), 2 not understood, 130 interrupted.
Results go to stdout, all the rest to stderr. Verbs marked with * ask the running service, by the address and the
token that it keeps in `DIALER_DATA_DIR/cli.token`; the others work on the database, and a running service takes up
what they changed within a second.
"""
REMOTE = frozenset(
    {"explain", "check", "trunk push", "trunk test"}
    | {f"operator {verb}" for verb in ("login", "logout", "ready", "pause", "test")}
)


def cli_page(command: Any) -> str:
    """Every verb with its sentence, arguments and options."""
    lines = [HEAD]
    for path, verb in verbs(command):
        lines += ["", f"## dialer {path}{' *' if path in REMOTE else ''}", "", verb.help, ""]
        rows = [_row(parameter) for parameter in verb.params if parameter.name != "help"]
        if rows:
            lines += ["| | |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


def verbs(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, verb) of every verb that is shown."""
    for name, one in command.commands.items():
        if one.hidden:
            continue
        if hasattr(one, "commands"):
            yield from verbs(one, f"{path}{name} ")
        else:
            yield f"{path}{name}", one


def _row(parameter: Any) -> str:
    metavar = f" {parameter.metavar}" if parameter.metavar else ""
    if parameter.param_type_name == "argument":
        return f"| `{parameter.metavar or parameter.name.upper()}` | {_cell(parameter.help or '')} |"
    flags = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return f"| `{_cell(flags + metavar)}` | {_cell(parameter.help or '')} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# --- settings ---------------------------------------------------------------------------------------------


def settings_page() -> str:
    """Every setting with its meaning, default and what it takes."""
    lines = [
        "# Settings",
        "",
        f"{MADE} All come from the environment; `dialer config` prints what holds, secrets masked.",
        "",
        "| setting | default | takes | meaning |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        takes = _cell(allowed(field))
        meaning = _cell(field.description or "")
        lines.append(f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {takes} | {meaning} |")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined or (isinstance(value, SecretStr) and not value.get_secret_value()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
