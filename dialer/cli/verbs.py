"""The list of verbs: what `dialer --help` says of each, and where its code lies, loaded when it is called."""

from __future__ import annotations

import gc
from collections import UserDict
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from dialer.cli.framework import in_words, translate


class Verb(NamedTuple):
    """A verb, or a noun with verbs of its own; without a line it is not shown."""

    place: str
    line: str = ""


VERBS = {
    "run": Verb("run:run", "Run the service: engine, API, FastAGI and metrics."),
    "demo": Verb("demo:demo", "Dial 500 pretend leads through a private Asterisk."),
    "simulate": Verb("simulate:simulate", "Run the engine through pretend days."),
    "plan": Verb("plan:plan", "Say what a team will make of a list, in every mode."),
    "import": Verb("lists:import_list", "Import a list of people to call into a campaign."),
    "explain": Verb("records:explain", "Say why a campaign dials, or why nothing is being dialled."),
    "today": Verb("today:today", "Show a day by operator and by campaign."),
    "export": Verb("export:export", "Write a whole table to a file, for programs or for Excel."),
    "check": Verb("records:check", "Prove that the live sums of a day equal the records."),
    "stop": Verb("stop:stop", "Dial nobody any more, in no campaign; each is started again by hand."),
    "doctor": Verb("doctor:doctor", "Look at everything that a call needs."),
    "asterisk": Verb("asterisk:write", "Write Asterisk's configuration to a folder."),
    "config": Verb("config:config", "Print every setting with its value."),
    "migrate": Verb("migrate:migrate", "Bring the database to the tables that this version needs."),
    "version": Verb("version:version", "Print the version."),
    "campaign": Verb("campaign:app", "Make, change, start and stop campaigns."),
    "lead": Verb("lead:app", "Leads of a campaign: search, export, and work on many at once."),
    "operator": Verb("operator:app", "Operators: accounts, phones, and what they are told."),
    "trunk": Verb("trunk:app", "The SIP ways out: carriers' accounts."),
    "dnc": Verb("dnc:app", "The do-not-call list: numbers and prefixes never dialled."),
    "calls": Verb("calls:app", "Calls that were made: find those of a number."),
    "cdr": Verb("records:app", "Records of attempts."),
    "recording": Verb("recording:app", "Recordings of calls: where they lie, how they sound."),
    "journal": Verb(
        "journal:app",
        "What a damaged journal may have dialled, records that the database refuses; decisions on both.",
    ),
    "token": Verb("token:app", "Bearer tokens of the API."),
}


def load(name: str, verb: Verb) -> Any:
    """The command; imports what it needs."""
    module, _, attribute = verb.place.partition(":")
    gc.disable()
    try:
        found = getattr(import_module(f"dialer.cli.{module}"), attribute)
    finally:
        gc.freeze()
        gc.enable()
    around = typer.Typer(add_completion=False, rich_markup_mode=None, callback=lambda: None)
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name)
    else:
        around.command(name, hidden=not verb.line)(found)
    group: Any = typer.main.get_command(around)
    return translate(group.commands[name])


class Shelf(UserDict[str, Any]):
    """Commands by name; each is loaded when it is first taken."""

    def __getitem__(self, name: str) -> Any:
        if isinstance(found := self.data[name], Verb):
            found = self.data[name] = load(name, found)
        return found


class Verbs(TyperGroup):
    """The root of the command line; its help is told from the list alone."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": {}})
        translate(self)
        self.commands = Shelf(VERBS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One line each."""
        rows = [(name, in_words(verb.line)) for name, verb in VERBS.items() if verb.line]
        with formatter.section(in_words("Commands")):
            formatter.write_dl(rows)
