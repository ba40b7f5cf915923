"""`dialer ARGS...` in this process: what a terminal would have shown."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from dialer.cli.main import main


@dataclass(frozen=True, slots=True)
class Said:
    """What one run said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as JSON, which must be all of it."""
        return json.loads(self.out)


def run(*args: object) -> Said:
    """Runs `dialer ARGS...`; fails the test when a traceback is shown."""
    out, err = io.StringIO(), io.StringIO()
    code: Any = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        logging_kept(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["dialer", *map(str, args)])
        try:
            copy_context().run(main)  # the language of one run is not the next one's
        except SystemExit as end:
            code = end.code or 0
    assert "Traceback" not in out.getvalue() + err.getvalue()
    return Said(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def logging_kept() -> Iterator[None]:
    """Logging as it was: the command line sets it up for its own process."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    try:
        yield
    finally:
        structlog.configure(**before)
        logging.getLogger().handlers[:] = handlers
