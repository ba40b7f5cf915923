"""The entry `dialer`: every verb in its place, and every failure as a sentence."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated

import typer

from dialer.cli import asterisk, campaign, config, dnc, lists, operator, records, reference, token, trunk
from dialer.cli.doctor import doctor
from dialer.cli.log import configure
from dialer.cli.plan import plan
from dialer.cli.run import run
from dialer.cli.screen import complain, speak
from dialer.cli.simulate import simulate
from dialer.domain.errors import ObzvonError
from dialer.domain.said import said
from dialer.settings import spoken_language

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Obzvon: a predictive dialer for Asterisk.",
)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Obzvon: a predictive dialer for Asterisk."""
    configure()
    speak(spoken_language())
    if version:
        config.version()
        raise typer.Exit


app.command("run")(run)
if find_spec("dialer.cli.demo"):
    app.command("demo")(import_module("dialer.cli.demo").demo)
app.command("simulate")(simulate)
app.command("plan")(plan)
app.command("import")(lists.import_list)
app.add_typer(campaign.app, name="campaign")
app.add_typer(operator.app, name="operator")
app.add_typer(trunk.app, name="trunk")
app.add_typer(dnc.app, name="dnc")
app.add_typer(records.app, name="cdr")
app.command("explain")(records.explain)
app.command("check")(records.check)
app.command("doctor")(doctor)
app.command("asterisk")(asterisk.write)
app.command("config")(config.config)
app.command("migrate")(config.migrate)
app.add_typer(token.app, name="token")
app.command("version")(config.version)
app.command("docs", hidden=True)(reference.docs)


def main() -> None:
    """Runs the verb; exit codes: 0 done, 1 not done and why, 2 not understood, 130 interrupted."""
    try:
        app()
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as failure:  # the boundary to people: whatever it is, they read a sentence
        complain(sentence_of(failure))
        sys.exit(1)


def sentence_of(failure: BaseException) -> str:
    """What a person reads; of a failure that is ours, the details go to a file that can be sent to us."""
    if ours := first_of_ours(failure):
        return ours.sentence
    with tempfile.NamedTemporaryFile("w", prefix="obzvon-", suffix=".txt", delete=False) as report:
        traceback.print_exception(failure, file=report)
    return said(
        "this is a mistake of the dialer ({kind}); the details are in {file}",
        kind=type(failure).__name__,
        file=report.name,
    )


def first_of_ours(failure: BaseException) -> ObzvonError | None:
    """The error itself, or the first one among those that ended together."""
    if isinstance(failure, ObzvonError):
        return failure
    if isinstance(failure, BaseExceptionGroup):
        return next((found for each in failure.exceptions if (found := first_of_ours(each))), None)
    return None
