"""Campaign messages and tones: any PCM WAV becomes what Asterisk plays without work, 8 kHz mono 16-bit."""

from __future__ import annotations

import asyncio
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dialer.adapters.folders import READ_BY_ALL, make_folder
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import NAME

Samples = NDArray[np.float64]  # one channel, -1..1

RATE = 8000  # Hz, of telephone speech
LARGEST_UPLOAD = 64 * 1024 * 1024  # bytes; a minute of the widest format takes 23 MB
SHORTEST_S, LONGEST_S = 1.0, 60.0
SILENT_DB = -50.0  # below full scale, over the whole file
RATES = range(8000, 48_001)

_WIDTHS = {8: 1, 16: 2, 24: 3, 32: 4}
_FORMATS = {2: "ADPCM", 3: "floating point", 6: "A-law", 7: "mu-law", 17: "ADPCM", 85: "MP3"}
_PCM, _EXTENSIBLE = 1, 0xFFFE

# low-pass before the rate goes down: 3.5 kHz passes, 4 kHz (the new Nyquist frequency) is 60 dB down.
# Kaiser's formulas, as in Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.5.3
_CUTOFF_HZ = 3750.0
_STOP_DB = 60.0
_TRANSITION_HZ = 500.0
_BLOCK = 4096  # samples that come out at a time: bounds the memory


@dataclass(frozen=True, slots=True)
class Message:
    """A sound that a campaign can name; Asterisk finds it below the sounds folder as `name`."""

    name: str
    path: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class _Format:
    rate: int
    channels: int
    width: int  # bytes of a sample

    @property
    def frame(self) -> int:
        return self.channels * self.width


async def store_message(folder: Path, name: str, upload: bytes) -> Message:
    """Checks and converts an uploaded WAV and puts it in the sounds folder, whole or not at all."""
    return await asyncio.to_thread(_store, folder, checked_name(name), upload)


async def remove_message(folder: Path, name: str) -> bool:
    """False: there was none of this name."""
    path = folder / f"{checked_name(name)}.wav"
    try:
        await asyncio.to_thread(path.unlink)
    except FileNotFoundError:
        return False
    except OSError as failure:
        raise BadValue(
            said("the sound {path} cannot be removed: {strerror}", path=path, strerror=failure.strerror)
        ) from None
    return True


def checked_name(name: str) -> str:
    """The name, if it is one: it becomes a file name and a value in Asterisk's dialplan."""
    if not NAME.fullmatch(name):
        raise BadValue(
            said(
                "{name!r} cannot name a sound: take 1 to 32 of a-z, 0-9 and -, beginning with no dash",
                name=name[:40],
            )
        )
    return name


def _store(folder: Path, name: str, upload: bytes) -> Message:
    samples, rate = decode(upload)
    check_length(len(samples) / rate)
    converted = resample(samples, rate)
    check_loudness(converted)
    return write(folder, name, converted)


def write(folder: Path, name: str, samples: Samples) -> Message:
    """Puts samples of 8 kHz in the sounds folder as `name`.wav, whole or not at all."""
    path = folder / f"{checked_name(name)}.wav"
    try:
        make_folder(folder, READ_BY_ALL)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".part", delete=False) as part:
            try:
                part.write(encode(samples))
                part.flush()
                os.fsync(part.fileno())
                os.fchmod(part.fileno(), 0o644)  # Asterisk runs as another user
                Path(part.name).replace(path)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as failure:
        raise BadValue(
            said("the sound {path} cannot be written: {strerror}", path=path, strerror=failure.strerror)
        ) from failure
    return Message(name, path, len(samples) / RATE)


# --- the WAV format ---------------------------------------------------------------------------------------


