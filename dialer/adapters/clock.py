"""The clock of this machine, and ids that sort by it."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def boot_seconds() -> float:
    """Since this machine started, its sleep included; nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def new_id() -> str:
    """Sorts by time: milliseconds since 1970 and 40 random bits, in hexadecimal digits."""
    milliseconds = int(utc_now().timestamp() * 1000)
    return f"{milliseconds:011x}{secrets.token_hex(5)}"
