"""Sounds that pass between us and a real Asterisk: messages that it plays, recordings that it makes."""

from __future__ import annotations

import wave
from io import BytesIO
from typing import Any

import numpy as np

from dialer.adapters import sounds
from dialer.adapters.recordings import Converter
from dialer.domain.types import CallId
from dialer.lab import tones
from dialer.lab.lab import Lab

STUDIO_RATE = 44_100
NOTE_HERTZ = 700.0


class FakeLedger:
    """Keeps the files that it is told of."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, float]] = {}

    async def recorded(self, call: CallId, file: str, *, seconds: float) -> None:
        self.files[call] = (file, seconds)


def studio_wav(hertz: float, seconds: float) -> bytes:
    """What a supervisor uploads: 44.1 kHz, stereo, 24 bits."""
    note = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(STUDIO_RATE * seconds)) / STUDIO_RATE)
    frames = np.repeat((note * (1 << 23)).astype("<i4")[:, None], 2, axis=1)
    memory = BytesIO()
    with wave.open(memory, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(STUDIO_RATE)
        file.writeframes(frames.reshape(-1, 1).view(np.uint8)[:, :3].tobytes())
    return memory.getvalue()


async def test_a_person_hears_the_uploaded_message(lab: Lab, ari: Any) -> None:
    number = "79161230077"
    message = await sounds.store_message(lab.sounds, "uploaded", studio_wav(NOTE_HERTZ, 2.0))
    person = await ari.originate(
        f"PJSIP/{number}@carrier", "obz-out/safe", OBZ_MESSAGE=str(message.path.with_suffix(""))
    )
    await tones.listen_for(lab.world.heard_by(number), NOTE_HERTZ)
    await ari.gone(person)


async def test_what_asterisk_recorded_becomes_a_wav_with_both_voices(lab: Lab, ari: Any) -> None:
    number, phone, call = "79161230078", lab.world.phone("102"), CallId("c-pbx-recording")
    person = await ari.call(number, OBZ_REC=call)
    operator = await ari.ring("102")
    await ari.up(person)
    await ari.up(operator)
    await ari.talk(person, operator)
    await tones.listen_for(lab.world.heard_by(number), phone.hertz)
    await ari.hang_up(person, operator)
    await ari.gone(person)
    ledger = FakeLedger()
    await Converter(lab.recordings, ledger, lambda one: False, settled_s=0).convert(call)
    file, seconds = ledger.files[call]
    wav = lab.recordings / file
    voices = [tones.heard(wav, channel)[0].hertz for channel in (0, 1)]
    assert voices == [lab.world.fate(number).tone, phone.hertz]
    assert seconds * tones.RATE == len(tones.read(wav)[0])
    assert not (lab.recordings / f"{call}.raw").exists()