def decode(data: bytes) -> tuple[Samples, int]:
    """One channel of samples and their rate, from a PCM WAV; raises BadValue that names what is wrong."""
    if len(data) > LARGEST_UPLOAD:
        raise BadValue(
            said(
                "the file has {n:,} bytes, at most {largest_upload:,} are taken: cut it shorter",
                n=len(data),
                largest_upload=LARGEST_UPLOAD,
            )
        )
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadValue(said("the file is no WAV: save the message as PCM WAV and try again"))
    form: _Format | None = None
    for kind, body in _chunks(data):
        if kind == b"fmt ":
            form = _read_format(body)
        elif kind == b"data":
            if form is None:
                raise BadValue(
                    said("the WAV has its sound before its format: save it anew with another program")
                )
            return _read_samples(body, form), form.rate
    raise BadValue(said("the WAV has no sound in it (no data chunk): save it anew as PCM WAV"))


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and body of each chunk; a size past the end means up to the end (recorders that were cut off)."""
    view = memoryview(data)
    at = 12
    while at + 8 <= len(data):
        size = int(struct.unpack_from("<I", data, at + 4)[0])
        yield bytes(view[at : at + 4]), view[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _read_format(body: memoryview) -> _Format:
    if len(body) < 16:
        raise BadValue(said("the WAV's format is cut short: save it anew as PCM WAV"))
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack_from("<H", body, 24)[0]
    if tag != _PCM:
        raise BadValue(
            said(
                "the WAV holds {tag}, not PCM: save it as PCM WAV, 16 bit",
                tag=_FORMATS.get(tag, f"format {tag}"),
            )
        )
    if channels not in (1, 2):
        raise BadValue(said("the WAV has {channels} channels: save it as mono or stereo", channels=channels))
    if rate not in RATES:
        raise BadValue(
            said(
                "the WAV has {rate} Hz: save it with {start} to {stop} Hz",
                rate=rate,
                start=RATES.start,
                stop=RATES.stop - 1,
            )
        )
    if bits not in _WIDTHS:
        raise BadValue(said("the WAV has {bits} bits per sample: save it with 16", bits=bits))
    return _Format(rate, channels, _WIDTHS[bits])


def _read_samples(body: memoryview, form: _Format) -> Samples:
    body = body[: len(body) - len(body) % form.frame]
    if not body:
        raise BadValue(said("the WAV has no sound in it (0 s): record the message again"))
    if len(body) // form.frame > (LONGEST_S + 1) * form.rate:
        check_length(len(body) / form.frame / form.rate)
    if form.width == 1:
        values = np.frombuffer(body, np.uint8).astype(np.float64) - 128.0
    elif form.width == 3:
        padded = np.zeros((len(body) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(body, np.uint8).reshape(-1, 3)
        values = padded.view("<i4").astype(np.float64).ravel() / 256.0
    else:
        values = np.frombuffer(body, f"<i{form.width}").astype(np.float64)
    mixed: Samples = values.reshape(-1, form.channels).mean(axis=1) / float(1 << (8 * form.width - 1))
    return mixed


def encode(samples: Samples) -> bytes:
    """A mono 16-bit WAV of 8 kHz."""
    body = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
    return wav_header(len(body), channels=1) + body


def wav_header(size: int, *, channels: int, rate: int = RATE) -> bytes:
    """The 44 bytes before `size` bytes of 16-bit samples."""
    head = struct.pack("<4sI4s4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16)
    form = struct.pack("<HHIIHH", _PCM, channels, rate, rate * channels * 2, channels * 2, 16)
    return head + form + struct.pack("<4sI", b"data", size)


# --- what makes a message ---------------------------------------------------------------------------------


def check_length(seconds: float) -> None:
    """Raises BadValue outside of 1 to 60 s."""
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise BadValue(
            said(
                "the message lasts {seconds:.1f} s: it must last {shortest_s:g} to {longest_s:g} s",
                seconds=seconds,
                shortest_s=SHORTEST_S,
                longest_s=LONGEST_S,
            )
        )


def check_loudness(samples: Samples) -> None:
    """Raises BadValue for what nobody would hear."""
    level = float(np.sqrt(np.mean(np.square(samples - samples.mean()))))
    if level < 10 ** (SILENT_DB / 20):
        raise BadValue(said("the message is silent: record it again, louder, and listen to it first"))


def resample(samples: Samples, rate: int) -> Samples:
    """From any rate of RATES to 8 kHz; what 8 kHz cannot carry is filtered out, not folded back."""
    if rate == RATE:
        return samples
    shared = int(np.gcd(RATE, rate))
    up, down = RATE // shared, rate // shared
    bank = _filters(rate, up)
    taps = bank.shape[1]
    edge = np.zeros(taps)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([edge, samples, edge]), taps)
    count = -(-len(samples) * up // down)
    out = np.empty(count)
    for start in range(0, count, _BLOCK):
        position = np.arange(start, min(start + _BLOCK, count)) * down
        first = position // up + taps // 2 + 1  # the window's middle lies at the sample before the position
        out[start : start + len(position)] = np.einsum("ij,ij->i", windows[first], bank[position % up])
    return out


def _filters(rate: int, up: int) -> Samples:
    """One row of taps for each place between two samples that a new sample can have."""
    beta = 0.1102 * (_STOP_DB - 8.7)
    length = (_STOP_DB - 8.0) / (2.285 * 2 * np.pi * _TRANSITION_HZ / rate)
    half = int(np.ceil(length / 2))
    offsets = np.arange(-half + 1, half + 1)[None, :] - np.arange(up)[:, None] / up  # in old samples
    window = np.i0(beta * np.sqrt(np.clip(1 - (offsets / half) ** 2, 0, 1))) / np.i0(beta)
    bank: Samples = np.sinc(2 * _CUTOFF_HZ / rate * offsets) * window
    return np.asarray(bank / bank.sum(axis=1, keepdims=True))


# --- tones ------------------------------------------------------------------------------------------------

DEMO_NOTES = ((523.25, 0.45), (659.26, 0.45), (783.99, 0.9), (0.0, 0.4)) * 2  # C5 E5 G5, twice
OPERATOR_NOTES = ((880.0, 0.12), (0.0, 0.05), (1174.66, 0.15))


def melody(notes: Sequence[tuple[float, float]], level: float = 0.3) -> Samples:
    """Notes (hertz, seconds; 0 Hz is a rest) of 8 kHz, each swelling and fading in 10 ms: no clicks."""
    parts = []
    for hertz, length_s in notes:
        times = np.arange(round(length_s * RATE)) / RATE
        fade = np.clip(np.minimum(times, length_s - times) / 0.01, 0, 1)
        parts.append(level * fade * np.sin(2 * np.pi * hertz * times))
    return np.concatenate(parts)


def write_demo_message(folder: Path, name: str = "demo-message") -> Message:
    """Three pleasant tones, twice: the message of the demo campaign."""
    return write(folder, name, melody(DEMO_NOTES))


def write_operator_tone(folder: Path, name: str = "operator-tone") -> Message:
    """What an operator hears right before a person."""
    return write(folder, name, melody(OPERATOR_NOTES))
