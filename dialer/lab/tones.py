"""Finds tones in recorded sound: the proof of who heard whom."""

from __future__ import annotations

import asyncio
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dialer.domain.errors import TimedOut

Samples = NDArray[np.float64]

RATE = 8000
POLL_S = 0.05
WINDOW_S = 0.2  # a tone is looked for in windows of this length; frequencies nearer than 5 Hz are one
PRESENT = 0.25  # a tone that holds this share of a window's energy is heard in it
SILENT = 1e-7  # mean power of a window, full scale 1, below which nothing is heard at all


@dataclass(frozen=True, slots=True)
class Heard:
    """A tone, and when it was first and last heard (seconds from the start of the recording)."""

    hertz: float
    first_s: float
    last_s: float
    length_s: float  # in all


def read(path: Path, channel: int = 0, channels: int = 1) -> tuple[Samples, int]:
    """Samples between -1 and 1, and their rate; .wav by its header, anything else as raw 16-bit at 8 kHz.

    MixMonitor's two-channel recordings are raw: channels=2, channel 0 is the person, 1 is what he hears.
    """
    rate = RATE
    if path.suffix == ".wav":
        with wave.open(str(path), "rb") as file:
            rate, channels = file.getframerate(), file.getnchannels()
            data = file.readframes(file.getnframes())
    else:
        data = path.read_bytes()
    whole = len(data) // (2 * channels) * 2 * channels
    samples = np.frombuffer(data[:whole], dtype="<i2").reshape(-1, channels)[:, channel]
    return samples.astype(np.float64) / 32768, rate


def goertzel(samples: Samples, rate: int, hertz: float) -> float:
    """The share, 0 to 1, of the energy at one frequency: the one DFT term that Goertzel's loop sums."""
    energy = float(np.dot(samples, samples))
    if not len(samples) or energy / len(samples) < SILENT:
        return 0.0
    turns = np.exp(-2j * np.pi * hertz / rate * np.arange(len(samples)))
    return float(2 * abs(np.dot(samples, turns)) ** 2 / (len(samples) * energy))


def has_tone(samples: Samples, rate: int, hertz: float) -> bool:
    """Whether the tone is heard in at least one window."""
    return any(goertzel(window, rate, hertz) >= PRESENT for _, window in windows(samples, rate))


def windows(samples: Samples, rate: int) -> list[tuple[float, Samples]]:
    """The sound in pieces of WINDOW_S, each with its start in seconds; a shorter rest is left out."""
    size = round(WINDOW_S * rate)
    return [
        (start / rate, samples[start : start + size]) for start in range(0, len(samples) - size + 1, size)
    ]


def heard(path: Path, channel: int = 0, channels: int = 1) -> list[Heard]:
    """The tones of a recording, the longest first; none if there is no recording."""
    if not path.exists():
        return []
    samples, rate = read(path, channel, channels)
    found: dict[int, list[float]] = {}
    for start_s, window in windows(samples, rate):
        for hertz in tones(window, rate):
            found.setdefault(hertz, []).append(start_s)
    result = [
        Heard(float(hertz), min(starts), max(starts) + WINDOW_S, len(starts) * WINDOW_S)
        for hertz, starts in found.items()
    ]
    return sorted(result, key=lambda tone: -tone.length_s)


def tones(window: Samples, rate: int) -> list[int]:
    """Frequencies, to 5 Hz, that hold a good part of the window's energy."""
    power = float(np.dot(window, window))
    if power / len(window) < SILENT:
        return []
    spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window)))) ** 2
    total = float(spectrum.sum())
    near = spectrum.copy()
    near[1:] += spectrum[:-1]
    near[:-1] += spectrum[1:]  # a tone between two bins spreads over its neighbours
    peaks = [
        index
        for index in range(1, len(spectrum) - 1)
        if spectrum[index] >= spectrum[index - 1]
        and spectrum[index] > spectrum[index + 1]
        and near[index] / total >= PRESENT
    ]
    return [round(index * rate / len(window)) for index in peaks]


def is_heard(path: Path, hertz: float) -> bool:
    """Whether a recording, if there is one yet, holds the tone."""
    return path.exists() and has_tone(*read(path), hertz)


async def listen_for(path: Path, hertz: float | None, timeout_s: float = 10.0) -> None:
    """Returns when a recording that is being made holds the tone; the error names what it holds instead."""
    assert hertz, "stock sentences and silence have no tone to listen for"
    try:
        async with asyncio.timeout(timeout_s):
            while not is_heard(path, hertz):  # noqa: ASYNC110 Asterisk writes it
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        found = ", ".join(f"{tone.hertz:g} Hz" for tone in heard(path)) or "silence"
        raise TimedOut(f"no {hertz:g} Hz in {path.name} within {timeout_s:g} s; heard: {found}") from None


def likeness(samples: Samples, words: Samples) -> float:
    """How well these words fit where they fit best: 1 is the very sound, unrelated sound stays under 0.3."""
    samples = np.concatenate([samples, np.zeros(len(words) // 2)])  # the end of a call cuts the last words
    if len(samples) < len(words):
        return 0.0
    size = 1 << (len(samples) + len(words)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(words, size))
    products = np.fft.irfft(spectrum, size)[: len(samples) - len(words) + 1]
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples))])
    windows = energy[len(words) :] - energy[: -len(words)]
    loudest = float(np.sum(np.square(words)))
    return float(np.max(products / np.sqrt(np.maximum(windows, 1e-3 * loudest) * loudest)))
