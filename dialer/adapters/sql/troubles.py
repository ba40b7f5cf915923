"""What a database's error means: it is away, it is damaged, it refuses a value, or the statement is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import asyncpg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, StatementError
from sqlalchemy.exc import InterfaceError as AlchemyInterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dialer.domain.errors import ObzvonError, StoreDamaged, StoreDown, StoreRefused
from dialer.domain.said import said

# SQLSTATE: connection, access, transaction (25006: read-only), deadlock, resources, prerequisites, operator,
# system, configuration, a database or a schema that is not there; no right, a plan made before a migration
AWAY = ("08", "25", "28", "3D", "3F", "40", "53", "55", "57", "58", "F0")
AWAY_STATES = ("42501", "0A000")
DAMAGED = ("XX001", "XX002")
REFUSED = ("22", "23", "54")  # 54: what is too long for an index, too deep, too many
BEHIND = ("42P01", "42703")  # a table or a column that this version knows and the database does not
READ_ONLY = "25006"

LITE_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
LITE_REFUSED = (
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_RANGE,
)
LITE_WRONG = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE)
LITE_BEHIND = ("no such table", "no such column", "has no column")

LITE_TWINS = (
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
)
TWIN = "23505"

CAUGHT = (
    StatementError,
    PoolTimeout,
    TimeoutError,
    ConnectionError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OverflowError,  # an integer that SQLite has no room for
)


class Twin(StoreRefused):
    """There is a row with this key already; stores say what that means."""


def as_ours(name: str, trouble: Exception) -> ObzvonError | None:
    """The error of our tree for one of the driver's; None where a statement of ours is wrong."""
    text = first_line(trouble)
    if _is_damage(trouble):
        return damaged(name, text)
    if _is_refusal(trouble):
        kind = Twin if _is_twin(trouble) else StoreRefused
        return kind(said("the database {name} refuses a value: {trouble}", name=name, trouble=text))
    if _is_behind(trouble):
        return StoreDown(
            said(
                "the database {name} is not at the revision that this version needs ({trouble}):"
                " run `dialer migrate`",
                name=name,
                trouble=text,
            )
        )
    if _is_away(trouble):
        return StoreDown(said("the database {name} failed: {trouble}", name=name, trouble=text))
    return None


def damaged(name: str, text: str) -> StoreDamaged:
    """The file is broken: what it is, and the way out."""
    return StoreDamaged(
        said(
            "the database {name} is damaged ({trouble}): stop the service, keep a copy of the file,"
            " put the last backup in its place and start again; calls and outcomes wait in the journal",
            name=name,
            trouble=text,
        )
    )


def is_read_only(trouble: Exception) -> bool:
    """A server that was the primary and is none any more: the next connection may find the new one."""
    return _state(trouble) == READ_ONLY


def first_line(trouble: Exception) -> str:
    cause = getattr(trouble, "orig", None) or trouble
    text = str(cause).partition("\n")[0] or type(cause).__name__
    return text.rpartition(">: ")[2]  # the driver puts its class before the sentence


def _is_damage(trouble: Exception) -> bool:
    return _lite(trouble) in LITE_DAMAGED or _state(trouble) in DAMAGED


def _is_refusal(trouble: Exception) -> bool:
    """A value, not the database: nothing that time heals."""
    if any(isinstance(each, asyncpg.DataError) for each in _causes(trouble)):
        return True  # asyncpg looks at values itself; SQLAlchemy calls that an error of the interface
    if _lite(trouble) in LITE_REFUSED or _state(trouble)[:2] in REFUSED:
        return True
    if isinstance(trouble, (DataError, IntegrityError, OverflowError)):
        return True
    return isinstance(trouble, StatementError) and not isinstance(trouble, DBAPIError)


def _is_twin(trouble: Exception) -> bool:
    return _state(trouble) == TWIN or _lite_extended(trouble) in LITE_TWINS


def _is_behind(trouble: Exception) -> bool:
    if _state(trouble) in BEHIND:
        return True
    return _lite(trouble) == sqlite3.SQLITE_ERROR and any(
        words in first_line(trouble) for words in LITE_BEHIND
    )


def _is_away(trouble: Exception) -> bool:
    state, lite = _state(trouble), _lite(trouble)
    if state:
        return state[:2] in AWAY or state in AWAY_STATES or _was_cut(trouble)
    if lite:
        return lite not in LITE_WRONG
    if not isinstance(trouble, StatementError):
        return True
    return _was_cut(trouble) or isinstance(trouble, (OperationalError, AlchemyInterfaceError))


def _was_cut(trouble: Exception) -> bool:
    return isinstance(trouble, DBAPIError) and trouble.connection_invalidated


def _state(trouble: Exception) -> str:
    """PostgreSQL's code; empty where the server said nothing."""
    states = (str(getattr(each, "sqlstate", None) or "") for each in _causes(trouble))
    return next(filter(None, states), "")


def _lite(trouble: Exception) -> int:
    """SQLite's code without its extension; 0 where it said nothing."""
    return _lite_extended(trouble) & 0xFF


def _lite_extended(trouble: Exception) -> int:
    codes = (getattr(each, "sqlite_errorcode", None) or 0 for each in _causes(trouble))
    return next(filter(None, codes), 0)


def _causes(trouble: BaseException) -> Iterator[BaseException]:
    """The error, what it was made of, and so on to the driver's own."""
    seen: list[BaseException] = []
    following: BaseException | None = trouble
    while following is not None and following not in seen:
        seen.append(following)
        yield following
        following = getattr(following, "orig", None) or following.__cause__
