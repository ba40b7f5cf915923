"""The error tree: the type says whose fault it is, the text is the message that a user reads."""

from __future__ import annotations

from collections.abc import Mapping

from dialer.domain.said import said, said_by


class ObzvonError(Exception):
    """Something went wrong; `str(error)` is one sentence for a person."""

    id = "error"  # stable: the API shows it, scripts may test it

    @property
    def sentence(self) -> str:
        """The message as it was made: with its template, where it has one, so that it can be translated."""
        return said_by(self) or (self.__doc__ or "").partition("\n")[0]


class Mistake(ObzvonError):
    """The caller's fault: what was asked cannot be done as asked."""

    id = "mistake"


class BadValue(Mistake):
    """A value is not acceptable: names the thing, the place and the way out."""

    id = "bad-value"


class BadField(BadValue):
    """A value of one field is not acceptable; a face says by its own name which field that is."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(said("{field}: {why}", field=field, why=why))
        self.field = field  # with a JSON pointer behind it, where it is one of several: trunks/0
        self.why = why


class Missing(Mistake):
    """There is no such thing."""

    id = "missing"


class Unworkable(BadValue):
    """A trunk asks for what this Asterisk cannot do: its calls would be silent, or none would go out."""


class Conflict(Mistake):
    """It is there already, or its state does not allow this."""

    id = "conflict"


class Stale(Conflict):
    """Somebody else has changed the thing since; `fields` are those that differ, as they are now."""

    id = "stale"

    def __init__(self, sentence: str, fields: Mapping[str, object]) -> None:
        super().__init__(sentence)
        self.fields = fields


class Forbidden(Mistake):
    """A law, a rule or a role forbids it."""

    id = "forbidden"


class NetworkTrouble(ObzvonError):
    """The network's fault, or Asterisk's; the same may work later."""

    id = "network"


class LinkDown(NetworkTrouble):
    """Asterisk is not connected."""

    id = "link-down"


class TimedOut(NetworkTrouble):
    """Asterisk did not answer in time; whether it acted is not known."""

    id = "timed-out"


class Refused(NetworkTrouble):
    """Asterisk refused the request and said why."""

    id = "refused"

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(said("Asterisk refused ({status}): {reason}", status=status, reason=reason))
        self.status = status
        self.reason = reason


class StoreDown(NetworkTrouble):
    """The database or Redis cannot be reached."""

    id = "store-down"


class EngineAway(StoreDown):
    """No engine of the cell runs, so nobody has its live state or takes its commands."""

    id = "engine-away"


class StoreDamaged(StoreDown):
    """The database's file is broken; only a person with a backup can help."""

    id = "store-damaged"


class StoreRefused(ObzvonError):
    """The database does not take a value; it would refuse the same one again."""

    id = "store-refused"


class DiskTrouble(ObzvonError):
    """The disk would not give or take a file."""

    id = "disk"


class Fatal(ObzvonError):
    """The service cannot go on; it stops and says this sentence."""

    id = "fatal"


class IllegalMove(ObzvonError):
    """Our fault: a state machine got an event that its table does not know."""

    id = "illegal-move"


EXPECTED = (Mistake, NetworkTrouble, StoreRefused, DiskTrouble, OSError)


def is_expected(error: BaseException) -> bool:
    """The world's fault or the caller's, told by its sentence; anything else is a mistake of this program."""
    return isinstance(error, EXPECTED)
