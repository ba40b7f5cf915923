"""What an operator hears: Asterisk's stock words, tones where there is no word, and what digits mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dialer.domain.keys import DISPOSITIONS, PAUSE_REASONS
from dialer.domain.operators import State
from dialer.domain.types import Language

Meanings = Mapping[str, str]  # digit: what it stands for

# what Asterisk calls the language: the folder of its sounds (the Russian package makes no link `ru`)
SOUND_LANGUAGE: Mapping[Language, str] = MappingProxyType(
    {Language.RU: "ru_RU_f_IvrvoiceRU", Language.EN: "en"}
)

PAUSE_DIGITS: Meanings = PAUSE_REASONS
NO_PAUSE_DIGIT = "0"  # no key in time: other
DISPOSITION_DIGITS: Meanings = DISPOSITIONS

ASK_NUMBER = "agent-user"
ASK_NUMBER_AGAIN = "agent-incorrect"
ASK_PIN = "agent-pass"
ASK_DIGIT = "beep"
LOGGED_IN = "agent-loginok"
LOGGED_OFF = "agent-loggedoff"
THANKS = "auth-thankyou"
GOODBYE = "vm-goodbye"


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


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a state is told: a tone, then a word, if there is one."""

    tone: Tone
    word: str = ""


STATE_WORDS: Mapping[State, Spoken] = MappingProxyType(
    {
        State.OFFLINE: Spoken(FALLING, LOGGED_OFF),
        State.CONNECTING: Spoken(PROMPT, "calling"),
        State.READY: Spoken(RISING, "activated"),
        State.RESERVED: Spoken(RISING, "one-moment-please"),
        State.TALKING: Spoken(PROMPT, "is-in-use"),
        State.WRAP_UP: Spoken(PROMPT, "info-about-last-call"),
        State.PAUSED: Spoken(FALLING, "de-activated"),
    }
)
