"""What a process has only once: put back after each test, so that no test meets what another left."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dialer.domain.types import Language

TIMED = (signal.SIGALRM, signal.SIGKILL, signal.SIGSTOP)  # of pytest-timeout, and of nobody
HANDLED = sorted(signal.valid_signals() - set(TIMED))
HOOKS = (
    (sys, "excepthook"),
    (sys, "unraisablehook"),
    (threading, "excepthook"),
    (logging, "raiseExceptions"),
)


def umask() -> int:
    """As it is; the only way to ask is to set it."""
    now = os.umask(0o077)
    os.umask(now)
    return now


@contextmanager
def put_back() -> Iterator[None]:
    """Environment, folder, umask, signals, hooks, garbage collection, language of the command line."""
    environment, folder, mask = dict(os.environ), os.getcwd(), umask()
    handlers = [signal.getsignal(number) for number in HANDLED]
    hooks = [getattr(of, name) for of, name in HOOKS]
    collects, thresholds = gc.isenabled(), gc.get_threshold()
    yield
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})
    os.chdir(folder)
    os.umask(mask)
    for number, handler in zip(HANDLED, handlers, strict=True):
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)
    for (of, name), hook in zip(HOOKS, hooks, strict=True):
        setattr(of, name, hook)
    gc.set_threshold(*thresholds)
    gc.enable() if collects else gc.disable()
    if (screen := sys.modules.get("dialer.cli.screen")) is not None:
        screen.speak(Language.EN)
        screen.show_times_in(None)
