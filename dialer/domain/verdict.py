"""What a gate says: may it pass, and if not why, by which rule, and when it opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dialer.domain.said import Said, Value, values


class Gate(StrEnum):
    """In the order in which they are asked."""

    STATUS = "status"
    LIST = "list"  # it is paused
    LAW = "law"  # purpose and mode
    NUMBER = "number"  # its form, the trunk's prefixes
    DNC = "dnc"
    ATTEMPTS = "attempts"
    HOURS = "hours"
    REST = "rest"
    SETTINGS = "settings"  # asked at the start of a campaign only


@dataclass(frozen=True, slots=True)
class Verdict:
    """Kept with the attempt or the refusal: rule, version, inputs, answer."""

    ok: bool
    gate: Gate | None = None  # the one that is closed
    text: str = ""  # the sentence with {names} in it: what a translation is looked up by
    args: Mapping[str, Value] = field(default_factory=dict)
    opens_at: datetime | None = None  # None: not by waiting
    rule: str = ""
    version: str = ""

    @property
    def reason(self) -> Said:
        """One sentence with figures."""
        return Said(self.text, self.args)


PASSED = Verdict(True)


def refuse(
    gate: Gate,
    text: str,
    *,
    opens_at: datetime | None = None,
    rule: str = "",
    version: str = "",
    **args: object,
) -> Verdict:
    """A closed gate; `args` fill the names in `text`."""
    return Verdict(False, gate, text, values(args), opens_at, rule, version)
