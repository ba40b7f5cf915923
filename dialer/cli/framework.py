"""The library under the command line, in the language of the screens: its headings, its refusals, our help.

Help is written in English beside each option; tools/catalogue.py finds it by walking the verbs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import typer.core
from typer.core import TyperGroup

from dialer.cli.screen import aside, tell
from dialer.domain.said import Said, said, titled

HELP = "help"  # the context of all that help says
TEXTS = ("help", "metavar", "options_metavar", "subcommand_metavar")  # of a verb, or of its parameter
WORDS = titled(
    "Arguments", "Options", "Commands", "Usage: ", "required", "default: {default}", "[OPTIONS]",
    "COMMAND [ARGS]...", "Show this message and exit.", "Missing command.", "No such command {name!r}.",
    context="help",
)  # fmt: skip
_CONTEXT: Any = TyperGroup.context_class


def in_words(text: str) -> str:
    """A text of help in the language of the screens."""
    return tell(Said(text, context=HELP)) if text else text


class _Formatter(_CONTEXT.formatter_class):  # type: ignore[misc]  # the library has no types for it
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or in_words("Usage: "))

    def write_dl(self, rows: Sequence[tuple[str, str]], *widths: int, **named: int) -> None:
        shown = in_words("Show this message and exit.")
        rows = [
            (name, shown if meaning.startswith("Show this message") else meaning) for name, meaning in rows
        ]
        super().write_dl(rows, *widths, **named)


class _Context(_CONTEXT):  # type: ignore[misc]
    formatter_class = _Formatter


def translate(command: Any) -> Any:
    """The command with its help, and that of all under it, in the language of the screens."""
    vars(typer.core)["_"] = in_words  # its own seam for gettext
    command.context_class = _Context
    for thing in (command, *command.params):
        for name in TEXTS:
            if text := getattr(thing, name, None):
                setattr(thing, name, in_words(text))
    for one in getattr(command, "commands", {}).values():
        translate(one)
    return command


# --- refusals ---------------------------------------------------------------------------------------------

_REFUSALS: Sequence[tuple[str, Callable[..., Said]]] = (
    (r"No such option: (\S+)", lambda name: said("No such option: {name}", name=name)),
    (
        r"No such option: (\S+) \(Possible options: (.*)\)",
        lambda name, near: said("No such option: {name} (did you mean {near}?)", name=name, near=near),
    ),
    (r"Missing argument (.*)\.", lambda name: said("Missing argument {name}.", name=name)),
    (r"Missing option (.*)\.", lambda name: said("Missing option {name}.", name=name)),
    (
        r"Option '?(\S+?)'? requires an argument\.",
        lambda name: said("Option {name} requires a value.", name=name),
    ),
    (
        r"Option '?(\S+?)'? does not take a value\.",
        lambda name: said("Option {name} takes no value.", name=name),
    ),
    (
        r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)",
        lambda what: said("Got unexpected extra arguments ({what})", what=what),
    ),
    (
        r"(.*)\. Did you mean (.*)\?",
        lambda what, near: said("{what}. Did you mean {near}?", what=what, near=near),
    ),
    (
        r"Invalid value for (.*?): (.*)",
        lambda name, why: said("Invalid value for {name}: {why}", name=name, why=_translated(why)),
    ),
    (r"Input should be a valid integer.*", lambda: said("a whole number is wanted")),
    (r"Input should be a valid number.*", lambda: said("a number is wanted")),
    (r"Input should be greater than or equal to (.*)", lambda n: said("at least {n} is wanted", n=n)),
    (r"Input should be less than or equal to (.*)", lambda n: said("at most {n} is wanted", n=n)),
)


def _translated(text: str) -> str:
    for pattern, told in _REFUSALS:
        if match := re.fullmatch(pattern, text, re.DOTALL):
            return told(*match.groups())
    return text


def complain_of(refusal: Any) -> None:
    """What the library refuses, with how the verb is written: to stderr."""
    err, context = aside(), getattr(refusal, "ctx", None)
    if type(refusal).__name__ == "NoArgsIsHelpError":
        err.print(refusal.format_message(), markup=False)
        return
    if context is not None:
        help_is = said("Try '{command} --help' for help.", command=context.command_path)
        err.print(f"{context.get_usage()}\n{tell(help_is)}\n", markup=False)
    told = said("Error: {why}", why=_translated(refusal.format_message()))
    err.print(tell(told), markup=False)
