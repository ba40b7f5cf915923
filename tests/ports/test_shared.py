"""The stores of the service as a verb reaches them: what cannot be reached, and what is never read back.

What the stores promise is asked of them in the other files, as of every store (`shared` in conftest.py).
"""

from __future__ import annotations

import asyncio
import os
import pickle
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.local import shared
from dialer.adapters.local.pickled import dump, load
from dialer.adapters.local.shared import PROMISED, SOCKET, mark_of, reach_stores, serve_stores
from dialer.adapters.memory import memory_stores
from dialer.domain.campaign import Campaign
from dialer.domain.editions import Edition
from dialer.domain.errors import BadValue, Missing, NetworkTrouble, ObzvonError, Stale
from dialer.domain.said import Said, said
from dialer.domain.types import CampaignId, Mode
from dialer.ports.stores import Stores


@asynccontextmanager
async def reached(place: Path, stores: Stores) -> AsyncIterator[Stores]:
    async with serve_stores(place, stores, "mark"), reach_stores(place, "mark") as found:
        assert found is not None
        yield found


async def test_where_no_service_runs_or_another_one_does_the_verb_is_told_none(tmp_path: Path) -> None:
    place = tmp_path / SOCKET
    async with reach_stores(place, "mark") as nobody:
        assert nobody is None
    async with serve_stores(place, memory_stores(), "mark"):
        async with reach_stores(place, "another") as other:
            assert other is None
    assert not place.exists()
    place.touch()
    async with reach_stores(place, "mark") as no_socket:
        assert no_socket is None


async def test_a_service_that_does_not_greet_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "HELLO_S", 0.05)
    place = tmp_path / SOCKET
    server = await asyncio.start_unix_server(lambda reader, writer: None, str(place))
    async with server, reach_stores(place, "mark") as frozen:
        assert frozen is None


async def test_the_socket_is_its_owners_alone_however_long_its_name(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 90)
    folder.mkdir()
    async with reached(folder / SOCKET, memory_stores()) as stores:
        assert stat.S_IMODE(os.stat(folder / SOCKET).st_mode) == 0o600
        assert await stores.campaigns.all() == []


async def test_an_error_comes_with_its_kind_its_sentence_and_what_it_holds(tmp_path: Path) -> None:
    async with reached(tmp_path / SOCKET, memory_stores()) as stores:
        with pytest.raises(Missing) as missing:
            await stores.campaigns.get(CampaignId(7))
        assert isinstance(missing.value.sentence, Said)
        kept = await stores.campaigns.add(Campaign(CampaignId(0), "spring"))
        await stores.campaigns.save(replace(kept, mode=Mode.POWER))
        with pytest.raises(Stale) as stale:
            await stores.campaigns.save(replace(kept, mode=Mode.PREVIEW))
        assert stale.value.fields["mode"] == Mode.POWER


async def test_a_failure_of_ours_is_a_sentence_and_the_next_question_is_answered(tmp_path: Path) -> None:
    async with reached(tmp_path / SOCKET, memory_stores()) as stores:
        with pytest.raises(ObzvonError, match="its log says why"):
            await stores.campaigns.get()  # type: ignore[call-arg]
        assert await stores.campaigns.all() == []


async def test_several_questions_at_once_get_their_own_answers(tmp_path: Path) -> None:
    async with reached(tmp_path / SOCKET, memory_stores()) as stores:
        made = [await stores.campaigns.add(Campaign(CampaignId(0), f"c{n}")) for n in range(20)]
        found = await asyncio.gather(*(stores.campaigns.get(one.id) for one in made))
        assert [one.name for one in found] == [one.name for one in made]


async def test_a_service_that_ends_meanwhile_is_told(tmp_path: Path) -> None:
    place = tmp_path / SOCKET
    async with serve_stores(place, memory_stores(), "mark"):
        found = await reach_stores(place, "mark").__aenter__()
        assert found is not None
    with pytest.raises(NetworkTrouble, match="ended in the middle"):
        await found.campaigns.all()


async def test_nothing_but_what_the_ports_promise_is_asked(tmp_path: Path) -> None:
    assert ("campaigns", "all") in PROMISED
    assert not {verb for _, verb in PROMISED if verb.startswith("_")}
    async with reached(tmp_path / SOCKET, memory_stores()) as stores:
        with pytest.raises(AttributeError):
            _ = stores.campaigns._database  # type: ignore[attr-defined]


# --- what is read back ------------------------------------------------------------------------------------

WHEN = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        Campaign(CampaignId(3), "весна", edition=Edition()),
        {("101", 3): [WHEN, timedelta(hours=2), None, 1.5, b"x"]},
        {Mode.POWER, Mode.PREVIEW},
        said("{n:,} leads", n=1234),
        ZoneInfo("Asia/Vladivostok"),
    ],
)
def test_what_the_stores_speak_of_comes_back_as_it_was(value: Any) -> None:
    back = load(dump(value))
    assert back == value
    assert type(back) is type(value)


class Evil:
    def __init__(self, call: Any, *args: Any) -> None:
        self.made = call, args

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize(
    ("call", "args"),
    [
        (os.system, ("true",)),
        (eval, ("1",)),
        (getattr, ("a", "upper")),
        (pickle.loads, (b"N.",)),
        (said, ("x",)),
    ],
)
def test_nobodys_function_is_called_by_what_is_read(call: Any, args: tuple[Any, ...]) -> None:
    with pytest.raises(BadValue, match="cannot be read"):
        load(pickle.dumps(Evil(call, *args)))


def test_broken_bytes_are_a_sentence() -> None:
    for content in (b"", b"junk", dump([1, 2, 3])[:-4]):
        with pytest.raises(BadValue):
            load(content)


def test_the_mark_is_of_the_database_and_of_the_code() -> None:
    assert mark_of("sqlite:///a") == mark_of("sqlite:///a")
    assert mark_of("sqlite:///a") != mark_of("sqlite:///b")


def test_what_is_read_changes_no_class_of_ours() -> None:
    """`BUILD` of a class would set its attributes."""
    attack = b"\x80\x04cdialer.domain.said\nSaid\nN}\x8c\x04evilK\x01s\x86b."
    with pytest.raises(BadValue):
        load(attack)
    assert not hasattr(Said, "evil")
