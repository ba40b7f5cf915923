"""Tones are found where they are and nowhere else."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from asterisk_conf import sounds
from dialer.domain.errors import TimedOut
from dialer.lab import tones

RATE = 8000


def wave_of(*frequencies: float, length_s: float = 1.0, noise: float = 0.0) -> tones.Samples:
    times = np.arange(round(length_s * RATE)) / RATE
    sound = sum((np.sin(2 * np.pi * hertz * times) for hertz in frequencies), np.zeros(len(times)))
    return 0.2 * sound + noise * np.random.default_rng(1).standard_normal(len(times))


@pytest.mark.parametrize("hertz", [300, 425, 620, 1000, 2380, 2450, 3400])
def test_a_tone_holds_all_the_energy_and_its_neighbours_none(hertz: float) -> None:
    sound = wave_of(hertz)
    assert tones.goertzel(sound, RATE, hertz) == pytest.approx(1, abs=0.01)
    assert tones.goertzel(sound, RATE, hertz + 20) < 0.01


def test_two_voices_at_once_are_both_heard() -> None:
    sound = wave_of(620, 2450)
    assert tones.has_tone(sound, RATE, 620)
    assert tones.has_tone(sound, RATE, 2450)
    assert not tones.has_tone(sound, RATE, 1000)


def test_a_tone_is_found_in_noise_and_noise_is_no_tone() -> None:
    assert tones.has_tone(wave_of(620, noise=0.05), RATE, 620)
    assert not tones.has_tone(wave_of(noise=0.2), RATE, 620)


def test_silence_is_no_tone() -> None:
    assert tones.goertzel(np.zeros(1600), RATE, 620) == 0
    assert tones.goertzel(np.zeros(0), RATE, 620) == 0
    assert tones.tones(np.zeros(1600), RATE) == []


def test_a_recording_tells_which_tone_was_heard_when(tmp_path: Path) -> None:
    path = sounds.write(
        tmp_path / "x.wav", sounds.samples([((), 1.0), ((620.0,), 1.0), ((), 0.4), ((950.0,), 0.4)])
    )
    first, second = tones.heard(path)
    assert (first.hertz, first.first_s, first.last_s) == (
        620,
        pytest.approx(1, abs=0.21),
        pytest.approx(2, abs=0.21),
    )
    assert second.hertz == 950


def test_the_channels_of_a_raw_recording_are_kept_apart(tmp_path: Path) -> None:
    left, right = (sounds.samples([((hertz,), 1.0)]) for hertz in (620.0, 2450.0))
    both = [sample for pair in zip(left, right, strict=True) for sample in pair]
    (tmp_path / "x.raw").write_bytes(
        struct.pack(f"<{len(both)}h", *both) + b"\x01"
    )  # a write that was cut short
    assert [tones.heard(tmp_path / "x.raw", channel, 2)[0].hertz for channel in (0, 1)] == [620, 2450]


async def test_waiting_for_a_tone_that_never_comes_says_what_was_heard(tmp_path: Path) -> None:
    path = sounds.tone(tmp_path / "x.wav", 950)
    await tones.listen_for(path, 950, 1)
    with pytest.raises(TimedOut, match=r"no 620 Hz in x\.wav within 0\.05 s; heard: 950 Hz"):
        await tones.listen_for(path, 620, 0.05)
    with pytest.raises(TimedOut, match="heard: silence"):
        await tones.listen_for(tmp_path / "none.wav", 620, 0.05)
