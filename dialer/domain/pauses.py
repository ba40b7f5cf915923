"""Why an operator takes no calls: the site's list of pause reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dialer.domain.disposition import DIGITS, Title, check_list, each, names, plain_name
from dialer.domain.editions import UNKEPT, Edition
from dialer.domain.errors import BadField
from dialer.domain.said import said

FIELD = "reasons"
OTHER = "other"  # where nobody says why
LOGOUT_DIGIT, READY_SIGN = "9", "#"  # behind the star they log out and end a pause
FREE = DIGITS.replace(LOGOUT_DIGIT, "")


@dataclass(frozen=True, slots=True)
class PauseReason:
    """One of them; the state ledger keeps the code."""

    code: str
    title: Title
    key: str = ""  # the digit of a phone that says it
    is_worked: bool = False  # counts as time at work


DEFAULT: tuple[PauseReason, ...] = (
    PauseReason("break", Title("Перерыв", "Break"), "1"),
    PauseReason("lunch", Title("Обед", "Lunch"), "2"),
    PauseReason("meeting", Title("Совещание", "Meeting"), "3", is_worked=True),
    PauseReason("training", Title("Обучение", "Training"), "4", is_worked=True),
    PauseReason("technical", Title("Техническая причина", "Technical reason"), "5", is_worked=True),
    PauseReason(OTHER, Title("Другая причина", "Other reason"), "0"),
)


@dataclass(frozen=True, slots=True)
class PauseReasons:
    """The list as people set it."""

    reasons: tuple[PauseReason, ...] = DEFAULT
    edition: Edition = field(default=UNKEPT, compare=False)

    @property
    def worked(self) -> frozenset[str]:
        """Codes of those that count as time at work."""
        return frozenset(one.code for one in self.reasons if one.is_worked)


def check(reasons: Sequence[PauseReason]) -> None:
    """Raises BadField for the first that cannot be: reasons/2/key is the key of the third."""
    check_list(FIELD, reasons, FREE)


def plain(one: PauseReason) -> dict[str, Any]:
    """As files and the API have it; `read` takes it back."""
    return {**plain_name(one), "is_worked": one.is_worked}


def read(entries: Any) -> tuple[PauseReason, ...]:
    """The list that was written as plain values; BadField names the place of what is wrong."""
    found = []
    for place, entry in each(FIELD, entries, {"code", "title", "key", "is_worked"}):
        is_worked = entry.get("is_worked", False)
        if not isinstance(is_worked, bool):
            raise BadField(f"{place}/is_worked", said("is neither true nor false"))
        found.append(PauseReason(*names(entry, place), is_worked))
    return tuple(found)
