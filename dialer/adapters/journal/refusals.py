"""Facts that the database refuses, in a file beside the journal: kept until it takes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import structlog

from dialer.adapters.codec import decode, encode
from dialer.adapters.journal.lines import FACTS, KIND_OF, Fact, entry, read
from dialer.domain.errors import BadValue, DiskTrouble
from dialer.domain.said import said
from dialer.ports.journal import RefusedFact

log = structlog.get_logger()

REFUSED, GIVEN_UP = "refused", "refused.given-up"  # in the folder of the journal


class FileRefusals:
    """See dialer.ports.journal.Refusals. Few and rare: the file is written whole at each change."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._kept: list[tuple[RefusedFact, bytes]] = []
        self._foreign: list[bytes] = []  # lines that cannot be read: they stay as they are
        for line in _read(path).splitlines():
            fact = _fact(line + b"\n")
            if fact is None:
                log.warning("a refused fact cannot be read, its line is kept", file=str(path))
                self._foreign.append(line + b"\n")
            else:
                self._kept.append((fact, line + b"\n"))

    def keep(self, fact: Fact, reason: str) -> None:
        if any(one.fact == fact for one, _ in self._kept):
            return
        body = {"reason": reason, "fact": encode(fact)}
        self._kept.append((RefusedFact(fact, reason), entry(KIND_OF[type(fact)], self._clock(), body).line))
        try:
            self._write()
        except DiskTrouble:
            self._kept.pop()
            raise

    def all(self) -> Sequence[RefusedFact]:
        return [one for one, _ in self._kept]

    def forget(self, facts: Iterable[Fact]) -> None:
        gone = list(facts)
        self._kept = [(one, line) for one, line in self._kept if one.fact not in gone]
        self._write()

    def give_up(self, facts: Iterable[Fact]) -> None:
        gone = list(facts)
        with _written(self._path.with_name(GIVEN_UP), "ab") as file:
            file.writelines(line for one, line in self._kept if one.fact in gone)
        self.forget(gone)

    def _write(self) -> None:
        """Whole, and on the disk when this returns."""
        draft = self._path.with_name(f"{self._path.name}.new")
        with _written(draft, "wb", becomes=self._path) as file:
            file.writelines([*self._foreign, *(line for _, line in self._kept)])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as trouble:
        raise DiskTrouble(
            said("{path} cannot be read: {why}", path=path, why=trouble.strerror or str(trouble))
        ) from None


@contextmanager
def _written(path: Path, mode: str, *, becomes: Path | None = None) -> Iterator[IO[bytes]]:
    """A private file that is on the disk at the end, by its other name; DiskTrouble where it cannot be."""
    try:
        with open(path, mode, opener=_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if becomes is not None:
            path.replace(becomes)
    except OSError as trouble:
        raise DiskTrouble(
            said("{path} cannot be written: {why}", path=path, why=trouble.strerror or str(trouble))
        ) from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _fact(line: bytes) -> RefusedFact | None:
    try:
        (each,) = read(line).entries
        return RefusedFact(decode(FACTS[each.kind], each.body["fact"]), str(each.body["reason"]))
    except (BadValue, KeyError, TypeError, ValueError):
        return None
