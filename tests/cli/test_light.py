"""A verb that talks to the running service loads no more than that takes: by its modules, not by a clock."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from threading import Thread

import pytest

from dialer.adapters.local.shared import SOCKET, mark_of, serve_stores
from dialer.adapters.sql.open import open_stores
from tests.cli.conftest import Dialer
from tests.house.test_start import HEAVY

# One verb after another: what one of them loads stays loaded, so the first that is named is the one that did.
RUN = """
import json, os, sys
from dialer.cli.main import main
with open(os.environ["LOADED"], "w") as note:
    for words in json.loads(os.environ["VERBS"]):
        sys.argv = ["dialer", *words]
        try:
            main()
        except SystemExit as end:
            print(json.dumps([end.code or 0, sorted(sys.modules)]), file=note)
"""
VERBS = (
    "campaign list", "campaign show demo", "campaign add autumn --mode power --ratio 2 --operators 101-103",
    "campaign set demo --schedule пн-пт|10-19", "campaign stop demo",
    "operator list", "operator set 101 --name Анна", "trunk list", "trunk calls",
    "lead list demo", "lead export demo", "dnc list", "cdr list", "today", "token list", "import --list",
    "journal show", "token add crm --role viewer",
)  # fmt: skip


@pytest.fixture
def service(shop: Dialer, home: Path) -> Iterator[str]:
    """The database that a service of this folder would share; its address."""
    url = f"sqlite:///{(home / 'obzvon.db').resolve()}"
    loop = asyncio.new_event_loop()
    ready: list[asyncio.Event] = []

    async def share() -> None:
        end = asyncio.Event()
        async with AsyncExitStack() as stack:
            stores = await stack.enter_async_context(open_stores(url))
            await stack.enter_async_context(serve_stores(home / SOCKET, stores, mark_of(url)))
            ready.append(end)
            await end.wait()

    thread = Thread(target=loop.run_until_complete, args=(share(),))
    thread.start()
    try:
        while not ready and thread.is_alive():
            thread.join(0.01)
        assert ready
        yield url
    finally:
        for end in ready:
            loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


def loaded(tmp_path: Path, *verbs: str) -> list[set[str]]:
    """What was loaded when each of these had ended."""
    note = tmp_path / "loaded"
    words = [[word.replace("|", " ") for word in verb.split()] for verb in verbs]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env={**os.environ, "LOADED": str(note), "VERBS": json.dumps(words)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ends = [json.loads(line) for line in note.read_text().splitlines()]
    assert [code for code, _ in ends] == [0] * len(verbs), done.stderr
    return [set(modules) for _, modules in ends]


def test_a_verb_that_asks_the_service_loads_no_database_and_no_plan_of_numbers(
    service: str, tmp_path: Path
) -> None:
    found = zip(VERBS, loaded(tmp_path, *VERBS), strict=True)
    assert {verb: heavy for verb, modules in found if (heavy := HEAVY & modules)} == {}


def test_without_a_service_a_verb_works_on_the_database(shop: Dialer, tmp_path: Path) -> None:
    (modules,) = loaded(tmp_path, "campaign list")
    assert "sqlalchemy" in modules


def test_what_a_verb_does_through_the_service_is_in_the_database(service: str, dialer: Dialer) -> None:
    assert dialer("campaign", "set", "demo", "--ratio", "3").code == 0
    assert dialer("campaign", "show", "demo", "--json").json["ratio"] == 3
    told = dialer("campaign", "start", "demo")
    assert (told.code, "there is no message" in told.err) == (1, True)
    told = dialer("dnc", "add", "8 931 123-45-67")
    assert told.out == "+79311234567 is never dialled\n"
    assert [row["entry"] for row in dialer("dnc", "list", "--json").json] == ["+79311234567"]
