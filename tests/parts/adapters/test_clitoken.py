"""The command line's way into the API: a token per web process, in force as long as its file lies there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from dialer.adapters.clitoken import cli_admitted
from dialer.adapters.sql.open import open_stores
from dialer.domain.access import hashed
from dialer.ports.stores import Stores, Token


def now() -> datetime:
    return datetime(2026, 3, 2, tzinfo=UTC)


def text_in(file: Path) -> str:
    """The token that the command line finds there."""
    return file.read_text().splitlines()[1]


async def admitted_by(file: Path, stores: Stores) -> Token | None:
    """The token in force that the command line finds there."""
    return await stores.tokens.find(hashed(text_in(file)))


async def test_two_web_processes_on_one_database_leave_each_other_their_tokens(
    sqlite_url: str, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.token", tmp_path / "other.token"
    async with open_stores(sqlite_url) as stores, cli_admitted(stores.tokens, one, "http://a", now):
        async with cli_admitted(stores.tokens, other, "http://b", now):
            assert await admitted_by(one, stores)
            assert await admitted_by(other, stores)
        assert await admitted_by(one, stores), "the end of the other is none of its business"


async def test_the_token_ends_with_the_service(sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "cli.token"
    async with open_stores(sqlite_url) as stores:
        async with cli_admitted(stores.tokens, file, "http://a", now):
            assert file.stat().st_mode & 0o777 == 0o600
        assert not file.exists()
        assert all(token.revoked_at for token in await stores.tokens.all())


async def test_the_token_of_a_service_that_was_killed_ends_with_the_next_start(
    sqlite_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "cli.token"
    async with open_stores(sqlite_url) as stores:
        async with cli_admitted(stores.tokens, file, "http://a", now):
            killed, left_over = await admitted_by(file, stores), text_in(file)
            assert killed is not None
            async with cli_admitted(stores.tokens, file, "http://a", now):
                assert text_in(file) != left_over
                assert await stores.tokens.find(killed.sha256) is None
