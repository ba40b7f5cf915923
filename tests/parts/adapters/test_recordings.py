"""What Asterisk recorded becomes a WAV in the ledger, once, whatever dies in between."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from dialer.adapters.recordings import Converter, is_call_id
from dialer.domain.errors import Missing, StoreDown
from dialer.domain.types import CallId

CALL = CallId("c-20250131-0001")
SOON_S = 5.0
AT = 1_738_281_600.0  # 2025-01-31 00:00 UTC
DAY = "2025-01-31"


class FakeLedger:
    """Keeps what it is told; `fail` is raised instead."""

    def __init__(self) -> None:
        self.files: list[tuple[str, str, float]] = []
        self.fail: Exception | None = None

    async def recorded(self, call: CallId, file: str, *, seconds: float) -> None:
        if self.fail:
            raise self.fail
        self.files.append((call, file, seconds))


def talk(seconds: float = 1.0) -> bytes:
    """Left 1, 2, 3 ... (the person), right the same below zero (the operator)."""
    left = np.arange(round(8000 * seconds)) % 32000
    return np.stack([left, -left], axis=1).astype("<i2").tobytes()


def put(folder: Path, call: str = CALL, data: bytes | None = None, at: float = AT) -> Path:
    raw = folder / f"{call}.raw"
    raw.write_bytes(talk() if data is None else data)
    os.utime(raw, (at, at))
    return raw


def converter(
    folder: Path, ledger: FakeLedger, in_flight: Callable[[CallId], bool] = lambda call: False
) -> Converter:
    return Converter(folder, ledger, in_flight, settled_s=0.02, sweep_s=60)


@asynccontextmanager
async def working(worker: Converter) -> AsyncIterator[None]:
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not holds():  # noqa: ASYNC110 what is waited for is done by a thread
            await asyncio.sleep(0.005)


async def test_person_left_operator_right_nothing_lost(tmp_path):
    raw, ledger = put(tmp_path), FakeLedger()
    await converter(tmp_path, ledger).sweep()
    with wave.open(str(tmp_path / DAY / f"{CALL}.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert sound[:4].tolist() == [[0, 0], [1, -1], [2, -2], [3, -3]]
    assert sound.tobytes() == talk()
    assert ledger.files == [(CALL, f"{DAY}/{CALL}.wav", 1.0)]
    assert not raw.exists()


async def test_a_closed_call_is_converted_when_asterisk_has_finished_writing(tmp_path):
    ledger = FakeLedger()
    worker = converter(tmp_path, ledger)
    async with working(worker):
        await until(tmp_path.is_dir)
        raw = put(tmp_path, at=time.time())
        worker.closed(CALL)
        await until(lambda: bool(ledger.files) and not raw.exists())
    assert worker.failures == 0


async def test_a_restart_finds_what_was_left_and_only_that(tmp_path):
    put(tmp_path, "c-left")
    put(tmp_path, "c-talking")
    put(tmp_path, "c-fresh", at=time.time() + 60)
    ledger = FakeLedger()
    async with working(converter(tmp_path, ledger, lambda call: call == "c-talking")):
        await until(lambda: bool(ledger.files) and not (tmp_path / "c-left.raw").exists())
    assert [call for call, *_ in ledger.files] == ["c-left"]
    assert sorted(path.name for path in tmp_path.glob("*.raw")) == ["c-fresh.raw", "c-talking.raw"]


async def test_a_call_without_talk_leaves_no_file_and_no_entry(tmp_path):
    raw, ledger = put(tmp_path, data=b""), FakeLedger()
    worker = converter(tmp_path, ledger)
    await worker.sweep()
    assert not list(tmp_path.rglob("*.*"))
    assert not ledger.files
    assert not raw.exists()
    assert worker.failures == 0


@pytest.mark.parametrize("rest", [1, 2, 3])
async def test_half_a_sample_at_the_end_is_left_out(tmp_path, rest):
    put(tmp_path, data=talk() + b"\1" * rest)
    ledger = FakeLedger()
    await converter(tmp_path, ledger).sweep()
    assert (tmp_path / DAY / f"{CALL}.wav").stat().st_size == 44 + len(talk())
    assert ledger.files[0][2] == 1.0


@pytest.mark.parametrize("trouble", [StoreDown("the database is away"), Missing("no such record yet")])
async def test_the_raw_file_stays_until_the_ledger_has_it(tmp_path, trouble):
    raw, ledger = put(tmp_path), FakeLedger()
    ledger.fail = trouble
    worker = converter(tmp_path, ledger)
    assert await worker.sweep() == 0
    assert raw.exists()
    ledger.fail = None
    assert await worker.sweep() == 1
    assert not raw.exists()
    assert len(ledger.files) == 1


async def test_killed_between_wav_and_ledger_nothing_is_lost_or_written_twice(tmp_path):
    put(tmp_path)
    ledger = FakeLedger()
    ledger.fail = StoreDown("killed here")
    await converter(tmp_path, ledger).sweep()
    wav = tmp_path / DAY / f"{CALL}.wav"
    written = wav.stat().st_mtime_ns
    ledger.fail = None
    await converter(tmp_path, ledger).sweep()
    assert wav.stat().st_mtime_ns == written
    assert len(ledger.files) == 1


async def test_a_wav_that_was_cut_short_is_written_again(tmp_path):
    put(tmp_path)
    wav = tmp_path / DAY / f"{CALL}.wav"
    wav.parent.mkdir()
    wav.write_bytes(b"RIFF")
    (wav.parent / f".{CALL}.part").write_bytes(b"killed in the middle")
    ledger = FakeLedger()
    await converter(tmp_path, ledger).sweep()
    assert wav.stat().st_size == 44 + len(talk())
    assert not list(tmp_path.rglob("*.part"))


async def test_a_call_told_twice_is_done_once(tmp_path):
    put(tmp_path)
    ledger = FakeLedger()
    worker = converter(tmp_path, ledger)
    await asyncio.gather(worker.convert(CALL), worker.convert(CALL))
    await worker.convert(CALL)
    assert {file for _, file, _ in ledger.files} == {f"{DAY}/{CALL}.wav"}
    assert worker.failures == 0


NAMES = [
    "",
    ".",
    "..",
    "../c-1",
    "c-1/../../x",
    "/etc/passwd",
    "c 1",
    "c;ls",
    "c-1\n",
    "c-1\0",
    "-rf",
    ".c",
    "c..1",
    "с-1",
    "c" * 81,
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_that_is_no_id_of_ours_is_never_opened(tmp_path, name):
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "c-1.raw").write_bytes(talk())
    ledger = FakeLedger()
    worker = converter(inside, ledger)
    await worker.convert(CallId(name))
    assert not is_call_id(name)
    assert worker.failures == 1
    assert not ledger.files
    assert (tmp_path / "c-1.raw").exists()


async def test_files_of_others_in_the_folder_are_left_alone(tmp_path):
    others = [tmp_path / name for name in ("notes.txt", "a b.raw", ".c-1.raw", "c-1.raw.bak")]
    for path in others:
        path.write_bytes(talk())
        os.utime(path, (AT, AT))
    (tmp_path / "c-2.raw").mkdir()
    worker = converter(tmp_path, FakeLedger())
    assert await worker.sweep() == 0
    assert all(path.exists() for path in others)
    assert worker.failures == 0


async def test_a_disk_that_does_not_take_it_is_one_sentence_and_the_raw_file_stays(tmp_path, capsys):
    raw = put(tmp_path)
    (tmp_path / DAY).write_text("a file where the folder should be")
    worker = converter(tmp_path, FakeLedger())
    await worker.sweep()
    said = [line for line in capsys.readouterr().out.splitlines() if "waits" in line]
    assert len(said) == 1
    assert CALL in said[0]
    assert worker.failures == 1
    assert raw.exists()


async def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    raw = put(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dialer.adapters.recordings.os.fsync", full)
    worker = converter(tmp_path, FakeLedger())
    await worker.sweep()
    assert worker.failures == 1
    assert raw.exists()
    assert [path.name for path in tmp_path.rglob("*.*")] == [raw.name]


async def test_a_folder_that_cannot_be_read_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    worker = converter(tmp_path / "file", FakeLedger())
    assert await worker.sweep() == 0
    assert f"the recordings folder {tmp_path / 'file'} cannot be read" in capsys.readouterr().out


async def test_voices_are_not_readable_by_everybody(tmp_path):
    put(tmp_path)
    await converter(tmp_path, FakeLedger()).sweep()
    assert (tmp_path / DAY / f"{CALL}.wav").stat().st_mode & 0o007 == 0


async def test_the_loop_goes_on_while_the_disk_is_slow(tmp_path, monkeypatch):
    put(tmp_path)
    on_disk = threading.Event()

    def slow(descriptor: int) -> None:
        assert on_disk.wait(SOON_S), "the loop was blocked: nobody could go on"

    monkeypatch.setattr("dialer.adapters.recordings.os.fsync", slow)
    work = asyncio.create_task(converter(tmp_path, FakeLedger()).sweep())
    await until(lambda: bool(list(tmp_path.rglob("*.part"))))
    on_disk.set()
    assert await work == 1
