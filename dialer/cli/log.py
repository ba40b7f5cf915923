"""Where log lines go: stderr, for people or as JSON; numbers and secrets that slipped in are taken out."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog

from dialer.domain.masking import HIDDEN, clean, is_number_key, is_secret_key, mask_digits

DEEPEST = 6  # of values within values; further down only the kind is told
Line = MutableMapping[str, Any]
Render = Callable[[Any, str, Line], str | bytes]


def configure(level: str = "warning", form: str = "console") -> None:
    """Before anything is logged; libraries speak up at warnings only. Stdout is for results.

    What else writes to stderr by itself, such as warnings and threads that failed, goes the same way.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ending: list[Any] = [
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # plain: locals hold what the log may not
        hide,
        _as_json() if form == "json" else _for_people(),
    ]
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[meta, *ending], foreign_pre_chain=shared)
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a line that cannot be formatted would be printed with its arguments
    sys.excepthook = _uncaught
    threading.excepthook = lambda failed: _uncaught(
        failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback
    )
    sys.unraisablehook = lambda failed: _uncaught(
        failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback
    )


def _uncaught(kind: type[BaseException], failure: BaseException, trace: Any) -> None:
    logging.getLogger("dialer").error("nobody caught this", exc_info=(kind, failure, trace))


def _for_people() -> Render:
    """Cleaned once more as a whole: a key and its value may be a secret together."""
    render = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )
    return lambda logger, method, line: clean(render(logger, method, line))


def _as_json() -> Render:
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=lambda value: clean(repr(value)))


def hide(_logger: object, _method: str, line: Line) -> Line:
    """The last net, behind all formatting: no whole phone number and no secret reaches a log."""
    for key, value in line.items():
        line[key] = _hidden(key, value, DEEPEST)
    return line


def _hidden(key: object, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_secret_key(str(key)):
        return HIDDEN
    if is_number_key(str(key)) and isinstance(value, (int, float, str)):
        return mask_digits(str(value)) if len(str(value)) > 6 else value
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        return clean(str(value))
    if not depth:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {clean(str(name)): _hidden(name, inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_hidden("", inner, depth - 1) for inner in value]
    return clean(repr(value) if not isinstance(value, BaseException) else str(value) or repr(value))
