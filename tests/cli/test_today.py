"""`dialer today` and the verbs of records, on the database alone: no service runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from dialer.adapters.sql.open import open_stores
from dialer.domain.cdr import Cdr, Closing
from dialer.domain.operators import State, StateChange
from dialer.domain.types import CallId, OperatorId, Outcome
from tests.cli.conftest import Dialer
from tests.ports.made import record

ANNA = OperatorId("101")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-02-03T{text}+10:00")


def keep(home: Path, *cdrs: Cdr, moves: tuple[StateChange, ...] = ()) -> None:
    async def work() -> None:
        async with open_stores(f"sqlite:///{home / 'obzvon.db'}") as stores:
            await stores.ledger.close([Closing(cdr, None, cdr.id) for cdr in cdrs])
            await stores.ledger.log(moves)

    asyncio.run(work())


@pytest.fixture
def day(shop: Dialer, home: Path, monkeypatch: pytest.MonkeyPatch) -> Dialer:
    """The 3rd of February in Vladivostok; a call before its midnight, one after."""
    monkeypatch.setenv("DIALER_ZONE", "Asia/Vladivostok")
    keep(
        home,
        record("c-0", dialled_at=at("00:00:00")),
        record("c-1", dialled_at=at("00:30:00"), talk_s=29.0),
        replace(record("c-2", dialled_at=at("23:59:59")), outcome=Outcome.BUSY, operator=None, answer_at=None,
                talk_s=0.0),
        record("c-3", dialled_at=datetime.fromisoformat("2026-02-02T23:59:59+10:00")),
        moves=(
            StateChange(ANNA, State.OFFLINE, State.READY, "", at("09:00:00")),
            StateChange(ANNA, State.READY, State.PAUSED, "lunch", at("10:00:00")),
            StateChange(ANNA, State.PAUSED, State.OFFLINE, "", at("10:15:00")),
        ),
    )  # fmt: skip
    return shop


def test_a_day_is_shown_by_operator_and_by_campaign(day: Dialer) -> None:
    told = day("today", "--day", "2026-02-03").out
    lines = [line.split() for line in told.splitlines()]
    assert told.startswith("2026-02-03: 3 calls, 2 answered\n")
    assert ["101", "Operator", "101", "2", "2", "1", "0:01:09", "1:15:00", "1:00:00", "1:00:00"] in [
        row[:10] for row in lines
    ]
    assert "no operator had them" in told
    assert ["all", "3", "2", "1", "0:01:09", "connected", "2,", "busy", "1"] in lines


def test_a_long_talk_begins_where_it_is_said(day: Dialer) -> None:
    told = day("today", "--day", "2026-02-03", "--at-least", "29", "--json").json
    assert (told["total"]["long"], told["at_least_s"], told["since_at"]) == (
        2,
        29,
        "2026-02-02T14:00:00+00:00",
    )
    assert day("today", "--at-least", "-1").code == 1
    assert "such as 2026-02-03" in day("today", "--day", "yesterday").err


def test_a_day_of_which_nothing_is_known_is_no_mistake(day: Dialer) -> None:
    told = day("today", "--day", "2020-01-01")
    assert (told.code, told.out) == (0, "2020-01-01: 0 calls, 0 answered\n")


def test_records_are_listed_by_the_clock_of_the_office(day: Dialer) -> None:
    told = day("cdr", "list", "--since", "2026-02-03", "--until", "2026-02-03T23:00").out
    assert ("2026-02-03 00:00:00" in told, "c-2" in told, "c-3" in told) == (True, False, False)


@pytest.mark.parametrize("written", ["+79160000001", "8 (916) 000-00-01", "9160000001"])
def test_calls_are_found_by_a_number_in_any_form_the_newest_first(day: Dialer, written: str) -> None:
    found = day("calls", "find", written, "--json").json
    assert [one["id"] for one in found] == ["c-3", "c-2", "c-1", "c-0"]
    told = day("calls", "find", written, "--limit", "2").out
    assert ("c-3" in told, "c-2" in told, "c-1" in told, "busy" in told) == (True, True, False, True)
    assert [one["id"] for one in day("calls", "find", *written.split(), "--json").json] == [
        "c-3",
        "c-2",
        "c-1",
        "c-0",
    ]


def test_a_number_that_was_never_called_is_told_so(day: Dialer) -> None:
    assert "No call with +79161112233" in day("calls", "find", "+79161112233").out
    assert day("calls", "find", "12").code == 1
    assert day("calls", "find", "+79161112233", "--limit", "0").code == 1


def test_a_recording_is_found_and_played(
    day: Dialer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "recordings" / "2026-02-03" / "c-1.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"RIFF")

    async def work() -> None:
        async with open_stores(f"sqlite:///{home / 'obzvon.db'}") as stores:
            await stores.ledger.recorded(CallId("c-1"), "2026-02-03/c-1.wav", seconds=1.0)

    asyncio.run(work())
    assert day("recording", "path", "c-1").out == f"{file}\n"
    assert "was not recorded" in day("recording", "path", "c-2").err
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nothing here plays sound" in day("recording", "play", "c-1").err
    player = tmp_path / "aplay"
    player.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/played\n')
    player.chmod(0o755)
    assert day("recording", "play", "c-1").code == 0
    assert (tmp_path / "played").read_text() == f"-q {file}\n"
