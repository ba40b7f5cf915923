"""Makes the sounds that must exist before anyone has recorded any: tones, as 8 kHz mono 16-bit WAV files."""

from __future__ import annotations

import math
import os
import struct
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path

RATE = 8000  # samples per second
FADE_S = 0.01  # a tone that starts or ends at once clicks

Part = tuple[tuple[float, ...], float]  # frequencies that sound together (none: silence), seconds

MOH: Sequence[Part] = (((392.0,), 0.6), ((494.0,), 0.6), ((587.0,), 0.6), ((494.0,), 0.6), ((), 1.2))
MESSAGE: Sequence[Part] = (((950.0,), 0.33), ((1400.0,), 0.33), ((1800.0,), 0.33), ((), 0.4), ((425.0,), 1.2))
GREETING: Sequence[Part] = (((300.0,), 0.8), ((), 0.2), ((350.0,), 0.8), ((), 0.3), ((1000.0,), 0.5))
PRESS1: Sequence[Part] = (((440.0,), 0.2), ((), 0.1), ((660.0,), 0.3))


def samples(parts: Sequence[Part], level: float = 0.2) -> list[int]:
    """The parts one after another as 16-bit samples; `level` 1 is the loudest possible."""
    sound: list[int] = []
    for frequencies, length_s in parts:
        count = round(length_s * RATE)
        fade = max(1, round(FADE_S * RATE))
        for index in range(count):
            edge = min(1.0, index / fade, (count - index) / fade)
            value = sum(math.sin(math.tau * frequency * index / RATE) for frequency in frequencies)
            sound.append(round(32767 * level * edge * value / max(1, len(frequencies))))
    return sound


def write(path: Path, sound: Sequence[int]) -> Path:
    """Writes a WAV file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as file, wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(struct.pack(f"<{len(sound)}h", *sound))
    os.chmod(fresh, 0o644)
    os.replace(fresh, path)
    return path


def tone(path: Path, frequency: float, length_s: float = 1.0, level: float = 0.2) -> Path:
    """One steady tone."""
    return write(path, samples([((frequency,), length_s)], level))


def moh(path: Path) -> Path:
    """Soft music for those who wait; Asterisk repeats it."""
    return write(path, samples(MOH, level=0.08))


def message(path: Path) -> Path:
    """Stands in for a message that nobody has recorded: the tones of "this call cannot be connected"."""
    return write(path, samples(MESSAGE))


def press1(path: Path) -> Path:
    """Stands in for "press 1"."""
    return write(path, samples(PRESS1))


def greeting(path: Path) -> Path:
    """Stands in for an answering machine: something like words, and a beep of 1000 Hz."""
    return write(path, samples(GREETING))
