"""How often a thing that people set was changed: of two who change it at once nobody overwrites the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, TypeVar

from dialer.domain.errors import Stale
from dialer.domain.said import said

OWN = "edition"  # the field that holds it


@dataclass(frozen=True, slots=True)
class Edition:
    """`version` counts changes, 0: no store has given it; `touched` has the version of each field's last."""

    version: int = 0
    touched: Mapping[str, int] = field(default_factory=dict)

    def next(self, changed: Iterable[str]) -> Edition:
        """After a change of these fields."""
        version = self.version + 1
        return Edition(version, {**self.touched, **dict.fromkeys(changed, version)})

    def since(self, version: int) -> list[str]:
        """The fields that have changed since this version."""
        return sorted(name for name, at in self.touched.items() if at > version)


UNKEPT = Edition()
FIRST = UNKEPT.next(())


class Edited(Protocol):
    """A frozen dataclass that people change."""

    @property
    def edition(self) -> Edition: ...


T = TypeVar("T", bound=Edited)


def follows(known: T, new: T) -> Edition:
    """The edition of `new`, which takes the place of `known`; Stale where it was made from an older one.

    A value that no store has given takes any place.
    """
    if new.edition.version not in (0, known.edition.version):
        raise stale(known, new.edition.version)
    names = (one.name for one in fields(known) if one.name != OWN)  # type: ignore[arg-type]
    return known.edition.next(name for name in names if getattr(known, name) != getattr(new, name))


def check(known: T, version: int | None) -> None:
    """Stale unless this is the version that somebody has seen; None: he does not say."""
    if version is not None and known.edition.version != version:
        raise stale(known, version)


def stale(known: T, version: int) -> Stale:
    """What to tell whoever has changed an older version than this one."""
    now: dict[str, Any] = {name: getattr(known, name, None) for name in known.edition.since(version)}
    return Stale(
        said(
            "somebody has changed it since: you saw version {version}, it is version {now} now",
            version=version,
            now=known.edition.version,
        ),
        now,
    )
