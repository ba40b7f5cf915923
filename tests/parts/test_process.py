"""What one test does to the process, the next one does not meet."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from pathlib import Path

from dialer.cli import screen
from dialer.domain.said import said
from dialer.domain.types import Language
from tests.process import put_back, umask


def state() -> tuple[object, ...]:
    return (
        dict(os.environ),
        os.getcwd(),
        umask(),
        signal.getsignal(signal.SIGUSR1),
        signal.getsignal(signal.SIGTERM),
        sys.excepthook,
        logging.raiseExceptions,
        gc.isenabled(),
        gc.get_threshold(),
        screen.tell(said("yes")),
    )


def test_environment_folder_umask_signals_hooks_and_language_are_put_back(tmp_path: Path) -> None:
    before = state()
    with put_back():
        os.environ["DIALER_DATA_DIR"] = "/elsewhere"
        os.environ.pop("PATH")
        os.chdir(tmp_path)
        os.umask(0o017)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.excepthook = print  # type: ignore[assignment]  # anything that is not the hook of before
        logging.raiseExceptions = not logging.raiseExceptions
        gc.disable()
        gc.set_threshold(1_000_000)
        screen.speak(Language.RU)
        during = state()
    assert not [one for one, other in zip(before, during, strict=True) if one == other]
    assert state() == before
