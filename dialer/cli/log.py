"""Where log lines go: stderr, for people or as JSON; numbers that slipped in are masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from dialer.domain.types import masked

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}(?![0-9A-Za-z])")


def configure(level: str = "warning", form: str = "console") -> None:
    """Before anything is logged; libraries speak up at warnings only. Stdout is for results."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask,
    ]
    is_json = form == "json"
    last: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if is_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, *([structlog.processors.format_exc_info] if is_json else []), last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(last, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def mask(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last net: no whole phone number reaches a log."""
    for key, value in line.items():
        if isinstance(value, str):
            line[key] = _NUMBER.sub(lambda match: masked(match.group()), value)
    return line
