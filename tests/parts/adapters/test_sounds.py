"""Any PCM WAV becomes a message that Asterisk plays, or the uploader is told what is wrong with it."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest

from dialer.adapters import sounds
from dialer.domain.errors import BadValue

HERTZ = 1000.0


def tone(rate: int, seconds: float = 1.5, hertz: float = HERTZ, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def as_wav(
    samples: np.ndarray, rate: int, bits: int = 16, channels: int = 1, *, extensible: bool = False
) -> bytes:
    """A WAV as the world's programs write it."""
    frames = np.repeat(samples[:, None], channels, axis=1).ravel()
    scaled = np.clip(np.rint(frames * (1 << (bits - 1))), -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    if bits == 8:
        body = (scaled + 128).astype(np.uint8).tobytes()
    elif bits == 24:
        body = scaled.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    else:
        body = scaled.astype(f"<i{bits // 8}").tobytes()
    return riff(fmt(rate, bits, channels, extensible=extensible), (b"data", body))


def fmt(rate=8000, bits=16, channels=1, tag=1, *, extensible=False) -> tuple[bytes, bytes]:
    width = channels * bits // 8
    head = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else tag, channels, rate, rate * width % 2**32, width, bits
    )
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    return b"fmt ", head + (struct.pack("<HHI", 22, bits, 3) + guid if extensible else b"")


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def level_at(samples: np.ndarray, hertz: float) -> float:
    """Amplitude of one frequency in the middle of a sound of 8 kHz."""
    middle = samples[2000:-2000]
    turns = np.exp(-2j * np.pi * hertz / sounds.RATE * np.arange(len(middle)))
    return float(2 * abs(np.dot(middle * np.hanning(len(middle)) * 2, turns)) / len(middle))


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 44100])
async def test_every_width_and_channel_count_is_taken(tmp_path, bits, channels, rate):
    upload = as_wav(tone(rate), rate, bits, channels)
    message = await sounds.store_message(tmp_path, "hello", upload)
    with wave.open(str(message.path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        played = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    assert message.seconds == pytest.approx(1.5, abs=0.001)
    assert level_at(played, HERTZ) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("rate", [8000, 8001, 11025, 16000, 22050, 24000, 32000, 37800, 44100, 47990, 48000])
def test_every_rate_keeps_pitch_length_and_loudness(rate):
    converted = sounds.resample(tone(rate), rate)
    assert len(converted) == pytest.approx(12000, abs=1)
    assert level_at(converted, HERTZ) == pytest.approx(0.5, rel=0.01)
    assert (
        np.abs(converted[200:-200] - tone(8000)[200 : len(converted) - 200]).max() < 0.005
    )  # no shift either


@pytest.mark.parametrize(
    ("rate", "hertz"),
    [(11025, 4200), (11025, 5400), (16000, 4200), (16000, 7000), (44100, 4200), (44100, 9000), (48000, 7000)],
)
def test_what_8_khz_cannot_carry_is_not_folded_back(rate, hertz):
    converted = sounds.resample(tone(rate, hertz=hertz), rate)
    assert np.abs(converted[500:-500]).max() < 0.5 * 10 ** (-55 / 20)


@pytest.mark.parametrize("hertz", [300, 1000, 2500, 3300])
def test_speech_passes_unchanged(hertz):
    converted = sounds.resample(tone(44100, hertz=hertz), 44100)
    assert level_at(converted, hertz) == pytest.approx(0.5, rel=0.01)


def test_a_minute_of_the_widest_format_is_read_right():
    samples, rate = sounds.decode(as_wav(tone(48000, seconds=2), 48000, 24, 2, extensible=True))
    assert (len(samples), rate) == (96000, 48000)
    assert samples.max() == pytest.approx(0.5, abs=0.001)


def test_other_chunks_and_odd_sizes_are_skipped():
    body = (tone(8000) * 32767).astype("<i2").tobytes()
    upload = riff((b"LIST", b"odd"), fmt(), (b"fact", b"1234"), (b"data", body), (b"id3 ", b"x"))
    assert len(sounds.decode(upload)[0]) == 12000


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 10**6])
def test_a_recorder_that_was_cut_off_or_wrote_to_a_pipe_is_understood(size):
    body = (tone(8000) * 32767).astype("<i2").tobytes()
    upload = riff(fmt()) + b"data" + struct.pack("<I", size) + body + b"\0"
    assert len(sounds.decode(upload)[0]) == 12000


def test_our_own_files_are_read_back_as_they_were():
    samples, rate = sounds.decode(sounds.encode(tone(8000)))
    assert rate == 8000
    assert np.abs(samples - tone(8000)).max() < 1 / 32768


def test_stereo_is_mixed_not_dropped():
    left, right = tone(8000, hertz=500), tone(8000, hertz=1500)
    body = (np.stack([left, right], axis=1) * 32767).astype("<i2").tobytes()
    mixed, _ = sounds.decode(riff(fmt(channels=2), (b"data", body)))
    assert level_at(mixed, 500) == pytest.approx(0.25, rel=0.02)
    assert level_at(mixed, 1500) == pytest.approx(0.25, rel=0.02)


