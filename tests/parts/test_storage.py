"""The addresses of database and Redis, with passwords that lie in files."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio.connection import parse_url
from sqlalchemy import make_url

from dialer.settings import Settings
from dialer.storage import database_url, redis_url

HARD = "p:a/s@s? wörd#%"  # what an address cannot hold as it is


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{HARD}\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("whoever", ["obzvon", "obzvon:of-old"])
def test_the_database_is_asked_with_the_password_of_its_file(secret: Path, whoever: str) -> None:
    address = SecretStr(f"postgresql://{whoever}@db.example:5433/book?sslmode=require")
    found = make_url(database_url(Settings(database_url=address, database_password_file=secret)))
    assert (found.username, found.password) == ("obzvon", HARD)
    assert (found.host, found.port, found.database) == ("db.example", 5433, "book")
    assert found.query == {"sslmode": "require"}


@pytest.mark.parametrize("place", ["redis://10.0.0.2:6379/3", "rediss://10.0.0.2:6379/3"])
def test_redis_is_asked_with_the_password_of_its_file(secret: Path, place: str) -> None:
    found = parse_url(redis_url(Settings(redis_url=SecretStr(place), redis_password_file=secret)))
    assert found["password"] == HARD
    assert (found["host"], found["port"], found["db"]) == ("10.0.0.2", 6379, 3)


def test_a_redis_beside_us_takes_the_password_through_its_socket(secret: Path) -> None:
    at = SecretStr("unix:///run/redis/redis.sock")
    found = parse_url(redis_url(Settings(redis_url=at, redis_password_file=secret)))
    assert (found["path"], found["password"]) == ("/run/redis/redis.sock", HARD)


def test_a_password_without_an_address_changes_nothing(secret: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_password_file=secret, redis_password_file=secret)
    assert database_url(settings) == f"sqlite:///{tmp_path}/obzvon.db"
    assert redis_url(settings) == ""
