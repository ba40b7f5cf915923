"""The entry `dialer`: the language, the log, the verb, and every failure as a sentence."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from dialer.cli import version as this
from dialer.cli.framework import complain_of
from dialer.cli.log import configure
from dialer.cli.screen import complain, speak
from dialer.cli.verbs import Verbs
from dialer.cli.versions import in_full
from dialer.domain.errors import ObzvonError
from dialer.domain.masking import clean
from dialer.domain.said import said
from dialer.settings import spoken_language

PRIVATE = 0o077

app = typer.Typer(
    cls=Verbs,
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
    if version:
        this.version()
        raise typer.Exit


def main() -> None:
    """Runs the verb; exit codes: 0 done, 1 not done and why, 2 not understood, 130 interrupted.

    Files that a verb makes are their owner's alone, whatever the umask was: lists, exports and logs hold
    people's numbers. What Asterisk must read is given wider rights where it is made.
    """
    before = os.umask(PRIVATE)
    speak(spoken_language())
    try:
        sys.exit(app(prog_name="dialer", standalone_mode=False))
    except TyperException as refusal:
        complain_of(refusal)
        sys.exit(refusal.exit_code)
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as failure:  # the boundary to people: whatever it is, they read a sentence
        complain(sentence_of(failure))
        sys.exit(1)
    finally:
        os.umask(before)


def sentence_of(failure: BaseException) -> str:
    """What a person reads; of a failure that is ours, the details go to a file that can be sent to us."""
    if ours := first_of_ours(failure):
        return in_full(ours)
    with tempfile.NamedTemporaryFile("w", prefix="obzvon-", suffix=".txt", delete=False) as report:
        report.write(clean("".join(traceback.format_exception(failure))))  # it may be sent to strangers
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