GOOD = as_wav(tone(8000), 8000)
BAD = {
    "nothing": (b"", "no WAV"),
    "a text": (b"hello, this is my message to you", "no WAV"),
    "an MP3": (b"ID3\x03" + bytes(500), "no WAV"),
    "an AVI": (b"RIFF\x10\0\0\0AVI " + bytes(40), "no WAV"),
    "RF64": (b"RF64" + GOOD[4:], "no WAV"),
    "only the head": (GOOD[:12], "no data chunk"),
    "format cut short": (riff((b"fmt ", b"\1\0\1\0"), (b"data", bytes(16000))), "cut short"),
    "no format": (riff((b"data", bytes(16000))), "before its format"),
    "no data": (riff(fmt()), "no data chunk"),
    "empty data": (riff(fmt(), (b"data", b"")), "no sound"),
    "half a frame": (riff(fmt(channels=2), (b"data", b"123")), "no sound"),
    "A-law": (riff(fmt(tag=6, bits=8), (b"data", bytes(16000))), "A-law"),
    "mu-law": (riff(fmt(tag=7, bits=8), (b"data", bytes(16000))), "mu-law"),
    "ADPCM": (riff(fmt(tag=2), (b"data", bytes(16000))), "ADPCM"),
    "MP3 inside": (riff(fmt(tag=85), (b"data", bytes(16000))), "MP3"),
    "floating point": (riff(fmt(tag=3, bits=32), (b"data", bytes(64000))), "floating point"),
    "floating point, extensible": (
        riff(fmt(tag=3, bits=32, extensible=True), (b"data", bytes(64000))),
        "floating point",
    ),
    "an unknown format": (riff(fmt(tag=4660), (b"data", bytes(16000))), "format 4660"),
    "six channels": (riff(fmt(channels=6), (b"data", bytes(96000))), "6 channels"),
    "no channel": (riff(fmt(channels=0), (b"data", bytes(16000))), "0 channels"),
    "0 Hz": (riff(fmt(rate=0), (b"data", bytes(16000))), "0 Hz"),
    "4 kHz": (riff(fmt(rate=4000), (b"data", bytes(16000))), "4000 Hz"),
    "96 kHz": (riff(fmt(rate=96000), (b"data", bytes(16000))), "96000 Hz"),
    "4 GHz": (riff(fmt(rate=0xFFFFFFFF), (b"data", bytes(16000))), "4294967295 Hz"),
    "12 bits": (riff(fmt(bits=12), (b"data", bytes(16000))), "12 bits"),
    "64 bits": (riff(fmt(bits=64), (b"data", bytes(64000))), "64 bits"),
    "no bits": (riff(fmt(bits=0), (b"data", bytes(64000))), "0 bits"),
    "too short": (as_wav(tone(8000, 0.5), 8000), r"0\.5 s"),
    "too long": (as_wav(tone(8000, 60.2), 8000), r"60\.2 s"),
    "far too long": (as_wav(tone(8000, 600), 8000, 8), r"600\.0 s"),
    "silence": (as_wav(np.zeros(16000), 8000), "silent"),
    "almost silence": (as_wav(tone(8000, level=0.002), 8000), "silent"),
    "a constant": (as_wav(np.full(16000, 0.5), 8000), "silent"),
    "only what 8 kHz cannot carry": (as_wav(tone(48000, hertz=12000), 48000), "silent"),
    "far too large": (b"RIFF" + bytes(sounds.LARGEST_UPLOAD), "at most"),
}


@pytest.mark.parametrize(("upload", "says"), BAD.values(), ids=BAD)
async def test_a_bad_upload_is_refused_with_its_reason_and_changes_nothing(tmp_path, upload, says):
    kept = await sounds.store_message(tmp_path, "hello", GOOD)
    before = kept.path.read_bytes()
    with pytest.raises(BadValue, match=says):
        await sounds.store_message(tmp_path, "hello", upload)
    assert [path.name for path in tmp_path.iterdir()] == ["hello.wav"]
    assert kept.path.read_bytes() == before


NAMES = [
    "",
    "../hello",
    "/etc/passwd",
    "a/b",
    "a.b",
    "-a",
    "A",
    "a b",
    "a\n",
    "a\0",
    "a&b",
    "а",
    "a" * 33,
    "a,b",
    "${X}",
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_that_could_be_something_else_is_refused(tmp_path, name):
    with pytest.raises(BadValue, match="cannot name a sound"):
        await sounds.store_message(tmp_path, name, GOOD)
    with pytest.raises(BadValue, match="cannot name a sound"):
        await sounds.remove_message(tmp_path, name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", range(0, len(GOOD), 1499))
def test_a_file_cut_anywhere_is_an_error_or_a_shorter_sound(cut):
    try:
        samples, _ = sounds.decode(GOOD[:cut])
    except BadValue:
        return
    assert 0 < len(samples) < 12000


async def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadValue, match=r"the sound .*file/hello\.wav cannot be written"):
        await sounds.store_message(tmp_path / "file", "hello", GOOD)


async def test_asterisk_may_read_the_message_and_it_can_be_removed(tmp_path):
    message = await sounds.store_message(tmp_path, "hello", GOOD)
    assert message.path.stat().st_mode & 0o777 == 0o644
    assert await sounds.remove_message(tmp_path, "hello")
    assert not await sounds.remove_message(tmp_path, "hello")


def test_the_demo_message_is_a_message(tmp_path):
    message = sounds.write_demo_message(tmp_path)
    samples, rate = sounds.decode(message.path.read_bytes())
    sounds.check_length(len(samples) / rate)
    sounds.check_loudness(samples)
    for hertz in (523.25, 659.26, 783.99):
        assert level_at(samples, hertz) > 0.03


def test_tones_begin_and_end_without_a_click():
    melody = sounds.melody(sounds.OPERATOR_NOTES)
    assert np.abs(np.diff(melody)).max() < 0.3 * 2 * np.pi * 1200 / sounds.RATE
    assert abs(melody[0]) < 0.01
    assert abs(melody[-1]) < 0.01


def test_the_header_is_what_the_standard_library_reads():
    with wave.open(io.BytesIO(sounds.wav_header(8, channels=2) + bytes(8))) as file:
        assert (file.getnchannels(), file.getnframes(), file.getframerate()) == (2, 2, 8000)
