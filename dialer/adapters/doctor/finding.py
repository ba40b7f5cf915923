"""What an examination finds, and how its parts are run: each on its own, none for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dialer.domain.errors import ObzvonError
from dialer.domain.said import said

LONGEST_S = 15.0


class Level(StrEnum):
    """How bad it is."""

    PASS = "pass"  # noqa: S105 not a password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, and for what is not well the way to mend it."""

    name: str
    level: Level
    text: str
    mend: str = ""


def well(name: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(name, Level.PASS, text)


def doubtful(name: str, text: str, mend: str = "") -> Finding:
    """It works, or could not be looked at."""
    return Finding(name, Level.WARN, text, mend)


def broken(name: str, text: str, mend: str) -> Finding:
    """Calls will fail, or be lost."""
    return Finding(name, Level.FAIL, text, mend)


@dataclass(frozen=True, slots=True)
class Check:
    """One part of the examination; `mend` is for the case that it fails as a whole."""

    name: str
    work: Callable[[], Awaitable[Sequence[Finding]]]
    mend: str = ""


async def examine(checks: Sequence[Check], *, longest_s: float = LONGEST_S) -> list[Finding]:
    """Every check at the same time; what one finds or fails at does not touch the others."""
    found = await asyncio.gather(*(_run(check, longest_s) for check in checks))
    return [finding for findings in found for finding in findings]


async def _run(check: Check, longest_s: float) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(longest_s):
            return await check.work()
    except TimeoutError:
        return [broken(check.name, said("no answer within {longest_s:g} s", longest_s=longest_s), check.mend)]
    except ObzvonError as trouble:
        return [broken(check.name, trouble.sentence, check.mend)]
    except Exception as trouble:  # one check that stumbles must not take the other lines with it
        return [
            doubtful(
                check.name,
                said(
                    "could not be looked at: {name}: {trouble}", name=type(trouble).__name__, trouble=trouble
                ),
            )
        ]
