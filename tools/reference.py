"""docs/reference/: the pages that are made from the code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from dialer.cli.main import app
from tools.api_page import api_page
from tools.drawing import PAGES
from tools.metrics_page import markdown_page

FOLDER = Path(__file__).parents[1] / "docs/reference"
MADE = "Made from the code; `make docs` writes it anew."


HEAD = f"""# The command line

{MADE} Exit codes: 0 done, 1 not done (one sentence on stderr says why), 2 not understood, 130 interrupted.
Results go to stdout, all the rest to stderr. Verbs marked with * ask the running service, by the address and
the token that it keeps in `DIALER_DATA_DIR/cli.token`; the others work on the database, and a running service
takes up what they changed within a second.
"""
REMOTE = frozenset(
    {"explain", "check", "lead why", "trunk push", "trunk test"}
    | {f"operator {verb}" for verb in ("login", "logout", "ready", "pause", "test")}
)


def cli_page(command: Any) -> str:
    """Every verb with its sentence, arguments and options."""
    lines = [HEAD]
    for path, verb in verbs(command):
        lines += ["", f"## dialer {path}{' *' if path in REMOTE else ''}", "", verb.help, ""]
        rows = [_row(parameter) for parameter in verb.params if parameter.name != "help"]
        if rows:
            lines += ["| option | meaning |", "|---|---|", *rows]
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


def main() -> None:
    """Writes the reference pages anew."""
    pages = {
        "cli.md": cli_page(typer.main.get_command(app)),
        "api.md": api_page(),
        "metrics.md": markdown_page(),
        **{name: draw() for name, draw in PAGES.items()},
    }
    for name, page in pages.items():
        (FOLDER / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
