"""What an operator hears beside the prompts: tones, and what digits mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dialer.domain.operators import State
from dialer.domain.types import Language

# what Asterisk calls the language: the folder of its sounds (the Russian package makes no link `ru`)
SOUND_LANGUAGE: Mapping[Language, str] = MappingProxyType(
    {Language.RU: "ru_RU_f_IvrvoiceRU", Language.EN: "en"}
)

ASK_DIGIT = "beep"


@dataclass(frozen=True, slots=True)
class Tone:
    """A pattern of notes (hertz, seconds; 0 Hz is a gap), played once."""

    notes: tuple[tuple[int, float], ...]

    @property
    def seconds(self) -> float:
        return sum(length_s for _, length_s in self.notes)

    @property
    def pattern(self) -> str:
        """As the application PlayTones wants it; `!` keeps it from starting over."""
        return ",".join(f"!{hertz}/{round(length_s * 1000)}" for hertz, length_s in self.notes)


RISING = Tone(((523, 0.12), (0, 0.03), (659, 0.12), (0, 0.03), (784, 0.18)))
FALLING = Tone(((784, 0.12), (0, 0.03), (659, 0.12), (0, 0.03), (523, 0.18)))
LOW_DOUBLE = Tone(((220, 0.2), (0, 0.1), (220, 0.3)))
PROMPT = Tone(((880, 0.15),))

READY, PAUSED, FAILED = RISING, FALLING, LOW_DOUBLE


STATE_TONES: Mapping[State, Tone] = MappingProxyType(
    {
        State.OFFLINE: FALLING,
        State.CONNECTING: PROMPT,
        State.READY: RISING,
        State.RESERVED: RISING,
        State.TALKING: PROMPT,
        State.WRAP_UP: PROMPT,
        State.PAUSED: FALLING,
    }
)
